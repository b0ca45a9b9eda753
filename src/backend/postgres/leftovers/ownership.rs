//! Objects that a grantee made their own login's.
//!
//! Whoever has a role can hand what it owns to their own login, which keeps it after the end. Who owned it
//! before, the catalogue does not say, and only its owner or a superuser can hand it back. So it is listed
//! alone. What a login owns that Keylend made goes to the lent role in any case.

use sqlx::{FromRow, PgConnection};

use super::{
    super::error::Error,
    database::{Database, MOST_ROWS, within},
    search::Search,
    since::since,
};
use crate::domain::Leftover;

#[derive(FromRow)]
struct Object {
    /// What PostgreSQL calls its kind.
    kind: String,
    identity: String,
    owner_name: String,
    /// Whether it was certainly not the login's before the grant.
    is_new: bool,
}

/// Lists what has become a person's own login's since the grant, made by them or taken. Functions that run
/// with their owner's rights are listed [as such](super::routines).
pub(super) async fn left(
    search: &Search<'_>,
    connection: &mut PgConnection,
    database: &Database,
) -> Result<Vec<Leftover>, Error> {
    if search.grant.is_generated {
        return Ok(Vec::new());
    }
    let objects: Vec<Object> = sqlx::query_as(concat!(
        "SELECT i.type AS kind, i.identity AS identity, \
                o.rolname::pg_catalog.text AS owner_name, ",
        since!("s.xmin", "$3", "$4"),
        " AS is_new \
         FROM pg_catalog.pg_shdepend s \
         JOIN pg_catalog.pg_database d ON d.oid OPERATOR(pg_catalog.=) s.dbid \
         JOIN pg_catalog.pg_roles o ON o.oid OPERATOR(pg_catalog.=) s.refobjid \
         CROSS JOIN LATERAL pg_catalog.pg_identify_object(s.classid, s.objid, 0) i \
         WHERE d.datname OPERATOR(pg_catalog.=) pg_catalog.current_database() \
           AND s.refclassid OPERATOR(pg_catalog.=) 1260::pg_catalog.oid \
           AND s.refobjid OPERATOR(pg_catalog.=) $1::pg_catalog.oid \
           AND s.deptype OPERATOR(pg_catalog.=) 'o'::pg_catalog.\"char\" \
           AND s.classid OPERATOR(pg_catalog.<>) ALL ('{826,1418}'::pg_catalog.oid[]) \
           AND i.identity IS NOT NULL \
           AND NOT coalesce(pg_catalog.starts_with(i.schema, 'pg_temp'), false) \
           AND ",
        since!("s.xmin", "$2", "$4"),
        "  AND NOT EXISTS (SELECT FROM pg_catalog.pg_proc p \
                           WHERE s.classid OPERATOR(pg_catalog.=) 1255::pg_catalog.oid \
                             AND p.oid OPERATOR(pg_catalog.=) s.objid AND p.prosecdef) \
           AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend p \
                           JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) p.objid \
                           WHERE s.classid OPERATOR(pg_catalog.=) 1259::pg_catalog.oid \
                             AND p.classid OPERATOR(pg_catalog.=) 1259::pg_catalog.oid \
                             AND p.objid OPERATOR(pg_catalog.=) s.objid \
                             AND p.refclassid OPERATOR(pg_catalog.=) 1259::pg_catalog.oid \
                             AND c.relkind OPERATOR(pg_catalog.=) 'S'::pg_catalog.\"char\") \
         LIMIT $5::pg_catalog.int8"
    ))
    .bind(search.grant.login)
    .bind(search.baseline.xmin)
    .bind(search.baseline.xmax)
    .bind(search.now)
    .bind(MOST_ROWS)
    .fetch_all(connection)
    .await?;
    let told = objects.into_iter().map(|object| {
        let Object {
            kind,
            identity,
            owner_name,
            is_new,
        } = object;
        let what = format!("{kind} {identity} now belongs to {owner_name}");
        Leftover {
            what: within(database, &search.marked(what, true, is_new)),
            dropped: false,
        }
    });
    Ok(told.collect())
}
