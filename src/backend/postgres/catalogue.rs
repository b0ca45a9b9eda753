//! What PostgreSQL's catalogues say of roles, and which roles are never touched.
//!
//! Names and operators are qualified and parameters have exact types, so that nothing that others
//! have made can be found in their place.

use std::fmt;

use sqlx::{FromRow, PgConnection};

use super::{error::Error, name::RoleName};

/// What decides whether Keylend touches a role.
#[derive(Debug, FromRow)]
pub(super) struct Role {
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
}

/// Looks a role up.
pub(super) async fn role(
    connection: &mut PgConnection,
    name: &RoleName,
) -> Result<Option<Role>, Error> {
    Ok(sqlx::query_as(
        "SELECT r.rolcanlogin AS can_login, \
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
                          AND pg_catalog.pg_has_role(r.oid, d.datdba, 'MEMBER')) AS owns_home \
         FROM pg_catalog.pg_roles r \
         WHERE r.rolname::pg_catalog.text OPERATOR(pg_catalog.=) $1::pg_catalog.text",
    )
    .bind(name.as_str())
    .fetch_optional(connection)
    .await?)
}

/// Refuses a role that does not exist, or that would give its members the whole server or the
/// sessions of Keylend's own.
pub(super) async fn check_lendable(
    connection: &mut PgConnection,
    name: &RoleName,
) -> Result<(), Error> {
    match role(connection, name).await? {
        None => Err(Error::Refused(format!(
            "there is no role `{name}` in PostgreSQL"
        ))),
        Some(Role {
            gives_might: true, ..
        }) => Err(Error::Refused(format!(
            "the role `{name}` cannot be granted: it is, or is a member of, a superuser or Keylend's \
             own login"
        ))),
        // Its owner decides what happens in the sessions of others there.
        Some(Role {
            owns_home: true, ..
        }) => Err(Error::Refused(format!(
            "the role `{name}` cannot be granted: it is, or is a member of, the owner of the \
             database that Keylend connects to. Use another database in the URL"
        ))),
        Some(_) => Ok(()),
    }
}

/// Whether `member` was given `role` directly, by whomever.
pub(super) async fn is_member(
    connection: &mut PgConnection,
    member: &RoleName,
    role: &RoleName,
) -> Result<bool, Error> {
    Ok(!grantors(connection, member, role).await?.is_empty())
}

/// Who gave `member` the role, Keylend first. Since PostgreSQL 16 each grantor's word counts by
/// itself.
pub(super) async fn grantors(
    connection: &mut PgConnection,
    member: &RoleName,
    role: &RoleName,
) -> Result<Vec<String>, Error> {
    Ok(sqlx::query_scalar(
        "SELECT coalesce(g.rolname::pg_catalog.text, '') FROM pg_catalog.pg_auth_members a \
         JOIN pg_catalog.pg_roles m ON m.oid OPERATOR(pg_catalog.=) a.member \
         JOIN pg_catalog.pg_roles r ON r.oid OPERATOR(pg_catalog.=) a.roleid \
         LEFT JOIN pg_catalog.pg_roles g ON g.oid OPERATOR(pg_catalog.=) a.grantor \
         WHERE m.rolname::pg_catalog.text OPERATOR(pg_catalog.=) $1::pg_catalog.text \
           AND r.rolname::pg_catalog.text OPERATOR(pg_catalog.=) $2::pg_catalog.text \
         ORDER BY g.rolname OPERATOR(pg_catalog.=) session_user DESC NULLS LAST",
    )
    .bind(member.as_str())
    .bind(role.as_str())
    .fetch_all(connection)
    .await?)
}

