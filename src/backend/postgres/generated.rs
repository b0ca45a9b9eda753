//! A login of its own for one grant, with a password that Keylend made.
//!
//! The login is recognised by its number, whatever its name is. Until the log has that, a login is
//! Keylend's if Keylend's own login gave it to itself, as it does in the transaction that makes it;
//! a namesake that somebody else made is not, and stays as it is.
//!
//! Two things end it, one after the other. Ending the access is [`revoke`]: whoever has the login
//! cannot hold it up. Dropping the login is [`cleanup`]: objects that others use
//! can hold that up for as long as they like.

use postgres_protocol::password::scram_sha_256;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use sqlx::{Connection, PgConnection, postgres::types::Oid};

use super::{
    catalogue::{self, Prepared, Role, Which},
    cleanup,
    error::Error,
    leftovers::{self, Baseline},
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

/// What the log knows of one login.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Known {
    role: u32,
    /// Nothing before it is there.
    login: Option<u32>,
    /// What else was there before, to tell what the grantee leaves behind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    baseline: Option<Baseline>,
}

impl Known {
    /// What to search for at the end.
    pub(super) fn search(&self, drop: bool) -> leftovers::Grant<'_> {
        leftovers::Grant {
            login: self.login.map(Oid),
            is_generated: true,
            role: Oid(self.role),
            baseline: self.baseline.as_ref(),
            drop,
        }
    }
}

impl Known {
    /// What the server itself tells of a login that Keylend's own login made.
    pub(super) fn of_login(role: Oid, login: Oid) -> Self {
        Self {
            role: role.0,
            login: Some(login.0),
            baseline: None,
        }
    }
}

/// A login and the role, as the handle, the configuration and the log call them.
pub(super) struct Lending<'a> {
    pub(super) login: &'a RoleName,
    pub(super) role: &'a RoleName,
    /// Whether the scope says that the role may be one that reaches more than data.
    pub(super) dangerous: bool,
    pub(super) known: Option<Known>,
}

/// The login of a grant.
enum Login {
    /// It is there.
    There(Box<Role>),
    /// It was dropped.
    Dropped(Oid),
    /// It was not made.
    NotMade,
}

impl Lending<'_> {
    fn which_role(&self) -> Which<'_> {
        match &self.known {
            Some(known) => Which::Numbered(Oid(known.role)),
            None => Which::Named(self.role),
        }
    }

    async fn find(&self, connection: &mut PgConnection) -> Result<Login, Error> {
        if let Some(Known {
            login: Some(oid), ..
        }) = self.known
        {
            return Ok(
                match catalogue::role(connection, Which::Numbered(Oid(oid))).await? {
                    Some(found) => Login::There(Box::new(found)),
                    None => Login::Dropped(Oid(oid)),
                },
            );
        }
        match catalogue::role(connection, Which::Named(self.login)).await? {
            Some(found) if catalogue::is_generated(connection, found.oid).await? => {
                Ok(Login::There(Box::new(found)))
            }
            _ => Ok(Login::NotMade),
        }
    }
}

/// Inspects what is there before the first grant.
pub(super) async fn inspect(
    session: &mut Session<'_>,
    login: &RoleName,
    role: &RoleName,
    dangerous: bool,
) -> Result<(Presence, Known), Error> {
    let connection = &mut session.connection;
    let found = catalogue::lendable_as(connection, Which::Named(role), dangerous).await?;
    let known = Some(Known {
        role: found.oid.0,
        login: None,
        baseline: None,
    });
    let lending = Lending {
        login,
        role,
        dangerous,
        known,
    };
    let presence = status(session, &lending).await?;
    let login = match lending.find(&mut session.connection).await? {
        Login::There(login) => Some(login.oid.0),
        Login::Dropped(_) | Login::NotMade => None,
    };
    let baseline = leftovers::baseline(session, login.map(Oid), found.oid).await;
    let role = found.oid.0;
    Ok((
        presence,
        Known {
            role,
            login,
            baseline,
        },
    ))
}

/// Makes the login, a member of the role, or sets its password and end anew, and says what it is
/// recognised by from now on.
///
/// The server receives the password's SCRAM-SHA-256 verifier, so the password itself is in none of
/// its logs.
pub(super) async fn grant(
    session: &mut Session<'_>,
    order: &LayerRequest,
    lending: &Lending<'_>,
    password: &SecretString,
) -> Result<Known, Error> {
    let verifier = scram_sha_256(password.expose_secret().as_bytes());
    loop {
        match try_grant(session, order, lending, &verifier).await {
            Err(error) if session.tries_again(&error).await => {}
            done => return done,
        }
    }
}

