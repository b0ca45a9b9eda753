//! What a grantee leaves behind: direct grants, functions with `SECURITY DEFINER`, default privileges and
//! prepared transactions of theirs, and of the role that they were lent.
//!
//! PostgreSQL records as whom something was made, not by whom. So before the grant Keylend keeps a
//! [`Baseline`]: which transactions were over by then, which PostgreSQL writes into each row of its
//! catalogues, and which rights there were. What is not newer is not looked at. What others made as the same
//! role in the meantime cannot be told apart; where others have the role, the list says so, and nothing that
//! may be theirs is dropped.
//!
//! Access has ended before anything is searched, and nothing waits for the search.

use std::{collections::HashMap, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use sqlx::{Connection as _, FromRow, PgConnection, postgres::types::Oid};
use tokio::time::timeout;

use super::{
    error::Error,
    leftovers_role,
    name::{Exact, RoleName},
    server::{self, run},
    session::Session,
};
use crate::{
    domain::{Leftover, Leftovers},
    sanitize::escaped,
};

/// How long the search may take in all.
pub(super) const LIMIT: Duration = Duration::from_secs(5);

/// How long the list of what is there before a grant may take.
const BASELINE_LIMIT: Duration = Duration::from_secs(3);

/// How long one statement of either may take.
const BRIEFLY: &str = "SET statement_timeout = '3s'";

/// The most rights for which a receipt has room.
pub(super) const MOST_BEFORE: usize = 42;

/// The most databases that are searched.
const MOST_DATABASES: usize = 20;

/// The most rows of each kind that are read of a database.
const MOST_ROWS: i64 = 1000;

/// The number of `pg_default_acl`.
const DEFAULT_ACL: i64 = 826;

/// The condition that a transaction, by the number that PostgreSQL keeps of it in a row, is not older than one
/// and began before another. Numbers in rows have 32 bits and begin anew; those below 3 are of no transaction.
macro_rules! since {
    ($xid:literal, $from:literal, $now:literal) => {
        concat!(
            "(",
            $xid,
            "::pg_catalog.text::pg_catalog.int8 OPERATOR(pg_catalog.>=) 3::pg_catalog.int8 \
              AND ((",
            $xid,
            "::pg_catalog.text::pg_catalog.int8 OPERATOR(pg_catalog.-) ",
            $from,
            "::pg_catalog.int8) OPERATOR(pg_catalog.&) 4294967295::pg_catalog.int8) \
                OPERATOR(pg_catalog.<) (",
            $now,
            "::pg_catalog.int8 OPERATOR(pg_catalog.-) ",
            $from,
            "::pg_catalog.int8))"
        )
    };
}

/// What was there before a grant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Baseline {
    /// Transactions before this one were over.
    xmin: i64,
    /// Transactions from this one on had not begun.
    xmax: i64,
    /// The rights that could be told from later ones: for each, 6 bytes of a hash of which it is and 2
    /// bytes of what it allowed, all of them as Base64. Nothing if there were too many, or not all were
    /// seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rights: Option<String>,
}

/// Each right that was there, by the hash of which it is, and what it allowed.
type Rights = HashMap<[u8; 6], u16>;

impl Baseline {
    fn rights(&self) -> Option<Rights> {
        let bytes = STANDARD_NO_PAD.decode(self.rights.as_ref()?).ok()?;
        let read = |item: &[u8]| {
            let key = item.first_chunk::<6>()?;
            let allowed = item.last_chunk::<2>()?;
            Some((*key, u16::from_le_bytes(*allowed)))
        };
        bytes.chunks(8).map(read).collect()
    }

    fn write(rights: &Rights) -> String {
        let mut items: Vec<_> = rights.iter().collect();
        items.sort_unstable();
        let bytes: Vec<u8> = items
            .into_iter()
            .flat_map(|(key, allowed)| key.iter().copied().chain(allowed.to_le_bytes()))
            .collect();
        STANDARD_NO_PAD.encode(bytes)
    }

    /// The largest one, for tests of what fits into a receipt.
    #[cfg(test)]
    pub(super) fn largest() -> Self {
        let rights = (0..MOST_BEFORE as u64).map(|number| {
            let bytes = number.to_le_bytes();
            ([bytes[0], 255, 255, 255, 255, 255], u16::MAX)
        });
        Self {
            xmin: i64::MAX,
            xmax: i64::MAX,
            rights: Some(Self::write(&rights.collect())),
        }
    }
}

/// Whose leftovers are searched.
pub(super) struct Grant<'a> {
    /// The login, by its number; nothing if it was not made.
    pub(super) login: Option<Oid>,
    /// Whether Keylend made it for the grant.
    pub(super) is_generated: bool,
    /// The role that was lent.
    pub(super) role: Oid,
    /// What was there before; nothing if that is not known.
    pub(super) baseline: Option<&'a Baseline>,
    /// Whether what is certainly the grantee's is dropped.
    pub(super) drop: bool,
}

