//! A connection that writes to the server.
//!
//! Every transaction that writes to the log begins by holding the one row of `service`, so the
//! writers of all replicas follow each other: each finds the end of the chain where the one before
//! left it. What only follows from the log waits for nobody. Nothing is written under a configuration
//! that is not in force, or by a replica whose clock is wrong.

use std::time::Duration;

use sqlx::{ConnectOptions as _, Connection as _, postgres::PgConnectOptions};

use super::{
    db::Connection,
    log,
    replica::{ReplicaState, server_time},
};
use crate::{
    clock::{Entropy as _, SystemEntropy},
    store::{Chain, StoreKey},
};

/// How often a transaction is tried when the connection fails.
pub(super) const TRIES: u32 = 6;

/// How long to wait after the first failure; twice as long after each one more.
const PAUSE: Duration = Duration::from_millis(50);

/// Where connections come from.
pub(super) struct Source {
    /// The key of the entries' authentication codes.
    pub(super) key: StoreKey,
    pub(super) options: PgConnectOptions,
    pub(super) standing: ReplicaState,
    /// Whether they write to the log.
    pub(super) writes_log: bool,
}

/// The connection, and the end of the chain that it appends to, if it does.
pub(super) struct WriteConnection {
    pub(super) connection: Connection,
    pub(super) chain: Chain,
}

impl Source {
    /// How long to wait before a transaction is tried again. Replicas that lost the server together
    /// do not come back together.
    pub(super) fn pause(&self, failures: u32) -> Duration {
        let pause = PAUSE * 2_u32.saturating_pow(failures - 1);
        SystemEntropy.jittered(pause / 2)
    }

    /// The space on the disk is the server's, and Keylend can keep none of it.
    pub(super) fn has_reserve(&self) -> bool {
        true
    }

    pub(super) fn release_reserve(&self, _error: &sqlx::Error) -> bool {
        false
    }

    pub(super) fn restore_reserve(&self) -> bool {
        true
    }
}

impl WriteConnection {
    pub(super) async fn open(source: &Source) -> sqlx::Result<Self> {
        let mut connection = source.options.connect().await?;
        let chain = log::end(&mut connection).await?;
        Ok(Self { connection, chain })
    }

    /// Answers how the log ends, and the hash of its entry `seen`, if it writes to the log.
    pub(super) async fn begin(
        &mut self,
        source: &Source,
        seen: u64,
    ) -> sqlx::Result<Option<log::End>> {
        self.execute("BEGIN").await?;
        let question = match source.writes_log {
            true => concat!(
                "SELECT configuration, ",
                server_time!(),
                " FROM service FOR UPDATE"
            ),
            false => concat!("SELECT configuration, ", server_time!(), " FROM service"),
        };
        let asked_at = source.standing.own_time();
        let (configuration, server): (String, i64) = sqlx::query_as(question)
            .fetch_one(&mut self.connection)
            .await?;
        source
            .standing
            .may_write(&configuration, asked_at, server)
            .map_err(sqlx::Error::Protocol)?;
        if !source.writes_log {
            return Ok(None);
        }
        let end = log::end_and(&mut self.connection, &source.key, seen).await?;
        self.chain = end.chain.clone();
        Ok(Some(end))
    }

    pub(super) async fn commit(&mut self) -> sqlx::Result<()> {
        self.execute("COMMIT").await
    }

    pub(super) async fn execute(&mut self, statement: &'static str) -> sqlx::Result<()> {
        sqlx::raw_sql(statement)
            .execute(&mut self.connection)
            .await
            .map(drop)
    }

    pub(super) async fn close(self) -> sqlx::Result<()> {
        self.connection.close().await
    }
}

/// Whether the connection or the server failed, or somebody was waited for too long, rather than a
/// statement being wrong.
pub(super) fn is_lost(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed => true,
        // Connection exceptions, rollbacks for serialisation and deadlocks, too few resources,
        // objects in use, interventions of the operator such as a shutdown, and transactions ended
        // by a time-out: "PostgreSQL Error Codes", appendix A of its manual.
        sqlx::Error::Database(error) => error.code().is_some_and(|code| {
            ["08", "40", "53", "55", "57"]
                .iter()
                .any(|class| code.starts_with(class))
                || code == "25P03"
        }),
        _ => false,
    }
}

/// What was erased is encrypted, and the server's vacuum takes it from its files.
pub(super) async fn truncate_wal(_: &mut Connection) -> sqlx::Result<bool> {
    Ok(true)
}
