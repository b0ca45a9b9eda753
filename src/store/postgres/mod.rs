//! The store on a PostgreSQL server: for several replicas.
//!
//! Everything is in a schema `keylend`, which only the role that Keylend connects as can create in.
//! Each replica has one connection that writes to the log, one that writes what follows from it, one
//! that claims work, one that listens, one that tells the others, and a few that read. Writers to the
//! log follow each other, so a transaction means the same as with one process and the log has no
//! gaps. A lost connection is made anew, a transaction tried again a few times; while the
//! server is away the answer is that it is. `keylend store migrate` makes the tables, never `serve`.

mod announce;
mod claims;
mod connect;
mod db;
mod exclusive;
mod follow;
mod migrate;
mod replica;
mod schema;
mod tell;
mod version;
mod write_connection;

#[path = "../sql/commit.rs"]
mod commit;
#[path = "../sql/credentials.rs"]
mod credentials;
#[path = "../sql/deliveries.rs"]
mod deliveries;
#[path = "../sql/documents.rs"]
mod documents;
#[path = "../sql/dump.rs"]
mod dump;
#[path = "../sql/high_water.rs"]
mod high_water;
#[path = "../sql/locks.rs"]
mod locks;
#[path = "../sql/log.rs"]
mod log;
#[path = "../sql/pending_writes.rs"]
mod pending_writes;
#[path = "../sql/people.rs"]
mod people;
#[path = "../sql/read.rs"]
mod read;
#[path = "../sql/requests.rs"]
mod requests;
#[path = "../sql/run.rs"]
mod run;
#[path = "../sql/store.rs"]
mod store;
#[path = "../sql/view.rs"]
mod view;
#[path = "../sql/work.rs"]
mod work;
#[path = "../sql/writer.rs"]
mod writer;

use std::fmt;