/// Lists what is there before a grant, to tell what comes later from it; nothing if that failed. A grant
/// does not depend on it.
pub(super) async fn baseline(
    session: &mut Session<'_>,
    login: Option<Oid>,
    role: Oid,
) -> Option<Baseline> {
    // A short time limit leaves most of it to the inspection itself.
    let limit = BASELINE_LIMIT.min(session.time_left() / 4);
    let baseline = match timeout(limit, try_baseline(session, login, role)).await {
        Ok(baseline) => baseline.map_err(|error| error.to_string()),
        Err(_) => Err("PostgreSQL did not answer in time".to_owned()),
    };
    baseline
        .inspect_err(|error| {
            tracing::warn!(
                role = role.0, %error,
                "failed to list what is there before a grant: what it leaves behind cannot be told apart"
            );
        })
        .ok()
}

async fn try_baseline(
    session: &mut Session<'_>,
    login: Option<Oid>,
    role: Oid,
) -> Result<Baseline, Error> {
    let (xmin, xmax) = transactions(&mut session.connection).await?;
    let parties = Parties::find(&mut session.connection, login, role).await?;
    let mut rights = Some(Rights::new());
    let (databases, is_whole) = parties.databases(&mut session.connection).await?;
    for database in databases {
        let listed = match connect(session, &database).await {
            Ok(mut connection) => {
                let listed = parties.rights(&mut connection, &database, None).await;
                server::close(connection).await;
                listed
            }
            Err(error) => Err(error),
        };
        rights = match (rights, listed) {
            (Some(mut rights), Ok(listed)) => {
                let listed = listed.iter();
                rights.extend(listed.map(|right| (right.key(&database), right.allowed())));
                Some(rights)
            }
            _ => None,
        };
    }
    let rights = rights.filter(|rights| is_whole && rights.len() <= MOST_BEFORE);
    Ok(Baseline {
        xmin,
        xmax,
        rights: rights.as_ref().map(Baseline::write),
    })
}

/// Lists what the grantee left behind, and drops what is certainly theirs where that is asked for. What
/// could not be searched is said in the list.
pub(super) async fn find(session: &mut Session<'_>, grant: &Grant<'_>) -> Result<Leftovers, Error> {
    let Some(baseline) = grant.baseline else {
        return Ok(unknown_before());
    };
    let (_, now) = transactions(&mut session.connection).await?;
    let parties = Parties::find(&mut session.connection, grant.login, grant.role).await?;
    let search = Search {
        grant,
        parties,
        baseline,
        rights: baseline.rights(),
        now,
    };
    let (databases, is_whole) = search.parties.databases(&mut session.connection).await?;
    let mut found = Vec::new();
    let mut unsearched = None;
    if !is_whole {
        unsearched = Some(format!("more than {MOST_DATABASES} databases"));
    }
    for database in databases {
        let searched = match connect(session, &database).await {
            Ok(mut connection) => {
                let searched = search.database(&mut connection, &database).await;
                server::close(connection).await;
                searched.map_err(|error| error.within(&database.name))
            }
            Err(error) => Err(error),
        };
        match searched {
            Ok(some) => found.extend(some),
            Err(error) => unsearched = unsearched.or(Some(error.to_string())),
        }
    }
    found.extend(search.prepared(session).await?);
    found.sort_unstable_by(|one, other| one.what.cmp(&other.what));
    for leftover in found.iter().filter(|leftover| leftover.dropped) {
        // The answer with the list may be lost.
        tracing::info!(what = %leftover.what, "dropped what a grantee left behind");
    }
    let leftovers = Leftovers::new(found);
    Ok(match unsearched {
        Some(why) => leftovers.but_unsearched(&escaped(&why)),
        None => leftovers,
    })
}

/// What is said if there is nothing to compare with.
pub(super) fn unknown_before() -> Leftovers {
    Leftovers::default().but_unsearched(
        "there is no list of what was there before the grant, so nothing can be compared",
    )
}

/// A database of the server.
#[derive(FromRow)]
struct Database {
    oid: Oid,
    name: String,
    /// Whether the URL names it.
    is_home: bool,
}

async fn connect(session: &Session<'_>, database: &Database) -> Result<PgConnection, Error> {
    let mut connection = session.connect_to(&database.name).await?;
    match run(&mut connection, BRIEFLY.to_owned()).await {
        Ok(_) => Ok(connection),
        Err(error) => Err(error.within(&database.name)),
    }
}

/// The first transaction that is not over, and the first that has not begun. A snapshot does not tell the
/// second: its end is the first transaction after the last that is over, and later ones may have begun.
async fn transactions(connection: &mut PgConnection) -> Result<(i64, i64), Error> {
    Ok(sqlx::query_as(
        "SELECT pg_catalog.pg_snapshot_xmin(pg_catalog.pg_current_snapshot()) \
                    ::pg_catalog.text::pg_catalog.int8, \
                pg_catalog.pg_current_xact_id()::pg_catalog.text::pg_catalog.int8 \
                    OPERATOR(pg_catalog.+) 1::pg_catalog.int8",
    )
    .fetch_one(connection)
    .await?)
}

