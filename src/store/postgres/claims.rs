//! Claims on the work of all replicas: rows that name the replica, good for as long as it is heard
//! of.
//!
//! One task with a connection of its own asks for claims, gives them back, and lets the replica be
//! heard of. It gathers what waits, so that a burst of small claims is a few statements.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use sqlx::{ConnectOptions as _, Connection as _, PgConnection, postgres::PgConnectOptions};
use tokio::{
    sync::{Notify, mpsc, oneshot},
    task::JoinHandle,
    time::{Instant, sleep, sleep_until, timeout},
};

use super::{
    read::{is_id, read_id},
    replica::{BEAT, LEASE, ReplicaState, is_alive},
    work::latest,
};
use crate::{
    clock::{Entropy as _, SystemEntropy},
    domain::{Lane, RequestId, Time},
    store::{
        Claim, Claims, StoreError,
        answer::{PATIENCE, unavailable},
    },
};

/// Questions that may wait; a caller beyond that waits for its place.
const QUEUE: usize = 256;

/// Questions that are answered together.
const BATCH: usize = 64;

/// How long to wait after a failure.
const PAUSE: Duration = Duration::from_millis(250);

/// After so long without being heard of, this replica counts its claims as lost: before others do.
const LOST: Duration = LEASE.saturating_sub(Duration::from_secs(3));

/// Claims that have ended and are not given back yet.
#[derive(Default)]
struct Ended {
    names: Mutex<Vec<String>>,
    some: Notify,
}

impl Ended {
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.names.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The way to the task that claims.
pub(super) struct ClaimService {
    questions: mpsc::Sender<Question>,
    task: Mutex<Option<JoinHandle<()>>>,
}

enum Question {
    Work {
        lane: Lane,
        now: Time,
        limit: u32,
        answer: oneshot::Sender<Result<Vec<(RequestId, Claim)>, StoreError>>,
    },
    Name {
        name: String,
        answer: oneshot::Sender<Result<Option<Claim>, StoreError>>,
    },
    Leave,
}

impl ClaimService {
    /// Starts the task with a connection that it may use from now on.
    pub(super) fn open(
        options: PgConnectOptions,
        connection: PgConnection,
        standing: ReplicaState,
    ) -> Self {
        let ended = Arc::new(Ended::default());
        let telling = ended.clone();
        let claims = Claims::telling(move |name| {
            let mut names = telling.names.lock().unwrap_or_else(PoisonError::into_inner);
            names.push(name);
            telling.some.notify_one();
        });
        let (questions, queue) = mpsc::channel(QUEUE);
        let task = Task {
            options,
            connection: Some(connection),
            standing,
            claims: Arc::new(claims),
            ended,
            heard: Instant::now(),
            is_failing: false,
        };
        Self {
            questions,
            task: Mutex::new(Some(tokio::spawn(task.run(queue)))),
        }
    }

    /// Gives everything back and says that this replica is gone.
    pub(super) async fn close(&self) {
        let task = {
            let mut task = self.task.lock().unwrap_or_else(PoisonError::into_inner);
            task.take()
        };
        if let Some(task) = task {
            // If nobody hears it any more, the task has ended.
            let _ = self.questions.send(Question::Leave).await;
            let _ = task.await;
        }
    }

    async fn ask<T>(
        &self,
        question: impl FnOnce(oneshot::Sender<Result<T, StoreError>>) -> Question,
    ) -> Result<T, StoreError> {
        let closed = || unavailable("claim work", "the store does not answer");
        let (answer, answered) = oneshot::channel();
        let asked = async {
            let sent = self.questions.send(question(answer)).await;
            sent.map_err(|_| closed())?;
            answered.await.map_err(|_| closed())?
        };
        match timeout(PATIENCE, asked).await {
            Ok(answer) => answer,
            Err(elapsed) => Err(unavailable("claim work", elapsed)),
        }
    }

    pub(super) async fn claim_work(
        &self,
        lane: &Lane,
        now: Time,
        limit: u32,
    ) -> Result<Vec<(RequestId, Claim)>, StoreError> {
        let lane = lane.clone();
        self.ask(|answer| Question::Work {
            lane,
            now,
            limit,
            answer,
        })
        .await
    }

