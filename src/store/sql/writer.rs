//! A connection of a replica that writes, and the task that owns it.
//!
//! Whatever waits when a transaction begins goes into it together: many commits share one sync to
//! the disk, and a conflict undoes only itself. Nobody is answered before that, so behind a slow
//! server the transaction ends after a second, and the rest goes into the next. A connection that
//! has failed is replaced, and what failed with it tried again: without the write that was the
//! cause, if it was one of them; a few times, if it was the connection. Whether a transaction whose
//! end was not heard of came about is read from the log.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::{mpsc, oneshot, watch},
    task::JoinHandle,
    time::{Instant, sleep, timeout},
};

use super::{
    PATIENCE,
    commit::{Write, Written, carry_out, update_together},
    locks::InForce,
    log,
    pending_writes::PendingWrites,
    run::Failure,
    unavailable,
    write_connection::{Source, TRIES, WriteConnection, is_lost, truncate_wal},
};
use crate::store::{Chain, Change, CommitError, StoreKey, Writable};

/// Writes that may wait; a caller beyond that waits for its place.
const QUEUE: usize = 1024;

/// Writes in one transaction.
const BATCH: usize = 256;

/// How long a transaction takes in writes. All of them wait for its end: were it longer than their
/// patience, nobody would ever be answered.
const SHARE: Duration = Duration::from_secs(1);

/// How long a transaction may take.
const TRANSACTION: Duration = Duration::from_secs(10);

/// How long a connection that has failed may take to close.
const CLOSING: Duration = Duration::from_secs(1);

/// How long nothing is written until it is tried whether it could be, and how long after a failure.
const PROBE: Duration = Duration::from_secs(10);
const PROBE_AGAIN: Duration = Duration::from_secs(2);

/// How long what was erased may be found in the files while others read.
const TIDY_AGAIN: Duration = Duration::from_secs(1);

/// The way to the task that writes.
#[derive(Debug)]
pub(super) struct Writer {
    /// Nothing after the store was closed.
    task: Mutex<Option<(mpsc::Sender<Job>, JoinHandle<()>)>>,
    writable: watch::Receiver<Writable>,
}

#[derive(Debug)]
struct Job {
    write: Write,
    answer: oneshot::Sender<Result<u64, CommitError>>,
}

/// What is said after each transaction.
#[derive(Debug, Clone, Default)]
pub(super) struct Notifier {
    /// The number of the log's last entry.
    pub(super) head: watch::Sender<u64>,
    /// Moves with everything that may give documents their turn.
    pub(super) documents: watch::Sender<u64>,
    /// What this replica has done, for telling the others.
    pub(super) own: watch::Sender<Own>,
    /// Whether a row of a follower was found that Keylend did not write.
    pub(super) is_changed: watch::Sender<bool>,
    /// Where each follower stood when this replica last read or moved its cursor.
    pub(super) cursors: Arc<Mutex<BTreeMap<String, u64>>>,
    /// An entry that was in the log and is not any more; 0 without one.
    pub(super) lost: Arc<AtomicU64>,
}

/// What this replica has done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Own {
    /// The last entry of the log after its last write.
    pub(super) head: u64,
    /// How often it gave documents their turn.
    pub(super) documents: u64,
    /// How often it said that facts are outdated.
    pub(super) facts: u64,
}

impl Notifier {
    /// The log goes up to `seq` at least.
    pub(super) fn reaches(&self, seq: u64) {
        self.head.send_if_modified(|head| {
            let is_news = seq > *head;
            *head = seq.max(*head);
            is_news
        });
    }

    /// A follower stands here.
    pub(super) fn note_cursor(&self, name: &str, seq: u64) {
        let mut cursors = self.cursors.lock().unwrap_or_else(PoisonError::into_inner);
        cursors.insert(name.to_owned(), seq);
    }

    /// Where a follower stood last, if that is known.
    pub(super) fn cursor(&self, name: &str) -> Option<u64> {
        let cursors = self.cursors.lock().unwrap_or_else(PoisonError::into_inner);
        cursors.get(name).copied()
    }

    /// Documents may have got their turn.
    pub(super) fn documents(&self) {
        self.documents
            .send_modify(|times| *times = times.wrapping_add(1));
    }

    /// This replica wrote: the log goes up to `head`, and documents may have got their turn.
    fn wrote(&self, head: u64, documents: bool) {
        self.reaches(head);
        if documents {
            self.documents();
        }
        self.own.send_if_modified(|own| {
            let before = *own;
            own.head = head.max(own.head);
            own.documents += u64::from(documents);
            *own != before
        });
    }
}

