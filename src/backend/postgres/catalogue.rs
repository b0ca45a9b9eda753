//! What PostgreSQL's catalogues say of roles, and which roles are never touched.
//!
//! Names and operators are qualified and parameters have exact types, so that nothing that others
//! have made can be found in their place.

use std::fmt;

use sqlx::{FromRow, PgConnection, postgres::types::Oid};

use super::{error::Error, name::RoleName};

/// PostgreSQL's own superuser. What superusers give, versions from 16 on record as given by it.
const BOOTSTRAP_SUPERUSER: Oid = Oid(10);

/// Which role is meant.
#[derive(Debug, Clone, Copy)]
pub(super) enum Which<'a> {
    /// The one that has this name now.
    Named(&'a RoleName),
    /// The one that has this number, whatever its name is now.
    Numbered(Oid),
}

/// A role as it is now, and what decides whether Keylend touches it.
#[derive(Debug, FromRow)]
pub(super) struct Role {
    /// What it is for as long as it exists, and no other role is.
    pub(super) oid: Oid,
    /// Its name now.
    #[sqlx(try_from = "String")]
    pub(super) name: RoleName,
    /// Whether it is a login.
    pub(super) can_login: bool,
    /// Whether it is a superuser.
    pub(super) is_superuser: bool,
    /// Whether it is the login that Keylend itself uses.
    pub(super) is_own: bool,
    /// Whether it or its members can become such a role.
    pub(super) gives_might: bool,
    /// What it may do beyond its memberships, for people; nothing for an ordinary login.
    pub(super) privileges: String,
    /// Whether it owns the database that Keylend connects to, or leads to its owner.
    pub(super) owns_home: bool,
    /// The first role that is a member of it and can use it, by name. Superusers and Keylend's own login do
    /// not count, nor does a membership of an administrator of roles that has ADMIN OPTION alone: PostgreSQL
    /// 16 and later give one to whoever creates a role.
    pub(super) member: Option<String>,
}

/// Looks a role up.
pub(super) async fn role(
    connection: &mut PgConnection,
    which: Which<'_>,
) -> Result<Option<Role>, Error> {
    let (name, oid) = match which {
        Which::Named(name) => (Some(name.as_str()), None),
        Which::Numbered(oid) => (None, Some(oid)),
    };
    Ok(sqlx::query_as(
        "SELECT r.oid AS oid, r.rolname::pg_catalog.text AS name, \
                r.rolcanlogin AS can_login, \
                r.rolsuper AS is_superuser, \
                r.rolname OPERATOR(pg_catalog.=) session_user AS is_own, \
                EXISTS (SELECT FROM pg_catalog.pg_roles m \
                        WHERE (m.rolsuper OR m.rolname OPERATOR(pg_catalog.=) session_user) \
                          AND pg_catalog.pg_has_role(r.oid, m.oid, 'MEMBER')) AS gives_might, \
                pg_catalog.concat_ws(', ', \
                    CASE WHEN r.rolcreaterole THEN 'has CREATEROLE' END, \
                    CASE WHEN r.rolreplication THEN 'has REPLICATION' END, \
                    CASE WHEN r.rolbypassrls THEN 'has BYPASSRLS' END, \
                    CASE WHEN EXISTS (SELECT FROM pg_catalog.pg_database d \
                                      WHERE d.datdba OPERATOR(pg_catalog.=) r.oid) \
                         THEN 'owns a database' END) AS privileges, \
                EXISTS (SELECT FROM pg_catalog.pg_database d \
                        WHERE d.datname OPERATOR(pg_catalog.=) pg_catalog.current_database() \
                          AND pg_catalog.pg_has_role(r.oid, d.datdba, 'MEMBER')) AS owns_home, \
                (SELECT pg_catalog.min(m.rolname::pg_catalog.text) \
                 FROM pg_catalog.pg_auth_members a \
                 JOIN pg_catalog.pg_roles m ON m.oid OPERATOR(pg_catalog.=) a.member \
                 WHERE a.roleid OPERATOR(pg_catalog.=) r.oid AND NOT m.rolsuper \
                   AND m.rolname OPERATOR(pg_catalog.<>) session_user \
                   AND (NOT m.rolcreaterole \
                     OR coalesce((pg_catalog.to_jsonb(a) \
                            OPERATOR(pg_catalog.->>) 'inherit_option')::pg_catalog.bool \
                         OR (pg_catalog.to_jsonb(a) \
                            OPERATOR(pg_catalog.->>) 'set_option')::pg_catalog.bool, true))) \
                    AS member \
         FROM pg_catalog.pg_roles r \
         WHERE r.rolname::pg_catalog.text OPERATOR(pg_catalog.=) $1::pg_catalog.text \
            OR r.oid OPERATOR(pg_catalog.=) $2::pg_catalog.oid",
    )
    .bind(name)
    .bind(oid)
    .fetch_optional(connection)
    .await?)
}