/// The roles that a search is about.
struct Parties {
    login: Option<Oid>,
    /// The login, the role that was lent, and the roles that it is in: whoever has the role acts as any of
    /// them.
    makers: Vec<Oid>,
    /// Whom rights would be left to: the login, everybody, and the role that owns what others left behind.
    receivers: Vec<Oid>,
    /// The role that owns what others left behind, if there is one.
    keeper: Option<Oid>,
    /// Whether others have the role too.
    is_shared: bool,
}

impl Parties {
    async fn find(
        connection: &mut PgConnection,
        login: Option<Oid>,
        role: Oid,
    ) -> Result<Self, Error> {
        let makers: Vec<Oid> = sqlx::query_scalar(
            "SELECT r.oid FROM pg_catalog.pg_roles r \
             WHERE r.oid OPERATOR(pg_catalog.=) $1::pg_catalog.oid \
                OR NOT r.rolsuper AND r.rolname OPERATOR(pg_catalog.<>) session_user \
                   AND pg_catalog.pg_has_role($2::pg_catalog.oid, r.oid, 'MEMBER')",
        )
        .bind(login)
        .bind(role)
        .fetch_all(&mut *connection)
        .await?;
        let is_shared = sqlx::query_scalar(
            "SELECT EXISTS (SELECT FROM pg_catalog.pg_roles l \
                            WHERE l.rolcanlogin AND NOT l.rolsuper \
                              AND l.rolname OPERATOR(pg_catalog.<>) session_user \
                              AND l.oid IS DISTINCT FROM $1::pg_catalog.oid \
                              AND pg_catalog.pg_has_role(l.oid, $2::pg_catalog.oid, 'MEMBER'))",
        )
        .bind(login)
        .bind(role)
        .fetch_one(&mut *connection)
        .await?;
        let everybody = Oid(0);
        let keeper = leftovers_role::number(connection).await?;
        let receivers = login.into_iter().chain([everybody]).chain(keeper);
        Ok(Self {
            login,
            makers,
            receivers: receivers.collect(),
            keeper,
            is_shared,
        })
    }

    /// The databases in which one of them has anything, and whether these are all.
    async fn databases(
        &self,
        connection: &mut PgConnection,
    ) -> Result<(Vec<Database>, bool), Error> {
        let parties: Vec<Oid> = self.makers.iter().copied().chain(self.keeper).collect();
        let mut databases: Vec<Database> = sqlx::query_as(
            "SELECT d.oid AS oid, d.datname::pg_catalog.text AS name, \
                    d.datname OPERATOR(pg_catalog.=) pg_catalog.current_database() AS is_home \
             FROM pg_catalog.pg_database d \
             WHERE d.datname OPERATOR(pg_catalog.=) pg_catalog.current_database() \
                OR d.datallowconn \
                   AND EXISTS (SELECT FROM pg_catalog.pg_shdepend s \
                        WHERE s.dbid OPERATOR(pg_catalog.=) d.oid \
                          AND s.refclassid OPERATOR(pg_catalog.=) 1260::pg_catalog.oid \
                          AND s.refobjid OPERATOR(pg_catalog.=) ANY ($1::pg_catalog.oid[])) \
             ORDER BY 3 DESC, 2 LIMIT $2::pg_catalog.int8",
        )
        .bind(&parties)
        .bind(i64::try_from(MOST_DATABASES).unwrap_or(i64::MAX) + 1)
        .fetch_all(connection)
        .await?;
        let is_whole = databases.len() <= MOST_DATABASES;
        databases.truncate(MOST_DATABASES);
        Ok((databases, is_whole))
    }

