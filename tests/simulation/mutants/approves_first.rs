//! An approval is committed, and only then is it asked whether its author may give it. Breaks
//! promise 1: nobody approves without authority, checked before the click counts.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use keylend::{
    broker::{Broker, Error},
    clock::Clock,
    domain::{
        Actor, Command, Entitlement, Handle, Parties, PlannedGrant, PlannedLayer, Refusal, Request,
        RequestId, Span, Time, UserId, decide,
    },
    store::{Change, Commit, CommitError, DecidedOn, Ledger},
};

use super::Mutant;
use crate::target::{CERTIFICATE, TOKEN, revocation_mode};

/// The clock of the youngest replica's checks.
#[derive(Default)]
pub(super) struct YoungestClock(Mutex<Option<Arc<dyn Clock>>>);

impl YoungestClock {
    pub(super) fn keep(&self, clock: Arc<dyn Clock>) -> Arc<dyn Clock> {
        *self.0.lock().unwrap() = Some(clock.clone());
        clock
    }

    /// The moment by it; nothing before a replica was started.
    pub(super) fn now(&self) -> Option<Time> {
        self.0.lock().unwrap().as_ref().map(|clock| clock.now())
    }
}

/// What the youngest replica writes to.
#[derive(Default)]
pub(super) struct YoungestLedger(Mutex<Option<Arc<dyn Ledger>>>);

impl YoungestLedger {
    pub(super) fn set(&self, ledger: Arc<dyn Ledger>) {
        *self.0.lock().unwrap() = Some(ledger);
    }

    pub(super) fn get(&self) -> Arc<dyn Ledger> {
        let ledger = self.0.lock().unwrap();
        ledger.clone().expect("a replica was started")
    }
}

#[derive(Default)]
pub(super) struct ApprovesFirst(YoungestLedger);

#[async_trait]
impl Mutant for ApprovesFirst {
    fn ledger(&self, ledger: Arc<dyn Ledger>) {
        self.0.set(ledger);
    }

    async fn approve(
        &self,
        broker: &Broker,
        by: &UserId,
        id: RequestId,
        revision: u32,
    ) -> Result<Request, Error> {
        let before = broker.request(id).await?;
        let command = approval(broker, &before, by, revision)?;
        let after = carry_out(&self.0, &before, command, before.asked_at, None).await?;
        broker.may_approve(by, &after).await.map(|()| after)
    }
}

/// Somebody's yes, of which nobody asked whether they may say it.
pub(super) fn approval(
    broker: &Broker,
    request: &Request,
    by: &UserId,
    revision: u32,
) -> Result<Command, Refusal> {
    Ok(Command::Approve {
        by: Actor::Person(by.clone()),
        rules: Vec::new(),
        revision,
        parties: Parties::default(),
        grant: PlannedGrant {
            layers: plan(broker, request)?,
            ..PlannedGrant::default()
        },
    })
}

/// Commits what a command does, without another look.
pub(super) async fn carry_out(
    ledger: &YoungestLedger,
    before: &Request,
    command: Command,
    now: Time,
    decided_on: Option<DecidedOn>,
) -> Result<Request, Error> {
    let events = decide(before, command, now)?;
    let change = Change::of(before.clone(), events);
    let after = change.after().clone();
    let commit = Commit {
        changes: vec![change],
        decided_on,
        ..Commit::default()
    };
    match ledger.get().commit(commit).await {
        Ok(_) => Ok(after),
        Err(CommitError::Conflict) => Err(Refusal::NotDue.into()),
        Err(error) => Err(error.into()),
    }
}

fn plan(broker: &Broker, request: &Request) -> Result<Vec<PlannedLayer>, Refusal> {
    let layers = broker.scope(&request.terms.scope)?.layers.iter();
    let plan = layers.enumerate().map(|(index, layer)| {
        let handle = Handle::new(format!("jit_{}_{index}", request.id));
        let role = layer.params["role"].as_str().unwrap_or_default();
        // As the simulated target counts it.
        let whose = match role {
            TOKEN | CERTIFICATE => handle.as_str(),
            _ => request.username.as_str(),
        };
        PlannedLayer {
            backend: layer.backend.clone(),
            params: layer.params.clone(),
            title: None,
            entitlement: Entitlement::new(format!("{}/{role}/{whose}", layer.backend)),
            revocation: revocation_mode(role),
            late_effects: Span::default(),
            handle,
        }
    });
    Ok(plan.collect())
}