async fn try_grant(
    session: &mut Session<'_>,
    order: &LayerRequest,
    lending: &Lending<'_>,
    verifier: &str,
) -> Result<Known, Error> {
    let expires_at = order.expires_at.to_rfc3339();

    let options = named::options(session.version);
    let mut transaction = session.connection.begin().await?;
    let which = lending.which_role();
    let role = catalogue::lendable_as(&mut transaction, which, lending.dangerous).await?;
    let (verb, name) = match lending.find(&mut transaction).await? {
        Login::There(login) if login.gives_might => {
            return Err(Error::Refused(format!(
                "the login `{}` is, or leads to, a superuser or Keylend's own login",
                login.name
            )));
        }
        Login::There(login) => ("ALTER", login.name),
        Login::Dropped(_) | Login::NotMade => ("CREATE", lending.login.clone()),
    };
    let is_taken = catalogue::role(&mut transaction, Which::Named(&name)).await?;
    if verb == "CREATE" && is_taken.is_some() {
        return Err(Error::Refused(format!(
            "there is a login `{name}` that Keylend did not make"
        )));
    }
    let purpose = Purpose::of(order, &role).to_string();
    let login = name.quoted();
    for statement in [
        format!(
            "{verb} ROLE {login} LOGIN INHERIT CONNECTION LIMIT {CONNECTION_LIMIT} \
             PASSWORD {} VALID UNTIL {}",
            Literal(verifier),
            Literal(&expires_at)
        ),
        format!("GRANT {} TO {login}{options}", role.name.quoted()),
        format!("COMMENT ON ROLE {login} IS {}", Literal(&purpose)),
        // Only a member may roll back what the login prepares, and hand on what it owns. Given
        // now, so that nothing can be in the way of it later; Keylend knows the login by it.
        format!("GRANT {login} TO SESSION_USER"),
    ] {
        run(&mut transaction, statement).await?;
    }
    // From the first statement on nobody else can rename it.
    let made = catalogue::role(&mut transaction, Which::Named(&name)).await?;
    let made = made.map(|made| made.oid);
    let known = lending
        .known
        .as_ref()
        .and_then(|known| known.login)
        .map(Oid);
    if made.is_none() || verb == "ALTER" && known.is_some_and(|known| made != Some(known)) {
        return Err(Error::Busy(format!("`{name}` has just been renamed")));
    }
    let in_role = catalogue::remains(&mut transaction, made.unwrap_or_default(), Some(role.oid));
    if !in_role.await?.is_some_and(|login| login.is_member) {
        return Err(Error::Busy(format!(
            "`{}` has just been renamed",
            role.name
        )));
    }
    transaction.commit().await?;
    Ok(Known {
        role: role.oid.0,
        login: made.map(|made| made.0),
        baseline: (lending.known.as_ref()).and_then(|known| known.baseline.clone()),
    })
}

/// Ends the access: takes the role from the login, shuts it, ends its sessions, and rolls back what
/// it prepared, until nothing of it is left. What it owns, and the login itself, are left to the
/// clean-up.
///
/// Each of these happens whether or not the others succeed.
pub(super) async fn revoke(session: &mut Session<'_>, lending: &Lending<'_>) -> Result<(), Error> {
    loop {
        let login = match lending.find(&mut session.connection).await? {
            Login::NotMade => return Ok(()),
            // Sessions outlive their login.
            Login::Dropped(login) => return sessions::end(session, login).await,
            Login::There(login) => login,
        };
        let role = catalogue::role(&mut session.connection, lending.which_role()).await?;
        let revoked = match &role {
            Some(role) => revoke_memberships(session, &login, role).await,
            None => Ok(()),
        };
        let role = role.map(|role| role.oid);
        // A session may hold the row that has to be changed to shut the login.
        let told = sessions::tell(session, login.oid).await;
        let shut = shut(session, &login, role).await;
        let ended = sessions::end(session, login.oid).await;
        let rolled_back = roll_back_own(session, login.oid).await;
        shut.and(told).and(ended).and(rolled_back).and(revoked)?;
        match catalogue::remains(&mut session.connection, login.oid, role).await? {
            None => return Ok(()),
            Some(remains) if remains.are_harmless() => {
                cleanup::drop_if_unused(session, login.oid, &login.name).await;
                return Ok(());
            }
            Some(_) if session.has_time() => {}
            Some(remains) => {
                return Err(Error::Busy(format!(
                    "the login `{}` is not gone yet: {remains}",
                    login.name
                )));
            }
        }
    }
}

