//! A role given to the login that a person already has.

use std::collections::BTreeSet;

use sqlx::{Connection, PgConnection};

use super::{
    catalogue::{self, Role},
    error::Error,
    name::RoleName,
    server::run,
    session::Session,
    sessions,
};

/// The first version in which a grant by one role does not stand for a grant by another.
const PER_GRANTOR: i32 = 160_000;

/// To which logins of people a role is lent.
#[derive(Debug)]
pub(super) struct Eligible {
    /// Never to these.
    pub(super) never: BTreeSet<String>,
    /// Only to members of this role, if there is one.
    pub(super) people: Option<RoleName>,
}

impl Eligible {
    /// Refuses a login that is not one person's ordinary login.
    pub(super) async fn check(
        &self,
        connection: &mut PgConnection,
        login: &RoleName,
    ) -> Result<(), Error> {
        let refused = |why: &str| Err(Error::Refused(format!("`{login}` {why}")));
        let Some(found) = catalogue::role(connection, login).await? else {
            return Err(Error::Refused(format!(
                "there is no login `{login}` in PostgreSQL"
            )));
        };
        if !found.can_login {
            // Everybody who is in a group would receive what the group receives.
            return refused("is a group in PostgreSQL, not somebody's login");
        }
        if found.is_superuser || found.is_own {
            return refused("is a superuser or Keylend's own login: Keylend grants it nothing");
        }
        if !found.privileges.is_empty() {
            return refused(&format!(
                "{}: Keylend grants nothing to such logins",
                found.privileges
            ));
        }
        if self.never.contains(login.as_str()) {
            return refused("is in `never_lend`");
        }
        let Some(people) = &self.people else {
            return Ok(());
        };
        match catalogue::is_in(connection, login, people).await? {
            Some(true) => Ok(()),
            Some(false) => refused(&format!("is not in the role `{people}` of `people_role`")),
            None => Err(Error::Refused(format!(
                "there is no role `{people}`, which `people_role` names, in PostgreSQL"
            ))),
        }
    }
}

/// Gives `role` to `login`.
pub(super) async fn grant(
    session: &mut Session<'_>,
    eligible: &Eligible,
    login: &RoleName,
    role: &RoleName,
) -> Result<(), Error> {
    loop {
        match try_grant(session, eligible, login, role).await {
            Err(error) if session.tries_again(&error).await => {}
            done => return done,
        }
    }
}

async fn try_grant(
    session: &mut Session<'_>,
    eligible: &Eligible,
    login: &RoleName,
    role: &RoleName,
) -> Result<(), Error> {
    let mut transaction = session.connection.begin().await?;
    catalogue::check_lendable(&mut transaction, role).await?;
    eligible.check(&mut transaction, login).await?;
    let grant = format!("GRANT {} TO {}", role.quoted(), login.quoted());
    run(&mut transaction, grant).await?;
    transaction.commit().await?;
    Ok(())
}

/// Takes `role` from `login`, whoever gave it, and ends the login's sessions: one that has done
/// `SET ROLE` would keep the role. Never changes the login itself, which is the person's own and
/// which they can keep locked.
///
/// Sessions end even if the membership is gone already: asked for again after a crash, it is, and a
/// session may still be there.
pub(super) async fn revoke(
    session: &mut Session<'_>,
    login: &RoleName,
    role: &RoleName,
) -> Result<(), Error> {
    // What `grant` refuses has nothing of Keylend's; what Keylend itself may do is not taken away.
    let is_superuser = match catalogue::role(&mut session.connection, login).await? {
        None | Some(Role { is_own: true, .. }) => return Ok(()),
        Some(found) => found.is_superuser,
    };
    loop {
        let revoked = revoke_membership(session, login, role).await;
        if is_superuser {
            return revoked;
        }
        let ended = sessions::end(session, login).await;
        revoked.and(ended)?;
        if !catalogue::is_member(&mut session.connection, login, role).await? {
            return Ok(());
        }
        if !session.has_time() {
            return Err(Error::Busy(format!(
                "`{login}` gets the role `{role}` back each time Keylend revokes it. Find out what \
                 grants it"
            )));
        }
    }
}

/// Revokes `role` from `login`, whoever gave it.
///
/// Each grantor's grant is revoked by itself, Keylend's own first: what somebody else gave, which
/// Keylend may not be allowed to revoke, does not keep the rest.
pub(super) async fn revoke_membership(
    session: &mut Session<'_>,
    login: &RoleName,
    role: &RoleName,
) -> Result<(), Error> {
    let revoke = format!("REVOKE {} FROM {}", role.quoted(), login.quoted());
    let grantors = catalogue::grantors(&mut session.connection, login, role).await?;
    if session.version < PER_GRANTOR {
        return match &*grantors {
            [] => Ok(()),
            _ => insist(session, &revoke).await,
        };
    }
    let mut first = Ok(());
    for grantor in grantors
        .into_iter()
        .filter_map(|name| RoleName::try_from(name).ok())
    {
        let statement = format!("{revoke} GRANTED BY {}", grantor.quoted());
        let revoked = match insist(session, &statement).await {
            Err(error) if error.is_denied() => Err(Error::Refused(format!(
                "`{grantor}` has given `{login}` the role `{role}` too, and Keylend may not revoke \
                 that: {error}"
            ))),
            done => done,
        };
        first = first.and(revoked);
    }
    first
}

/// Runs the statement, again if other work of the same moment is in the way.
async fn insist(session: &mut Session<'_>, statement: &str) -> Result<(), Error> {
    loop {
        match session.run(statement.to_owned()).await {
            Err(error) if session.tries_again(&error).await => {}
            done => return done,
        }
    }
}