/// The role, if it can be lent. Refuses one that does not exist, or that would give its members the
/// whole server or the sessions of Keylend's own.
pub(super) async fn lendable(
    connection: &mut PgConnection,
    which: Which<'_>,
) -> Result<Role, Error> {
    let found = role(connection, which).await?;
    let Some(found) = found else {
        return Err(Error::Refused(match which {
            Which::Named(name) => return Err(no_such_role(name)),
            Which::Numbered(_) => "the role was dropped: what has its name now is another".into(),
        }));
    };
    let name = &found.name;
    if found.gives_might {
        return Err(Error::Refused(format!(
            "the role `{name}` cannot be granted: it is, or is a member of, a superuser or Keylend's \
             own login"
        )));
    }
    // Its owner decides what happens in the sessions of others there.
    if found.owns_home {
        return Err(Error::Refused(format!(
            "the role `{name}` cannot be granted: it is, or is a member of, the owner of the \
             database that Keylend connects to. Use another database in the URL"
        )));
    }
    Ok(found)
}

/// The role, if it can be lent to somebody whose scope says that it is `dangerous`, or not.
pub(super) async fn lendable_as(
    connection: &mut PgConnection,
    which: Which<'_>,
    dangerous: bool,
) -> Result<Role, Error> {
    let found = lendable(connection, which).await?;
    if !dangerous && let Some(reach) = reach(connection, found.oid).await? {
        return Err(Error::Refused(format!(
            "the role `{}` reaches more than data: it {reach}. Keylend grants such a role only if its \
             scope says `dangerous = true`",
            found.name
        )));
    }
    Ok(found)
}

/// The roles of PostgreSQL's own that reach more than data: they run programs or touch files on the server,
/// connect from it to others, end Keylend's sessions, take the connections that are kept for it, lock the
/// catalogues that a revocation has to change, or read the password verifiers of all logins.
const REACHING: [&str; 8] = [
    "pg_execute_server_program",
    "pg_read_all_data",
    "pg_read_server_files",
    "pg_write_server_files",
    "pg_create_subscription",
    "pg_maintain",
    "pg_signal_backend",
    "pg_use_reserved_connections",
];

#[derive(FromRow)]
struct Reach {
    /// The role that has it.
    role: String,
    /// Whether that is the role that is lent.
    is_itself: bool,
    /// What it has, as the end of a sentence about it.
    what: String,
}

/// What a role reaches beyond data, by itself or by way of the roles that it is in, as the end of a sentence
/// about it; nothing if it reaches no more.
pub(super) async fn reach(
    connection: &mut PgConnection,
    role: Oid,
) -> Result<Option<String>, Error> {
    let reaches: Vec<Reach> = sqlx::query_as(
        "SELECT t.rolname::pg_catalog.text AS role, \
                t.oid OPERATOR(pg_catalog.=) $1::pg_catalog.oid AS is_itself, x.what AS what \
         FROM pg_catalog.pg_roles t \
         CROSS JOIN LATERAL (VALUES \
            (t.rolname::pg_catalog.text OPERATOR(pg_catalog.=) ANY ($2::pg_catalog.text[]), \
             'is one of PostgreSQL''s own'), \
            (t.rolcreaterole, 'has CREATEROLE'), \
            (t.rolreplication, 'has REPLICATION'), \
            (t.rolbypassrls, 'has BYPASSRLS'), \
            (EXISTS (SELECT FROM pg_catalog.pg_auth_members a \
                     WHERE a.member OPERATOR(pg_catalog.=) t.oid AND a.admin_option), \
             'has ADMIN OPTION on other roles'), \
            (EXISTS (SELECT FROM pg_catalog.pg_parameter_acl p \
                     WHERE pg_catalog.has_parameter_privilege( \
                         t.oid, p.parname, 'ALTER SYSTEM')), \
             'has ALTER SYSTEM on parameters of the server')) x(has, what) \
         WHERE x.has AND pg_catalog.pg_has_role($1::pg_catalog.oid, t.oid, 'MEMBER') \
         ORDER BY 2 DESC, 1, 3 LIMIT 5",
    )
    .bind(role)
    .bind(REACHING.as_slice())
    .fetch_all(connection)
    .await?;
    let reaches: Vec<String> = reaches
        .into_iter()
        .map(
            |Reach {
                 role,
                 is_itself,
                 what,
             }| match is_itself {
                true => what,
                false if REACHING.contains(&role.as_str()) => format!("is a member of `{role}`"),
                false => format!("is a member of `{role}`, which {what}"),
            },
        )
        .collect();
    Ok((!reaches.is_empty()).then(|| reaches.join("; it ")))
}

