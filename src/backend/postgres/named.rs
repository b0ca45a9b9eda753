//! A role given to the login that a person already has.
//!
//! What Keylend gave is one membership, recognised by its number or its grantor and by the numbers
//! of the role and the login. Memberships that others gave are theirs: Keylend neither counts nor
//! revokes them. PostgreSQL 15 has one membership for a login and a role, whose grantor is who gave
//! it first, or who added ADMIN OPTION; that somebody else gave it too, it does not record.
//!
//! Only a membership that the login can use counts as granted. One that it cannot use is revoked as any
//! other.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use sqlx::{Connection, PgConnection, postgres::types::Oid};

use super::{
    catalogue::{self, Grantor, Membership, Role, Which},
    error::Error,
    leftovers::{self, Baseline},
    name::RoleName,
    server::run,
    session::Session,
    sessions,
};
use crate::backend::Presence;

/// The first version in which a grant by one role does not stand for a grant by another.
const PER_GRANTOR: i32 = 160_000;

/// The most memberships that others gave and a receipt has room for.
const MOST_BEFORE: usize = 25;

/// To which logins of people a role is lent.
#[derive(Debug)]
pub(super) struct Eligible {
    /// Never to these.
    pub(super) never: BTreeSet<String>,
    /// Only to members of this role, if there is one.
    pub(super) people: Option<RoleName>,
}

impl Eligible {
    /// The login, if it is one person's ordinary login.
    async fn login(&self, connection: &mut PgConnection, which: Which<'_>) -> Result<Role, Error> {
        let Some(found) = catalogue::role(connection, which).await? else {
            return Err(Error::Refused(match which {
                Which::Named(login) => format!("there is no login `{login}` in PostgreSQL"),
                Which::Numbered(_) => {
                    "the login was dropped: what has its name now is another".to_owned()
                }
            }));
        };
        let login = &found.name;
        let refused = |why: &str| Err(Error::Refused(format!("`{login}` {why}")));
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
        if let Some(member) = &found.member {
            // They could take the role by way of the login, and their sessions would keep it.
            return refused(&format!(
                "has members: `{member}` could use what Keylend grants, and would keep it after the end. \
                 Revoke `{login}` from `{member}`"
            ));
        }
        if self.never.contains(login.as_str()) {
            return refused("is in `never_lend`");
        }
        let Some(people) = &self.people else {
            return Ok(found);
        };
        match catalogue::is_in(connection, found.oid, people).await? {
            Some(true) => Ok(found),
            Some(false) => refused(&format!("is not in the role `{people}` of `people_role`")),
            None => Err(Error::Refused(format!(
                "there is no role `{people}`, which `people_role` names, in PostgreSQL"
            ))),
        }
    }
}

/// What a login's membership in a role is called in Keylend. Quoted, so that no two pairs of names read
/// the same.
pub(super) fn access(login: &RoleName, role: &RoleName) -> String {
    format!("member:{}:{}", login.quoted(), role.quoted())
}

/// What the log knows of one membership.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Known {
    role: u32,
    login: u32,
    /// As whom Keylend gives it, or who gave it before.
    grantor: u32,
    /// Its own number; nothing before it is there, and before PostgreSQL 16.
    row: Option<u32>,
    /// Whether it was there at the inspection, so that Keylend did not make it for this grant.
    found: bool,
    /// The other memberships that were there at the inspection.
    before: Vec<u32>,
    /// What else was there, to tell what the grantee leaves behind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    baseline: Option<Baseline>,
}

impl Known {
    /// What to search for at the end.
    pub(super) fn search(&self, drop: bool) -> leftovers::Grant<'_> {
        leftovers::Grant {
            login: Some(Oid(self.login)),
            is_generated: false,
            role: Oid(self.role),
            baseline: self.baseline.as_ref(),
            drop,
        }
    }
}

impl Known {
    /// What the server itself tells of a membership that Keylend's own login gave.
    pub(super) fn of_membership(role: Oid, login: Oid, grantor: Oid, row: Option<Oid>) -> Self {
        Self {
            role: role.0,
            login: login.0,
            grantor: grantor.0,
            row: row.map(|row| row.0),
            found: false,
            before: Vec::new(),
            baseline: None,
        }
    }
}

