//! The only place that changes state: gather the facts, ask the policy, decide, commit.
//!
//! A person who is refused gets a [`Refusal`], and then nothing has changed. Where something failed instead,
//! the [`Error`] says what. A commit that comes too late is decided again from a fresh load, so that
//! whatever raced, each answer rests on what is in the store.

mod approve;
mod approver_groups;
mod approvers;
mod ask;
mod ask_back;
mod attempts;
mod break_glass;
mod changes;
mod credentials;
mod end;
mod error;
mod extend;
mod facts;
mod find;
mod findings;
mod groups;
mod held_at;
mod intent;
mod leave;
mod loaded;
mod locks;
mod log;
mod names;
mod outdated;
mod people;
mod preview;
mod questions;
mod record;
mod refused_attempts;
mod refused_tickets;
mod requestable;
mod revise;
mod shorten;
mod situation;
mod start;
mod tickets;

use std::{collections::BTreeSet, sync::Arc};

pub use ask::Ask;
pub use break_glass::{OpenReviews, ReviewsToSignOff};
pub use changes::Changed;
pub use credentials::Credential;
pub use end::{Covered, Locked};
pub use error::Error;
pub use find::Interruption;
pub use findings::{Members, TooFewApprovers};
pub use held_at::{HeldAt, HeldBy};
pub use intent::Intent;
pub use leave::Memberships;
pub use preview::{Preview, Proposal};
pub use questions::Questions;
pub use situation::Situation;

pub(crate) use loaded::Loaded;

use tokio::sync::OnceCell;

use attempts::Attempts;
use changes::Changes;
use error::ATTEMPTS;
use findings::Findings;
use refused_tickets::RefusedTickets;

use crate::{
    alerts::Alerts,
    backend::{Backends, BoundLayer},
    clock::{Clock, Entropy},
    directory::Directory,
    domain::{
        Catalogue, Command, Event, GroupName, Limits, Occurred, PlannedLayer, Refusal, Request,
        RequestId, Time, decide,
    },
    metrics::Metrics,
    policy::Policy,
    store::{
        Change, Commit, CommitError, Comparisons, Delivered, Ledger, LoggedLocks, LoggedNotes,
        LoggedPeople, Store, WorkClaims, work_alone,
    },
    tickets::Tickets,
    vault::Vault,
};

/// What the broker works with. All of it comes from outside.
pub struct Parts {
    /// Where state lives.
    pub ledger: Arc<dyn Ledger>,
    /// Who does which work.
    pub claims: Arc<dyn WorkClaims>,
    /// What was compared with the log already.
    pub comparisons: Arc<Comparisons>,
    /// The rules.
    pub policy: Policy,
    /// Who somebody is.
    pub directory: Arc<Directory>,
    /// The targets.
    pub backends: Arc<Backends>,
    /// What can be asked for.
    pub catalogue: Catalogue,
    /// What holds for everybody.
    pub limits: Limits,
    /// The groups whose members may lock anything and revoke anything.
    pub administrators: BTreeSet<GroupName>,
    /// The key for credentials.
    pub vault: Vault,
    /// What somebody has to look at.
    pub alerts: Arc<Alerts>,
    /// Where outcomes are counted.
    pub metrics: Arc<Metrics>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
}

/// The only place that changes state.
pub struct Broker {
    parts: Parts,
    /// The ledger, for reading.
    store: Arc<dyn Store>,
    /// The groups that the policy's rules name, whose members it must be told of.
    named_groups: BTreeSet<GroupName>,
    /// The locks that the log says are in force.
    logged_locks: LoggedLocks,
    /// What the log says of people.
    people: LoggedPeople,
    /// Whether what was kept of people was taken on, once for all who wait for the log.
    people_restored: OnceCell<()>,
    /// What the log says that no decision rests on.
    notes: LoggedNotes,
    attempts: Attempts,
    changes: Changes,
    /// What was found out about who can approve what is new.
    findings: Findings,
    /// Who knows about tickets; nothing if no scope needs an open one.
    tickets: Option<Tickets>,
    refused_tickets: RefusedTickets,
}

impl Broker {
    /// A broker over `parts`.
    pub fn new(parts: Parts) -> Self {
        let named_groups = parts.policy.groups().clone();
        let store: Arc<dyn Store> = parts.ledger.clone();
        let comparisons = || parts.comparisons.clone();
        let logged_locks = LoggedLocks::new(comparisons());
        let people = LoggedPeople::new(comparisons());
        Self {
            parts,
            store,
            named_groups,
            logged_locks,
            people,
            people_restored: OnceCell::new(),
            notes: LoggedNotes::default(),
            attempts: Attempts::default(),
            changes: Changes::default(),
            findings: Findings::default(),
            tickets: None,
            refused_tickets: RefusedTickets::default(),
        }
    }

    /// What can be asked for.
    pub fn catalogue(&self) -> &Catalogue {
        &self.parts.catalogue
    }

    /// What is known of people.
    pub fn directory(&self) -> &Arc<Directory> {
        &self.parts.directory
    }

    /// Where state lives, for those who only read.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// Who does which work.
    pub fn claims(&self) -> &dyn WorkClaims {
        &*self.parts.claims
    }

    /// Does `work` unless another replica has claimed `name`, until it is done or the claim is lost. Answers
    /// whether it was begun.
    pub async fn work_alone(&self, name: &str, work: impl Future<Output = ()>) -> bool {
        work_alone(self.claims(), name, work).await
    }

