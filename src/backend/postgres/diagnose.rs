//! What Keylend's login may do in a server, and what of that the catalogue needs.

use std::collections::BTreeSet;

use sqlx::{FromRow, PgConnection, postgres::types::Oid};

use super::{
    asked::{Asked, LoginKind},
    catalogue::{self, Which, generated_by_keylend},
    error::Error,
    name::RoleName,
    named::Eligible,
    server::Server,
    session::Session,
};
use crate::backend::Diagnosis;

/// The first version that keeps connections for roles other than superusers, and in which only
/// ADMIN OPTION lets a login grant a role.
const VERSION_16: i32 = 160_000;

/// What Keylend's login may do in the whole server.
#[derive(FromRow)]
struct Login {
    name: String,
    server: String,
    is_superuser: bool,
    creates_roles: bool,
    creates_databases: bool,
    replicates: bool,
    bypasses_rls: bool,
    signals: bool,
    reads_stats: bool,
    /// Whether connections are kept for it; nothing before PostgreSQL 16.
    has_reserved_places: Option<bool>,
    /// The roles that it may grant or is in, apart from the logins that it made and those of
    /// PostgreSQL's own that it needs.
    #[sqlx(rename = "roles")]
    other_roles: Vec<String>,
}

/// Asks the server what it is and what Keylend's login may do, and what of that `layers` need.
pub(super) async fn diagnose(
    session: &mut Session<'_>,
    server: &Server,
    eligible: &Eligible,
    layers: &[Asked],
) -> Result<Diagnosis, Error> {
    let version = session.version;
    let connection = &mut session.connection;
    let login = login(connection).await?;
    let mut found = Diagnosis {
        version: Some(format!("PostgreSQL {}", login.server)),
        ..Diagnosis::default()
    };
    let generates = layers
        .iter()
        .any(|asked| asked.login == LoginKind::Generated);
    let mut needed = BTreeSet::new();
    for asked in distinct_roles(layers) {
        needed.insert(asked.as_str().to_owned());
        needed.extend(role(connection, version, &login, asked, &mut found).await?);
    }
    for asked in layers {
        found.reach.push(reach(connection, &asked.role).await?);
    }
    for other in &login.other_roles {
        if !needed.contains(other) {
            found
                .unneeded
                .push(format!("membership in `{other}`, which no scope lends"));
        }
    }
    whole_server(&login, generates, version, &mut found);
    found.unneeded.extend(offered(connection).await?);
    if let Some(people) = &eligible.people
        && catalogue::role(connection, Which::Named(people))
            .await?
            .is_none()
    {
        found.missing.push(format!(
            "the role `{people}`, which `people_role` names: it does not exist"
        ));
    }
    if server.is_readable_on_the_way() {
        found.missing.push(
            "encryption: others can read or change what Keylend sends; add `sslmode=verify-full` to \
             the URL"
                .to_owned(),
        );
    }
    Ok(found)
}

/// What the server offers to people, who can hold up Keylend or outlast an end by it.
async fn offered(connection: &mut PgConnection) -> Result<Vec<String>, Error> {
    let (prepared, temporary, database): (String, bool, String) = sqlx::query_as(
        "SELECT pg_catalog.current_setting('max_prepared_transactions'), \
                pg_catalog.has_database_privilege('public'::pg_catalog.name, \
                    pg_catalog.current_database()::pg_catalog.text, \
                    'TEMPORARY'::pg_catalog.text), \
                pg_catalog.quote_ident(pg_catalog.current_database()::pg_catalog.text)",
    )
    .fetch_one(connection)
    .await?;
    let prepared = (prepared != "0").then(|| {
        format!(
            "`max_prepared_transactions = {prepared}`: people can commit a prepared transaction after the \
             end. Set it to 0 unless an application prepares transactions"
        )
    });
    let temporary = temporary.then(|| {
        format!(
            "TEMPORARY for everybody, who can keep Keylend waiting by it: run `REVOKE TEMP ON DATABASE \
             {database} FROM PUBLIC`, in each database"
        )
    });
    Ok(prepared.into_iter().chain(temporary).collect())
}

/// What a role reaches beyond data; nothing if it reaches no more, or is never lent.
async fn reach(connection: &mut PgConnection, role: &RoleName) -> Result<Option<String>, Error> {
    let found = match catalogue::lendable(connection, Which::Named(role)).await {
        Err(Error::Refused(_)) => return Ok(None),
        found => found?,
    };
    let reach = catalogue::reach(connection, found.oid).await?;
    Ok(reach.map(|reach| format!("the role `{role}` reaches more than data: it {reach}")))
}

fn distinct_roles(layers: &[Asked]) -> Vec<&RoleName> {
    let mut roles: Vec<&RoleName> = layers.iter().map(|asked| &asked.role).collect();
    roles.sort_by_key(|role| role.as_str());
    roles.dedup();
    roles
}