    /// The rights in one database, apart from those that PostgreSQL gives by itself: all of them, or those
    /// on what was changed `since`.
    async fn rights(
        &self,
        connection: &mut PgConnection,
        database: &Database,
        since: Option<Since>,
    ) -> Result<Vec<Right>, Error> {
        let rows: Vec<Right> = sqlx::query_as(concat!(
            "WITH a(class, objid, subid, word, schema, acl, owner, kind, has_default, xid) AS ( \
               SELECT 1259, c.oid, 0, \
                      CASE WHEN c.relkind OPERATOR(pg_catalog.=) 'S'::pg_catalog.\"char\" \
                           THEN 'sequence' ELSE 'table' END, \
                      NULL::pg_catalog.text, c.relacl, c.relowner, \
                      CASE WHEN c.relkind OPERATOR(pg_catalog.=) 'S'::pg_catalog.\"char\" \
                           THEN 's' ELSE 'r' END, true, c.xmin \
               FROM pg_catalog.pg_class c WHERE c.relacl IS NOT NULL \
               UNION ALL \
               SELECT 1259, t.attrelid, t.attnum, 'table', NULL, t.attacl, c.relowner, 'c', true, t.xmin \
               FROM pg_catalog.pg_attribute t \
               JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) t.attrelid \
               WHERE t.attacl IS NOT NULL AND NOT t.attisdropped \
               UNION ALL \
               SELECT 1255, p.oid, 0, 'routine', NULL, p.proacl, p.proowner, 'f', true, p.xmin \
               FROM pg_catalog.pg_proc p WHERE p.proacl IS NOT NULL \
               UNION ALL \
               SELECT 2615, n.oid, 0, 'schema', NULL, n.nspacl, n.nspowner, 'n', true, n.xmin \
               FROM pg_catalog.pg_namespace n WHERE n.nspacl IS NOT NULL \
               UNION ALL \
               SELECT 1247, t.oid, 0, 'type', NULL, t.typacl, t.typowner, 'T', true, t.xmin \
               FROM pg_catalog.pg_type t WHERE t.typacl IS NOT NULL \
               UNION ALL \
               SELECT 2613, l.oid, 0, 'large object', NULL, l.lomacl, l.lomowner, 'L', true, l.xmin \
               FROM pg_catalog.pg_largeobject_metadata l WHERE l.lomacl IS NOT NULL \
               UNION ALL \
               SELECT 1417, s.oid, 0, 'foreign server', NULL, s.srvacl, s.srvowner, 'S', true, s.xmin \
               FROM pg_catalog.pg_foreign_server s WHERE s.srvacl IS NOT NULL \
               UNION ALL \
               SELECT 1262, d.oid, 0, 'database', NULL, d.datacl, d.datdba, 'd', true, d.xmin \
               FROM pg_catalog.pg_database d \
               WHERE d.datacl IS NOT NULL \
                 AND d.datname OPERATOR(pg_catalog.=) pg_catalog.current_database() \
               UNION ALL \
               SELECT 826, f.oid, 0, \
                      CASE WHEN f.defaclobjtype OPERATOR(pg_catalog.=) 'r'::pg_catalog.\"char\" \
                           THEN 'tables' \
                           WHEN f.defaclobjtype OPERATOR(pg_catalog.=) 'S'::pg_catalog.\"char\" \
                           THEN 'sequences' \
                           WHEN f.defaclobjtype OPERATOR(pg_catalog.=) 'f'::pg_catalog.\"char\" \
                           THEN 'routines' \
                           WHEN f.defaclobjtype OPERATOR(pg_catalog.=) 'T'::pg_catalog.\"char\" \
                           THEN 'types' \
                           WHEN f.defaclobjtype OPERATOR(pg_catalog.=) 'n'::pg_catalog.\"char\" \
                           THEN 'schemas' ELSE 'large objects' END, \
                      pg_catalog.quote_ident(n.nspname::pg_catalog.text), f.defaclacl, f.defaclrole, \
                      CASE WHEN f.defaclobjtype OPERATOR(pg_catalog.=) 'S'::pg_catalog.\"char\" \
                           THEN 's' ELSE f.defaclobjtype::pg_catalog.text END, \
                      f.defaclnamespace OPERATOR(pg_catalog.=) 0::pg_catalog.oid, f.xmin \
               FROM pg_catalog.pg_default_acl f \
               LEFT JOIN pg_catalog.pg_namespace n \
                 ON n.oid OPERATOR(pg_catalog.=) f.defaclnamespace), \
             g AS ( \
               SELECT a.class, a.objid, a.subid, a.word, a.schema, e.grantor, e.grantee, \
                      pg_catalog.array_agg(e.privilege_type) AS privileges, \
                      pg_catalog.bool_or(e.is_grantable) AS is_grantable \
               FROM a CROSS JOIN LATERAL pg_catalog.aclexplode(a.acl) e \
               WHERE e.grantor OPERATOR(pg_catalog.=) ANY ($1::pg_catalog.oid[]) \
                 AND e.grantee OPERATOR(pg_catalog.=) ANY ($2::pg_catalog.oid[]) \
                 AND e.grantee OPERATOR(pg_catalog.<>) a.owner \
                 AND ($3::pg_catalog.int8 IS NULL OR ",
            since!("a.xid", "$3", "$4"),
            ") AND NOT (a.has_default AND EXISTS ( \
                        SELECT FROM pg_catalog.aclexplode( \
                            pg_catalog.acldefault(a.kind::pg_catalog.\"char\", a.owner)) d \
                        WHERE d.grantee OPERATOR(pg_catalog.=) e.grantee \
                          AND d.privilege_type OPERATOR(pg_catalog.=) e.privilege_type)) \
               GROUP BY a.class, a.objid, a.subid, a.word, a.schema, e.grantor, e.grantee \
               LIMIT $5::pg_catalog.int8) \
             SELECT g.class::pg_catalog.int8 AS class, g.objid::pg_catalog.int8 AS objid, \
                    g.subid::pg_catalog.int4 AS subid, \
                    CASE WHEN g.class OPERATOR(pg_catalog.=) 826 THEN g.word \
                         ELSE pg_catalog.concat(g.word, ' ', \
                            (pg_catalog.pg_identify_object(g.class::pg_catalog.oid, g.objid, 0)).identity) \
                         END AS object, \
                    pg_catalog.quote_ident(t.attname::pg_catalog.text) AS column_name, \
                    g.schema AS schema, \
                    g.grantor AS grantor, o.rolname::pg_catalog.text AS grantor_name, \
                    g.grantee AS grantee, r.rolname::pg_catalog.text AS grantee_name, \
                    g.privileges AS privileges, g.is_grantable AS is_grantable \
             FROM g \
             JOIN pg_catalog.pg_roles o ON o.oid OPERATOR(pg_catalog.=) g.grantor \
             LEFT JOIN pg_catalog.pg_roles r ON r.oid OPERATOR(pg_catalog.=) g.grantee \
             LEFT JOIN pg_catalog.pg_attribute t \
               ON g.class OPERATOR(pg_catalog.=) 1259 \
              AND g.subid OPERATOR(pg_catalog.<>) 0 \
              AND t.attrelid OPERATOR(pg_catalog.=) g.objid \
              AND t.attnum OPERATOR(pg_catalog.=) g.subid"
        ))
        .bind(&self.makers)
        .bind(&self.receivers)
        .bind(since.map(|since| since.xmin))
        .bind(since.map(|since| since.now))
        .bind(MOST_ROWS + 1)
        .fetch_all(connection)
        .await?;
        match i64::try_from(rows.len()) {
            Ok(count) if count <= MOST_ROWS => Ok(rows),
            _ => Err(Error::Refused(format!(
                "more than {MOST_ROWS} rights in the database `{}`",
                database.name
            ))),
        }
    }
}