    pub(super) async fn claim_name(&self, name: &str) -> Result<Option<Claim>, StoreError> {
        let name = name.to_owned();
        self.ask(|answer| Question::Name { name, answer }).await
    }
}

struct Task {
    options: PgConnectOptions,
    /// Nothing after a failure.
    connection: Option<PgConnection>,
    standing: ReplicaState,
    claims: Arc<Claims>,
    ended: Arc<Ended>,
    /// When this replica was heard of last.
    heard: Instant,
    is_failing: bool,
}

impl Task {
    async fn run(mut self, mut queue: mpsc::Receiver<Question>) {
        let mut questions = Vec::with_capacity(BATCH);
        loop {
            tokio::select! {
                _ = queue.recv_many(&mut questions, BATCH) => {}
                () = self.ended.some.notified() => {}
                () = sleep_until(self.heard + BEAT) => {}
            }
            if self.heard.elapsed() >= LOST {
                // Said before the server is asked: whoever stood still must not go on meanwhile.
                self.claims.lose();
            }
            let leaves = |question: &Question| matches!(question, Question::Leave);
            if queue.is_closed() || questions.iter().any(leaves) {
                return self.leave().await;
            }
            let served = match timeout(PATIENCE, self.serve(&mut questions)).await {
                Ok(served) => served,
                Err(_) => Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into()),
            };
            match served {
                Ok(()) => self.is_failing = false,
                Err(error) => {
                    // Whoever asked is told by this that there is no answer.
                    questions.clear();
                    self.failed(&error).await;
                }
            }
        }
    }

    async fn failed(&mut self, error: &sqlx::Error) {
        self.connection = None;
        if !std::mem::replace(&mut self.is_failing, true) {
            tracing::warn!(
                %error,
                "failed to reach the store; this replica cannot claim work until it works again"
            );
        }
        sleep(SystemEntropy.jittered(PAUSE)).await;
    }

    async fn serve(&mut self, questions: &mut Vec<Question>) -> sqlx::Result<()> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.reconnect().await?,
        };
        if self.heard.elapsed() >= BEAT {
            self.beat(&mut connection).await?;
        }
        let replica = self.standing.id();
        give_back(&mut connection, &replica, self.ended.take()).await?;
        let is_at_work = self.standing.may_claim();
        let mut names = Vec::new();
        for question in questions.drain(..) {
            match question {
                Question::Work {
                    lane,
                    now,
                    limit,
                    answer,
                } if is_at_work => {
                    let claimed = claim_work(&mut connection, &replica, &lane, now, limit).await?;
                    let claimed = claimed.into_iter().filter_map(|(id, name)| {
                        let claim = self.claims.take(name)?;
                        Some((id, claim))
                    });
                    // Whoever does not wait any more lets go of it with this.
                    let _ = answer.send(Ok(claimed.collect()));
                }
                Question::Work { answer, .. } => drop(answer.send(Ok(Vec::new()))),
                Question::Name { name, answer } => match self.claims.take(name) {
                    Some(claim) if is_at_work => names.push((claim, answer)),
                    _ => drop(answer.send(Ok(None))),
                },
                Question::Leave => {}
            }
        }
        if !names.is_empty() {
            let asked = names.iter().map(|(claim, _)| claim.name().to_owned());
            let ours = claim_names(&mut connection, &replica, asked.collect()).await?;
            for (claim, answer) in names {
                let claim = ours.contains(claim.name()).then_some(claim);
                let _ = answer.send(Ok(claim));
            }
        }
        self.connection = Some(connection);
        Ok(())
    }

    /// A new connection. What the last statement on the old one did is not known, so whatever is
    /// claimed in the store and not here is given back.
    async fn reconnect(&mut self) -> sqlx::Result<PgConnection> {
        let mut connection = self.options.connect().await?;
        self.give_back_unknown(&mut connection).await?;
        Ok(connection)
    }

    /// Gives back what is claimed in the store and not here. Claims are made by this task alone, so nobody
    /// is about to have one of these.
    async fn give_back_unknown(&self, connection: &mut PgConnection) -> sqlx::Result<()> {
        sqlx::query("DELETE FROM claims WHERE replica = $1 AND name <> ALL($2)")
            .bind(self.standing.id())
            .bind(self.claims.names())
            .execute(connection)
            .await
            .map(drop)
    }

    async fn beat(&mut self, connection: &mut PgConnection) -> sqlx::Result<()> {
        if !self.standing.beat(connection).await? {
            tracing::warn!(
                "lease expired; this replica gave up its claims, and others can take its work"
            );
            self.claims.lose();
        } else if !self.standing.may_claim() {
            // What it had claimed before is for the others.
            self.claims.lose();
        }
        self.heard = Instant::now();
        // Whoever can write to the table can put claims there in this replica's name.
        self.give_back_unknown(connection).await
    }

    async fn leave(mut self) {
        if let Some(connection) = &mut self.connection
            && let Err(error) = self.standing.leave(connection).await
        {
            tracing::warn!(
                %error,
                "failed to tell other replicas that this one stopped; they take its work when its lease \
                 expires"
            );
        }
        if let Some(connection) = self.connection {
            // It is closed by being dropped as well.
            let _ = connection.close().await;
        }
    }
}