use sqlx::{
    ConnectOptions as _, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use tokio::{sync::broadcast, time::timeout};
use tokio_util::sync::{CancellationToken, DropGuard};

pub(super) use exclusive::ExclusiveStore;
pub(super) use view::View;

use super::{
    Claim, ClockComparison, Clocks, Invalidation, OpenError, StoreError, StoreKey,
    answer::{PATIENCE, answer, unavailable},
};
use crate::domain::{Lane, RequestId, Time};
use announce::Announcer;
use claims::ClaimService;
use follow::Follower;
use replica::ReplicaState;
use write_connection::Source;
use writer::{Notifier, Writer};

/// Connections that read.
const READERS: u32 = 8;

/// Outdated facts that may wait to be forgotten; beyond that everything is.
const HEARD: usize = 64;

/// The store on a PostgreSQL server.
///
/// A commit that was not answered within five seconds is
/// [`CommitError::Unavailable`](super::CommitError::Unavailable) and is not begun any more; one that
/// was begun may still happen, so load again before trying again.
pub struct PostgresStore {
    reads: PgPool,
    /// Nothing if it was opened for reading only.
    writer: Option<Writer>,
    /// What writes for those who follow the log, so that no commit waits for it; nothing if it was
    /// opened for reading only.
    follower_writer: Option<Writer>,
    desk: Option<ClaimService>,
    standing: Option<ReplicaState>,
    news: Notifier,
    outdated: broadcast::Sender<Invalidation>,
    /// The key of the entries' authentication codes; nothing if it was opened for reading without it.
    key: Option<StoreKey>,
    /// Ends the listening and the telling.
    _listening: DropGuard,
}

/// What the shared statements call it.
type Database = PostgresStore;

impl PostgresStore {
    /// Makes the tables, or brings them up to date, and lets nobody else connect to the database.
    /// Answers what the database's owner has to do, if Keylend may not do it.
    ///
    /// # Errors
    ///
    /// If the server does not answer or does not let this user make tables, if the schema `keylend`
    /// is not this user's alone, or if a later Keylend has been here.
    pub async fn migrate(url: &str) -> Result<Option<String>, OpenError> {
        migrate::migrate(&connect::options(url)?).await
    }

    /// Opens the store for a replica of the service. `configuration` is a digest of what replicas
    /// have to agree on: see [`Store::standby_reason`](super::Store::standby_reason). `key` is that of the
    /// entries' authentication codes. Has to be called in a Tokio runtime.
    ///
    /// # Errors
    ///
    /// If the server does not answer, has the tables of another version, or others can create
    /// objects in the schema `keylend`.
    pub async fn open(url: &str, configuration: &str, key: &StoreKey) -> Result<Self, OpenError> {
        Self::open_for(url, configuration, key, None).await
    }

    /// The same; with `clocks`, this replica's is compared with the store's.
    pub(super) async fn open_for(
        url: &str,
        configuration: &str,
        key: &StoreKey,
        clocks: Option<Clocks>,
    ) -> Result<Self, OpenError> {
        let options = connect::options(url)?;
        let mut connection = options.connect().await?;
        connect::check(&mut connection).await?;
        let standing = ReplicaState::found(&mut connection, configuration, clocks).await?;
        let news = Notifier::default();
        let source = |writes_log| Source {
            key: key.clone(),
            options: options.clone(),
            standing: standing.clone(),
            writes_log,
        };
        let writer = Writer::start(source(true), news.clone()).await?;
        let follower_writer = Writer::start(source(false), news.clone()).await?;
        let reads = pool(&options, READERS);
        let shutdown = CancellationToken::new();
        let listening = pool(&options, 1);
        let outdated = broadcast::Sender::new(HEARD);
        let follower = Follower {
            listening,
            reads: reads.clone(),
            news: news.clone(),
            key: key.clone(),
            outdated: outdated.clone(),
        };
        tokio::spawn(follower.run(shutdown.clone()));
        let announcer = Announcer {
            sending: pool(&options, 1),
            own: news.own.subscribe(),
        };
        tokio::spawn(announcer.run(shutdown.clone()));
        Ok(Self {
            reads,
            writer: Some(writer),
            follower_writer: Some(follower_writer),
            desk: Some(ClaimService::open(options, connection, standing.clone())),
            standing: Some(standing),
            news,
            outdated,
            key: Some(key.clone()),
            _listening: shutdown.drop_guard(),
        })
    }

    /// Opens the store for reading, also while services write to it; commits are refused. The head
    /// is the one at this moment and does not move. Without the key, it is not known who wrote the entries.
    ///
    /// # Errors
    ///
    /// If the server does not answer, or has the tables of another version.
    pub async fn open_read_only(url: &str, key: Option<&StoreKey>) -> Result<Self, OpenError> {
        let options = connect::options(url)?.options([("default_transaction_read_only", "on")]);
        let mut connection = options.connect().await?;
        connect::check_for_reading(&mut connection).await?;
        let news = Notifier::default();
        let seq = log::end(&mut connection).await?.seq();
        news.reaches(seq);
        Ok(Self {
            reads: pool(&options, READERS),
            writer: None,
            follower_writer: None,
            desk: None,
            standing: None,
            news,
            outdated: broadcast::Sender::new(HEARD),
            key: key.cloned(),
            _listening: CancellationToken::new().drop_guard(),
        })
    }

    /// One view of the tables as they are now, also while services write to them.
    pub(super) async fn view(url: &str, key: Option<&StoreKey>) -> Result<View, OpenError> {
        // A page is one statement, and what is done between two of them may take its time.
        let options = connect::options(url)?.options([
            ("default_transaction_read_only", "on"),
            ("statement_timeout", "60s"),
            ("idle_in_transaction_session_timeout", "0"),
        ]);
        let mut connection = options.connect().await?;
        sqlx::query("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            .execute(&mut connection)
            .await?;
        // The first look fixes the view.
        connect::check_for_reading(&mut connection).await?;
        Ok(View::over(connection, key.cloned()))
    }

    async fn shut(&self) {
        let closing = async {
            for writer in [&self.writer, &self.follower_writer].into_iter().flatten() {
                writer.close().await;
            }
            if let Some(desk) = &self.desk {
                desk.close().await;
            }
            self.reads.close().await;
        };
        if timeout(PATIENCE, closing).await.is_err() {
            tracing::warn!("failed to close the store in time; nothing that was committed is lost");
        }
    }

    fn follower_writer(&self) -> Option<&Writer> {
        self.follower_writer.as_ref()
    }

    fn why_out(&self) -> Option<String> {
        self.standing
            .as_ref()
            .and_then(ReplicaState::standby_reason)
    }

    fn compared_clocks(&self) -> ClockComparison {
        let standing = self.standing.as_ref();
        standing.map_or_else(ClockComparison::default, ReplicaState::clocks)
    }

    async fn claim_work(
        &self,
        lane: &Lane,
        now: Time,
        limit: u32,
    ) -> Result<Vec<(RequestId, Claim)>, StoreError> {
        self.desk()?.claim_work(lane, now, limit).await
    }

    async fn claim_name(&self, name: &str) -> Result<Option<Claim>, StoreError> {
        self.desk()?.claim_name(name).await
    }

    fn desk(&self) -> Result<&ClaimService, StoreError> {
        let closed = || unavailable("claim work", "the store was opened for reading only");
        self.desk.as_ref().ok_or_else(closed)
    }
}

impl fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresStore")
            .field("standing", &self.standing)
            .finish_non_exhaustive()
    }
}

/// Connections that are made when they are needed, and looked at before they are used.
fn pool(options: &PgConnectOptions, connections: u32) -> PgPool {
    PgPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(PATIENCE)
        .connect_lazy_with(options.clone())
}