/// A person's login and the role, as the configuration and the log call them.
pub(super) struct Lending<'a> {
    pub(super) login: &'a RoleName,
    pub(super) role: &'a RoleName,
    /// Whether the scope says that the role may be one that reaches more than data.
    pub(super) dangerous: bool,
    pub(super) known: Option<Known>,
}

impl Lending<'_> {
    fn which_login(&self) -> Which<'_> {
        match &self.known {
            Some(known) => Which::Numbered(Oid(known.login)),
            None => Which::Named(self.login),
        }
    }

    fn which_role(&self) -> Which<'_> {
        match &self.known {
            Some(known) => Which::Numbered(Oid(known.role)),
            None => Which::Named(self.role),
        }
    }

    /// Whether Keylend gave the membership.
    ///
    /// From what is known if possible. Where the answer to a grant was lost, it is what was not
    /// there before and has the grantor that Keylend's grant would have. What was given in the name
    /// of Keylend's own login is Keylend's in any case: another grant may have given it anew.
    fn gave(&self, one: &Membership, grantor: Option<&Grantor>) -> bool {
        let Some(known) = &self.known else {
            return grantor.is_some_and(|grantor| grantor.oid == one.grantor);
        };
        let row = one.oid.map(|oid| oid.0);
        if row.is_some() && known.row == row {
            return true;
        }
        if row.is_some_and(|row| known.before.contains(&row)) {
            return false;
        }
        let by_grantor = grantor.is_some_and(|grantor| {
            grantor.oid == one.grantor && (grantor.is_own || known.row.is_none())
        });
        by_grantor || known.row.is_none() && one.grantor.0 == known.grantor
    }
}

/// Inspects what is there before the first grant. Access counts as there if Keylend's own grant
/// would change nothing: it would not be Keylend's to revoke.
pub(super) async fn inspect(
    session: &mut Session<'_>,
    eligible: &Eligible,
    login: &RoleName,
    role: &RoleName,
    dangerous: bool,
) -> Result<(Presence, Known), Error> {
    let connection = &mut session.connection;
    let role = catalogue::lendable_as(connection, Which::Named(role), dangerous).await?;
    let login = eligible.login(connection, Which::Named(login)).await?;
    let Some(grantor) = catalogue::grantor(connection, role.oid).await? else {
        return Err(no_admin_option(&role.name));
    };
    let rows = catalogue::memberships(connection, login.oid, role.oid).await?;
    let found = rows
        .iter()
        .find(|row| session.version < PER_GRANTOR || row.grantor == grantor.oid);
    if let Some(found) = found
        && !found.is_usable
    {
        return Err(Error::Refused(format!(
            "`{}` has given `{}` the role `{}` WITH INHERIT FALSE, SET FALSE, which Keylend's grant \
             would not change: revoke that",
            grantor.name, login.name, role.name
        )));
    }
    let number = |row: &Membership| row.oid.map(|oid| oid.0);
    let row = found.and_then(number);
    let before = rows.iter().filter_map(number);
    let before: Vec<u32> = before.filter(|number| Some(*number) != row).collect();
    if before.len() > MOST_BEFORE {
        return Err(Error::Refused(format!(
            "more than {MOST_BEFORE} roles have given `{}` the role `{}`: revoke some of that",
            login.name, role.name
        )));
    }
    let presence = match found {
        Some(_) => Presence::Present,
        None => Presence::Absent,
    };
    let known = Known {
        role: role.oid.0,
        login: login.oid.0,
        grantor: found.map_or(grantor.oid, |found| found.grantor).0,
        row,
        found: found.is_some(),
        before,
        baseline: leftovers::baseline(session, Some(login.oid), role.oid).await,
    };
    Ok((presence, known))
}

fn no_admin_option(role: &RoleName) -> Error {
    Error::Refused(format!(
        "Keylend's login may not grant `{role}`: run `GRANT {} TO` Keylend's login \
         `WITH ADMIN OPTION`",
        role.quoted()
    ))
}

/// Gives the role to the login, and says what it is recognised by from now on.
pub(super) async fn grant(
    session: &mut Session<'_>,
    eligible: &Eligible,
    lending: &Lending<'_>,
) -> Result<Known, Error> {
    loop {
        match try_grant(session, eligible, lending).await {
            Err(error) if session.tries_again(&error).await => {}
            done => return done,
        }
    }
}

