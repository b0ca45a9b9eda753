//! The access that Keylend's own login granted, as the server tells, whether or not anybody knows of it;
//! and revoking it without a grant.
//!
//! Two things tell it, and neither can be made by anybody but Keylend's login and superusers:
//!
//! - A membership that Keylend's own login gave. Nothing else stands beside it, so two Keylends that use
//!   one login cannot tell theirs apart.
//! - A login that Keylend's own login gave to itself, as it does with every login that it makes. The
//!   comment on it says which Keylend. A comment alone tells nothing: whoever may create roles can write
//!   one.

use serde::{Deserialize, Serialize};
use sqlx::{FromRow, PgConnection, postgres::types::Oid};

use super::{
    catalogue::{self, Which, generated_by_keylend},
    error::Error,
    generated,
    name::RoleName,
    named,
    purpose::{self, MARK},
    receipt,
    server::{Purpose, Server},
    session::Session,
};
use crate::{
    backend::{Managed, Marker},
    domain::Entitlement,
};

/// The most pieces of access that are listed: a list that would be longer is an error.
const MOST: i64 = 10_000;

/// What one piece of access is recognised by.
#[derive(Serialize, Deserialize)]
struct Identity {
    login: u32,
    /// The role of a membership; nothing for a login that Keylend made.
    role: Option<u32>,
    /// Who gave the membership: Keylend's own login.
    grantor: Option<u32>,
    /// The membership itself; nothing before PostgreSQL 16.
    row: Option<u32>,
}

#[derive(FromRow)]
struct Membership {
    login: Oid,
    name: String,
    role: Oid,
    role_name: String,
    grantor: Oid,
    row: Option<Oid>,
}

#[derive(FromRow)]
struct Made {
    login: Oid,
    name: String,
    comment: Option<String>,
    roles: Option<String>,
}

/// Lists all of it.
pub(super) async fn list(session: &mut Session<'_>) -> Result<Vec<Managed>, Error> {
    let memberships = memberships(&mut session.connection).await?;
    let made = made(&mut session.connection).await?;
    if memberships.len() + made.len() > usize::try_from(MOST).unwrap_or(usize::MAX) {
        return Err(Error::Refused(format!(
            "Keylend's login granted more than {MOST} pieces of access"
        )));
    }
    let mut managed = Vec::new();
    for one in memberships {
        let names = (
            RoleName::try_from(one.name.clone()),
            RoleName::try_from(one.role_name.clone()),
        );
        let (Ok(login), Ok(role)) = names else {
            continue;
        };
        let identity = Identity {
            login: one.login.0,
            role: Some(one.role.0),
            grantor: Some(one.grantor.0),
            row: one.row.map(|row| row.0),
        };
        managed.push(Managed {
            holder: one.name,
            title: format!("role {}", one.role_name),
            entitlement: Entitlement::new(named::access(&login, &role)),
            receipt: Some(receipt::write(&identity, session)?),
            marker: Marker::Account,
        });
    }
    for one in made {
        let Ok(login) = RoleName::try_from(one.name.clone()) else {
            continue;
        };
        let comment = one.comment.as_deref().unwrap_or_default();
        let instance = match purpose::fits(comment, &login) {
            true => purpose::instance_in(comment),
            false => None,
        };
        let identity = Identity {
            login: one.login.0,
            role: None,
            grantor: None,
            row: None,
        };
        managed.push(Managed {
            title: match one.roles {
                Some(roles) => format!("a login with the role {roles}"),
                None => "a login without a role".to_owned(),
            },
            entitlement: Entitlement::new(&*one.name),
            holder: one.name,
            receipt: Some(receipt::write(&identity, session)?),
            marker: instance.map_or(Marker::Illegible, Marker::Instance),
        });
    }
    Ok(managed)
}

/// Revokes what was listed. Refuses if the server lists it otherwise by now.
pub(super) async fn revoke(server: &Server, access: &Managed) -> Result<(), Error> {
    let name = RoleName::try_from(access.holder.clone()).map_err(Error::NoSuchName)?;
    // The name under which grants of the same access are worked on.
    let mut session = Session::open(server, Purpose::Revoke, access.entitlement.as_str()).await?;
    let revoked = loop {
        match try_revoke(&mut session, access, &name).await {
            Err(error) if session.tries_again(&error).await => {}
            done => break done,
        }
    };
    session.close(revoked).await
}

