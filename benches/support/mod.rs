//! What the benchmarks measure on: a catalogue, people who are always there, a target in memory.

pub mod program;
pub mod slack;

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use async_trait::async_trait;
use keylend::{
    backend::{Backend, BackendError, Backends, Ending, Order, Presence},
    broker::{Broker, Parts},
    clock::{Clock, SystemClock, SystemEntropy},
    directory::{Directory, FactsUnavailable, GroupSource, PeopleSource, Profile},
    domain::{
        Actor, BackendName, ChannelId, Command, Email, Entitlement, Environment, Event, Gone,
        GroupName, Handle, LayerSpec, Limits, Occurred, Params, PlannedLayer, ReasonRule, Request,
        RequestId, Risk, RuleId, Scope, ScopeId, Span, Standing, Terms, Time, UserId, Username,
        decide, open,
    },
    metrics::Metrics,
    policy::Policy,
    store::{Change, Commit, Record, SqliteStore, Store},
    vault::Vault,
};
use secrecy::SecretString;

/// A target that keeps its access in memory and answers at once.
#[derive(Default)]
pub struct InMemory {
    there: Mutex<HashSet<String>>,
    revoked: AtomicUsize,
}

impl InMemory {
    pub fn put(&self, entitlement: &str) {
        self.there.lock().unwrap().insert(entitlement.to_owned());
    }

    pub fn revoked(&self) -> usize {
        self.revoked.load(Ordering::Relaxed)
    }
}

#[async_trait]
impl Backend for InMemory {
    fn ending(&self, _: &Params) -> Ending {
        Ending::ByKeylend
    }

    fn entitlement(&self, order: &Order) -> Entitlement {
        Entitlement::new(order.handle.as_str())
    }

    fn credential(&self, _: &Order) -> Option<Vec<(String, String)>> {
        None
    }

    async fn make(&self, order: &Order, _: Option<&SecretString>) -> Result<(), BackendError> {
        self.put(order.handle.as_str());
        Ok(())
    }

    async fn unmake(&self, order: &Order) -> Result<(), BackendError> {
        if self.there.lock().unwrap().remove(order.handle.as_str()) {
            self.revoked.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }

    async fn read(&self, order: &Order) -> Result<Presence, BackendError> {
        let there = self.there.lock().unwrap().contains(order.handle.as_str());
        Ok(if there {
            Presence::Present
        } else {
            Presence::Absent
        })
    }
}

/// Everybody is a member.
pub struct Everybody;

#[async_trait]
impl PeopleSource for Everybody {
    async fn profile(&self, id: &UserId) -> Result<Option<Profile>, FactsUnavailable> {
        Ok(Some(Profile {
            id: id.clone(),
            name: "alice".to_owned(),
            standing: Standing::Member,
            email: Some(Email::new("alice@example.com")),
        }))
    }