/// Whether Keylend's login may grant the role, and as whom.
async fn role(
    connection: &mut PgConnection,
    version: i32,
    login: &Login,
    role: &RoleName,
    found: &mut Diagnosis,
) -> Result<Option<String>, Error> {
    let lendable = match catalogue::lendable(connection, Which::Named(role)).await {
        Err(Error::Refused(why)) => {
            found.missing.push(why);
            return Ok(None);
        }
        lendable => lendable?,
    };
    let grantor = catalogue::grantor(connection, lendable.oid).await?;
    let may_grant = match version {
        VERSION_16.. => grantor.is_some(),
        _ => {
            login.is_superuser
                || login.creates_roles
                || has_admin_option(connection, lendable.oid).await?
        }
    };
    let Some(grantor) = grantor.filter(|_| may_grant) else {
        found.missing.push(format!(
            "ADMIN OPTION on `{role}`: run {}",
            grant(role, login)
        ));
        return Ok(None);
    };
    found
        .present
        .push(match grantor.name.as_str() == login.name {
            true => format!("may grant `{role}`"),
            false => format!("may grant `{role}` as `{}`", grantor.name),
        });
    if !grantor.is_own {
        found.missing.push(format!(
            "ADMIN OPTION of its own on `{role}`, so that what others grant as `{}` does not look like \
             Keylend's: run {}",
            grantor.name,
            grant(role, login)
        ));
    }
    Ok(Some(grantor.name.to_string()))
}

fn grant(role: &RoleName, login: &Login) -> String {
    match RoleName::try_from(login.name.clone()) {
        Ok(login) => format!(
            "`GRANT {} TO {} WITH ADMIN OPTION`",
            role.quoted(),
            login.quoted()
        ),
        Err(_) => "`GRANT … WITH ADMIN OPTION`".to_owned(),
    }
}

fn whole_server(login: &Login, generates: bool, version: i32, found: &mut Diagnosis) {
    let name = match RoleName::try_from(login.name.clone()) {
        Ok(name) => name.quoted().to_string(),
        Err(_) => "…".to_owned(),
    };
    if login.is_superuser {
        found
            .unneeded
            .push("superuser: use a login of Keylend's own that is none".to_owned());
        return;
    }
    let mut needs = |has: bool, what: &str, why: &str, remedy: String| match has {
        true => found.present.push(what.to_owned()),
        false => found.missing.push(format!("{what}, {why}: run {remedy}")),
    };
    if generates {
        needs(
            login.creates_roles,
            "CREATEROLE",
            "to make a login for each grant",
            format!("`ALTER ROLE {name} CREATEROLE`"),
        );
    }
    needs(
        login.signals,
        "pg_signal_backend",
        "to end sessions",
        format!("`GRANT pg_signal_backend TO {name}`"),
    );
    needs(
        login.reads_stats,
        "pg_read_all_stats",
        "to see sessions",
        format!("`GRANT pg_read_all_stats TO {name}`"),
    );
    if let Some(has) = login.has_reserved_places {
        needs(
            has,
            "reserved connections",
            "so that others cannot take every connection",
            format!(
                "`GRANT pg_use_reserved_connections TO {name}`, and set `reserved_connections = 5` in \
                 the server's configuration"
            ),
        );
    }
    let unneeded = [
        // Before PostgreSQL 16 it may stand in for ADMIN OPTION.
        (
            login.creates_roles && !generates && version >= VERSION_16,
            "CREATEROLE",
        ),
        (login.creates_databases, "CREATEDB"),
        (login.replicates, "REPLICATION"),
        (login.bypasses_rls, "BYPASSRLS"),
    ];
    for (has, what) in unneeded {
        if has {
            found.unneeded.push(what.to_owned());
        }
    }
}

async fn login(connection: &mut PgConnection) -> Result<Login, Error> {
    Ok(sqlx::query_as(concat!(
        "SELECT k.rolname::pg_catalog.text AS name, \
                pg_catalog.current_setting('server_version') AS server, \
                k.rolsuper AS is_superuser, k.rolcreaterole AS creates_roles, \
                k.rolcreatedb AS creates_databases, k.rolreplication AS replicates, \
                k.rolbypassrls AS bypasses_rls, \
                pg_catalog.pg_has_role('pg_signal_backend', 'USAGE') AS signals, \
                pg_catalog.pg_has_role('pg_read_all_stats', 'USAGE') AS reads_stats, \
                (SELECT pg_catalog.pg_has_role(r.oid, 'USAGE') \
                    AND pg_catalog.current_setting('reserved_connections') \
                        OPERATOR(pg_catalog.<>) '0' \
                 FROM pg_catalog.pg_roles r \
                 WHERE r.rolname OPERATOR(pg_catalog.=) 'pg_use_reserved_connections') \
                    AS has_reserved_places, \
                ARRAY(SELECT DISTINCT r.rolname::pg_catalog.text \
                      FROM pg_catalog.pg_auth_members m \
                      JOIN pg_catalog.pg_roles r ON r.oid OPERATOR(pg_catalog.=) m.roleid \
                      WHERE m.member OPERATOR(pg_catalog.=) k.oid \
                        AND r.rolname::pg_catalog.text OPERATOR(pg_catalog.<>) ALL (ARRAY[ \
                            'pg_signal_backend', 'pg_read_all_stats', \
                            'pg_use_reserved_connections']::pg_catalog.text[]) \
                        AND NOT ",
        generated_by_keylend!("r.oid"),
        "             ORDER BY 1) AS roles \
         FROM pg_catalog.pg_roles k \
         WHERE k.rolname OPERATOR(pg_catalog.=) session_user"
    ))
    .fetch_one(connection)
    .await?)
}

/// Whether Keylend's login has ADMIN OPTION on the role, in any way.
async fn has_admin_option(connection: &mut PgConnection, role: Oid) -> Result<bool, Error> {
    Ok(sqlx::query_scalar(
        "SELECT pg_catalog.pg_has_role($1::pg_catalog.oid, 'MEMBER WITH ADMIN OPTION')",
    )
    .bind(role)
    .fetch_one(connection)
    .await?)
}
