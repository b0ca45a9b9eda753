//! Dropping the logins of grants that have ended, with what they own handed to the role that they
//! were lent. Their functions go to a role without rights: they could run with the rights of the lent one.
//!
//! This delays nothing and is delayed by nobody for long: a login that is shut, has no session and
//! is in no role gives nothing, so its grant has ended already. What is left to do is read from the
//! server itself, so no crash forgets it, and [`sweep`] is called about once a minute. Each object
//! is handed over in a transaction of its own that waits at most 200 ms for its lock, because
//! everybody else who uses the object waits behind Keylend meanwhile. What is in use stays until
//! the next sweep, and is named.
//!
//! A right that a stranger gave to the login on something of theirs can be revoked only by them or
//! by a superuser. Such a login stays, shut.

use sqlx::{Connection as _, FromRow, PgConnection, postgres::types::Oid};

use super::{
    catalogue::{self, Which, generated_by_keylend},
    error::Error,
    leftovers_role,
    name::RoleName,
    purpose::{self, MARK, role_in},
    server::{self, Purpose, Server, run},
    session::Session,
};
use crate::sanitize::excerpt;

/// How long one statement may hold the locks that it has.
const BRIEFLY: &str = "SET statement_timeout = '1s'";

/// A login whose access has ended.
#[derive(FromRow)]
struct Leftover {
    oid: Oid,
    #[sqlx(try_from = "String")]
    login: RoleName,
    comment: String,
}

/// Drops what can be dropped, and says what is in the way of the rest.
pub(super) async fn sweep(server: &Server) -> Result<(), Error> {
    let mut session = Session::open(server, Purpose::Grant, "clean-up").await?;
    let leftovers = leftovers(&mut session.connection).await;
    for leftover in session.close(leftovers).await? {
        let Leftover {
            oid,
            login,
            comment,
        } = leftover;
        if !purpose::fits(&comment, &login) {
            continue;
        }
        let dropped = match Session::open(server, Purpose::Grant, login.as_str()).await {
            Ok(mut session) => {
                let dropped = drop_login(&mut session, oid, &login, &comment).await;
                session.close(dropped).await
            }
            Err(error @ Error::Busy(_)) => Err(error),
            Err(error) => return Err(error),
        };
        // Now, because the next one can take a while.
        if let Err(error) = dropped {
            tracing::warn!(
                %login, error = excerpt(&error.to_string()),
                "a login whose access has ended cannot be dropped yet"
            );
        }
    }
    Ok(())
}

/// Drops `login` if nothing depends on it and nobody is in the way; otherwise a sweep does it.
pub(super) async fn drop_if_unused(session: &mut Session<'_>, oid: Oid, login: &RoleName) {
    if let Err(error) = drop_role(session, oid, login).await {
        tracing::debug!(%login, %error, "a login is left to the clean-up");
    }
}

async fn drop_login(
    session: &mut Session<'_>,
    oid: Oid,
    login: &RoleName,
    comment: &str,
) -> Result<(), Error> {
    match drop_role(session, oid, login).await {
        Err(error) if error.is_dependency() => {}
        done => return done,
    }
    let role = role_in(comment).ok_or_else(|| {
        Error::Refused("its comment does not say which role receives what it owns".to_owned())
    })?;
    // Who has become a superuser since must not receive what others wrote.
    let role = catalogue::lendable(&mut session.connection, Which::Numbered(role)).await?;
    let role = role.name;
    let mut in_the_way = None;
    for database in databases_of(&mut session.connection, login).await? {
        let mut connection = match session.connect_to(&database).await {
            Ok(connection) => connection,
            Err(error) => {
                in_the_way.get_or_insert(error);
                continue;
            }
        };
        let handed_over = hand_over(&mut connection, login, &role, session).await;
        server::close(connection).await;
        if let Err(error) = handed_over {
            in_the_way.get_or_insert(error.within(&database));
        }
    }
    match drop_role(session, oid, login).await {
        Err(error) => Err(in_the_way.unwrap_or(error)),
        Ok(()) => Ok(()),
    }
}

/// Drops the login. What has its name by then and is another role stays.
async fn drop_role(session: &mut Session<'_>, oid: Oid, login: &RoleName) -> Result<(), Error> {
    let mut transaction = session.connection.begin().await?;
    let drop = format!("DROP ROLE IF EXISTS {}", login.quoted());
    run(&mut transaction, drop).await?;
    let left = catalogue::role(&mut transaction, Which::Numbered(oid)).await?;
    if left.is_some() {
        return Err(Error::Busy(format!("`{login}` has just been renamed")));
    }
    transaction.commit().await?;
    Ok(())
}