impl Writer {
    /// Starts the task on a line from `source`.
    pub(super) async fn start(source: Source, news: Notifier) -> sqlx::Result<Self> {
        let mut line = WriteConnection::open(&source).await?;
        news.reaches(log::head(&mut line.connection, Some(&source.key)).await?);
        let (jobs, queue) = mpsc::channel(QUEUE);
        let (saying, writable) = watch::channel(match source.has_reserve() {
            true => Writable::Everything,
            false => Writable::EndsOnly,
        });
        let task = Task {
            source,
            line: Some(line),
            news,
            writable: saying,
            tried: Instant::now(),
            unconfirmed: None,
            appended: 0,
            anchor: Anchor::default(),
            is_untidy: false,
        };
        let task = tokio::spawn(task.run(queue));
        let task = Mutex::new(Some((jobs, task)));
        Ok(Self { task, writable })
    }

    /// What can be written, after the last transaction. Where nothing is written, one is tried every ten
    /// seconds.
    pub(super) fn writable(&self) -> watch::Receiver<Writable> {
        self.writable.clone()
    }

    /// Hands a write to the task and waits until it is durable.
    pub(super) async fn write(&self, write: Write) -> Result<u64, CommitError> {
        let closed = || unavailable("write", "the store is closed");
        let jobs = {
            let task = self.task.lock().unwrap_or_else(PoisonError::into_inner);
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

    /// Waits until everything is written and the store is let go of.
    pub(super) async fn close(&self) {
        let task = {
            let mut task = self.task.lock().unwrap_or_else(PoisonError::into_inner);
            task.take()
        };
        if let Some((jobs, task)) = task {
            drop(jobs);
            // The task has no result, and if it panicked there is nothing left to wait for.
            let _ = task.await;
        }
    }
}

/// One write's way through a transaction that came about.
type Outcome = Result<Written, NotWritten>;

/// Why one write of a transaction that came about has left nothing.
#[derive(Debug, Clone, Copy)]
enum NotWritten {
    Conflict,
    AlreadyDone,
    /// The log does not end as it should.
    LogBroken,
}

impl From<NotWritten> for CommitError {
    fn from(why: NotWritten) -> Self {
        match why {
            NotWritten::Conflict => Self::Conflict,
            NotWritten::AlreadyDone => Self::AlreadyDone,
            NotWritten::LogBroken => unavailable(
                "write",
                "the log has lost entries, or has some of somebody else",
            )
            .into(),
        }
    }
}

/// Why a transaction did not come about.
struct Failed {
    /// The write that was the cause; nothing if it is not known to be one of them.
    culprit: Option<usize>,
    error: sqlx::Error,
}

/// When what commits leave is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Trails {
    /// At the end of the transaction, all at once.
    Together,
    /// With each write, to find out which of them cannot be written.
    Apart,
}

impl From<sqlx::Error> for Failed {
    fn from(error: sqlx::Error) -> Self {
        let culprit = None;
        Self { culprit, error }
    }
}

/// The last entry that was seen at the end of the log, or written there. What is deleted after a commit, by
/// a trigger for example, shows at the beginning of the next transaction.
#[derive(Default)]
struct Anchor {
    seen: Option<(u64, String)>,
    /// Whether the log has that entry no more.
    is_lost: bool,
    /// Whether somebody else wrote the log's last entry.
    is_foreign: bool,
}

impl Anchor {
    fn seq(&self) -> u64 {
        self.seen.as_ref().map_or(0, |(seq, _)| *seq)
    }

    /// Compares the end of the log with it, and moves on if that is right.
    fn compare(&mut self, end: &log::End, news: &Notifier) {
        let has_seen = |(seq, hash): &(u64, String)| {
            end.seen.as_ref() == Some(hash) && end.chain.seq() >= *seq
        };
        let was_lost =
            std::mem::replace(&mut self.is_lost, !self.seen.as_ref().is_none_or(has_seen));
        self.is_foreign = !end.is_authentic;
        if self.is_lost && !was_lost {
            let seq = self.seq();
            tracing::error!(
                seq,
                "an entry that was in the log is gone; nothing that leads to access is committed: run \
                 `keylend audit verify`"
            );
        }
        let lost = if self.is_lost { self.seq() } else { 0 };
        news.lost.store(lost, Ordering::Relaxed);
        if !self.is_foreign {
            self.note(&end.chain);
        }
    }

    /// The log ends here now.
    fn note(&mut self, chain: &Chain) {
        if !self.is_lost && chain.seq() > 0 {
            self.seen = Some((chain.seq(), chain.hash().to_owned()));
        }
    }