async fn try_grant(
    session: &mut Session<'_>,
    eligible: &Eligible,
    lending: &Lending<'_>,
) -> Result<Known, Error> {
    let version = session.version;
    let mut transaction = session.connection.begin().await?;
    let which = lending.which_role();
    let role = catalogue::lendable_as(&mut transaction, which, lending.dangerous).await?;
    let login = eligible
        .login(&mut transaction, lending.which_login())
        .await?;
    let (role_name, login_name) = (&role.name, &login.name);
    let grantor = catalogue::grantor(&mut transaction, role.oid).await?;
    let rows = catalogue::memberships(&mut transaction, login.oid, role.oid).await?;
    let known = |row: &Membership| Known {
        role: role.oid.0,
        login: login.oid.0,
        grantor: row.grantor.0,
        row: row.oid.map(|oid| oid.0),
        found: lending.known.as_ref().is_some_and(|known| known.found),
        before: match &lending.known {
            Some(known) => known.before.clone(),
            None => Vec::new(),
        },
        baseline: (lending.known.as_ref()).and_then(|known| known.baseline.clone()),
    };
    if let Some(row) = rows.iter().find(|row| lending.gave(row, grantor.as_ref())) {
        if !row.is_usable {
            // Whoever changed it meant it, so it is not changed back.
            return Err(not_usable(role_name, login_name));
        }
        return Ok(known(row));
    }
    if let Some(before) = &lending.known
        && (before.found || before.row.is_some())
    {
        // Given anew it would be somebody's for ever if it was not Keylend's to revoke, and
        // whoever revoked it meant it.
        return Err(Error::Refused(format!(
            "somebody has revoked the role `{role_name}` from `{login_name}`"
        )));
    }
    let grantor = grantor.ok_or_else(|| no_admin_option(role_name))?;
    let merges = |row: &&Membership| version < PER_GRANTOR || row.grantor == grantor.oid;
    if let Some(row) = rows.iter().find(merges) {
        let by = row.grantor_name.as_deref().unwrap_or("a role that is gone");
        return Err(Error::Refused(format!(
            "`{by}` has given `{login_name}` the role `{role_name}` since Keylend inspected it"
        )));
    }
    let options = options(version);
    let mut grant = format!(
        "GRANT {} TO {}{options}",
        role_name.quoted(),
        login_name.quoted()
    );
    if version >= PER_GRANTOR {
        grant += &format!(" GRANTED BY {}", grantor.name.quoted());
    }
    run(&mut transaction, grant).await?;
    let rows = catalogue::memberships(&mut transaction, login.oid, role.oid).await?;
    let Some(given) = rows.iter().find(|row| row.grantor == grantor.oid) else {
        return Err(just_renamed(&login, &role));
    };
    if !given.is_usable {
        return Err(not_usable(role_name, login_name));
    }
    let known = known(given);
    transaction.commit().await?;
    Ok(known)
}

/// How a role is granted so that the login can use it, whatever its own INHERIT says. Before PostgreSQL 16
/// every member can.
pub(super) fn options(version: i32) -> &'static str {
    match version {
        PER_GRANTOR.. => " WITH INHERIT TRUE, SET TRUE",
        _ => "",
    }
}

/// What a server of this version does not record of what others grant meanwhile.
pub(super) fn caveat(version: i32) -> Option<String> {
    (version < PER_GRANTOR).then(|| {
        format!(
            "PostgreSQL {} does not record it if somebody else grants the same role to the same login \
             meanwhile. That ended too, unless they granted it with ADMIN OPTION.",
            version / 10_000
        )
    })
}

fn not_usable(role: &RoleName, login: &RoleName) -> Error {
    Error::Refused(format!(
        "`{login}` is in the role `{role}` WITH INHERIT FALSE, SET FALSE and cannot use it"
    ))
}

fn just_renamed(login: &Role, role: &Role) -> Error {
    Error::Busy(format!(
        "`{}` or `{}` has just been renamed",
        login.name, role.name
    ))
}