/// A range of transactions.
#[derive(Clone, Copy)]
struct Since {
    xmin: i64,
    now: i64,
}

/// One or more rights of one role on one thing, given by one role.
#[derive(FromRow)]
struct Right {
    class: i64,
    objid: i64,
    subid: i32,
    /// What it is on, as a statement takes it: `table app.orders`.
    object: String,
    /// The column, for a statement; nothing for the whole.
    column_name: Option<String>,
    /// Of default privileges for one schema: the schema, for a statement.
    schema: Option<String>,
    grantor: Oid,
    grantor_name: String,
    grantee: Oid,
    /// Nothing for everybody.
    grantee_name: Option<String>,
    privileges: Vec<String>,
    is_grantable: bool,
}

/// What an access privilege is called, by its bit.
const PRIVILEGES: [&str; 15] = [
    "SELECT",
    "INSERT",
    "UPDATE",
    "DELETE",
    "TRUNCATE",
    "REFERENCES",
    "TRIGGER",
    "MAINTAIN",
    "USAGE",
    "EXECUTE",
    "CREATE",
    "CONNECT",
    "TEMPORARY",
    "SET",
    "ALTER SYSTEM",
];

/// The bit of the right to give on.
const GRANTABLE: u16 = 1 << 15;

impl Right {
    /// Which right it is, whatever it allows.
    fn key(&self, database: &Database) -> [u8; 6] {
        let mut digest = Sha256::new();
        for number in [
            database.oid.0.into(),
            self.class,
            self.objid,
            self.subid.into(),
            self.grantor.0.into(),
            self.grantee.0.into(),
        ] {
            digest.update(number.to_le_bytes());
        }
        let digest: [u8; 32] = digest.finalize().into();
        [
            digest[0], digest[1], digest[2], digest[3], digest[4], digest[5],
        ]
    }

    fn allowed(&self) -> u16 {
        let bits = PRIVILEGES.iter().enumerate();
        let bits = bits.filter(|(_, name)| self.privileges.iter().any(|has| has == *name));
        let grantable = if self.is_grantable { GRANTABLE } else { 0 };
        bits.fold(grantable, |bits, (bit, _)| bits | (1 << bit))
    }

    fn is_default(&self) -> bool {
        self.class == DEFAULT_ACL
    }

    /// It, as people read it, as far as it is in `new`.
    fn told(&self, new: u16) -> String {
        let mut privileges = names(new).join(", ");
        if new == GRANTABLE {
            privileges = names(self.allowed()).join(", ");
        }
        let option = match new & GRANTABLE {
            0 => "",
            _ => " WITH GRANT OPTION",
        };
        let to = self.grantee_name.as_deref().unwrap_or("everybody");
        let (object, by) = (&self.object, &self.grantor_name);
        if self.is_default() {
            let schema = self.schema.as_ref();
            let schema = schema.map_or_else(String::new, |schema| format!(" in schema {schema}"));
            return format!(
                "default privileges of {by}{schema}: {privileges} on {object} to {to}{option}"
            );
        }
        let column = self.column_name.as_ref();
        let column = column.map_or_else(String::new, |column| format!(" column {column}"));
        format!("{privileges} on {object}{column} to {to}{option}, granted by {by}")
    }

