//! The grants that are usable now, in memory, following the log: what checks are answered from.
//!
//! Memory may lag behind the store, and a yes from behind could be a yes after the revocation. So
//! nothing is answered without a [`CaughtUp`], and that is only given out when everything which
//! was committed before the question has been applied, and the store was heard of a moment ago.
//! When the store is away, when the follower has stopped, when it is too slow, there is none, and
//! the answer is no. Expiry needs no follower: it is compared with the clock at every check. What a
//! lock covers is not usable from the lock's commit on, whether or not it has been ended yet.
//!
//! Another replica's commits are known when the store learns of them, and at the latest with the
//! next look at it. Memory that may be more than two seconds behind says nothing.

mod index;
mod proven;

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use tokio::{
    sync::watch,
    time::{Instant, error::Elapsed, sleep, timeout},
};
use tokio_util::sync::CancellationToken;

pub use index::{ActiveGrant, BeingRevoked};

use crate::{
    alerts::Alerts,
    domain::{BackendName, Lock, ScopeId, Time},
    store::{Comparisons, LoggedLocks, OpenPages, Store, StoreError, locks_in_force},
};
use index::GrantIndex;
use proven::{proven, proven_open};

/// How often the store is looked at when it says nothing by itself.
pub const PROBE: Duration = Duration::from_millis(500);

/// How long what was seen in the store counts as the present.
const FRESH: Duration = Duration::from_secs(2);

/// How long one look may take.
const LOOK: Duration = Duration::from_secs(1);

/// How long reading everything again may take.
const REREAD: Duration = Duration::from_secs(30);

/// How long to wait after a failed look.
const RETRY: Duration = Duration::from_millis(200);

/// How many requests, or entries of the log, are looked at at a time.
const PAGE: u32 = 1000;

/// How many requests are compared with the log in one question.
const COMPARED: usize = 250;

/// The grants that are usable now.
pub struct Grants {
    store: Arc<dyn Store>,
    index: RwLock<GrantIndex>,
    comparisons: Arc<Comparisons>,
    logged_locks: LoggedLocks,
    progress: watch::Sender<Progress>,
}

/// How far memory has followed.
#[derive(Debug, Clone, Copy)]
struct Progress {
    /// The last entry of the log that memory knows.
    applied: u64,
    /// When the last successful look at the store began; nothing after a failed one.
    seen: Option<Instant>,
}

impl Progress {
    fn has_reached(&self, head: u64) -> bool {
        self.applied >= head && self.seen.is_some_and(|at| at.elapsed() < FRESH)
    }
}

/// Memory is behind the log, or has lost sight of the store: nothing can be answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("memory knows the log up to {applied} of {head}")]
pub struct Behind {
    /// The last entry that memory knows.
    pub applied: u64,
    /// The log's head when it was asked; not above `applied` if the store is out of sight.
    pub head: u64,
}

/// Proof that memory knew everything that was committed before it was asked for. Good for the
/// check at hand; not to be kept.
#[derive(Clone, Copy)]
pub struct CaughtUp<'a> {
    grants: &'a Grants,
}

impl Grants {
    /// Reads the open requests; [`follow`](Self::follow) has to run from then on.
    ///
    /// # Errors
    ///
    /// If the store does not answer.
    pub async fn load(
        store: Arc<dyn Store>,
        comparisons: Arc<Comparisons>,
    ) -> Result<Self, StoreError> {
        // The head before the requests: what is committed in between is read twice, not missed.
        let seen = Some(Instant::now());
        let applied = *store.head().borrow();
        let logged_locks = LoggedLocks::new(comparisons.clone());
        let locks = locks_in_force(store.locks().await?, logged_locks.read(&*store).await?);
        let index = read(&*store, locks, &comparisons).await?;
        Ok(Self {
            store,
            index: RwLock::new(index),
            comparisons,
            logged_locks,
            progress: watch::Sender::new(Progress { applied, seen }),
        })
    }

    /// Follows the log until `shutdown`, or until the store is closed. Failures are tried again
    /// for ever; meanwhile, and afterwards, nothing is caught up.
    pub async fn follow(&self, shutdown: CancellationToken) {
        shutdown.run_until_cancelled(self.keep_up()).await;
        self.lose_sight();
    }

