//! The one connection that writes, and the task that owns it.
//!
//! Whatever waits when a transaction begins goes into it together, each write under a savepoint of
//! its own: a conflict undoes only itself, and many commits share one sync to the disk. Nobody is
//! answered before that. A connection that has failed is replaced, and what failed with it tried
//! again without the write that was the cause.

use std::{fs::File, sync::Arc, sync::Mutex, time::Duration};

use sqlx::{ConnectOptions as _, Connection as _, SqliteConnection, sqlite::SqliteConnectOptions};
use tokio::{
    sync::{mpsc, oneshot, watch},
    task::JoinHandle,
    time::timeout,
};

use super::{
    PATIENCE,
    commit::{Failure, Write, Written, carry_out},
    file::{BUSY, OpenError, for_writing},
    log, unavailable,
};
use crate::store::{Chain, CommitError};

/// Writes that may wait; a caller beyond that waits for its place.
const QUEUE: usize = 1024;

/// Writes in one transaction.
const BATCH: usize = 256;

/// How long the write-ahead log may hold what was erased while others read.
const ERASE_AGAIN: Duration = Duration::from_secs(1);

/// How long readers are waited for when the write-ahead log is cut.
const ERASE_PATIENCE: Duration = Duration::from_millis(100);

/// The way to the task that writes.
#[derive(Debug)]
pub(super) struct Writer {
    /// Nothing after the store was closed.
    task: Mutex<Option<(mpsc::Sender<Job>, JoinHandle<()>)>>,
}

#[derive(Debug)]
struct Job {
    write: Write,
    answer: oneshot::Sender<Result<u64, CommitError>>,
}

impl Writer {
    /// Starts the task. It keeps `lock` until it has ended.
    pub(super) async fn start(
        options: SqliteConnectOptions,
        lock: File,
    ) -> Result<(Self, watch::Receiver<u64>), OpenError> {
        let end = End::of(&options).await?;
        let (head, follow) = watch::channel(end.chain.seq());
        let (jobs, queue) = mpsc::channel(QUEUE);
        let task = Task {
            options,
            end: Some(end),
            head,
            erased: false,
            _lock: lock,
        };
        let task = tokio::spawn(task.run(queue));
        let task = Mutex::new(Some((jobs, task)));
        Ok((Self { task }, follow))
    }

    /// Hands a write to the task and waits until it is durable.
    pub(super) async fn write(&self, write: Write) -> Result<u64, CommitError> {
        let closed = || unavailable("write", "the store is closed");
        let jobs = {
            let task = self.task.lock().expect("nobody panics with this lock");
            task.as_ref().map(|(jobs, _)| jobs.clone())
        };
        let jobs = jobs.ok_or_else(closed)?;
        let (answer, answered) = oneshot::channel();
        let written = async {
            jobs.send(Job { write, answer })
                .await
                .map_err(|_| closed())?;
            answered.await.map_err(|_| closed())?
        };
        match timeout(PATIENCE, written).await {
            Ok(written) => written,
            Err(elapsed) => Err(unavailable("write", elapsed).into()),
        }
    }

    /// Waits until everything is written and the file is let go of.
    pub(super) async fn close(&self) {
        let task = {
            let mut task = self.task.lock().expect("nobody panics with this lock");
            task.take()
        };
        if let Some((jobs, task)) = task {
            drop(jobs);
            // The task has no result, and if it panicked there is nothing left to wait for.
            let _ = task.await;
        }
    }
}

/// The connection, and the end of the chain that it appends to.
struct End {
    connection: SqliteConnection,
    chain: Chain,
}

impl End {
    async fn of(options: &SqliteConnectOptions) -> sqlx::Result<Self> {
        let mut connection = for_writing(options).connect().await?;
        let (seq, hash) = log::last(&mut connection).await?;
        let chain = Chain::after(seq, &hash);
        Ok(Self { connection, chain })
    }

    async fn execute(&mut self, statement: &'static str) -> sqlx::Result<()> {
        sqlx::query(statement)
            .execute(&mut self.connection)
            .await
            .map(drop)
    }
}

/// One write's way through a transaction that came about; nothing is a conflict.
type Outcome = Option<Written>;

/// Why a transaction did not come about.
struct Failed {
    /// The write that was the cause; nothing if none of them can be written.
    culprit: Option<usize>,
    error: sqlx::Error,
}

impl From<sqlx::Error> for Failed {
    fn from(error: sqlx::Error) -> Self {
        let culprit = None;
        Self { culprit, error }
    }
}

struct Task {
    options: SqliteConnectOptions,
    /// Nothing after a failure, until the next write.
    end: Option<End>,
    head: watch::Sender<u64>,
    /// Whether the write-ahead log may still hold what was erased.
    erased: bool,
    _lock: File,
}