/// Something that a login owns.
#[derive(FromRow)]
struct Object {
    kind: String,
    identity: String,
    class: i64,
    oid: i64,
}

impl Object {
    /// Whether it is a function, a procedure or an aggregate.
    fn is_routine(&self) -> bool {
        const PG_PROC: i64 = 1255;

        self.class == PG_PROC
    }
}

/// Hands what the login owns in the database of the connection to `role`, and its functions to a role
/// without rights, then drops the rights that it was given there.
///
/// Nothing goes to Keylend's own login: a function with `SECURITY DEFINER` would run with its rights.
async fn hand_over(
    connection: &mut PgConnection,
    login: &RoleName,
    role: &RoleName,
    session: &mut Session<'_>,
) -> Result<(), Error> {
    run(connection, BRIEFLY.to_owned()).await?;
    let mut in_the_way = None;
    let objects = owned(connection, login).await?;
    let keeper = match objects.iter().any(Object::is_routine) {
        true => Some(leftovers_role::ensure(session).await),
        false => None,
    };
    for object in objects {
        if !session.has_time() {
            in_the_way.get_or_insert(Error::Busy("it owns more objects".to_owned()));
            break;
        }
        let given = match (&keeper, object.is_routine()) {
            (Some(Ok(keeper)), true) => give_routine(connection, &object, keeper).await,
            (Some(Err(error)), true) => Err(Error::Refused(error.to_string())),
            _ => give(connection, &object, role).await,
        };
        if let Err(error) = given {
            let error = named(connection, &object, error).await;
            in_the_way.get_or_insert(error);
        }
    }
    if let Some(error) = in_the_way {
        return Err(error);
    }
    // This drops what the login owns, too.
    if owns_any(connection, login).await? {
        return Err(Error::Busy("it owns more objects".to_owned()));
    }
    run(connection, format!("DROP OWNED BY {}", login.quoted())).await?;
    Ok(())
}

async fn give(
    connection: &mut PgConnection,
    object: &Object,
    role: &RoleName,
) -> Result<(), Error> {
    let Object { kind, identity, .. } = object;
    let kind = keyword(kind)
        .ok_or_else(|| Error::Refused(format!("Keylend does not hand over a {kind}")))?;
    let identity = match identity.strip_suffix("()") {
        Some(name) if kind == "AGGREGATE" => &format!("{name}(*)"),
        _ => identity,
    };
    // PostgreSQL has quoted the identity, which holds no names of Keylend's.
    let statement = format!("ALTER {kind} {identity} OWNER TO {}", role.quoted());
    run(connection, statement).await.map(drop)
}

/// Gives a function to the role that has no rights. PostgreSQL lets only who may create something in a
/// schema own a function there, so for that moment the role may, where Keylend can see to it.
async fn give_routine(
    connection: &mut PgConnection,
    object: &Object,
    keeper: &RoleName,
) -> Result<(), Error> {
    match give(connection, object, keeper).await {
        Err(error) if error.is_denied() => {}
        done => return done,
    }
    let schema: String = sqlx::query_scalar(
        "SELECT pg_catalog.quote_ident(n.nspname::pg_catalog.text) FROM pg_catalog.pg_proc p \
         JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) p.pronamespace \
         WHERE p.oid OPERATOR(pg_catalog.=) $1::pg_catalog.int8::pg_catalog.oid",
    )
    .bind(object.oid)
    .fetch_one(&mut *connection)
    .await?;
    let role = keeper.quoted();
    let mut transaction = connection.begin().await?;
    let allow = format!("GRANT CREATE ON SCHEMA {schema} TO {role}");
    run(&mut transaction, allow).await?;
    give(&mut transaction, object, keeper).await?;
    let forbid = format!("REVOKE CREATE ON SCHEMA {schema} FROM {role}");
    run(&mut transaction, forbid).await?;
    leftovers_role::check(&mut transaction).await?;
    transaction.commit().await?;
    Ok(())
}

