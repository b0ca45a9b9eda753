//! Bringing the tables up to date, in one transaction.
//!
//! Whoever migrates at the same time waits for the table of migrations, which nobody else can lock.

use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Connection as _, PgConnection, migrate::MigrateError,
    postgres::PgConnectOptions,
};

use super::{
    schema::{self, Owner},
    version::{MIGRATIONS, known},
};
use crate::store::OpenError;

/// How often a migration is tried that meets another one in a store that has no tables yet.
const TRIES: u32 = 3;

/// Brings the tables up to date, and lets nobody else connect to the database. Answers what an
/// administrator of the database has to do, if Keylend may not.
pub(super) async fn migrate(options: &PgConnectOptions) -> Result<Option<String>, OpenError> {
    // A new index may take longer than any other statement.
    let options = options
        .clone()
        .options([("statement_timeout", "0"), ("lock_timeout", "30s")]);
    let mut connection = options.connect().await?;
    let mut tries = 1;
    let migrated = loop {
        match migrate_once(&mut connection).await {
            Err(error) if tries < TRIES && met_another(&error) => tries += 1,
            migrated => break migrated,
        }
    };
    connection.close().await?;
    migrated
}

async fn migrate_once(connection: &mut PgConnection) -> Result<Option<String>, OpenError> {
    let mut transaction = connection.begin().await?;
    schema::distrust(&mut transaction).await?;
    if !is_there(
        &mut transaction,
        "SELECT to_regnamespace('keylend') IS NOT NULL",
    )
    .await?
    {
        create_schema(&mut transaction).await?;
    }
    schema::check(&mut transaction, Owner::Us).await?;
    let tables = "SELECT to_regclass('keylend._sqlx_migrations') IS NOT NULL";
    if is_there(&mut transaction, tables).await? {
        sqlx::query("LOCK TABLE keylend._sqlx_migrations IN SHARE ROW EXCLUSIVE MODE")
            .execute(&mut *transaction)
            .await?;
    }
    match MIGRATIONS.run(&mut *transaction).await {
        Err(MigrateError::VersionMissing(found)) => {
            let known = known();
            return Err(OpenError::OtherVersion { found, known });
        }
        migrated => migrated?,
    }
    let advice = keep_strangers_out(&mut transaction).await?;
    transaction.commit().await?;
    Ok(advice)
}

async fn is_there(connection: &mut PgConnection, question: &'static str) -> sqlx::Result<bool> {
    let (is_there,) = sqlx::query_as(question).fetch_one(connection).await?;
    Ok(is_there)
}

/// Whether somebody else made the same schema or table first.
fn met_another(error: &OpenError) -> bool {
    let error = match error {
        OpenError::Database(error)
        | OpenError::Migration(
            MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _),
        ) => error,
        _ => return false,
    };
    // unique_violation, duplicate_schema, duplicate_table
    let code = error.as_database_error().and_then(|error| error.code());
    code.is_some_and(|code| ["23505", "42P06", "42P07"].contains(&&*code))
}

async fn create_schema(connection: &mut PgConnection) -> Result<(), OpenError> {
    let created = sqlx::query("CREATE SCHEMA keylend")
        .execute(&mut *connection)
        .await;
    match created {
        Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some("42501") => {
            Err(OpenError::Schema(
                "Keylend's role cannot create the schema `keylend` in this database: ask the \
                 database owner to run `CREATE SCHEMA keylend AUTHORIZATION ROLE`, where ROLE is the \
                 role that Keylend connects as"
                    .to_owned(),
            ))
        }
        created => Ok(created.map(drop)?),
    }
}

/// Takes `CONNECT` and `TEMPORARY` on the database from everybody who does not have them by name: whoever
/// can connect can hold up notifications, and whoever can make temporary tables can keep everybody waiting
/// for the system catalogues. Where the database is not ours, answers what its owner has to run.
async fn keep_strangers_out(connection: &mut PgConnection) -> sqlx::Result<Option<String>> {
    const QUESTION: &str = "
        SELECT datdba = (SELECT oid FROM pg_roles WHERE rolname = current_user),
            EXISTS (SELECT FROM aclexplode(coalesce(datacl, acldefault('d', datdba)))
                WHERE grantee = 0 AND privilege_type IN ('CONNECT', 'TEMPORARY')),
            quote_ident(datname), quote_ident(current_user)
        FROM pg_database WHERE datname = current_database()";
    type Answer = (bool, bool, String, String);
    let (is_ours, is_open, database, role): Answer =
        sqlx::query_as(QUESTION).fetch_one(&mut *connection).await?;
    if !is_open {
        return Ok(None);
    }
    // Ourselves first, so that Keylend is never the one that is kept out.
    let statements = [
        format!("GRANT CONNECT ON DATABASE {database} TO {role}"),
        format!("REVOKE CONNECT, TEMPORARY ON DATABASE {database} FROM PUBLIC"),
    ];
    if is_ours {
        for statement in &statements {
            sqlx::query(AssertSqlSafe(statement.clone()))
                .execute(&mut *connection)
                .await?;
        }
        // What somebody else has granted is still there.
        let (_, is_open, ..): Answer = sqlx::query_as(QUESTION).fetch_one(connection).await?;
        if !is_open {
            return Ok(None);
        }
    }
    Ok(Some(format!(
        "every user of the server can connect to this database: ask its owner to run `{}`",
        statements.join("; ")
    )))
}
