//! A login of its own for one grant, with a password that Keylend made.

use postgres_protocol::password::scram_sha_256;
use secrecy::{ExposeSecret, SecretString};
use sqlx::{Connection, PgConnection};

use super::{
    catalogue,
    error::Error,
    name::{Literal, RoleName},
    server::{Session, run},
    sessions,
};
use crate::backend::Order;

/// The most sessions that a generated login may have open: enough for a client with a few tabs
/// and a dump, too few to exhaust a server.
const CONNECTION_LIMIT: u8 = 10;

/// Makes the login, a member of `role`, or sets its password and end anew.
///
/// The server receives the password's SCRAM-SHA-256 verifier, so the password itself is in none of
/// its logs.
pub(super) async fn make(
    session: &mut Session<'_>,
    order: &Order,
    login: &RoleName,
    role: &RoleName,
    password: &SecretString,
) -> Result<(), Error> {
    let verifier = scram_sha_256(password.expose_secret().as_bytes());
    let expires_at = order.expires_at.to_rfc3339();
    let purpose = format!(
        "Lent by Keylend to {} for {}, request {}",
        order.username, order.scope, order.request
    );
    let name = login.quoted();

    let mut transaction = session.connection.begin().await?;
    catalogue::check_lendable(&mut transaction, role).await?;
    let verb = if is_there(&mut transaction, login).await? {
        "ALTER"
    } else {
        "CREATE"
    };
    for statement in [
        format!(
            "{verb} ROLE {name} LOGIN INHERIT CONNECTION LIMIT {CONNECTION_LIMIT} \
             PASSWORD {} VALID UNTIL {}",
            Literal(&verifier),
            Literal(&expires_at)
        ),
        format!("GRANT {} TO {name}", role.quoted()),
        format!("COMMENT ON ROLE {name} IS {}", Literal(&purpose)),
    ] {
        run(&mut transaction, statement).await?;
    }
    transaction.commit().await?;
    Ok(())
}

/// Shuts the login, ends its sessions, hands what it owns to `role`, and drops it.
///
/// Each step is safe to repeat, and the first one ends the access: whatever fails later leaves a
/// login that nobody can use.
pub(super) async fn unmake(
    session: &mut Session<'_>,
    login: &RoleName,
    role: &RoleName,
) -> Result<(), Error> {
    if !is_there(&mut session.connection, login).await? {
        return Ok(());
    }
    let shut = format!(
        "ALTER ROLE {} NOLOGIN VALID UNTIL '-infinity'",
        login.quoted()
    );
    session.run(shut).await?;
    sessions::end(&mut session.connection, login).await?;
    match drop_role(session, login).await {
        Err(error) if error.is_dependency() => {
            hand_over(session, login, role).await?;
            drop_role(session, login).await
        }
        result => result,
    }
}

/// Whether the login is there. One that could not be Keylend's is an error.
async fn is_there(connection: &mut PgConnection, login: &RoleName) -> Result<bool, Error> {
    match catalogue::role(connection, login).await? {
        Some(found) if found.gives_might => Err(Error::Refused(format!(
            "the login `{login}` is, or leads to, a superuser or Keylend's own login: \
             Keylend did not make it"
        ))),
        found => Ok(found.is_some()),
    }
}

async fn drop_role(session: &mut Session<'_>, login: &RoleName) -> Result<(), Error> {
    let statement = format!("DROP ROLE IF EXISTS {}", login.quoted());
    session.run(statement).await.map(|_| ())
}

/// Hands what the login owns to the role it was lent, in every database that holds something of
/// it, and drops the rights it was given there.
///
/// Not to Keylend's own login: a function with `SECURITY DEFINER` would then run with its rights.
async fn hand_over(
    session: &mut Session<'_>,
    login: &RoleName,
    role: &RoleName,
) -> Result<(), Error> {
    // Only a member of both may do it.
    let join = format!("GRANT {} TO CURRENT_USER", login.quoted());
    session.run(join).await?;
    let statements = [
        format!("REASSIGN OWNED BY {} TO {}", login.quoted(), role.quoted()),
        format!("DROP OWNED BY {}", login.quoted()),
    ];
    for database in catalogue::databases_of(&mut session.connection, login).await? {
        session.run_in(&database, &statements).await?;
    }
    Ok(())
}
