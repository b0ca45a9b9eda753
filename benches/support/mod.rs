//! What the benchmarks measure on: a catalogue, people who are always there, a target in memory.

pub mod figures;
pub mod load;
pub mod places;
pub mod program;
pub mod raw;
pub mod replica;
pub mod rival;
pub mod slack;

#[path = "../../tests/support/postgres.rs"]
pub mod postgres;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use keylend::{
    backend::{
        Backend, BackendError, Backends, BoundLayer, Granted, InvalidParam, LayerRequest, Presence,
    },
    broker::{Broker, Parts},
    clock::{Clock, SystemClock, SystemEntropy},
    directory::{
        Confirmed, Directory, FactsUnavailable, GroupSource, Identities, PeopleSource, Profile,
    },
    domain::{
        Actor, AskKey, BackendName, ChannelId, Command, Email, Entitlement, Environment, Event,
        GroupName, Handle, Human, INSPECT_AGAIN, LayerSpec, Leftovers, Limits, Occurred, OnLeave,
        Params, Parties, PlannedGrant, PlannedLayer, ReasonRule, Removal, Request, RequestId,
        RevocationMode, Risk, RuleId, Scope, ScopeId, Span, Standing, Terms, Time, UserId,
        Username, decide, open,
    },
    metrics::Metrics,
    policy::Policy,
    presentation,
    store::{Change, Commit, Comparisons, Database},
    vault::Vault,
};
use secrecy::SecretString;
use tokio::task::JoinSet;

/// A target that keeps its access in memory and answers at once.
#[derive(Clone, Default)]
pub struct InMemory {
    there: Arc<Mutex<HashSet<String>>>,
    taken: Arc<Mutex<HashMap<String, Option<Time>>>>,
}

impl InMemory {
    pub fn put(&self, entitlement: &str) {
        self.there.lock().unwrap().insert(entitlement.to_owned());
    }

    /// When each access that was taken back was first read back as not there.
    pub fn gone(&self) -> Vec<Time> {
        self.taken
            .lock()
            .unwrap()
            .values()
            .copied()
            .flatten()
            .collect()
    }
}

impl Backend for InMemory {
    fn bind(&self, _: &Params) -> Result<Box<dyn BoundLayer>, InvalidParam> {
        Ok(Box::new(self.clone()))
    }
}

#[async_trait]
impl BoundLayer for InMemory {
    fn revocation_mode(&self) -> RevocationMode {
        RevocationMode::Call
    }

    fn entitlement(&self, order: &LayerRequest) -> Entitlement {
        Entitlement::new(order.handle.as_str())
    }

    async fn grant(
        &self,
        order: &LayerRequest,
        _: Option<&SecretString>,
    ) -> Result<Granted, BackendError> {
        self.put(order.handle.as_str());
        Ok(Granted::default())
    }

    async fn revoke(&self, order: &LayerRequest) -> Result<(), BackendError> {
        if self.there.lock().unwrap().remove(order.handle.as_str()) {
            let handle = order.handle.as_str().to_owned();
            self.taken.lock().unwrap().insert(handle, None);
        }
        Ok(())
    }

    async fn status(&self, order: &LayerRequest) -> Result<Presence, BackendError> {
        if self.there.lock().unwrap().contains(order.handle.as_str()) {
            return Ok(Presence::Present);
        }
        if let Some(at) = self.taken.lock().unwrap().get_mut(order.handle.as_str()) {
            at.get_or_insert(now());
        }
        Ok(Presence::Absent)
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
            confirmed: Confirmed::Yes,
            time_zone: None,
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
        max_total: Span::minutes(60),
        requesters: BTreeSet::from([GroupName::new("engineers")]),
        approvers: BTreeSet::from([GroupName::new("dba")]),
        approvals: 1.try_into().unwrap(),
        stages: Vec::new(),
        approval_channel: ChannelId::new("C0DBA"),
        reason: ReasonRule::Required,
        ticket: None,
        on_leave: OnLeave::End,
        residual: Span::default(),
        ends_early: true,
        dangerous: false,
        break_glass: false,
        layers: vec![LayerSpec {
            backend: BackendName::new("memory"),
            params: Params::new(),
        }],
    }
}

/// The broker over a store and the target in memory.
pub fn broker(
    store: Arc<dyn Database>,
    target: Arc<InMemory>,
    comparisons: Arc<Comparisons>,
) -> (Arc<Broker>, Arc<Backends>) {
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
    let directory = Directory::new(
        Arc::new(Everybody),
        clock.clone(),
        groups,
        Identities::default(),
    );
    let broker = Broker::new(Parts {
        ledger: store.clone(),
        claims: store,
        comparisons,
        policy: Policy::base(),
        directory: Arc::new(directory),
        backends: backends.clone(),
        catalogue: BTreeMap::from([(scope_id(), scope())]),
        limits: Limits::default(),
        administrators: BTreeSet::new(),
        vault: Vault::new(&"00".repeat(32).into()).unwrap(),
        alerts: Arc::default(),
        metrics: Arc::new(Metrics::default()),
        clock,
        entropy: Arc::new(SystemEntropy),
    });
    (Arc::new(broker), backends)
}

/// How many people the grants are spread over.
pub const PEOPLE: usize = 5_000;

/// The address of the holder of grant `number`.
pub fn email(number: usize) -> String {
    format!("engineer{}@example.com", number % PEOPLE)
}

