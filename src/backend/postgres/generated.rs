//! A login of its own for one grant, with a password that Keylend made.
//!
//! Two things end it, one after the other. Ending the access is [`revoke`]: whoever has the login
//! cannot hold it up. Dropping the login is [`cleanup`]: objects that others use
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
use crate::backend::{LayerRequest, Presence};

/// The most sessions that a generated login may have open: enough for a client with a few tabs
/// and a dump, too few to exhaust a server.
const CONNECTION_LIMIT: u8 = 10;

/// Makes the login, a member of `role`, or sets its password and end anew.
///
/// The server receives the password's SCRAM-SHA-256 verifier, so the password itself is in none of
/// its logs.
pub(super) async fn grant(
    session: &mut Session<'_>,
    order: &LayerRequest,
    login: &RoleName,
    role: &RoleName,
    password: &SecretString,
) -> Result<(), Error> {
    let verifier = scram_sha_256(password.expose_secret().as_bytes());
    loop {
        match try_grant(session, order, login, role, &verifier).await {
            Err(error) if session.tries_again(&error).await => {}
            done => return done,
        }
    }
}

async fn try_grant(
    session: &mut Session<'_>,
    order: &LayerRequest,
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
///
/// Each of these happens whether or not the others succeed.
pub(super) async fn revoke(
    session: &mut Session<'_>,
    login: &RoleName,
    role: &RoleName,
) -> Result<(), Error> {
    loop {
        if !is_there(&mut session.connection, login).await? {
            return Ok(());
        }
        let revoked = named::revoke_membership(session, login, role).await;
        // A session may hold the row that has to be changed to shut the login.
        let told = sessions::tell(session, login).await;
        let shut = shut(session, login, role).await;
        let ended = sessions::end(session, login).await;
        let rolled_back = roll_back_own(session, login).await;
        shut.and(told).and(ended).and(rolled_back).and(revoked)?;
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
///
/// Only by telling a session to end can one see whether it has ended. A login that is shut has no
/// use for its sessions, so this does.
pub(super) async fn read(
    session: &mut Session<'_>,
    login: &RoleName,
    role: &RoleName,
) -> Result<Presence, Error> {
    match catalogue::remains(&mut session.connection, login, role).await? {
        None => return Ok(Presence::Absent),
        Some(remains) if !remains.are_harmless() => return Ok(Presence::Present),
        Some(_) => {}
    }
    match sessions::end(session, login).await {
        Ok(()) => Ok(Presence::Absent),
        Err(Error::Busy(_)) => Ok(Presence::Present),
        Err(error) => Err(error),
    }
}

/// Sees to it that nobody logs in any more. A session that changes its own password, and leaves
/// that transaction open or prepares it, holds the row that has to be changed: both are ended.
async fn shut(session: &mut Session<'_>, login: &RoleName, role: &RoleName) -> Result<(), Error> {
    let shut = format!(
        "ALTER ROLE {} NOLOGIN VALID UNTIL '-infinity'",
        login.quoted()
    );
    loop {
        match session.run(shut.clone()).await {
            Err(error) if session.tries_again(&error).await => {
                if let Err(error) = make_way(session, login, role, error.is_locked()).await {
                    tracing::warn!(%login, %error, "a lock on a login that is to be shut stays");
                }
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

/// Ends what may be in the way of shutting the login.
///
/// The owner of a prepared transaction is the role that the session was in at the end, which can be
/// any that the login could take. Others prepare transactions in these roles too, so they are
/// rolled back only if the login really `is_locked`.
async fn make_way(
    session: &mut Session<'_>,
    login: &RoleName,
    role: &RoleName,
    is_locked: bool,
) -> Result<(), Error> {
    // The next try waits for them to go.
    sessions::tell(session, login).await?;
    roll_back_own(session, login).await?;
    if is_locked {
        let connection = &mut session.connection;
        let prepared = catalogue::prepared_by_roles(connection, login, role).await?;
        roll_back_all(session, prepared).await?;
    }
    Ok(())
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
/// committed later.
async fn roll_back_own(session: &mut Session<'_>, login: &RoleName) -> Result<(), Error> {
    let prepared = catalogue::prepared_by(&mut session.connection, login).await?;
    roll_back_all(session, prepared).await
}

/// Rolls back each of the transactions, and returns the first error.
async fn roll_back_all(session: &mut Session<'_>, prepared: Vec<Prepared>) -> Result<(), Error> {
    let mut first = Ok(());
    for prepared in prepared {
        first = first.and(roll_back(session, &prepared).await);
    }
    first
}

/// Rolls back a transaction in the database that it is in, as its owner: nobody else may.
async fn roll_back(session: &mut Session<'_>, prepared: &Prepared) -> Result<(), Error> {
    if prepared.is_here {
        // There may be no place for another connection.
        let rolled_back = roll_back_over(&mut session.connection, prepared).await;
        session.run("RESET ROLE".to_owned()).await?;
        return rolled_back;
    }
    let mut connection = session.connect_to(&prepared.database).await?;
    let rolled_back = roll_back_over(&mut connection, prepared).await;
    server::close(connection).await;
    rolled_back.map_err(|error| error.within(&prepared.database))
}

async fn roll_back_over(connection: &mut PgConnection, prepared: &Prepared) -> Result<(), Error> {
    let owner = RoleName::try_from(prepared.owner.clone()).map_err(Error::NoSuchName)?;
    run(connection, format!("SET ROLE {}", owner.quoted())).await?;
    let roll_back = format!("ROLLBACK PREPARED {}", Exact(&prepared.gid));
    run(connection, roll_back).await.map(drop)
}