    /// What somebody has to look at.
    pub fn alerts(&self) -> &Alerts {
        &self.parts.alerts
    }

    fn now(&self) -> Time {
        self.parts.clock.now()
    }

    /// Loads, decides and commits until nobody else was faster. `decide` sees the request as the log
    /// tells it and answers the whole transaction.
    ///
    /// Where the log does not tell, an end can still begin, but nothing else is said.
    async fn settle<F>(
        &self,
        intent: Option<&Intent>,
        id: RequestId,
        decide: impl FnMut(Request) -> F,
    ) -> Result<Request, Error>
    where
        F: Future<Output = Result<(Request, Commit), Error>>,
    {
        let loaded = self.load(id).await?;
        let settled = self
            .attempt(intent, loaded, || self.load(id), decide)
            .await?;
        Ok(settled.request)
    }

    /// Commits `command`, decided on the request as it is now.
    async fn act(
        &self,
        intent: Option<&Intent>,
        id: RequestId,
        command: Command,
    ) -> Result<Request, Error> {
        self.settle(intent, id, async |request| {
            Ok(single_change(self.change(&request, command.clone())?))
        })
        .await
    }

    /// Like [`settle`](Self::settle), but refuses where the log says something else than the
    /// snapshot.
    async fn settle_unchanged<F>(
        &self,
        intent: Option<&Intent>,
        id: RequestId,
        decide: impl FnMut(Request) -> F,
    ) -> Result<Request, Error>
    where
        F: Future<Output = Result<(Request, Commit), Error>>,
    {
        let (loaded, load) = (self.load_unchanged(id).await?, || self.load_unchanged(id));
        let settled = self.attempt(intent, loaded, load, decide).await?;
        Ok(settled.request)
    }

    /// Decides on what was loaded, or was loaded again after somebody else was faster. `intent` is
    /// whose wish it is; nothing where it is nobody's but follows from what is in the store.
    async fn attempt<F, L>(
        &self,
        intent: Option<&Intent>,
        mut loaded: Loaded,
        load: impl Fn() -> L,
        mut decide: impl FnMut(Request) -> F,
    ) -> Result<Loaded, Error>
    where
        F: Future<Output = Result<(Request, Commit), Error>>,
        L: Future<Output = Result<Loaded, Error>>,
    {
        for _ in 0..ATTEMPTS {
            let Loaded { request, logged } = loaded;
            let (after, mut commit) = decide(request.clone()).await?;
            for change in &mut commit.changes {
                if change.after().id == request.id {
                    change.last_seq = logged;
                }
            }
            if logged.is_none() && !commit.changes.iter().all(only_ends) {
                return Err(Error::Contradicted(request.id));
            }
            match self.commit(intent, Some(&request), commit).await {
                Ok(last_seq) => {
                    let logged = logged.map(|_| last_seq);
                    if logged.is_some() {
                        self.parts.comparisons.remember(&after, last_seq);
                    }
                    let request = after;
                    return Ok(Loaded { request, logged });
                }
                Err(CommitError::Conflict) => loaded = load().await?,
                Err(error) => return Err(error.into()),
            }
        }
        Err(Error::TooManyConflicts)
    }

    /// Commits for `intent`, and counts what happened. `before` is the request that it is about. Answers
    /// the number of the last entry that it made.
    async fn commit(
        &self,
        intent: Option<&Intent>,
        before: Option<&Request>,
        mut commit: Commit,
    ) -> Result<u64, CommitError> {
        commit.delivered = intent.and_then(Intent::key).map(|key| Delivered {
            key,
            at: self.now(),
        });
        let changes = commit.changes.iter();
        let events: Vec<(RequestId, Vec<Occurred>)> = changes
            .map(|change| (change.after().id, change.events().to_vec()))
            .collect();
        let last_seq = self.parts.ledger.commit(commit).await?;
        if let Some(intent) = intent {
            intent.note_committed();
        }
        for (id, events) in events {
            let before = before.filter(|before| before.id == id);
            for occurred in &events {
                let metrics = &self.parts.metrics;
                metrics.occurred(before, occurred.at, &occurred.event);
            }
        }
        Ok(last_seq)
    }

    /// The change that `command` makes of `request` now.
    fn change(&self, request: &Request, command: Command) -> Result<Change, Refusal> {
        let events = decide(request, command, self.now())?;
        Ok(Change::of(request.clone(), events))
    }

    /// The layer in its target; nothing if the configuration has no such target any more, or the
    /// target takes other parameters now.
    fn bind(&self, plan: &PlannedLayer) -> Option<Box<dyn BoundLayer>> {
        let backend = self.parts.backends.get(&plan.backend)?;
        backend.bind(&plan.params).ok()
    }
}

/// Whether an end begins, or fails once more, and nothing is said to be gone.
fn only_ends(change: &Change) -> bool {
    let mut events = change.events().iter();
    events.all(|occurred| is_of_an_end(&occurred.event))
}

/// Whether an end begins by it, or fails once more.
fn is_of_an_end(event: &Event) -> bool {
    matches!(
        event,
        Event::RevocationStarted { .. } | Event::LayerRevokeFailed { .. }
    )
}

/// One request changes, and nothing else.
fn single_change(change: Change) -> (Request, Commit) {
    (
        change.after().clone(),
        Commit {
            changes: vec![change],
            ..Commit::default()
        },
    )
}
