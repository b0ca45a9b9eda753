//! Who has a role that the catalogue lends, whoever granted it.

use sqlx::{FromRow, PgConnection, postgres::types::Oid};

use super::{
    catalogue::{self, Grantor, Which, generated_by_keylend},
    error::Error,
    name::RoleName,
    named,
};
use crate::{backend::Holder, domain::Entitlement};

/// The most holders that are listed: a list that would be longer is an error.
const MOST: i64 = 10_000;

#[derive(FromRow)]
struct Row {
    name: String,
    /// Who granted it; nothing if the login has the role by way of another one.
    grantor: Option<Oid>,
    grantor_name: Option<String>,
    /// A role that is in the role and that the login is in.
    via: Option<String>,
    is_generated: bool,
}

/// Lists the logins that can use `role`, one entry for each grant of it. Superusers can use every role,
/// so they are listed only if somebody granted it to them. Keylend's own login is not listed.
pub(super) async fn list(
    connection: &mut PgConnection,
    role: &RoleName,
) -> Result<Vec<Holder>, Error> {
    let Some(found) = catalogue::role(connection, Which::Named(role)).await? else {
        return Err(catalogue::no_such_role(role));
    };
    let grantor = catalogue::grantor(connection, found.oid).await?;
    let rows = rows(connection, found.oid).await?;
    if rows.len() > usize::try_from(MOST).unwrap_or(usize::MAX) {
        return Err(Error::Refused(format!(
            "more than {MOST} logins have the role `{role}`"
        )));
    }
    let holders = rows
        .into_iter()
        .map(|row| holder(row, role, grantor.as_ref()));
    Ok(holders.collect())
}

fn holder(row: Row, role: &RoleName, grantor: Option<&Grantor>) -> Holder {
    // Where others grant roles as the same one, only a login that Keylend made tells it apart.
    let is_managed = grantor.is_some_and(|grantor| {
        row.grantor.is_some_and(|by| by == grantor.oid) && (grantor.is_own || row.is_generated)
    });
    let entitlement = match (row.is_generated, row.grantor) {
        // Keylend never grants a role by way of another.
        (_, None) => None,
        (true, Some(_)) => Some(Entitlement::new(&*row.name)),
        (false, Some(_)) => RoleName::try_from(row.name.clone())
            .ok()
            .map(|login| Entitlement::new(named::access(&login, role))),
    };
    Holder {
        granted_by: match (row.grantor, row.via) {
            (Some(_), _) => row.grantor_name,
            (None, via) => via.map(|via| format!("membership in {via}")),
        },
        is_managed,
        entitlement,
        name: row.name,
    }
}

async fn rows(connection: &mut PgConnection, role: Oid) -> Result<Vec<Row>, Error> {
    // Before PostgreSQL 16 there is no right to SET ROLE apart from membership.
    Ok(sqlx::query_as(concat!(
        "WITH d AS ( \
            SELECT m.member, m.grantor, \
                   coalesce((pg_catalog.to_jsonb(m) \
                                OPERATOR(pg_catalog.->>) 'inherit_option')::pg_catalog.bool \
                         OR (pg_catalog.to_jsonb(m) \
                                OPERATOR(pg_catalog.->>) 'set_option')::pg_catalog.bool, true) \
                       AS is_usable \
            FROM pg_catalog.pg_auth_members m \
            WHERE m.roleid OPERATOR(pg_catalog.=) $1::pg_catalog.oid), \
         v AS ( \
            SELECT CASE WHEN pg_catalog.current_setting('server_version_num')::pg_catalog.int4 \
                             OPERATOR(pg_catalog.<) 160000 \
                        THEN 'MEMBER' ELSE 'SET' END AS set_role) \
         SELECT l.rolname::pg_catalog.text AS name, d.grantor AS grantor, \
                g.rolname::pg_catalog.text AS grantor_name, \
                CASE WHEN d.grantor IS NULL THEN ( \
                    SELECT pg_catalog.min(r.rolname::pg_catalog.text) \
                    FROM d t \
                    JOIN pg_catalog.pg_roles r ON r.oid OPERATOR(pg_catalog.=) t.member \
                    WHERE pg_catalog.pg_has_role(l.oid, r.oid, 'MEMBER')) END AS via, ",
        generated_by_keylend!("l.oid"),
        " AS is_generated \
         FROM pg_catalog.pg_roles l \
         CROSS JOIN v \
         LEFT JOIN d ON d.member OPERATOR(pg_catalog.=) l.oid AND d.is_usable \
         LEFT JOIN pg_catalog.pg_roles g ON g.oid OPERATOR(pg_catalog.=) d.grantor \
         WHERE l.rolcanlogin AND l.rolname OPERATOR(pg_catalog.<>) session_user \
           AND (d.member IS NOT NULL \
             OR NOT l.rolsuper AND l.oid OPERATOR(pg_catalog.<>) $1::pg_catalog.oid \
                AND (pg_catalog.pg_has_role(l.oid, $1::pg_catalog.oid, 'USAGE') \
                  OR pg_catalog.pg_has_role(l.oid, $1::pg_catalog.oid, v.set_role))) \
         ORDER BY 1, 3 LIMIT $2::pg_catalog.int8"
    ))
    .bind(role)
    .bind(MOST + 1)
    .fetch_all(connection)
    .await?)
}
