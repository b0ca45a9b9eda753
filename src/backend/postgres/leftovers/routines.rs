//! Functions that a grantee made or changed.

use sqlx::{Connection as _, FromRow, PgConnection, postgres::types::Oid};

use super::{
    super::{error::Error, server::run},
    database::{Database, MOST_ROWS, within},
    search::{Search, is_done},
    since::since,
};
use crate::domain::Leftover;

/// A function, procedure or aggregate.
#[derive(FromRow)]
struct Routine {
    oid: Oid,
    /// What PostgreSQL calls its kind.
    kind: String,
    /// Its name and arguments, for a statement.
    identity: String,
    owner: Oid,
    owner_name: String,
    is_definer: bool,
    /// Whether it was certainly made since the grant.
    is_new: bool,
}

/// Lists the routines that were left, and drops what is to be dropped.
pub(super) async fn left(
    search: &Search<'_>,
    connection: &mut PgConnection,
    database: &Database,
) -> Result<Vec<Leftover>, Error> {
    let generated = search.grant.login.filter(|_| search.grant.is_generated);
    let routines = routines(search, connection, generated).await?;
    let mut dropped = vec![false; routines.len()];
    // What others stand on goes after them.
    loop {
        let mut has_dropped = false;
        for (routine, dropped) in routines.iter().zip(&mut dropped) {
            let may = search.may_drop(search.is_own(routine.owner), routine.is_new)
                && Some(routine.owner) != search.parties.keeper;
            if may && !*dropped && drop_routine(connection, routine).await {
                (*dropped, has_dropped) = (true, true);
            }
        }
        if !has_dropped {
            break;
        }
    }
    let told = routines
        .iter()
        .zip(dropped)
        .filter_map(|(routine, dropped)| {
            let Routine {
                kind,
                identity,
                owner_name,
                ..
            } = routine;
            let definer = match routine.is_definer {
                true => "SECURITY DEFINER ",
                // It runs with nobody's rights but those of who calls it.
                false if !dropped => return None,
                false => "",
            };
            let fate = match generated {
                Some(login) if login == routine.owner && !dropped => {
                    ", which goes to a role without rights"
                }
                _ => "",
            };
            let what = format!("{definer}{kind} {identity} of {owner_name}{fate}");
            let is_own = search.is_own(routine.owner);
            let what = match search.parties.keeper {
                Some(keeper) if keeper == routine.owner => {
                    format!("{what} (may be somebody else's)")
                }
                _ => search.marked(what, is_own, routine.is_new),
            };
            let what = within(database, &what);
            Some(Leftover { what, dropped })
        });
    Ok(told.collect())
}

/// The functions that run with the rights of who owns them and were made or changed since the grant,
/// and every routine of a `generated` login.
async fn routines(
    search: &Search<'_>,
    connection: &mut PgConnection,
    generated: Option<Oid>,
) -> Result<Vec<Routine>, Error> {
    let mut owners = search.parties.makers.clone();
    if generated.is_some_and(|login| !owners.contains(&login)) {
        // The clean-up came first.
        owners.extend(search.parties.keeper);
    }
    let routines: Vec<Routine> = sqlx::query_as(concat!(
        "SELECT p.oid AS oid, i.type AS kind, i.identity AS identity, p.proowner AS owner, \
                o.rolname::pg_catalog.text AS owner_name, p.prosecdef AS is_definer, \
                ",
        since!("p.xmin", "$3", "$4"),
        // Its row is another after every change; that of its owner after a change of owners alone,
        // and that of its schema if it is defined anew.
        " AND EXISTS (SELECT FROM pg_catalog.pg_shdepend s \
                      JOIN pg_catalog.pg_database d ON d.oid OPERATOR(pg_catalog.=) s.dbid \
                      WHERE d.datname OPERATOR(pg_catalog.=) pg_catalog.current_database() \
                        AND s.classid OPERATOR(pg_catalog.=) 1255::pg_catalog.oid \
                        AND s.objid OPERATOR(pg_catalog.=) p.oid \
                        AND s.deptype OPERATOR(pg_catalog.=) 'o'::pg_catalog.\"char\" \
                        AND ",
        since!("s.xmin", "$3", "$4"),
        ") AND EXISTS (SELECT FROM pg_catalog.pg_depend n \
                       WHERE n.classid OPERATOR(pg_catalog.=) 1255::pg_catalog.oid \
                         AND n.objid OPERATOR(pg_catalog.=) p.oid \
                         AND n.refclassid OPERATOR(pg_catalog.=) 2615::pg_catalog.oid \
                         AND ",
        since!("n.xmin", "$3", "$4"),
        ") AS is_new \
         FROM pg_catalog.pg_proc p \
         JOIN pg_catalog.pg_roles o ON o.oid OPERATOR(pg_catalog.=) p.proowner \
         CROSS JOIN LATERAL pg_catalog.pg_identify_object(1255::pg_catalog.oid, p.oid, 0) i \
         WHERE (p.prosecdef AND p.proowner OPERATOR(pg_catalog.=) ANY ($1::pg_catalog.oid[]) \
                AND ",
        since!("p.xmin", "$2", "$4"),
        "    OR p.proowner OPERATOR(pg_catalog.=) $5::pg_catalog.oid) \
         LIMIT $6::pg_catalog.int8"
    ))
    .bind(&owners)
    .bind(search.baseline.xmin)
    .bind(search.baseline.xmax)
    .bind(search.now)
    .bind(generated)
    .bind(MOST_ROWS)
    .fetch_all(connection)
    .await?;
    Ok(routines)
}

/// Drops a routine that nothing depends on, and says whether it is gone.
async fn drop_routine(connection: &mut PgConnection, routine: &Routine) -> bool {
    let dropped = async {
        let Routine { kind, identity, .. } = routine;
        let kind = match kind.as_str() {
            "aggregate" => "AGGREGATE",
            _ => "ROUTINE",
        };
        let identity = match identity.strip_suffix("()") {
            Some(name) if kind == "AGGREGATE" => &format!("{name}(*)"),
            _ => identity,
        };
        let mut transaction = connection.begin().await?;
        // PostgreSQL has quoted the identity.
        run(&mut transaction, format!("DROP {kind} {identity} RESTRICT")).await?;
        let is_there: bool = sqlx::query_scalar(
            "SELECT EXISTS (SELECT FROM pg_catalog.pg_proc p \
                            WHERE p.oid OPERATOR(pg_catalog.=) $1::pg_catalog.oid)",
        )
        .bind(routine.oid)
        .fetch_one(&mut *transaction)
        .await?;
        if is_there {
            return Err(Error::Busy(format!("{identity} has just been renamed")));
        }
        transaction.commit().await?;
        Ok::<(), Error>(())
    };
    is_done(dropped.await)
}