/// Gives claims back. A claim that another replica has meanwhile stays with that one.
async fn give_back(
    connection: &mut PgConnection,
    replica: &str,
    names: Vec<String>,
) -> sqlx::Result<()> {
    if names.is_empty() {
        return Ok(());
    }
    sqlx::query("DELETE FROM claims WHERE replica = $1 AND name = ANY($2)")
        .bind(replica)
        .bind(names)
        .execute(connection)
        .await
        .map(drop)
}

/// Claims what is due and nobody alive works on. Rows that another replica is claiming at this
/// moment are passed over, so that replicas neither wait for each other nor take the same.
async fn claim_work(
    connection: &mut PgConnection,
    replica: &str,
    lane: &Lane,
    now: Time,
    limit: u32,
) -> sqlx::Result<Vec<(RequestId, String)>> {
    let statement = concat!(
        // In two ranges of the index: what is due later is not read. What is no request's, somebody else
        // put there, and takes the place of none.
        "WITH free AS MATERIALIZED (
             SELECT lane || '/' || request_id AS name FROM due
             WHERE lane = $2 AND due_at <= $3 AND ",
        is_id!("request_id"),
        " AND NOT EXISTS (
                 SELECT 1 FROM claims JOIN replicas ON replicas.id = claims.replica
                 WHERE claims.name = lane || '/' || request_id AND ",
        is_alive!(),
        ")
             ORDER BY due_at, request_id LIMIT $4 FOR UPDATE OF due SKIP LOCKED),
         put_off AS MATERIALIZED (
             SELECT lane || '/' || request_id AS name FROM due
             WHERE lane = $2 AND due_at > $5 AND ",
        is_id!("request_id"),
        " AND NOT EXISTS (
                 SELECT 1 FROM claims JOIN replicas ON replicas.id = claims.replica
                 WHERE claims.name = lane || '/' || request_id AND ",
        is_alive!(),
        ")
             ORDER BY due_at, request_id LIMIT $4 FOR UPDATE OF due SKIP LOCKED)
         INSERT INTO claims (name, replica)
         SELECT name, $1 FROM (SELECT name FROM free UNION ALL SELECT name FROM put_off) AS all_due
         LIMIT $4
         ON CONFLICT (name) DO UPDATE SET replica = excluded.replica
             WHERE NOT EXISTS (SELECT 1 FROM replicas WHERE id = claims.replica AND ",
        is_alive!(),
        ")
         RETURNING name"
    );
    let rows: Vec<(String,)> = sqlx::query_as(statement)
        .bind(replica)
        .bind(lane.name().into_owned())
        .bind(now.timestamp_millis())
        .bind(i64::from(limit))
        .bind(latest(lane, now))
        .fetch_all(connection)
        .await?;
    rows.into_iter()
        .map(|(name,)| {
            let (_, id) = name.rsplit_once('/').unwrap_or_default();
            Ok((read_id(id)?, name))
        })
        .collect()
}

/// Claims names, and answers those that are this replica's now.
async fn claim_names(
    connection: &mut PgConnection,
    replica: &str,
    names: Vec<String>,
) -> sqlx::Result<BTreeSet<String>> {
    let statement = concat!(
        "INSERT INTO claims (name, replica)
         SELECT name, $1 FROM unnest($2::text[]) AS asked (name) ORDER BY name
         ON CONFLICT (name) DO UPDATE SET replica = excluded.replica
             WHERE NOT EXISTS (SELECT 1 FROM replicas WHERE id = claims.replica AND ",
        is_alive!(),
        ")
         RETURNING name"
    );
    let rows: Vec<(String,)> = sqlx::query_as(statement)
        .bind(replica)
        .bind(names)
        .fetch_all(connection)
        .await?;
    Ok(rows.into_iter().map(|(name,)| name).collect())
}