    /// The statement that revokes what is in `new`.
    fn revocation(&self, new: u16) -> Result<String, Error> {
        let role = |name: &str| {
            let name = RoleName::try_from(name.to_owned()).map_err(Error::NoSuchName)?;
            Ok::<_, Error>(name.quoted().to_string())
        };
        let from = match &self.grantee_name {
            Some(name) => role(name)?,
            None => "PUBLIC".to_owned(),
        };
        let (option, names) = match new {
            GRANTABLE => ("GRANT OPTION FOR ", names(self.allowed())),
            _ => ("", names(new)),
        };
        let column = self.column_name.as_ref();
        let column = column.map_or_else(String::new, |column| format!(" ({column})"));
        let privileges: Vec<String> = names
            .into_iter()
            .map(|name| format!("{name}{column}"))
            .collect();
        let privileges = privileges.join(", ");
        // PostgreSQL has quoted the object. What was given on by the right cannot stand without it.
        let revoke = format!(
            "REVOKE {option}{privileges} ON {} FROM {from} CASCADE",
            self.object
        );
        if !self.is_default() {
            return Ok(revoke);
        }
        let schema = self.schema.as_ref();
        let schema = schema.map_or_else(String::new, |schema| format!("IN SCHEMA {schema} "));
        let by = role(&self.grantor_name)?;
        Ok(format!(
            "ALTER DEFAULT PRIVILEGES FOR ROLE {by} {schema}{revoke}"
        ))
    }
}

fn names(allowed: u16) -> Vec<&'static str> {
    let names = PRIVILEGES.iter().enumerate();
    let names = names.filter(|(bit, _)| allowed & (1 << bit) != 0);
    names.map(|(_, name)| *name).collect()
}

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

#[derive(FromRow)]
struct Transaction {
    gid: String,
    database: String,
    owner: Oid,
    owner_name: String,
    is_new: bool,
}

/// One search.
struct Search<'a> {
    grant: &'a Grant<'a>,
    parties: Parties,
    baseline: &'a Baseline,
    /// The rights that were there before; nothing if they are not known.
    rights: Option<Rights>,
    /// The first transaction that had not begun when the search began.
    now: i64,
}