/// What `ALTER … OWNER TO` calls a kind of object.
fn keyword(kind: &str) -> Option<&'static str> {
    Some(match kind {
        "schema" => "SCHEMA",
        "table" | "partitioned table" => "TABLE",
        "view" => "VIEW",
        "materialized view" => "MATERIALIZED VIEW",
        "foreign table" => "FOREIGN TABLE",
        "sequence" => "SEQUENCE",
        "type" | "composite type" => "TYPE",
        "domain" => "DOMAIN",
        "function" | "window function" => "FUNCTION",
        "procedure" => "PROCEDURE",
        "aggregate" => "AGGREGATE",
        "operator" => "OPERATOR",
        "operator class" => "OPERATOR CLASS",
        "operator family" => "OPERATOR FAMILY",
        "collation" => "COLLATION",
        "conversion" => "CONVERSION",
        "language" => "LANGUAGE",
        "large object" => "LARGE OBJECT",
        "publication" => "PUBLICATION",
        "server" => "SERVER",
        "foreign-data wrapper" => "FOREIGN DATA WRAPPER",
        "statistics object" => "STATISTICS",
        "text search dictionary" => "TEXT SEARCH DICTIONARY",
        "text search configuration" => "TEXT SEARCH CONFIGURATION",
        _ => return None,
    })
}

/// The error, with the object and who uses it.
async fn named(connection: &mut PgConnection, object: &Object, error: Error) -> Error {
    let Object { kind, identity, .. } = object;
    if !error.is_locked() {
        return Error::Busy(format!("{kind} {identity}: {error}"));
    }
    let users = users(connection, object).await.unwrap_or_default();
    Error::Busy(format!(
        "{kind} {identity} is in use by {}",
        users.join(", ")
    ))
}

/// Who holds a lock on the object.
async fn users(connection: &mut PgConnection, object: &Object) -> Result<Vec<String>, Error> {
    Ok(sqlx::query_scalar(
        "SELECT DISTINCT CASE WHEN l.pid IS NULL THEN 'a prepared transaction' \
                ELSE pg_catalog.concat(a.usename, ' (process ', l.pid, ')') END \
         FROM pg_catalog.pg_locks l \
         LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid OPERATOR(pg_catalog.=) l.pid \
         WHERE l.granted \
           AND coalesce(l.pid OPERATOR(pg_catalog.<>) pg_catalog.pg_backend_pid(), true) \
           AND l.database OPERATOR(pg_catalog.=) \
               (SELECT d.oid FROM pg_catalog.pg_database d \
                WHERE d.datname OPERATOR(pg_catalog.=) pg_catalog.current_database()) \
           AND (l.relation OPERATOR(pg_catalog.=) $2::pg_catalog.int8::pg_catalog.oid \
                AND $1::pg_catalog.int8 OPERATOR(pg_catalog.=) 1259::pg_catalog.int8 \
             OR l.objid OPERATOR(pg_catalog.=) $2::pg_catalog.int8::pg_catalog.oid \
                AND l.classid OPERATOR(pg_catalog.=) $1::pg_catalog.int8::pg_catalog.oid)",
    )
    .bind(object.class)
    .bind(object.oid)
    .fetch_all(connection)
    .await?)
}

/// The logins that Keylend made and shut. Whoever may create roles can make others that look the
/// same.
async fn leftovers(connection: &mut PgConnection) -> Result<Vec<Leftover>, Error> {
    Ok(sqlx::query_as(concat!(
        "SELECT r.oid AS oid, r.rolname::pg_catalog.text AS login, \
                pg_catalog.shobj_description(r.oid, 'pg_authid') AS comment \
         FROM pg_catalog.pg_roles r \
         WHERE NOT r.rolcanlogin AND NOT r.rolsuper \
           AND r.rolvaliduntil OPERATOR(pg_catalog.=) '-infinity'::pg_catalog.timestamptz \
           AND pg_catalog.starts_with(pg_catalog.shobj_description(r.oid, 'pg_authid'), \
                                      $1::pg_catalog.text) \
           AND ",
        generated_by_keylend!("r.oid"),
        " AND NOT EXISTS (SELECT FROM pg_catalog.pg_stat_activity a \
                           WHERE a.usesysid OPERATOR(pg_catalog.=) r.oid) \
           AND NOT EXISTS (SELECT FROM pg_catalog.pg_prepared_xacts p \
                           WHERE p.owner OPERATOR(pg_catalog.=) r.rolname) \
         ORDER BY pg_catalog.random() LIMIT 100"
    ))
    .bind(MARK)
    .fetch_all(connection)
    .await?)
}