    /// Whether this must not be written: what leads to access to a log that has lost an entry, and notes
    /// behind what somebody else wrote, which would keep what is far ahead in its place.
    fn forbids(&self, write: &Write) -> bool {
        match write {
            Write::Commit(commit) => {
                self.is_lost && commit.leads_to_access() || self.is_foreign && commit.note.is_some()
            }
            _ => false,
        }
    }
}

/// A transaction whose end is under way.
struct UnconfirmedCommit {
    seq: u64,
    hash: String,
    outcomes: Vec<Outcome>,
}

struct Task {
    source: Source,
    /// Nothing after a failure, until the next write.
    line: Option<WriteConnection>,
    news: Notifier,
    writable: watch::Sender<Writable>,
    /// When a transaction was last tried.
    tried: Instant,
    /// There after a failure at the end of a transaction that wrote to the log.
    unconfirmed: Option<UnconfirmedCommit>,
    /// The last entry that the last transaction wrote; 0 if it wrote none.
    appended: u64,
    anchor: Anchor,
    /// Whether the files may still hold what was erased.
    is_untidy: bool,
}

impl Task {
    async fn run(mut self, mut queue: mpsc::Receiver<Job>) {
        let mut jobs = Vec::with_capacity(BATCH);
        while self.receive(&mut queue, &mut jobs).await {
            self.settle(&mut jobs).await;
            if self.is_untidy && queue.is_empty() {
                self.truncate_wal().await;
            }
        }
        if let Some(line) = self.line.take()
            && let Err(error) = line.close().await
        {
            tracing::warn!(%error, "failed to close the store cleanly; nothing that was committed is lost");
        }
    }

    /// Waits for writes; false when there will be no more.
    async fn receive(&mut self, queue: &mut mpsc::Receiver<Job>, jobs: &mut Vec<Job>) -> bool {
        loop {
            let pause = match *self.writable.borrow() {
                Writable::Everything => PROBE,
                Writable::EndsOnly | Writable::Nothing => PROBE_AGAIN,
            };
            let probe_in = pause.saturating_sub(self.tried.elapsed());
            let wait = match self.is_untidy {
                true => TIDY_AGAIN.min(probe_in),
                false => probe_in,
            };
            match timeout(wait, queue.recv_many(jobs, BATCH)).await {
                Ok(received) => return received > 0,
                Err(_) if self.is_untidy => self.truncate_wal().await,
                Err(_) => {}
            }
            if self.tried.elapsed() >= pause {
                self.probe().await;
            }
        }
    }

    /// Tries whether something can be written.
    async fn probe(&mut self) {
        let probe = async {
            let line = opened(&mut self.line, &self.source).await?;
            if let Some(end) = line.begin(&self.source, self.anchor.seq()).await? {
                self.anchor.compare(&end, &self.news);
            }
            line.execute("UPDATE write_probe SET number = number + 1")
                .await?;
            line.commit().await
        };
        let (is_done, writable) = match timeout(TRANSACTION, probe).await {
            Ok(Ok(())) => (true, self.after_success()),
            // A replica on standby does not write, which says nothing of the store.
            Ok(Err(sqlx::Error::Protocol(_))) => {
                let before = *self.writable.borrow();
                (before != Writable::Nothing, before)
            }
            Ok(Err(error)) if self.source.release_reserve(&error) => (false, Writable::EndsOnly),
            Ok(Err(_)) => (false, Writable::Nothing),
            Err(_) => (false, Writable::Nothing),
        };
        self.note_tried(writable);
        if !is_done {
            self.drop_line().await;
        }
    }

    /// What can be written after a transaction that came about.
    fn after_success(&self) -> Writable {
        match self.source.has_reserve() || self.source.restore_reserve() {
            true => Writable::Everything,
            false => Writable::EndsOnly,
        }
    }

    fn note_tried(&mut self, writable: Writable) {
        self.tried = Instant::now();
        self.writable.send_if_modified(|before| {
            let is_news = *before != writable;
            *before = writable;
            is_news
        });
    }

    /// Refuses what would use up the space that is left for access that ends.
    fn refuse_what_can_wait(&self, jobs: &mut Vec<Job>) {
        if *self.writable.borrow() != Writable::EndsOnly {
            return;
        }
        for job in jobs.extract_if(.., |job| job.write.can_wait()) {
            answer(job, Err(unavailable("write", "the disk is full").into()));
        }
    }

    /// Closes the connection, which rolls back what was begun on it.
    async fn drop_line(&mut self) {
        if let Some(line) = self.line.take() {
            let _ = timeout(CLOSING, line.close()).await;
        }
    }