pub(super) fn no_such_role(name: &RoleName) -> Error {
    Error::Refused(format!("there is no role `{name}` in PostgreSQL"))
}

/// One membership of a login in a role, given by one grantor.
#[derive(Debug, FromRow)]
pub(super) struct Membership {
    /// What it is for as long as it exists; nothing before PostgreSQL 16, which has one at most for
    /// a login and a role.
    pub(super) oid: Option<Oid>,
    /// Who gave it.
    pub(super) grantor: Oid,
    /// What the grantor is called now; nothing if there is no such role any more.
    pub(super) grantor_name: Option<String>,
    /// Whether the login can use the role by it.
    pub(super) is_usable: bool,
}

/// How `member` was given `role`, by whomever. Since PostgreSQL 16 each grantor's word counts by
/// itself.
pub(super) async fn memberships(
    connection: &mut PgConnection,
    member: Oid,
    role: Oid,
) -> Result<Vec<Membership>, Error> {
    // As JSON, because 15 has not all of the columns.
    Ok(sqlx::query_as(
        "SELECT (a.row OPERATOR(pg_catalog.->>) 'oid')::pg_catalog.oid AS oid, \
                a.grantor AS grantor, g.rolname::pg_catalog.text AS grantor_name, \
                coalesce((a.row OPERATOR(pg_catalog.->>) 'inherit_option')::pg_catalog.bool \
                      OR (a.row OPERATOR(pg_catalog.->>) 'set_option')::pg_catalog.bool, true) \
                    AS is_usable \
         FROM (SELECT m.grantor, pg_catalog.to_jsonb(m) AS row \
               FROM pg_catalog.pg_auth_members m \
               WHERE m.member OPERATOR(pg_catalog.=) $1::pg_catalog.oid \
                 AND m.roleid OPERATOR(pg_catalog.=) $2::pg_catalog.oid) a \
         LEFT JOIN pg_catalog.pg_roles g ON g.oid OPERATOR(pg_catalog.=) a.grantor",
    )
    .bind(member)
    .bind(role)
    .fetch_all(connection)
    .await?)
}

/// As whom Keylend gives a role.
#[derive(Debug, Clone, FromRow)]
pub(super) struct Grantor {
    /// The role that PostgreSQL records as the grantor.
    pub(super) oid: Oid,
    /// Its name.
    #[sqlx(try_from = "String")]
    pub(super) name: RoleName,
    /// Whether only Keylend gives roles as this one: it is its own login, and no superuser's word is
    /// recorded as its.
    pub(super) is_own: bool,
}

/// As whom Keylend's login gives `role`; nothing if it may not. Of several the same each time:
/// Keylend's own login, else for a superuser what PostgreSQL records for all of them, else the
/// first of the roles that it has. Before PostgreSQL 16 always Keylend's own login.
pub(super) async fn grantor(
    connection: &mut PgConnection,
    role: Oid,
) -> Result<Option<Grantor>, Error> {
    Ok(sqlx::query_as(
        "SELECT g.oid AS oid, g.rolname::pg_catalog.text AS name, \
                g.oid OPERATOR(pg_catalog.=) own.oid \
                AND (own.is_old \
                     OR g.oid OPERATOR(pg_catalog.<>) $2::pg_catalog.oid) AS is_own \
         FROM (SELECT r.oid, r.rolsuper, \
                      pg_catalog.current_setting('server_version_num')::pg_catalog.int4 \
                          OPERATOR(pg_catalog.<) 160000 AS is_old \
               FROM pg_catalog.pg_roles r \
               WHERE r.rolname OPERATOR(pg_catalog.=) session_user) own \
         JOIN pg_catalog.pg_roles g ON \
              g.oid OPERATOR(pg_catalog.=) own.oid AND own.is_old \
           OR g.oid OPERATOR(pg_catalog.=) $2::pg_catalog.oid AND own.rolsuper AND NOT own.is_old \
           OR (g.oid OPERATOR(pg_catalog.=) own.oid \
               OR NOT own.rolsuper AND pg_catalog.pg_has_role(own.oid, g.oid, 'USAGE')) \
              AND EXISTS (SELECT FROM pg_catalog.pg_auth_members a \
                          WHERE a.roleid OPERATOR(pg_catalog.=) $1::pg_catalog.oid \
                            AND a.member OPERATOR(pg_catalog.=) g.oid AND a.admin_option) \
         ORDER BY g.oid OPERATOR(pg_catalog.<>) own.oid, g.oid LIMIT 1",
    )
    .bind(role)
    .bind(BOOTSTRAP_SUPERUSER)
    .fetch_optional(connection)
    .await?)
}