impl Task {
    async fn run(mut self, mut queue: mpsc::Receiver<Job>) {
        let mut jobs = Vec::with_capacity(BATCH);
        while self.receive(&mut queue, &mut jobs).await {
            // Nobody waits for these any more: they have been told that they did not happen.
            jobs.retain(|job| !job.answer.is_closed());
            self.settle(&mut jobs).await;
            if self.erased && queue.is_empty() {
                self.cut_journal().await;
            }
        }
        if let Some(end) = self.end.take()
            && let Err(error) = end.connection.close().await
        {
            tracing::warn!(%error, "the store was not closed in order");
        }
    }

    /// Waits for writes; false when there will be no more.
    async fn receive(&mut self, queue: &mut mpsc::Receiver<Job>, jobs: &mut Vec<Job>) -> bool {
        loop {
            let wait = if self.erased {
                ERASE_AGAIN
            } else {
                Duration::MAX
            };
            match timeout(wait, queue.recv_many(jobs, BATCH)).await {
                Ok(received) => return received > 0,
                Err(_) => self.cut_journal().await,
            }
        }
    }

    /// Writes and answers all of `jobs`.
    async fn settle(&mut self, jobs: &mut Vec<Job>) {
        while !jobs.is_empty() {
            match self.write(jobs).await {
                Ok(outcomes) => {
                    for (job, outcome) in jobs.drain(..).zip(outcomes) {
                        let head = outcome.map(|written| written.head);
                        answer(job, head.ok_or(CommitError::Conflict));
                    }
                }
                Err(Failed { culprit, error }) => {
                    if let Some(end) = self.end.take() {
                        // What was begun is rolled back by this, whatever it answers.
                        let _ = end.connection.close().await;
                    }
                    let failed = match culprit {
                        Some(culprit) => vec![jobs.remove(culprit)],
                        None => std::mem::take(jobs),
                    };
                    let error = Arc::new(error);
                    for job in failed {
                        answer(job, Err(unavailable("write", error.clone()).into()));
                    }
                }
            }
        }
    }

    /// Writes all of `jobs` in one transaction.
    async fn write(&mut self, jobs: &[Job]) -> Result<Vec<Outcome>, Failed> {
        let end = match &mut self.end {
            Some(end) => end,
            none => none.insert(End::of(&self.options).await?),
        };
        end.execute("BEGIN IMMEDIATE").await?;
        let mut outcomes = Vec::with_capacity(jobs.len());
        for (index, job) in jobs.iter().enumerate() {
            let outcome = attempt(end, &job.write).await.map_err(|error| Failed {
                culprit: Some(index),
                error,
            })?;
            outcomes.push(outcome);
        }
        end.execute("COMMIT").await?;
        self.erased |= outcomes.iter().flatten().any(|written| written.erased);
        let seq = end.chain.seq();
        self.head
            .send_if_modified(|head| std::mem::replace(head, seq) != seq);
        Ok(outcomes)
    }

    /// Empties the write-ahead log, so that what was erased is not found in it either. Readers can
    /// stand in the way; then it is tried again.
    async fn cut_journal(&mut self) {
        let Some(end) = &mut self.end else {
            return;
        };
        match cut(&mut end.connection).await {
            Ok(cut) => self.erased = !cut,
            Err(error) => tracing::warn!(%error, "the write-ahead log was not cut"),
        }
    }
}

/// Carries out one write, and undoes it if it conflicts.
async fn attempt(end: &mut End, write: &Write) -> sqlx::Result<Outcome> {
    end.execute("SAVEPOINT one").await?;
    let before = end.chain.clone();
    let outcome = match carry_out(&mut end.connection, &mut end.chain, write).await {
        Ok(written) => Some(written),
        Err(Failure::Conflict) => {
            end.execute("ROLLBACK TO one").await?;
            end.chain = before;
            None
        }
        Err(Failure::Database(error)) => return Err(error),
    };
    end.execute("RELEASE one").await?;
    Ok(outcome)
}

/// Says whether nothing stood in the way. While it waits for readers nobody can write, so it does
/// not wait long.
async fn cut(connection: &mut SqliteConnection) -> sqlx::Result<bool> {
    async fn patience(connection: &mut SqliteConnection, time: Duration) -> sqlx::Result<()> {
        let statement = format!("PRAGMA busy_timeout = {}", time.as_millis());
        sqlx::query(sqlx::AssertSqlSafe(statement))
            .execute(connection)
            .await
            .map(drop)
    }
    patience(connection, ERASE_PATIENCE).await?;
    let cut = sqlx::query_as("PRAGMA wal_checkpoint(TRUNCATE)")
        .fetch_one(&mut *connection)
        .await;
    patience(connection, BUSY).await?;
    let (busy, _, _): (i64, i64, i64) = cut?;
    Ok(busy == 0)
}

/// Whoever does not wait any more does not need the answer.
fn answer(job: Job, result: Result<u64, CommitError>) {
    let _ = job.answer.send(result);
}