async fn try_revoke(
    session: &mut Session<'_>,
    access: &Managed,
    name: &RoleName,
) -> Result<(), Error> {
    let identity: Option<Identity> = receipt::read(access.receipt.as_ref(), session)?;
    let Some(identity) = identity else {
        return Err(Error::Refused(
            "it was listed in another PostgreSQL server".to_owned(),
        ));
    };
    let listed = list(session).await?;
    let is_it = |one: &&Managed| one.receipt == access.receipt;
    match listed.iter().find(is_it) {
        None => return Ok(()),
        Some(found) if found == access => {}
        Some(_) => {
            return Err(Error::Refused(format!(
                "`{name}` was renamed, or its comment was changed, since it was listed"
            )));
        }
    }
    let login = Oid(identity.login);
    let Identity {
        role: Some(role),
        grantor: Some(grantor),
        row,
        ..
    } = identity
    else {
        return revoke_login(session, login, name).await;
    };
    let Some(role) = catalogue::role(&mut session.connection, Which::Numbered(Oid(role))).await?
    else {
        return Ok(());
    };
    let known = named::Known::of_membership(role.oid, login, Oid(grantor), row.map(Oid));
    let lending = named::Lending {
        login: name,
        role: &role.name,
        dangerous: false,
        known: Some(known),
    };
    named::revoke(session, &lending).await
}

/// Ends a login that Keylend made, and takes every role from it by that.
async fn revoke_login(session: &mut Session<'_>, login: Oid, name: &RoleName) -> Result<(), Error> {
    let comment: Option<String> =
        sqlx::query_scalar("SELECT pg_catalog.shobj_description($1::pg_catalog.oid, 'pg_authid')")
            .bind(login)
            .fetch_one(&mut session.connection)
            .await?;
    let role = comment.as_deref().and_then(purpose::role_in);
    let known = generated::Known::of_login(role.unwrap_or_default(), login);
    let lending = generated::Lending {
        login: name,
        // Known by its number.
        role: name,
        dangerous: false,
        known: Some(known),
    };
    generated::revoke(session, &lending).await
}

/// The memberships that Keylend's own login gave, apart from those of logins that it made. Where
/// PostgreSQL records the first superuser for every superuser, none can be told to be Keylend's.
async fn memberships(connection: &mut PgConnection) -> Result<Vec<Membership>, Error> {
    Ok(sqlx::query_as(concat!(
        "SELECT l.oid AS login, l.rolname::pg_catalog.text AS name, \
                r.oid AS role, r.rolname::pg_catalog.text AS role_name, m.grantor AS grantor, \
                (pg_catalog.to_jsonb(m) OPERATOR(pg_catalog.->>) 'oid')::pg_catalog.oid AS row \
         FROM pg_catalog.pg_auth_members m \
         JOIN pg_catalog.pg_roles o ON o.oid OPERATOR(pg_catalog.=) m.grantor \
         JOIN pg_catalog.pg_roles l ON l.oid OPERATOR(pg_catalog.=) m.member \
         JOIN pg_catalog.pg_roles r ON r.oid OPERATOR(pg_catalog.=) m.roleid \
         WHERE o.rolname OPERATOR(pg_catalog.=) session_user \
           AND (o.oid OPERATOR(pg_catalog.<>) 10::pg_catalog.oid \
             OR pg_catalog.current_setting('server_version_num')::pg_catalog.int4 \
                OPERATOR(pg_catalog.<) 160000) \
           AND l.oid OPERATOR(pg_catalog.<>) o.oid \
           AND NOT ",
        generated_by_keylend!("l.oid"),
        " ORDER BY 2, 4 LIMIT $1::pg_catalog.int8"
    ))
    .bind(MOST + 1)
    .fetch_all(connection)
    .await?)
}

/// The logins that Keylend's own login made and that still give something: they can log in, or somebody
/// is logged in as them. A login that is not called and described as Keylend calls and describes them is
/// somebody's own, which was given to Keylend's.
async fn made(connection: &mut PgConnection) -> Result<Vec<Made>, Error> {
    Ok(sqlx::query_as(concat!(
        "SELECT l.oid AS login, l.rolname::pg_catalog.text AS name, \
                pg_catalog.shobj_description(l.oid, 'pg_authid') AS comment, \
                (SELECT pg_catalog.string_agg(r.rolname::pg_catalog.text, ', ' ORDER BY r.rolname) \
                 FROM pg_catalog.pg_auth_members m \
                 JOIN pg_catalog.pg_roles r ON r.oid OPERATOR(pg_catalog.=) m.roleid \
                 WHERE m.member OPERATOR(pg_catalog.=) l.oid) AS roles \
         FROM pg_catalog.pg_roles l \
         WHERE NOT l.rolsuper AND l.rolname OPERATOR(pg_catalog.<>) session_user \
           AND (pg_catalog.starts_with(l.rolname::pg_catalog.text, 'jit_') \
             OR coalesce(pg_catalog.starts_with( \
                    pg_catalog.shobj_description(l.oid, 'pg_authid'), $1::pg_catalog.text), false)) \
           AND (l.rolcanlogin \
             OR EXISTS (SELECT FROM pg_catalog.pg_stat_activity a \
                        WHERE a.usesysid OPERATOR(pg_catalog.=) l.oid)) \
           AND ",
        generated_by_keylend!("l.oid"),
        " ORDER BY 2 LIMIT $2::pg_catalog.int8"
    ))
    .bind(MARK)
    .bind(MOST + 1)
    .fetch_all(connection)
    .await?)
}
