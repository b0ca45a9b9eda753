//! A PostgreSQL server with what a test needs in it, as an administrator would set it up.

#![allow(
    dead_code,
    unreachable_pub,
    reason = "included by several tests, each of which uses a part of it"
)]

use std::{fs, sync::Arc};

use keylend::backend::Backend;
use sqlx::{AssertSqlSafe, Connection, PgConnection, Row};

use crate::subject::{Calls as _, Order};
use crate::{
    postgres_server::Postgres,
    subject::{build, unique},
};

/// One test's part of a server: a table, a role that may write it, and a login of Keylend's that
/// has no more rights than the documentation says.
pub(crate) struct Part {
    server: Server,
    /// Stands in every name.
    pub(crate) name: String,
    pub(crate) backend: Arc<dyn Backend>,
}

enum Server {
    Shared(&'static Postgres),
    Own(Postgres),
}

impl Part {
    pub(crate) async fn start(limit: &str) -> Self {
        Self::of(Server::Shared(Postgres::shared().await), limit).await
    }

    pub(crate) async fn start_alone(limit: &str) -> Self {
        Self::of(Server::Own(Postgres::start().await), limit).await
    }

    async fn of(server: Server, limit: &str) -> Self {
        let name = unique();
        let postgres = server.postgres();
        let several = match postgres.version().await {
            16.. => "WITH INHERIT TRUE, SET TRUE, ADMIN TRUE",
            _ => "WITH ADMIN OPTION",
        };
        postgres
            .execute(&format!(
                "CREATE TABLE {name}_ledger (line text);
                 CREATE ROLE {name}_writer;
                 GRANT INSERT ON {name}_ledger TO {name}_writer;
                 CREATE SCHEMA {name} AUTHORIZATION {name}_writer;
                 CREATE ROLE {name}_keylend LOGIN CREATEROLE PASSWORD 'keylends';
                 GRANT {name}_writer TO {name}_keylend {several};
                 GRANT pg_signal_backend, pg_read_all_stats TO {name}_keylend;"
            ))
            .await;
        let url = postgres.url_for(&format!("{name}_keylend"), "keylends");
        let backend = backend(&url, limit);
        Self {
            server,
            name,
            backend,
        }
    }

    pub(crate) fn postgres(&self) -> &Postgres {
        self.server.postgres()
    }

    pub(crate) fn role(&self) -> String {
        format!("{}_writer", self.name)
    }

    /// Gives the role to a login, as the superuser.
    pub(crate) async fn grant_by_hand(&self, login: &str) {
        let grant = format!("GRANT {} TO {login}", self.role());
        self.postgres().execute(&grant).await;
    }

    /// Keeps connections for Keylend's login, where PostgreSQL can. Restarts the server.
    pub(crate) async fn complete(&self) {
        let postgres = self.postgres();
        if postgres.version().await >= 16 {
            let grant = format!("GRANT pg_use_reserved_connections TO {}_keylend", self.name);
            postgres.execute(&grant).await;
            let reserve = "ALTER SYSTEM SET reserved_connections = 5";
            postgres.execute(reserve).await;
            postgres.stop().await;
            postgres.start_again().await;
        }
    }

    /// What the role gives.
    pub(crate) fn write(&self) -> String {
        format!("INSERT INTO {}_ledger VALUES ('a line')", self.name)
    }

    /// Whether somebody who logs in now may write.
    pub(crate) async fn can_write(&self, login: &str, password: &str) -> bool {
        match self.log_in(login, password).await {
            Ok(mut session) => run(&mut session, &self.write()).await.is_ok(),
            Err(sqlx::Error::Database(_)) => false,
            Err(error) => panic!("{error}"),
        }
    }

    pub(crate) async fn log_in(
        &self,
        login: &str,
        password: &str,
    ) -> Result<PgConnection, sqlx::Error> {
        PgConnection::connect(&self.postgres().url_for(login, password)).await
    }

    /// Whether a role of this name is there.
    pub(crate) async fn has_role(&self, name: &str) -> bool {
        let rows = self
            .postgres()
            .query(&format!("SELECT FROM pg_roles WHERE rolname = '{name}'"))
            .await;
        !rows.is_empty()
    }
}

impl Server {
    fn postgres(&self) -> &Postgres {
        match self {
            Self::Shared(postgres) => postgres,
            Self::Own(postgres) => postgres,
        }
    }
}

impl Postgres {
    /// The major version.
    pub(crate) async fn version(&self) -> i32 {
        let rows = self
            .query("SELECT current_setting('server_version_num')::int / 10000")
            .await;
        let major: i32 = rows[0].get(0);
        major
    }
}

/// A target as the configuration makes it. The URL comes from a file, as a secret does.
pub(crate) fn backend(url: &str, limit: &str) -> Arc<dyn Backend> {
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    fs::write(file.path(), url).expect("a file of ours");
    let path = file.path().display();
    build(&format!(
        "[postgres]\nurl = {{ file = '{path}' }}\ntimeout = '{limit}'"
    ))
}

pub(crate) async fn run(session: &mut PgConnection, statement: &str) -> Result<(), sqlx::Error> {
    let statement = AssertSqlSafe(statement.to_owned());
    sqlx::raw_sql(statement).execute(session).await.map(drop)
}

/// Whether the session has been ended by the server.
pub(crate) async fn is_dead(session: &mut PgConnection) -> bool {
    run(session, "SELECT 1").await.is_err()
}

pub(crate) async fn grant(
    part: &Part,
    order: &Order,
) -> Result<(), keylend::backend::BackendError> {
    part.backend.grant(order, None).await.map(drop)
}