impl Search<'_> {
    /// Lists what was left in one database.
    async fn database(
        &self,
        connection: &mut PgConnection,
        database: &Database,
    ) -> Result<Vec<Leftover>, Error> {
        let mut found = self.rights_left(connection, database).await?;
        found.extend(self.routines_left(connection, database).await?);
        Ok(found)
    }

    async fn rights_left(
        &self,
        connection: &mut PgConnection,
        database: &Database,
    ) -> Result<Vec<Leftover>, Error> {
        let since = Since {
            xmin: self.baseline.xmin,
            now: self.now,
        };
        let rights = self.parties.rights(connection, database, Some(since));
        let rights = rights.await?;
        let all = match self.grant.drop || self.grant.is_generated {
            true => self.parties.rights(connection, database, None).await?,
            false => Vec::new(),
        };
        let mut left = Vec::new();
        let mut has_revoked = false;
        for right in rights {
            let key = right.key(database);
            let before = self.rights.as_ref().map(|rights| rights.get(&key));
            let before = before.flatten().copied().unwrap_or_default();
            let new = right.allowed() & !before;
            if new == 0 {
                continue;
            }
            let is_own = self.is_own(right.grantee);
            // A login that Keylend made has no rights to keep.
            let is_lost = is_own && self.grant.is_generated;
            let may_drop = self.may_drop(is_own, self.rights.is_some())
                && !self.reaches_older(&right, &all, database);
            if is_lost || may_drop {
                has_revoked |= revoke(connection, &right, new).await;
            }
            left.push((key, right, new));
        }
        let now: Rights = match has_revoked {
            true => {
                let now = self.parties.rights(connection, database, None).await?;
                let now = now.iter();
                now.map(|right| (right.key(database), right.allowed()))
                    .collect()
            }
            false => left
                .iter()
                .map(|(key, right, _)| (*key, right.allowed()))
                .collect(),
        };
        let told = left.into_iter().filter_map(|(key, right, new)| {
            let is_own = self.is_own(right.grantee);
            let dropped = now.get(&key).is_none_or(|now| now & new == 0);
            if dropped && is_own && self.grant.is_generated {
                return None;
            }
            let what = self.marked(right.told(new), is_own, self.rights.is_some());
            let what = within(database, &what);
            Some(Leftover { what, dropped })
        });
        Ok(told.collect())
    }

    /// Whether revoking a right on a whole table would also revoke one on a column of it that was there
    /// before.
    fn reaches_older(&self, right: &Right, all: &[Right], database: &Database) -> bool {
        let is_part = |other: &&Right| {
            (other.class, other.objid, other.grantor, other.grantee)
                == (right.class, right.objid, right.grantor, right.grantee)
                && right.subid == 0
                && other.subid != 0
        };
        let is_older = |part: &Right| {
            let rights = self.rights.as_ref();
            rights.is_none_or(|rights| rights.contains_key(&part.key(database)))
        };
        all.iter().filter(is_part).any(is_older)
    }

    async fn routines_left(
        &self,
        connection: &mut PgConnection,
        database: &Database,
    ) -> Result<Vec<Leftover>, Error> {
        let generated = self.grant.login.filter(|_| self.grant.is_generated);
        let routines = self.routines(connection, generated).await?;
        let mut dropped = vec![false; routines.len()];
        // What others stand on goes after them.
        loop {
            let mut has_dropped = false;
            for (routine, dropped) in routines.iter().zip(&mut dropped) {
                let may = self.may_drop(self.is_own(routine.owner), routine.is_new)
                    && Some(routine.owner) != self.parties.keeper;
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
                let is_own = self.is_own(routine.owner);
                let what = match self.parties.keeper {
                    Some(keeper) if keeper == routine.owner => {
                        format!("{what} (may be somebody else's)")
                    }
                    _ => self.marked(what, is_own, routine.is_new),
                };
                let what = within(database, &what);
                Some(Leftover { what, dropped })
            });
        Ok(told.collect())
    }

    /// The functions that run with the rights of who owns them and were made or changed since the grant,
    /// and every routine of a `generated` login.
    async fn routines(
        &self,
        connection: &mut PgConnection,
        generated: Option<Oid>,
    ) -> Result<Vec<Routine>, Error> {
        let mut owners = self.parties.makers.clone();
        if generated.is_some_and(|login| !owners.contains(&login)) {
            // The clean-up came first.
            owners.extend(self.parties.keeper);
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
        .bind(self.baseline.xmin)
        .bind(self.baseline.xmax)
        .bind(self.now)
        .bind(generated)
        .bind(MOST_ROWS)
        .fetch_all(connection)
        .await?;
        Ok(routines)
    }

    /// Lists the prepared transactions that were left.
    async fn prepared(&self, session: &mut Session<'_>) -> Result<Vec<Leftover>, Error> {
        let prepared: Vec<Transaction> = sqlx::query_as(concat!(
            "SELECT p.gid AS gid, p.database::pg_catalog.text AS database, o.oid AS owner, \
                    p.owner::pg_catalog.text AS owner_name, ",
            since!("p.transaction", "$3", "$4"),
            " AS is_new \
             FROM pg_catalog.pg_prepared_xacts p \
             JOIN pg_catalog.pg_roles o ON o.rolname OPERATOR(pg_catalog.=) p.owner \
             WHERE o.oid OPERATOR(pg_catalog.=) ANY ($1::pg_catalog.oid[]) AND ",
            since!("p.transaction", "$2", "$4"),
            " LIMIT $5::pg_catalog.int8"
        ))
        .bind(&self.parties.makers)
        .bind(self.baseline.xmin)
        .bind(self.baseline.xmax)
        .bind(self.now)
        .bind(MOST_ROWS)
        .fetch_all(&mut session.connection)
        .await?;
        let mut left = Vec::new();
        for transaction in prepared {
            let is_own = self.is_own(transaction.owner);
            let may = is_own && self.may_drop(is_own, transaction.is_new);
            let dropped = may && roll_back(session, &transaction).await;
            let what = format!(
                "prepared transaction {:?} of {} in the database {}",
                transaction.gid, transaction.owner_name, transaction.database
            );
            let what = escaped(&self.marked(what, is_own, transaction.is_new));
            left.push(Leftover { what, dropped });
        }
        Ok(left)
    }

    fn is_own(&self, role: Oid) -> bool {
        self.parties.login == Some(role)
    }

    /// Whether to drop what is the login's own, or the role's; `is_new` if it was certainly not there
    /// before.
    fn may_drop(&self, is_own: bool, is_new: bool) -> bool {
        self.grant.drop && is_new && (is_own || !self.parties.is_shared)
    }

    /// With a remark on what is not certain.
    fn marked(&self, what: String, is_own: bool, is_new: bool) -> String {
        match (is_new, is_own || !self.parties.is_shared) {
            (true, true) => what,
            (true, false) => format!("{what} (may be somebody else's)"),
            (false, _) => format!("{what} (may have been there before)"),
        }
    }
}

fn within(database: &Database, what: &str) -> String {
    match database.is_home {
        true => escaped(what),
        false => escaped(&format!("in {}: {what}", database.name)),
    }
}

