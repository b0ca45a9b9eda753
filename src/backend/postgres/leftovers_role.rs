//! The role that owns what nobody may act through any more: functions that generated logins left behind.
//!
//! A function with `SECURITY DEFINER` runs with the rights of its owner, for everybody who may execute it. So
//! its owner has to be a role without any. It is called as Keylend's own login, with `_leftovers` behind it.
//! Others can give it rights, or make a role of this name first; so it is checked each time before anything
//! is handed to it.

use sqlx::{Connection as _, FromRow, PgConnection, postgres::types::Oid};

use super::{
    catalogue::generated_by_keylend,
    error::Error,
    name::{Literal, RoleName},
    server::run,
    session::Session,
};

#[derive(FromRow)]
struct Found {
    name: String,
    /// Nothing if there is no such role.
    oid: Option<Oid>,
    /// Whether Keylend made it, and it has no rights, no members but Keylend's login, and nothing but
    /// functions.
    is_harmless: bool,
}

/// The number of the role, if there is one of its name.
pub(super) async fn number(connection: &mut PgConnection) -> Result<Option<Oid>, Error> {
    Ok(look(connection).await?.oid)
}

/// The role, made if there is none. Refuses one through which anybody could do anything.
pub(super) async fn ensure(session: &mut Session<'_>) -> Result<RoleName, Error> {
    let mut transaction = session.connection.begin().await?;
    let found = look(&mut transaction).await?;
    let name = RoleName::try_from(found.name).map_err(Error::NoSuchName)?;
    if found.oid.is_none() {
        let role = name.quoted();
        for statement in [
            format!("CREATE ROLE {role} NOLOGIN NOINHERIT"),
            format!(
                "COMMENT ON ROLE {role} IS {}",
                Literal(
                    "Owns functions that logins lent by Keylend left behind. Give it no rights."
                )
            ),
            // Only a member may hand anything to it. Keylend knows the role by this.
            format!("GRANT {role} TO SESSION_USER"),
        ] {
            run(&mut transaction, statement).await?;
        }
    }
    check(&mut transaction).await?;
    transaction.commit().await?;
    Ok(name)
}

/// Refuses the role if anybody could do anything through it.
pub(super) async fn check(connection: &mut PgConnection) -> Result<(), Error> {
    let Found {
        name, is_harmless, ..
    } = look(connection).await?;
    match is_harmless {
        true => Ok(()),
        false => Err(Error::Refused(format!(
            "functions are not handed to the role `{name}`: Keylend did not make it, or it has rights, \
             members or objects other than functions. Revoke them, or drop the role"
        ))),
    }
}

async fn look(connection: &mut PgConnection) -> Result<Found, Error> {
    Ok(sqlx::query_as(concat!(
        "SELECT n.name AS name, r.oid AS oid, \
                r.oid IS NOT NULL \
                AND NOT (r.rolcanlogin OR r.rolsuper OR r.rolcreaterole OR r.rolcreatedb \
                      OR r.rolreplication OR r.rolbypassrls) \
                AND ",
        generated_by_keylend!("r.oid"),
        " AND NOT EXISTS (SELECT FROM pg_catalog.pg_auth_members a \
                          WHERE a.member OPERATOR(pg_catalog.=) r.oid) \
          AND NOT EXISTS (SELECT FROM pg_catalog.pg_auth_members a \
                          JOIN pg_catalog.pg_roles m ON m.oid OPERATOR(pg_catalog.=) a.member \
                          WHERE a.roleid OPERATOR(pg_catalog.=) r.oid \
                            AND m.rolname OPERATOR(pg_catalog.<>) session_user) \
          AND NOT EXISTS (SELECT FROM pg_catalog.pg_shdepend s \
                          WHERE s.refclassid OPERATOR(pg_catalog.=) 1260::pg_catalog.oid \
                            AND s.refobjid OPERATOR(pg_catalog.=) r.oid \
                            AND NOT (s.deptype OPERATOR(pg_catalog.=) 'o'::pg_catalog.\"char\" \
                                 AND s.classid OPERATOR(pg_catalog.=) 1255::pg_catalog.oid)) \
              AS is_harmless \
         FROM (SELECT pg_catalog.concat(session_user, '_leftovers') AS name) n \
         LEFT JOIN pg_catalog.pg_roles r \
           ON r.rolname::pg_catalog.text OPERATOR(pg_catalog.=) n.name"
    ))
    .fetch_one(connection)
    .await?)
}