    /// Waits until memory knows what is in the log now, but no longer than `patience`.
    ///
    /// # Errors
    ///
    /// [`Behind`] if that was not long enough: the answer is no.
    pub async fn caught_up_within(&self, patience: Duration) -> Result<CaughtUp<'_>, Behind> {
        let head = *self.store.head().borrow();
        let mut progress = self.progress.subscribe();
        let reached = progress.wait_for(|progress| progress.has_reached(head));
        match timeout(patience, reached).await {
            Ok(Ok(_)) => Ok(CaughtUp { grants: self }),
            Ok(Err(_)) | Err(_) => Err(Behind {
                applied: self.applied(),
                head,
            }),
        }
    }

    /// The last entry of the log that memory knows.
    pub fn applied(&self) -> u64 {
        self.progress.borrow().applied
    }

    /// How many grants are active, those included whose time is over and which nothing has ended
    /// yet.
    pub fn active(&self) -> usize {
        self.read(GrantIndex::len)
    }

    /// How many grants ended before `time` and count as active all the same, because nothing says that they
    /// are over.
    pub fn ended_before(&self, time: Time) -> usize {
        self.read(|index| index.ended_before(time))
    }

    /// Keeps an alert for each target that fails to revoke, from the first recorded failure until
    /// the access of every grant is proven gone there; until `shutdown`.
    pub async fn watch_revocations(&self, alerts: &Alerts, shutdown: CancellationToken) {
        let mut progress = self.progress.subscribe();
        let mut shown: BTreeMap<BackendName, usize> = BTreeMap::new();
        let watching = async {
            loop {
                progress.borrow_and_update();
                let failing = self.read(|index| index.failing().clone());
                if failing != shown {
                    for target in shown.keys().filter(|target| !failing.contains_key(*target)) {
                        alerts.clear(&alert_name(target));
                    }
                    for (target, count) in &failing {
                        alerts.raise(alert_name(target), alert_text(target, *count));
                    }
                    shown = failing;
                }
                // The sender lives as long as `self`.
                if progress.changed().await.is_err() {
                    return;
                }
            }
        };
        shutdown.run_until_cancelled(watching).await;
    }

    async fn keep_up(&self) {
        // Registered before the first look: a commit that falls between a look and the wait
        // behind it still ends that wait.
        let mut head = self.store.head();
        let mut failing = false;
        loop {
            head.borrow_and_update();
            let pause = match self.look().await {
                Ok(()) => {
                    if std::mem::take(&mut failing) {
                        tracing::info!("checks are up to date with the log again");
                    }
                    PROBE
                }
                Err(error) => {
                    self.lose_sight();
                    if !std::mem::replace(&mut failing, true) {
                        tracing::warn!(
                            %error,
                            "failed to follow the log; checks answer 503 until it works again"
                        );
                    }
                    RETRY
                }
            };
            tokio::select! {
                // In a fixed order, so that a run can be told again.
                biased;
                moved = head.changed() => if moved.is_err() {
                    tracing::warn!("the store is closed; checks answer 503");
                    return;
                },
                () = sleep(pause) => {}
            }
        }
    }

    /// Applies what is in the log behind what memory knows.
    async fn look(&self) -> Result<(), Failure> {
        loop {
            let seen = Instant::now();
            let head = *self.store.head().borrow();
            let applied = self.applied();
            let (changed, through) = timeout(LOOK, self.store.changed(applied, PAGE)).await??;
            if through < applied || self.store.lost_entry().is_some() {
                return Err(Failure::Cut);
            }
            // Behind the requests, so that no lock is missed that was committed before them.
            let table = timeout(LOOK, self.store.locks()).await??;
            let logged = match through > applied {
                true => timeout(LOOK, self.logged_locks.read(&*self.store)).await??,
                false => self.logged_locks.known(),
            };
            let locks = locks_in_force(table, logged);
            if self.read(|index| *index.locks() == *locks) {
                for changed in changed.chunks(COMPARED) {
                    let proven = proven(&*self.store, &self.comparisons, changed);
                    let proven = timeout(LOOK, proven).await??;
                    let mut index = self.index.write().unwrap_or_else(PoisonError::into_inner);
                    index.note_all(&proven);
                }
            } else {
                // Rare, and what else it changes is a matter of every grant.
                let read = read(&*self.store, locks, &self.comparisons);
                let read = timeout(REREAD, read).await??;
                *self.index.write().unwrap_or_else(PoisonError::into_inner) = read;
            }
            self.progress.send_replace(Progress {
                applied: through,
                seen: Some(seen),
            });
            // No step forward means that the head is not to be read yet: wait, do not spin.
            if through >= head || through == applied {
                return Ok(());
            }
        }
    }

    fn lose_sight(&self) {
        self.progress.send_modify(|progress| progress.seen = None);
    }

    fn read<T>(&self, question: impl FnOnce(&GrantIndex) -> T) -> T {
        question(&self.index.read().unwrap_or_else(PoisonError::into_inner))
    }
}

/// All open requests, under these locks.
async fn read(
    store: &dyn Store,
    locks: Vec<Lock>,
    comparisons: &Comparisons,
) -> Result<GrantIndex, StoreError> {
    let mut index = GrantIndex::under(locks);
    let mut pages = OpenPages::new(store, PAGE);
    while let Some(page) = pages.next().await? {
        for requests in page.chunks(COMPARED) {
            index.note_all(&proven_open(store, comparisons, requests).await?);
        }
    }
    Ok(index)
}

impl CaughtUp<'_> {
    /// The grant by which `subject`, a Slack id or an email address, may use `scope` at `now`; of
    /// several, the one that lasts longest.
    pub fn check(&self, subject: &str, scope: &ScopeId, now: Time) -> Option<ActiveGrant> {
        self.grants.read(|index| index.check(subject, scope, now))
    }

    /// The grant of `subject` for `scope` that is over at `now` and whose access is not proven
    /// gone yet.
    pub fn being_revoked(&self, subject: &str, scope: &ScopeId, now: Time) -> Option<BeingRevoked> {
        self.grants
            .read(|index| index.being_revoked(subject, scope, now))
    }
}

fn alert_name(target: &BackendName) -> String {
    format!("revocation_failing:{target}")
}

fn alert_text(target: &BackendName, count: usize) -> String {
    let grants = match count {
        1 => "1 grant".to_owned(),
        many => format!("{many} grants"),
    };
    format!(
        "{target} failed to revoke {grants}. The access may still work. Keylend retries until it has \
         confirmed removal. Check that the target is reachable."
    )
}

/// Why a look at the store failed.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the log has lost entries: run `keylend audit verify`")]
    Cut,
    #[error("the store did not answer in time")]
    Slow(#[from] Elapsed),
}