    /// Writes and answers all of `jobs`.
    async fn settle(&mut self, jobs: &mut Vec<Job>) {
        let mut lost = 0;
        let mut trails = Trails::Together;
        loop {
            if self.unconfirmed.is_none() {
                // Nobody waits for these any more: they have been told that they did not happen.
                jobs.retain(|job| !job.answer.is_closed());
                self.refuse_what_can_wait(jobs);
            }
            if jobs.is_empty() {
                return;
            }
            let written = timeout(TRANSACTION, self.write(jobs, trails)).await;
            let failed = match written {
                Ok(Ok(outcomes)) => {
                    let writable = self.after_success();
                    self.note_tried(writable);
                    self.answer(jobs, outcomes);
                    lost = 0;
                    continue;
                }
                Ok(Err(failed)) => failed,
                Err(_) => {
                    sqlx::Error::from(std::io::Error::from(std::io::ErrorKind::TimedOut)).into()
                }
            };
            self.drop_line().await;
            let Failed { culprit, error } = failed;
            if self.source.release_reserve(&error) {
                self.note_tried(Writable::EndsOnly);
                continue;
            }
            if is_lost(&error) {
                lost += 1;
                if lost < TRIES {
                    sleep(self.source.pause(lost)).await;
                    continue;
                }
            } else if culprit.is_none() && jobs.len() > 1 && trails == Trails::Together {
                trails = Trails::Apart;
                continue;
            }
            self.unconfirmed = None;
            // A replica on standby does not write, which says nothing of the store.
            if culprit.is_none() && !matches!(error, sqlx::Error::Protocol(_)) {
                self.note_tried(Writable::Nothing);
            }
            let failed = match culprit.filter(|_| !is_lost(&error)) {
                Some(culprit) => vec![jobs.remove(culprit)],
                None => std::mem::take(jobs),
            };
            let error = Arc::new(error);
            for job in failed {
                answer(job, Err(unavailable("write", error.clone()).into()));
            }
        }
    }

    /// Answers the first of `jobs`: those that have come about.
    fn answer(&mut self, jobs: &mut Vec<Job>, outcomes: Vec<Outcome>) {
        let written = || outcomes.iter().flatten();
        if written().next().is_some() {
            let documents = written().any(|written| written.documents);
            self.news.wrote(self.appended, documents);
        }
        for (job, outcome) in jobs.drain(..outcomes.len()).zip(outcomes) {
            let head = outcome.map(|written| written.head);
            answer(job, head.map_err(CommitError::from));
        }
    }

    /// Writes the first of `jobs` in one transaction, as many as it has time for, unless an earlier
    /// try did.
    async fn write(&mut self, jobs: &[Job], trails: Trails) -> Result<Vec<Outcome>, Failed> {
        let line = opened(&mut self.line, &self.source).await?;
        if let Some(end) = line.begin(&self.source, self.anchor.seq()).await? {
            self.anchor.compare(&end, &self.news);
        }
        // Read after the transaction began: an earlier one has ended by then, one way or the other.
        if let Some(unconfirmed) = &self.unconfirmed
            && log::hash(&mut line.connection, unconfirmed.seq)
                .await?
                .as_ref()
                == Some(&unconfirmed.hash)
        {
            let outcomes = unconfirmed.outcomes.clone();
            self.appended = unconfirmed.seq;
            line.commit().await?;
            self.unconfirmed = None;
            return Ok(outcomes);
        }
        self.unconfirmed = None;
        let before = line.chain.seq();
        let over = Instant::now() + SHARE;
        let mut outcomes = Vec::with_capacity(jobs.len());
        let mut writes = PendingWrites::default();
        let mut in_force = InForce::default();
        // Where one of many updates conflicts, all of them up to here are tried one by one.
        let mut one_by_one = 0;
        while let Some(job) = jobs.get(outcomes.len()) {
            let index = outcomes.len();
            if index > 0 && Instant::now() >= over {
                break;
            }
            if self.anchor.forbids(&job.write) {
                outcomes.push(Err(NotWritten::LogBroken));
                continue;
            }
            if trails == Trails::Together && index >= one_by_one && !self.anchor.is_lost {
                let updates = leading_updates(&jobs[index..]);
                if updates.len() > 1 {
                    match update_all(line, &mut writes, &updates).await? {
                        Some(written) => {
                            outcomes.extend(written.into_iter().map(Ok));
                            continue;
                        }
                        None => one_by_one = index + updates.len(),
                    }
                }
            }
            let failed = |error| Failed {
                culprit: Some(index),
                error,
            };
            if job.write.reads_the_log() {
                let left = std::mem::take(&mut writes)
                    .write(&mut line.connection, &self.source.key)
                    .await;
                self.is_untidy |= left.map_err(failed)?;
            }
            let key = &self.source.key;
            let outcome = attempt(line, key, &mut in_force, &mut writes, &job.write).await;
            outcomes.push(outcome.map_err(failed)?);
            if trails == Trails::Apart {
                let left = std::mem::take(&mut writes)
                    .write(&mut line.connection, &self.source.key)
                    .await;
                self.is_untidy |= left.map_err(failed)?;
            }
        }
        self.is_untidy |= writes.write(&mut line.connection, &self.source.key).await?;
        let seq = line.chain.seq();
        if seq > before {
            self.unconfirmed = Some(UnconfirmedCommit {
                seq,
                hash: line.chain.hash().to_owned(),
                outcomes: outcomes.clone(),
            });
        }
        line.commit().await?;
        self.unconfirmed = None;
        self.appended = 0;
        if seq > before {
            self.appended = seq;
            self.anchor.note(&line.chain);
        }
        Ok(outcomes)
    }