/// Revokes a right as who gave it, and says whether the statement worked.
async fn revoke(connection: &mut PgConnection, right: &Right, new: u16) -> bool {
    let revoked = async {
        let grantor = RoleName::try_from(right.grantor_name.clone()).map_err(Error::NoSuchName)?;
        let mut transaction = connection.begin().await?;
        let role = format!("SET LOCAL ROLE {}", grantor.quoted());
        run(&mut transaction, role).await?;
        run(&mut transaction, right.revocation(new)?).await?;
        transaction.commit().await?;
        Ok::<(), Error>(())
    };
    is_done(revoked.await)
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

/// Rolls back a transaction in its database, as its owner: nobody else may.
async fn roll_back(session: &Session<'_>, transaction: &Transaction) -> bool {
    let rolled_back = async {
        let owner = RoleName::try_from(transaction.owner_name.clone());
        let owner = owner.map_err(Error::NoSuchName)?;
        let mut connection = session.connect_to(&transaction.database).await?;
        let statements = [
            format!("SET ROLE {}", owner.quoted()),
            format!("ROLLBACK PREPARED {}", Exact(&transaction.gid)),
        ];
        let mut rolled_back = Ok(());
        for statement in statements {
            if rolled_back.is_ok() {
                rolled_back = run(&mut connection, statement).await.map(drop);
            }
        }
        server::close(connection).await;
        rolled_back
    };
    is_done(rolled_back.await)
}

/// What was not dropped is listed, so why is of interest for diagnosis alone.
fn is_done(done: Result<(), Error>) -> bool {
    done.inspect_err(|error| tracing::debug!(%error, "what a grantee left behind stays"))
        .is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn right(privileges: &[&str]) -> Right {
        Right {
            class: 1259,
            objid: 20_000,
            subid: 0,
            object: r#"table app."odd ""one""#.to_owned() + "\"",
            column_name: None,
            schema: None,
            grantor: Oid(16_400),
            grantor_name: "app_writer".to_owned(),
            grantee: Oid(16_401),
            grantee_name: Some(r#"alice" CASCADE; --"#.to_owned()),
            privileges: privileges.iter().map(|name| (*name).to_owned()).collect(),
            is_grantable: false,
        }
    }

    #[test]
    fn only_what_is_new_of_a_right_is_told_and_revoked() {
        let before = right(&["SELECT"]).allowed();
        let mut now = right(&["INSERT", "SELECT", "UPDATE"]);
        let new = now.allowed() & !before;
        let told = now.told(new);
        assert!(told.starts_with("INSERT, UPDATE on table app."), "{told}");
        assert!(told.ends_with(", granted by app_writer"), "{told}");
        let revoke = now.revocation(new).unwrap();
        assert!(
            revoke.starts_with("REVOKE INSERT, UPDATE ON table app."),
            "{revoke}"
        );
        assert!(
            revoke.ends_with(r#" FROM "alice"" CASCADE; --" CASCADE"#),
            "{revoke}"
        );

        now.is_grantable = true;
        let new = now.allowed() & !right(&["INSERT", "SELECT", "UPDATE"]).allowed();
        let revoke = now.revocation(new).unwrap();
        let begins = "REVOKE GRANT OPTION FOR SELECT, INSERT, UPDATE ON ";
        assert!(revoke.starts_with(begins), "{revoke}");
    }

    #[test]
    fn default_privileges_and_columns_are_revoked_where_they_are() {
        let mut default = right(&["SELECT"]);
        default.class = DEFAULT_ACL;
        default.object = "tables".to_owned();
        default.schema = Some("app".to_owned());
        default.grantee_name = None;
        let all = default.allowed();
        assert_eq!(
            default.revocation(all).unwrap(),
            "ALTER DEFAULT PRIVILEGES FOR ROLE \"app_writer\" IN SCHEMA app \
             REVOKE SELECT ON tables FROM PUBLIC CASCADE"
        );
        assert_eq!(
            default.told(all),
            "default privileges of app_writer in schema app: SELECT on tables to everybody"
        );
        let mut column = right(&["SELECT", "UPDATE"]);
        column.object = "table app.orders".to_owned();
        column.column_name = Some("note".to_owned());
        column.grantee_name = Some("alice".to_owned());
        let all = column.allowed();
        assert_eq!(
            column.revocation(all).unwrap(),
            "REVOKE SELECT (note), UPDATE (note) ON table app.orders FROM \"alice\" CASCADE"
        );
    }

    #[test]
    fn a_baseline_says_what_there_was() {
        let home = Database {
            oid: Oid(5),
            name: "app".to_owned(),
            is_home: true,
        };
        let (one, mut other) = (right(&["SELECT"]), right(&["SELECT"]));
        other.grantee = Oid(0);
        assert_ne!(one.key(&home), other.key(&home));
        let rights = Rights::from([(one.key(&home), one.allowed())]);
        let baseline = Baseline {
            xmin: 700,
            xmax: 701,
            rights: Some(Baseline::write(&rights)),
        };
        assert_eq!(baseline.rights(), Some(rights));
        let unknown = Baseline {
            rights: None,
            ..baseline
        };
        assert_eq!(unknown.rights(), None);
        assert_eq!(Baseline::largest().rights().unwrap().len(), MOST_BEFORE);
    }
}