/// One request that nobody has decided on.
pub fn asked(number: usize, from: Time, duration: Span) -> (Request, Vec<Occurred>) {
    let id = RequestId::new(Time::UNIX_EPOCH, u32::try_from(number).unwrap());
    let requester = UserId::new(format!("U0ENG{}", number % PEOPLE));
    let first = Occurred {
        at: from,
        actor: Actor::Person(requester.clone()),
        rules: vec![RuleId::new("requester-group")],
        event: Event::Requested {
            ask_key: AskKey::derive(&number.to_string()),
            email: Email::new(email(number)),
            human: Human::default(),
            username: Username::new(format!("engineer{}", number % PEOPLE)),
            requester,
            terms: Terms {
                scope: scope_id(),
                title: "Production database, write".to_owned(),
                environment: Some(Environment::new("prod")),
                risk: Risk::High,
                duration,
                reason: "writes are failing since the last deployment".to_owned(),
                ticket: Some("INC-4211".to_owned()),
                layers: Vec::new(),
                residual: Span::default(),
                ends_early: true,
                dangerous: false,
            },
            approvals_needed: 1,
            stages: Vec::new(),
            approval_channel: ChannelId::new("C0DBA"),
            mirrors: Vec::new(),
            lapses_at: duration.after(from),
            starts_at: None,
        },
    };
    (open(id, &first), vec![first])
}

/// One grant that is active until `end`, as one commit would have left it.
pub fn active(number: usize, from: Time, end: Time) -> (Request, Vec<Occurred>) {
    let seconds = u32::try_from((end - from).num_seconds()).unwrap();
    let duration = Span::seconds(seconds);
    assert_eq!(duration.after(from), end, "grants last whole seconds");
    let (mut request, mut events) = asked(number, from, duration);
    let handle = handle(&request);
    let plan = vec![PlannedLayer {
        backend: BackendName::new("memory"),
        params: Params::new(),
        title: None,
        entitlement: Entitlement::new(handle.as_str()),
        handle: Handle::new(handle),
        revocation: RevocationMode::Call,
        late_effects: Span::default(),
    }];
    let by = Actor::Person(UserId::new("U0BOB"));
    let approve = Command::Approve {
        by,
        rules: vec![RuleId::new("approver-group")],
        revision: 1,
        parties: Parties::default(),
        grant: PlannedGrant {
            layers: plan,
            ..PlannedGrant::default()
        },
    };
    let (layer, managed, until) = (0, true, end);
    tell(&mut request, &mut events, approve, from);
    let inspected = Command::Inspected {
        layer,
        managed,
        receipt: None,
    };
    tell(&mut request, &mut events, inspected, from);
    let made = Command::Granted {
        layer,
        until,
        ends_at: None,
        receipt: None,
        secrets: false,
        caveat: None,
    };
    tell(&mut request, &mut events, made, from);
    (request, events)
}

/// What the only layer of a request is called in its target.
pub fn handle(request: &Request) -> String {
    format!("jit_{}_0", request.id)
}

/// One request from asking to its end.
pub fn ended(number: usize, from: Time) -> (Request, Vec<Occurred>) {
    let end = Span::minutes(30).after(from);
    let (mut request, mut events) = active(number, from, end);
    tell(&mut request, &mut events, Command::Expire, end);
    tell(
        &mut request,
        &mut events,
        Command::Revoked {
            layer: 0,
            removal: Removal::Removed,
            leftovers: Leftovers::default(),
        },
        end,
    );
    let later = Command::InspectedLater {
        layer: 0,
        present: false,
    };
    tell(&mut request, &mut events, later, INSPECT_AGAIN.after(end));
    (request, events)
}

fn tell(request: &mut Request, events: &mut Vec<Occurred>, command: Command, now: Time) {
    for event in decide(request, command, now).unwrap() {
        request.apply(&event);
        events.push(event);
    }
}

/// The transaction that `changes` are.
pub fn commit(changes: impl IntoIterator<Item = (Request, Vec<Occurred>)>) -> Commit {
    let changes = changes.into_iter().map(|(after, mut events)| {
        let first = events.remove(0);
        Change::first(after.id, first, events)
    });
    Commit {
        changes: changes.collect(),
        ..Commit::default()
    }
}

/// The transaction in which the requester takes a request back.
pub fn withdrawn(request: &Request) -> Commit {
    let mut events = Vec::new();
    let by = request.requester.clone();
    let at = request.asked_at;
    tell(
        &mut request.clone(),
        &mut events,
        Command::Withdraw {
            by,
            human: Human::default(),
        },
        at,
    );
    Commit {
        changes: vec![Change::of(request.clone(), events)],
        ..Commit::default()
    }
}

/// Writes many requests, several hundred to a transaction.
pub async fn fill(
    store: &Arc<dyn Database>,
    requests: impl Iterator<Item = (Request, Vec<Occurred>)>,
) {
    let mut requests = requests.peekable();
    let mut writing = JoinSet::new();
    while requests.peek().is_some() {
        let commit = commit(requests.by_ref().take(250));
        let store = store.clone();
        writing.spawn(async move { store.commit(commit).await.unwrap() });
        if writing.len() > 2 {
            writing.join_next().await.unwrap().unwrap();
        }
    }
    writing.join_all().await;
}

/// Notes that everything in the log was told in Slack, so that a program that starts on it has nothing
/// left to tell.
pub async fn told(store: &Arc<dyn Database>) {
    let head = *store.head().borrow();
    for follower in ["audit", "mirror", "dm", "homes", presentation::CURSOR] {
        store.move_cursor(follower, head).await.unwrap();
    }
}

pub fn now() -> Time {
    SystemClock.now()
}
