//! Which tables the database has, and which this program knows.

use std::sync::LazyLock;

use sqlx::{PgConnection, migrate::Migrator};

/// The migrations. They are tracked in Keylend's schema, and without the migrator's advisory lock:
/// every user of the database can hold that one for as long as they like.
pub(super) static MIGRATIONS: LazyLock<Migrator> = LazyLock::new(|| {
    let mut migrations = sqlx::migrate!("migrations/postgres");
    migrations.dangerous_set_table_name("keylend._sqlx_migrations");
    migrations.set_locking(false);
    migrations
});

/// The version of the tables; 0 where there are none.
pub(super) async fn version(connection: &mut PgConnection) -> sqlx::Result<i64> {
    let (is_there,): (bool,) =
        sqlx::query_as("SELECT to_regclass('keylend._sqlx_migrations') IS NOT NULL")
            .fetch_one(&mut *connection)
            .await?;
    if !is_there {
        return Ok(0);
    }
    let (version,): (Option<i64>,) =
        sqlx::query_as("SELECT max(version) FROM keylend._sqlx_migrations WHERE success")
            .fetch_one(connection)
            .await?;
    Ok(version.unwrap_or_default())
}

/// The version that this program knows.
pub(super) fn known() -> i64 {
    MIGRATIONS
        .iter()
        .map(|migration| migration.version)
        .max()
        .unwrap_or_default()
}