/// Whether `member` is in the role of this name in any way, also by way of a third role; nothing if
/// there is no such role.
pub(super) async fn is_in(
    connection: &mut PgConnection,
    member: Oid,
    role: &RoleName,
) -> Result<Option<bool>, Error> {
    Ok(sqlx::query_scalar(
        "SELECT pg_catalog.pg_has_role($1::pg_catalog.oid, r.oid, 'MEMBER') \
         FROM pg_catalog.pg_roles r \
         WHERE r.rolname::pg_catalog.text OPERATOR(pg_catalog.=) $2::pg_catalog.text",
    )
    .bind(member)
    .bind(role.as_str())
    .fetch_optional(connection)
    .await?)
}

/// The condition that Keylend made a login, for the text of a query: with each login that it makes
/// it gives the login to itself, and nobody else gives roles in its name. What a superuser gives,
/// PostgreSQL records as given by the first superuser, whose number is 10, from version 16 on.
macro_rules! generated_by_keylend {
    ($login:literal) => {
        concat!(
            "EXISTS (SELECT FROM pg_catalog.pg_auth_members a \
                     JOIN pg_catalog.pg_roles k ON k.oid OPERATOR(pg_catalog.=) a.member \
                     WHERE a.roleid OPERATOR(pg_catalog.=) ",
            $login,
            "  AND k.rolname OPERATOR(pg_catalog.=) session_user \
               AND (a.grantor OPERATOR(pg_catalog.=) k.oid \
                 OR k.rolsuper AND a.grantor OPERATOR(pg_catalog.=) 10::pg_catalog.oid))"
        )
    };
}
pub(super) use generated_by_keylend;

/// Whether Keylend made this login.
pub(super) async fn is_generated(connection: &mut PgConnection, login: Oid) -> Result<bool, Error> {
    Ok(sqlx::query_scalar(concat!(
        "SELECT ",
        generated_by_keylend!("$1::pg_catalog.oid")
    ))
    .bind(login)
    .fetch_one(connection)
    .await?)
}

/// What a login made for a grant still has, apart from its sessions. Written as `can still log in,
/// 2 prepared transactions`.
#[derive(Debug, FromRow)]
pub(super) struct Remains {
    /// Whether it can log in.
    pub(super) can_login: bool,
    /// Whether it is in the role that it was lent.
    pub(super) is_member: bool,
    /// How many prepared transactions it has.
    pub(super) prepared: i64,
}

impl Remains {
    /// Whether it gives nothing any more, now or later, once its sessions have ended.
    pub(super) fn are_harmless(&self) -> bool {
        let Self {
            can_login,
            is_member,
            prepared,
        } = self;
        !can_login && !is_member && *prepared == 0
    }
}

impl fmt::Display for Remains {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = |count: i64, what: &str| match count {
            0 => None,
            1 => Some(format!("1 {what}")),
            many => Some(format!("{many} {what}s")),
        };
        let remains = [
            self.can_login.then(|| "can still log in".to_owned()),
            self.is_member.then(|| "still in the role".to_owned()),
            count(self.prepared, "prepared transaction"),
        ];
        let remains: Vec<String> = remains.into_iter().flatten().collect();
        f.write_str(&remains.join(", "))
    }
}

/// Reads what `login` still has; nothing if there is no such login.
pub(super) async fn remains(
    connection: &mut PgConnection,
    login: Oid,
    role: Option<Oid>,
) -> Result<Option<Remains>, Error> {
    Ok(sqlx::query_as(
        "SELECT r.rolcanlogin AS can_login, \
                EXISTS (SELECT FROM pg_catalog.pg_auth_members a \
                        JOIN pg_catalog.pg_roles k \
                          ON k.rolname OPERATOR(pg_catalog.=) session_user \
                        WHERE a.member OPERATOR(pg_catalog.=) r.oid \
                          AND a.roleid OPERATOR(pg_catalog.=) $2::pg_catalog.oid \
                          AND pg_catalog.pg_has_role(k.oid, a.grantor, 'USAGE')) AS is_member, \
                (SELECT pg_catalog.count(*) FROM pg_catalog.pg_prepared_xacts p \
                 WHERE p.owner OPERATOR(pg_catalog.=) r.rolname) AS prepared \
         FROM pg_catalog.pg_roles r \
         WHERE r.oid OPERATOR(pg_catalog.=) $1::pg_catalog.oid",
    )
    .bind(login)
    .bind(role)
    .fetch_optional(connection)
    .await?)
}