/// The databases that hold something of `login`, or that it was given something in.
async fn databases_of(
    connection: &mut PgConnection,
    login: &RoleName,
) -> Result<Vec<String>, Error> {
    Ok(sqlx::query_scalar(
        "SELECT DISTINCT d.datname::pg_catalog.text FROM pg_catalog.pg_shdepend s \
         JOIN pg_catalog.pg_roles r ON r.oid OPERATOR(pg_catalog.=) s.refobjid \
         JOIN pg_catalog.pg_database d ON d.oid OPERATOR(pg_catalog.=) s.dbid \
           OR s.dbid OPERATOR(pg_catalog.=) 0::pg_catalog.oid \
              AND d.datname OPERATOR(pg_catalog.=) pg_catalog.current_database() \
         WHERE s.refclassid OPERATOR(pg_catalog.=) 1260::pg_catalog.oid \
           AND r.rolname::pg_catalog.text OPERATOR(pg_catalog.=) $1::pg_catalog.text \
         ORDER BY 1",
    )
    .bind(login.as_str())
    .fetch_all(connection)
    .await?)
}

/// What the login owns in the database of the connection, schemas first: the role has to own a
/// schema before it may own what is in it. A sequence that belongs to a column goes with its table.
/// In a random order, so that no set of objects in use keeps the others waiting.
async fn owned(connection: &mut PgConnection, login: &RoleName) -> Result<Vec<Object>, Error> {
    Ok(sqlx::query_as(
        "SELECT o.type AS kind, o.identity AS identity, \
                s.classid::pg_catalog.int8 AS class, s.objid::pg_catalog.int8 AS oid \
         FROM pg_catalog.pg_shdepend s \
         JOIN pg_catalog.pg_roles r ON r.oid OPERATOR(pg_catalog.=) s.refobjid \
         JOIN pg_catalog.pg_database d ON d.oid OPERATOR(pg_catalog.=) s.dbid \
         CROSS JOIN LATERAL pg_catalog.pg_identify_object(s.classid, s.objid, 0) o \
         WHERE s.refclassid OPERATOR(pg_catalog.=) 1260::pg_catalog.oid \
           AND s.deptype OPERATOR(pg_catalog.=) 'o'::pg_catalog.\"char\" \
           AND s.classid OPERATOR(pg_catalog.<>) ALL ('{826,1418}'::pg_catalog.oid[]) \
           AND d.datname OPERATOR(pg_catalog.=) pg_catalog.current_database() \
           AND r.rolname::pg_catalog.text OPERATOR(pg_catalog.=) $1::pg_catalog.text \
           AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend p \
                           JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) p.objid \
                           WHERE s.classid OPERATOR(pg_catalog.=) 1259::pg_catalog.oid \
                             AND p.classid OPERATOR(pg_catalog.=) 1259::pg_catalog.oid \
                             AND p.objid OPERATOR(pg_catalog.=) s.objid \
                             AND p.refclassid OPERATOR(pg_catalog.=) 1259::pg_catalog.oid \
                             AND c.relkind OPERATOR(pg_catalog.=) 'S'::pg_catalog.\"char\") \
         ORDER BY s.classid OPERATOR(pg_catalog.<>) 2615::pg_catalog.oid, pg_catalog.random() \
         LIMIT 1000",
    )
    .bind(login.as_str())
    .fetch_all(connection)
    .await?)
}

/// Whether the login owns anything there beside default privileges and user mappings.
async fn owns_any(connection: &mut PgConnection, login: &RoleName) -> Result<bool, Error> {
    Ok(sqlx::query_scalar(
        "SELECT EXISTS (SELECT FROM pg_catalog.pg_shdepend s \
         JOIN pg_catalog.pg_roles r ON r.oid OPERATOR(pg_catalog.=) s.refobjid \
         JOIN pg_catalog.pg_database d ON d.oid OPERATOR(pg_catalog.=) s.dbid \
         WHERE s.refclassid OPERATOR(pg_catalog.=) 1260::pg_catalog.oid \
           AND s.deptype OPERATOR(pg_catalog.=) 'o'::pg_catalog.\"char\" \
           AND s.classid OPERATOR(pg_catalog.<>) ALL ('{826,1418}'::pg_catalog.oid[]) \
           AND d.datname OPERATOR(pg_catalog.=) pg_catalog.current_database() \
           AND r.rolname::pg_catalog.text OPERATOR(pg_catalog.=) $1::pg_catalog.text)",
    )
    .bind(login.as_str())
    .fetch_one(connection)
    .await?)
}
