//! A login of its own for one grant, with a password that Keylend made.
//!
//! Two things end it, one after the other. Ending the access is [`unmake`]: whoever has the login
//! cannot hold it up. Dropping the login is [`cleanup`](super::cleanup): objects that others use
//! can hold that up for as long as they like.

use postgres_protocol::password::scram_sha_256;
use secrecy::{ExposeSecret, SecretString};
use sqlx::{Connection, PgConnection};

use super::{
    catalogue::{self, Prepared},
    cleanup,
    error::Error,
    name::{Exact, Literal, RoleName},
    named,
    purpose::Purpose,
    server::{self, run},
    session::Session,
    sessions,
};
use crate::backend::{Order, Presence};

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
    loop {
        match try_make(session, order, login, role, &verifier).await {
            Err(error) if session.tries_again(&error) => {}
            done => return done,
        }
    }
}

async fn try_make(
    session: &mut Session<'_>,
    order: &Order,
    login: &RoleName,
    role: &RoleName,
    verifier: &str,
) -> Result<(), Error> {
    let expires_at = order.expires_at.to_rfc3339();
    let purpose = Purpose::of(order, role).to_string();
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
            Literal(verifier),
            Literal(&expires_at)
        ),
        format!("GRANT {} TO {name}", role.quoted()),
        format!("COMMENT ON ROLE {name} IS {}", Literal(&purpose)),
        // Only a member may roll back what the login prepares, and hand on what it owns. Given
        // now, so that nothing can be in the way of it later; the clean-up finds the login by it.
        format!("GRANT {name} TO SESSION_USER"),
    ] {
        run(&mut transaction, statement).await?;
    }
    transaction.commit().await?;
    Ok(())
}

/// Ends the access: takes the role from the login, shuts it, ends its sessions, and rolls back what
/// it prepared, until nothing of it is left. What it owns, and the login itself, are left to the
/// clean-up.
pub(super) async fn unmake(
    session: &mut Session<'_>,
    login: &RoleName,
    role: &RoleName,
) -> Result<(), Error> {
    loop {
        if !is_there(&mut session.connection, login).await? {
            return Ok(());
        }
        // Whatever keeps the role from being revoked, a login that is shut cannot use it.
        let revoked = named::revoke(session, login, role).await;
        sessions::end(session, login).await?;
        shut(session, login, role).await?;
        sessions::end(session, login).await?;
        roll_back_prepared(session, login, role).await?;
        revoked?;
        match catalogue::remains(&mut session.connection, login, role).await? {
            None => return Ok(()),
            Some(remains) if remains.are_harmless() => {
                cleanup::drop_if_unused(session, login).await;
                return Ok(());
            }
            Some(_) if session.has_time() => {}
            Some(remains) => {
                return Err(Error::Busy(format!(
                    "the login `{login}` is not gone yet: {remains}"
                )));
            }
        }
    }
}

/// Whether the login, or something of it that works, is there.
pub(super) async fn read(
    connection: &mut PgConnection,
    login: &RoleName,
    role: &RoleName,
) -> Result<Presence, Error> {
    Ok(match catalogue::remains(connection, login, role).await? {
        Some(remains) if !remains.are_harmless() => Presence::Present,
        _ => Presence::Absent,
    })
}

/// Sees to it that nobody logs in any more. A session that changes its own password, and leaves
/// that transaction open, holds the row that has to be changed: it is ended.
async fn shut(session: &mut Session<'_>, login: &RoleName, role: &RoleName) -> Result<(), Error> {
    let shut = format!(
        "ALTER ROLE {} NOLOGIN VALID UNTIL '-infinity'",
        login.quoted()
    );
    loop {
        match session.run(shut.clone()).await {
            Err(error) if session.tries_again(&error) => {
                sessions::end(session, login).await?;
                roll_back_prepared(session, login, role).await?;
            }
            Err(error) if error.is_locked() => {
                let by = catalogue::changing_roles(&mut session.connection).await?;
                return Err(Error::Busy(format!(
                    "cannot disable the login `{login}`: an open transaction is changing roles: {}",
                    by.join(", ")
                )));
            }
            done => return done,
        }
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

/// Rolls back the transactions that the login prepared: they would keep their locks, and could be
/// committed later. Only their owner may, in the database that they are in.
async fn roll_back_prepared(
    session: &mut Session<'_>,
    login: &RoleName,
    role: &RoleName,
) -> Result<(), Error> {
    let prepared = catalogue::prepared(&mut session.connection, login, role).await?;
    if prepared.is_empty() {
        return Ok(());
    }
    for prepared in prepared {
        let mut connection = session.connect_to(&prepared.database).await?;
        let rolled_back = roll_back(&mut connection, &prepared).await;
        server::close(connection).await;
        rolled_back.map_err(|error| error.within(&prepared.database))?;
    }
    Ok(())
}

async fn roll_back(connection: &mut PgConnection, prepared: &Prepared) -> Result<(), Error> {
    let owner = RoleName::try_from(prepared.owner.clone()).map_err(Error::NoSuchName)?;
    run(connection, format!("SET ROLE {}", owner.quoted())).await?;
    let roll_back = format!("ROLLBACK PREPARED {}", Exact(&prepared.gid));
    run(connection, roll_back).await.map(drop)
}