/// Who is changing roles in a transaction that is still open.
pub(super) async fn changing_roles(connection: &mut PgConnection) -> Result<Vec<String>, Error> {
    Ok(sqlx::query_scalar(
        "SELECT DISTINCT CASE WHEN l.pid IS NULL THEN 'a prepared transaction' \
                ELSE pg_catalog.concat(a.usename, ' (process ', l.pid, ')') END \
         FROM pg_catalog.pg_locks l \
         LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid OPERATOR(pg_catalog.=) l.pid \
         WHERE l.relation OPERATOR(pg_catalog.=) 1260::pg_catalog.oid \
           AND l.mode OPERATOR(pg_catalog.<>) 'AccessShareLock' AND l.granted \
           AND coalesce(l.pid OPERATOR(pg_catalog.<>) pg_catalog.pg_backend_pid(), true)",
    )
    .fetch_all(connection)
    .await?)
}

/// A transaction that was prepared for a commit in two phases.
#[derive(Debug, FromRow)]
pub(super) struct Prepared {
    /// What it is called in its database.
    pub(super) gid: String,
    /// Where it can be rolled back.
    pub(super) database: String,
    /// Whether that is the database of Keylend's session.
    pub(super) is_here: bool,
    /// Who can: whoever the session was when it prepared it.
    pub(super) owner: String,
}

/// The prepared transactions that `login` owns.
pub(super) async fn prepared_by(
    connection: &mut PgConnection,
    login: Oid,
) -> Result<Vec<Prepared>, Error> {
    Ok(sqlx::query_as(
        "SELECT p.gid AS gid, p.database::pg_catalog.text AS database, \
                p.database OPERATOR(pg_catalog.=) pg_catalog.current_database() AS is_here, \
                p.owner::pg_catalog.text AS owner \
         FROM pg_catalog.pg_prepared_xacts p \
         JOIN pg_catalog.pg_roles r ON r.rolname OPERATOR(pg_catalog.=) p.owner \
         WHERE r.oid OPERATOR(pg_catalog.=) $1::pg_catalog.oid",
    )
    .bind(login)
    .fetch_all(connection)
    .await?)
}

/// The prepared transactions that change roles and belong to a role that `login` could take, by
/// itself or by way of `role`, which it was lent.
pub(super) async fn prepared_by_roles(
    connection: &mut PgConnection,
    login: Oid,
    role: Option<Oid>,
) -> Result<Vec<Prepared>, Error> {
    Ok(sqlx::query_as(
        "SELECT p.gid AS gid, p.database::pg_catalog.text AS database, \
                p.database OPERATOR(pg_catalog.=) pg_catalog.current_database() AS is_here, \
                p.owner::pg_catalog.text AS owner \
         FROM pg_catalog.pg_prepared_xacts p \
         JOIN pg_catalog.pg_roles o ON o.rolname OPERATOR(pg_catalog.=) p.owner \
         WHERE EXISTS (SELECT FROM pg_catalog.pg_roles r \
                       WHERE r.oid OPERATOR(pg_catalog.=) \
                             ANY (ARRAY[$1::pg_catalog.oid, $2::pg_catalog.oid]) \
                         AND pg_catalog.pg_has_role(r.oid, o.oid, 'MEMBER')) \
           AND EXISTS (SELECT FROM pg_catalog.pg_locks l \
                       JOIN pg_catalog.pg_locks t ON t.virtualtransaction \
                            OPERATOR(pg_catalog.=) l.virtualtransaction \
                       WHERE l.relation OPERATOR(pg_catalog.=) 1260::pg_catalog.oid \
                         AND l.mode OPERATOR(pg_catalog.<>) 'AccessShareLock' \
                         AND t.transactionid OPERATOR(pg_catalog.=) p.transaction \
                         AND l.pid IS NULL AND t.pid IS NULL)",
    )
    .bind(login)
    .bind(role)
    .fetch_all(connection)
    .await?)
}

#[cfg(test)]
mod tests {
    use super::Remains;

    #[test]
    fn what_remains_is_written_in_words() {
        let all = Remains {
            can_login: true,
            is_member: true,
            prepared: 1,
        };
        assert_eq!(
            all.to_string(),
            "can still log in, still in the role, 1 prepared transaction"
        );
        let one = Remains {
            can_login: false,
            is_member: false,
            prepared: 2,
        };
        assert_eq!(one.to_string(), "2 prepared transactions");
    }
}
