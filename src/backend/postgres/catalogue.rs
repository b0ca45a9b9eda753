//! What PostgreSQL's catalogues say of roles, and which roles are never touched.

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
}

/// Looks a role up.
pub(super) async fn role(
    connection: &mut PgConnection,
    name: &RoleName,
) -> Result<Option<Role>, Error> {
    Ok(sqlx::query_as(
        "SELECT r.rolcanlogin AS can_login, \
                r.rolsuper AS is_superuser, \
                r.rolname IN (session_user, current_user) AS is_own, \
                EXISTS (SELECT FROM pg_roles m \
                        WHERE (m.rolsuper OR m.rolname IN (session_user, current_user)) \
                          AND pg_has_role(r.oid, m.oid, 'MEMBER')) AS gives_might \
         FROM pg_roles r WHERE r.rolname::text = $1",
    )
    .bind(name.as_str())
    .fetch_optional(connection)
    .await?)
}

/// Refuses a role that does not exist, or that would give its members the whole server.
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
            "the role `{name}` is not lent: it is, or leads to, a superuser or Keylend's own login"
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

/// Who gave `member` the role. Since PostgreSQL 16 each grantor's word counts by itself.
pub(super) async fn grantors(
    connection: &mut PgConnection,
    member: &RoleName,
    role: &RoleName,
) -> Result<Vec<String>, Error> {
    Ok(sqlx::query_scalar(
        "SELECT coalesce(g.rolname::text, '') FROM pg_auth_members a \
         JOIN pg_roles m ON m.oid = a.member \
         JOIN pg_roles r ON r.oid = a.roleid \
         LEFT JOIN pg_roles g ON g.oid = a.grantor \
         WHERE m.rolname::text = $1 AND r.rolname::text = $2",
    )
    .bind(member.as_str())
    .bind(role.as_str())
    .fetch_all(connection)
    .await?)
}

/// The server's version, such as 150018 for 15.18.
pub(super) async fn version(connection: &mut PgConnection) -> Result<i32, Error> {
    Ok(
        sqlx::query_scalar("SELECT current_setting('server_version_num')::int")
            .fetch_one(connection)
            .await?,
    )
}

/// The databases that hold something of `login`, or that it was given something in.
pub(super) async fn databases_of(
    connection: &mut PgConnection,
    login: &RoleName,
) -> Result<Vec<String>, Error> {
    Ok(sqlx::query_scalar(
        "SELECT DISTINCT d.datname::text FROM pg_shdepend s \
         JOIN pg_roles r ON r.oid = s.refobjid \
         JOIN pg_database d ON d.oid = s.dbid \
                            OR s.dbid = 0 AND d.datname = current_database() \
         WHERE s.refclassid = 'pg_authid'::regclass AND r.rolname::text = $1 \
         ORDER BY 1",
    )
    .bind(login.as_str())
    .fetch_all(connection)
    .await?)
}