    async fn usergroup(&self, _: &str) -> Result<BTreeSet<UserId>, FactsUnavailable> {
        Ok(BTreeSet::new())
    }
}

pub fn scope_id() -> ScopeId {
    "db-prod:write".parse().unwrap()
}

pub fn scope() -> Scope {
    Scope {
        id: scope_id(),
        title: "Production database, write".to_owned(),
        environment: Some(Environment::new("prod")),
        risk: Risk::High,
        default_duration: Span::minutes(30),
        max_duration: Span::minutes(60),
        requesters: BTreeSet::from([GroupName::new("engineers")]),
        approvers: BTreeSet::from([GroupName::new("dba")]),
        approvals: 1.try_into().unwrap(),
        approval_channel: ChannelId::new("C0DBA"),
        reason: ReasonRule::Required,
        ticket: None,
        layers: vec![LayerSpec {
            backend: BackendName::new("memory"),
            params: Params::new(),
        }],
    }
}

/// The broker over a store and the target in memory.
pub fn broker(store: Arc<SqliteStore>, target: Arc<InMemory>) -> (Arc<Broker>, Arc<Backends>) {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let backend: Arc<dyn Backend> = target;
    let backends = Arc::new(Backends::from([(BackendName::new("memory"), backend)]));
    let groups = BTreeMap::from([
        (
            GroupName::new("engineers"),
            GroupSource::Members((0..100).map(|n| UserId::new(format!("U0ENG{n}"))).collect()),
        ),
        (
            GroupName::new("dba"),
            GroupSource::Members(BTreeSet::from([UserId::new("U0BOB")])),
        ),
    ]);
    let directory = Directory::new(Arc::new(Everybody), clock.clone(), groups, BTreeMap::new());
    let broker = Broker::new(Parts {
        store,
        policy: Policy::base(),
        directory: Arc::new(directory),
        backends: backends.clone(),
        catalogue: BTreeMap::from([(scope_id(), scope())]),
        limits: Limits::default(),
        administrators: BTreeSet::new(),
        audit_channel: ChannelId::new("C0AUDIT"),
        vault: Vault::new(&"00".repeat(32).into()).unwrap(),
        metrics: Arc::new(Metrics::default()),
        clock,
        entropy: Arc::new(SystemEntropy),
    });
    (Arc::new(broker), backends)
}

/// One grant that is active until `end`, as one commit would have left it.
pub fn active(number: usize, from: Time, end: Time) -> (Request, Vec<Occurred>) {
    let id = RequestId::derive(&format!("active {number}"));
    let requester = UserId::new(format!("U0ENG{}", number % 5_000));
    let seconds = u32::try_from((end - from).num_seconds()).unwrap();
    let first = Occurred {
        at: from,
        actor: Actor::Person(requester.clone()),
        rules: vec![RuleId::new("requester-group")],
        event: Event::Requested {
            email: Email::new(format!("engineer{}@example.com", number % 5_000)),
            username: Username::new(format!("engineer{}", number % 5_000)),
            requester,
            terms: Terms {
                scope: scope_id(),
                title: "Production database, write".to_owned(),
                environment: Some(Environment::new("prod")),
                risk: Risk::High,
                duration: Span::seconds(seconds),
                reason: "writes are failing since the last deployment".to_owned(),
                ticket: Some("INC-4211".to_owned()),
            },
            approvals_needed: 1,
            approval_channel: ChannelId::new("C0DBA"),
            mirrors: Vec::new(),
            lapses_at: end,
        },
    };
    let mut events = vec![first];
    let mut request = open(id, &events[0]);
    let handle = format!("jit_{id}_0");
    let plan = vec![PlannedLayer {
        backend: BackendName::new("memory"),
        params: Params::new(),
        entitlement: Entitlement::new(handle.as_str()),
        handle: Handle::new(handle),
    }];
    let by = Actor::Person(UserId::new("U0BOB"));
    let rules = vec![RuleId::new("approver-group")];
    let approve = Command::Approve {
        by,
        rules,
        revision: 1,
        plan,
        after: Vec::new(),
    };
    tell(&mut request, &mut events, approve, from);
    tell(
        &mut request,
        &mut events,
        Command::Surveyed {
            layer: 0,
            given: true,
        },
        from,
    );
    tell(
        &mut request,
        &mut events,
        Command::Made {
            layer: 0,
            until: end,
        },
        from,
    );
    (request, events)
}

/// One request from asking to its end.
pub fn ended(number: usize, from: Time) -> (Request, Vec<Occurred>) {
    let end = Span::minutes(30).after(from);
    let (mut request, mut events) = active(number, from, end);
    tell(&mut request, &mut events, Command::Expire, end);
    tell(
        &mut request,
        &mut events,
        Command::Unmade {
            layer: 0,
            how: Gone::Removed,
        },
        end,
    );
    (request, events)
}

fn tell(request: &mut Request, events: &mut Vec<Occurred>, command: Command, now: Time) {
    for event in decide(request, command, now).unwrap() {
        request.apply(&event);
        events.push(event);
    }
}

/// Writes many requests, several hundred to a transaction.
pub async fn fill(store: &SqliteStore, requests: impl Iterator<Item = (Request, Vec<Occurred>)>) {
    let mut changes = Vec::new();
    for (after, events) in requests {
        let records = events
            .iter()
            .map(|event| Record::of(after.id, event))
            .collect();
        changes.push(Change {
            after,
            before: None,
            records,
            cards: Vec::new(),
        });
        if changes.len() == 500 {
            commit(store, std::mem::take(&mut changes)).await;
        }
    }
    commit(store, changes).await;
}

async fn commit(store: &SqliteStore, changes: Vec<Change>) {
    if !changes.is_empty() {
        store
            .commit(Commit {
                changes,
                ..Commit::default()
            })
            .await
            .unwrap();
    }
}

pub async fn store(folder: &Path) -> Arc<SqliteStore> {
    Arc::new(SqliteStore::open(&folder.join("keylend.db")).await.unwrap())
}

pub fn now() -> Time {
    SystemClock.now()
}