/// Takes from the login the membership that Keylend gave, and ends the login's sessions: one that has
/// done `SET ROLE` would keep the role. Never changes the login itself, which is the person's own and
/// which they can keep locked.
///
/// Sessions end even if the membership or the login is gone already: asked for again after a crash,
/// it is, and a session may still be there.
pub(super) async fn revoke(session: &mut Session<'_>, lending: &Lending<'_>) -> Result<(), Error> {
    let found = catalogue::role(&mut session.connection, lending.which_login()).await?;
    let (login, is_superuser) = match (&found, lending.which_login()) {
        // What `grant` refuses has nothing of Keylend's; what Keylend itself may do stays.
        (Some(Role { is_own: true, .. }), _) | (None, Which::Named(_)) => return Ok(()),
        (Some(found), _) => (found.oid, found.is_superuser),
        (None, Which::Numbered(login)) => (login, false),
    };
    loop {
        let revoked = revoke_membership(session, lending).await;
        if is_superuser {
            return revoked;
        }
        let ended = sessions::end(session, login).await;
        revoked.and(ended)?;
        if status(session, lending).await? == Presence::Absent {
            return Ok(());
        }
        if !session.has_time() {
            return Err(Error::Busy(format!(
                "`{}` gets the role `{}` back each time Keylend revokes it. Find out what grants it",
                lending.login, lending.role
            )));
        }
    }
}

/// Whether the membership that Keylend gave is there.
pub(super) async fn status(
    session: &mut Session<'_>,
    lending: &Lending<'_>,
) -> Result<Presence, Error> {
    match given(&mut session.connection, lending).await? {
        Some(_) => Ok(Presence::Present),
        None => Ok(Presence::Absent),
    }
}

/// The login, the role, and the membership that Keylend gave, if all of them are there.
async fn given(
    connection: &mut PgConnection,
    lending: &Lending<'_>,
) -> Result<Option<(Role, Role, Membership)>, Error> {
    let Some(login) = catalogue::role(connection, lending.which_login()).await? else {
        return Ok(None);
    };
    let Some(role) = catalogue::role(connection, lending.which_role()).await? else {
        return Ok(None);
    };
    let grantor = catalogue::grantor(connection, role.oid).await?;
    let rows = catalogue::memberships(connection, login.oid, role.oid).await?;
    let given = rows
        .into_iter()
        .find(|row| lending.gave(row, grantor.as_ref()));
    Ok(given.map(|given| (login, role, given)))
}

async fn revoke_membership(session: &mut Session<'_>, lending: &Lending<'_>) -> Result<(), Error> {
    loop {
        match try_revoke_membership(session, lending).await {
            Err(error) if session.tries_again(&error).await => {}
            done => return done,
        }
    }
}

async fn try_revoke_membership(
    session: &mut Session<'_>,
    lending: &Lending<'_>,
) -> Result<(), Error> {
    let version = session.version;
    let mut transaction = session.connection.begin().await?;
    let Some((login, role, row)) = given(&mut transaction, lending).await? else {
        return Ok(());
    };
    run(&mut transaction, revocation(&login, &role, &row, version)).await?;
    let left = catalogue::memberships(&mut transaction, login.oid, role.oid).await?;
    let is_row = |left: &Membership| left.oid == row.oid && left.grantor == row.grantor;
    if left.iter().any(is_row) {
        // Something else had these names, and keeps what it has.
        return Err(just_renamed(&login, &role));
    }
    transaction.commit().await?;
    Ok(())
}

/// The statement that revokes one membership. What the login has given on by it goes too: it cannot
/// stand without.
pub(super) fn revocation(login: &Role, role: &Role, row: &Membership, version: i32) -> String {
    let revoke = format!("REVOKE {} FROM {}", role.name.quoted(), login.name.quoted());
    match row.grantor_name.clone().map(RoleName::try_from) {
        Some(Ok(grantor)) if version >= PER_GRANTOR => {
            format!("{revoke} GRANTED BY {} CASCADE", grantor.quoted())
        }
        _ => revoke,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Receipt;

    #[test]
    fn all_that_is_known_fits_into_a_receipt() {
        let known = Known {
            role: u32::MAX,
            login: u32::MAX,
            grantor: u32::MAX,
            row: Some(u32::MAX),
            found: false,
            before: vec![u32::MAX; MOST_BEFORE],
            baseline: Some(Baseline::largest()),
        };
        let text = serde_json::to_string(&known).unwrap();
        let text = format!(r#"{{"system":{},"access":{text}}}"#, i64::MIN);
        assert!(Receipt::try_from(text.clone()).is_ok(), "{}", text.len());
    }
}