/// Takes the role from the login, whoever gave it: the login is Keylend's. What Keylend may not
/// revoke gives nothing to a login that is shut.
async fn revoke_memberships(
    session: &mut Session<'_>,
    login: &Role,
    role: &Role,
) -> Result<(), Error> {
    let rows = catalogue::memberships(&mut session.connection, login.oid, role.oid).await?;
    let mut first = Ok(());
    for row in rows {
        let revoke = named::revocation(login, role, &row, session.version);
        let revoked = loop {
            match session.run(revoke.clone()).await {
                Err(error) if session.tries_again(&error).await => {}
                Err(error) if error.is_denied() => break Ok(()),
                done => break done,
            }
        };
        first = first.and(revoked);
    }
    first
}

/// Whether the login, or something of it that works, is there.
///
/// Only by telling a session to end can one see whether it has ended. A login that is shut has no
/// use for its sessions, so this does.
pub(super) async fn status(
    session: &mut Session<'_>,
    lending: &Lending<'_>,
) -> Result<Presence, Error> {
    let login = match lending.find(&mut session.connection).await? {
        Login::NotMade => return Ok(Presence::Absent),
        Login::Dropped(login) => login,
        Login::There(login) => {
            let role = catalogue::role(&mut session.connection, lending.which_role()).await?;
            let role = role.map(|role| role.oid);
            match catalogue::remains(&mut session.connection, login.oid, role).await? {
                Some(remains) if !remains.are_harmless() => return Ok(Presence::Present),
                _ => login.oid,
            }
        }
    };
    match sessions::end(session, login).await {
        Ok(()) => Ok(Presence::Absent),
        Err(Error::Busy(_)) => Ok(Presence::Present),
        Err(error) => Err(error),
    }
}

/// Sees to it that nobody logs in any more. A session that changes its own password, and leaves
/// that transaction open or prepares it, holds the row that has to be changed: both are ended.
async fn shut(session: &mut Session<'_>, login: &Role, role: Option<Oid>) -> Result<(), Error> {
    let name = &login.name;
    loop {
        match try_shut(session, login).await {
            Err(error) if session.tries_again(&error).await => {
                if let Err(error) = make_way(session, login, role, error.is_locked()).await {
                    tracing::warn!(login = %name, %error, "a lock on a login that is to be shut stays");
                }
            }
            Err(error) if error.is_locked() => {
                let by = catalogue::changing_roles(&mut session.connection).await?;
                return Err(Error::Busy(format!(
                    "cannot disable the login `{name}`: an open transaction is changing roles: {}",
                    by.join(", ")
                )));
            }
            done => return done,
        }
    }
}

async fn try_shut(session: &mut Session<'_>, login: &Role) -> Result<(), Error> {
    let mut transaction = session.connection.begin().await?;
    let shut = format!(
        "ALTER ROLE {} NOLOGIN VALID UNTIL '-infinity'",
        login.name.quoted()
    );
    run(&mut transaction, shut).await?;
    let now = catalogue::role(&mut transaction, Which::Numbered(login.oid)).await?;
    if now.is_some_and(|now| now.can_login) {
        return Err(Error::Busy(format!(
            "`{}` has just been renamed",
            login.name
        )));
    }
    transaction.commit().await?;
    Ok(())
}

/// Ends what may be in the way of shutting the login.
///
/// The owner of a prepared transaction is the role that the session was in at the end, which can be
/// any that the login could take. Others prepare transactions in these roles too, so they are
/// rolled back only if the login really `is_locked`.
async fn make_way(
    session: &mut Session<'_>,
    login: &Role,
    role: Option<Oid>,
    is_locked: bool,
) -> Result<(), Error> {
    // The next try waits for them to go.
    sessions::tell(session, login.oid).await?;
    roll_back_own(session, login.oid).await?;
    if is_locked {
        let connection = &mut session.connection;
        let prepared = catalogue::prepared_by_roles(connection, login.oid, role).await?;
        roll_back_all(session, prepared).await?;
    }
    Ok(())
}

/// Rolls back the transactions that the login prepared: they would keep their locks, and could be
/// committed later.
async fn roll_back_own(session: &mut Session<'_>, login: Oid) -> Result<(), Error> {
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