/// Whether `member` is in `role` in any way, also by way of a third role.
pub(super) async fn is_in(
    connection: &mut PgConnection,
    member: &RoleName,
    role: &RoleName,
) -> Result<Option<bool>, Error> {
    Ok(sqlx::query_scalar(
        "SELECT pg_catalog.pg_has_role(m.oid, r.oid, 'MEMBER') \
         FROM pg_catalog.pg_roles m, pg_catalog.pg_roles r \
         WHERE m.rolname::pg_catalog.text OPERATOR(pg_catalog.=) $1::pg_catalog.text \
           AND r.rolname::pg_catalog.text OPERATOR(pg_catalog.=) $2::pg_catalog.text",
    )
    .bind(member.as_str())
    .bind(role.as_str())
    .fetch_optional(connection)
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
    login: &RoleName,
    role: &RoleName,
) -> Result<Option<Remains>, Error> {
    Ok(sqlx::query_as(
        "SELECT r.rolcanlogin AS can_login, \
                EXISTS (SELECT FROM pg_catalog.pg_auth_members a \
                        JOIN pg_catalog.pg_roles l ON l.oid OPERATOR(pg_catalog.=) a.roleid \
                        WHERE a.member OPERATOR(pg_catalog.=) r.oid \
                          AND l.rolname::pg_catalog.text \
                              OPERATOR(pg_catalog.=) $2::pg_catalog.text) AS is_member, \
                (SELECT pg_catalog.count(*) FROM pg_catalog.pg_prepared_xacts p \
                 WHERE p.owner OPERATOR(pg_catalog.=) r.rolname) AS prepared \
         FROM pg_catalog.pg_roles r \
         WHERE r.rolname::pg_catalog.text OPERATOR(pg_catalog.=) $1::pg_catalog.text",
    )
    .bind(login.as_str())
    .bind(role.as_str())
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
    login: &RoleName,
) -> Result<Vec<Prepared>, Error> {
    Ok(sqlx::query_as(
        "SELECT p.gid AS gid, p.database::pg_catalog.text AS database, \
                p.database OPERATOR(pg_catalog.=) pg_catalog.current_database() AS is_here, \
                p.owner::pg_catalog.text AS owner \
         FROM pg_catalog.pg_prepared_xacts p \
         WHERE p.owner::pg_catalog.text OPERATOR(pg_catalog.=) $1::pg_catalog.text",
    )
    .bind(login.as_str())
    .fetch_all(connection)
    .await?)
}

/// The prepared transactions that change roles and belong to a role that `login` could take, by
/// itself or by way of `role`, which it was lent.
pub(super) async fn prepared_by_roles(
    connection: &mut PgConnection,
    login: &RoleName,
    role: &RoleName,
) -> Result<Vec<Prepared>, Error> {
    Ok(sqlx::query_as(
        "SELECT p.gid AS gid, p.database::pg_catalog.text AS database, \
                p.database OPERATOR(pg_catalog.=) pg_catalog.current_database() AS is_here, \
                p.owner::pg_catalog.text AS owner \
         FROM pg_catalog.pg_prepared_xacts p \
         JOIN pg_catalog.pg_roles o ON o.rolname OPERATOR(pg_catalog.=) p.owner \
         WHERE EXISTS (SELECT FROM pg_catalog.pg_roles r \
                       WHERE r.rolname::pg_catalog.text OPERATOR(pg_catalog.=) \
                             ANY (ARRAY[$1::pg_catalog.text, $2::pg_catalog.text]) \
                         AND pg_catalog.pg_has_role(r.oid, o.oid, 'MEMBER')) \
           AND EXISTS (SELECT FROM pg_catalog.pg_locks l \
                       JOIN pg_catalog.pg_locks t ON t.virtualtransaction \
                            OPERATOR(pg_catalog.=) l.virtualtransaction \
                       WHERE l.relation OPERATOR(pg_catalog.=) 1260::pg_catalog.oid \
                         AND l.mode OPERATOR(pg_catalog.<>) 'AccessShareLock' \
                         AND t.transactionid OPERATOR(pg_catalog.=) p.transaction \
                         AND l.pid IS NULL AND t.pid IS NULL)",
    )
    .bind(login.as_str())
    .bind(role.as_str())
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