    /// Sees to it that what was erased is not found in the files either. Readers can stand in the
    /// way; then it is tried again.
    async fn truncate_wal(&mut self) {
        let Some(line) = &mut self.line else {
            return;
        };
        match truncate_wal(&mut line.connection).await {
            Ok(done) => self.is_untidy = !done,
            Err(error) => {
                tracing::warn!(
                    %error,
                    "failed to truncate the store's write-ahead log; Keylend retries"
                );
            }
        }
    }
}

/// The connection, opened again if there is none.
async fn opened<'a>(
    line: &'a mut Option<WriteConnection>,
    source: &Source,
) -> sqlx::Result<&'a mut WriteConnection> {
    Ok(match line {
        Some(line) => line,
        none => none.insert(WriteConnection::open(source).await?),
    })
}

/// The requests that the first of `jobs` change and that can change in one statement: each is another
/// one.
fn leading_updates(jobs: &[Job]) -> Vec<&Change> {
    let mut changed = BTreeSet::new();
    jobs.iter()
        .map_while(|job| job.write.as_update())
        .take_while(|change| changed.insert(change.after().id))
        .collect()
}

/// Changes these requests, or none of them if one of them conflicts.
async fn update_all(
    line: &mut WriteConnection,
    writes: &mut PendingWrites,
    changes: &[&Change],
) -> sqlx::Result<Option<Vec<Written>>> {
    let before = line.chain.clone();
    let mut left = PendingWrites::default();
    line.execute("SAVEPOINT together").await?;
    let (connection, chain) = (&mut line.connection, &mut line.chain);
    let written = match update_together(connection, chain, &mut left, changes).await {
        Ok(written) => {
            writes.extend(left);
            Some(written)
        }
        Err(Failure::Conflict | Failure::AlreadyDone) => {
            line.execute("ROLLBACK TO together").await?;
            line.chain = before;
            None
        }
        Err(Failure::Database(error)) => return Err(error),
    };
    line.execute("RELEASE together").await?;
    Ok(written)
}

/// Carries out one write, and undoes it if it conflicts.
async fn attempt(
    line: &mut WriteConnection,
    key: &StoreKey,
    in_force: &mut InForce,
    writes: &mut PendingWrites,
    write: &Write,
) -> sqlx::Result<Outcome> {
    let before = line.chain.clone();
    let can_conflict_midway = write.can_conflict_midway();
    if can_conflict_midway {
        line.execute("SAVEPOINT one").await?;
    }
    let mut left = PendingWrites::default();
    let (connection, chain) = (&mut line.connection, &mut line.chain);
    let written = match write.has_changed(connection, writes).await? {
        true => Err(Failure::Conflict),
        false => carry_out(connection, key, chain, in_force, &mut left, write).await,
    };
    let outcome = match written {
        Ok(written) => {
            writes.extend(left);
            Ok(written)
        }
        Err(Failure::Conflict) => Err(NotWritten::Conflict),
        Err(Failure::AlreadyDone) => Err(NotWritten::AlreadyDone),
        Err(Failure::Database(error)) => return Err(error),
    };
    if outcome.is_err() {
        line.chain = before;
    }
    if can_conflict_midway {
        if outcome.is_err() {
            line.execute("ROLLBACK TO one").await?;
            in_force.forget();
        }
        line.execute("RELEASE one").await?;
    }
    Ok(outcome)
}

/// Whoever does not wait any more does not need the answer.
fn answer(job: Job, result: Result<u64, CommitError>) {
    let _ = job.answer.send(result);
}
