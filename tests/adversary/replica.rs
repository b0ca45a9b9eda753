//! A replica without Slack: the broker, the worker and the grants are the real ones, on a real store.

use std::{
    collections::{BTreeMap, BTreeSet},
    num::NonZeroU8,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use keylend::{
    backend::{Backend, BackendError, BoundLayer, Granted, InvalidParam, LayerRequest, Presence},
    broker::{Ask, Broker, Parts},
    clock::{Clock, SystemClock, SystemEntropy},
    directory::{
        Confirmed, Directory, FactsUnavailable, GroupSource, Identities, PeopleSource, Profile,
    },
    domain::{
        AskKey, BackendName, ChannelId, Email, Entitlement, GroupName, LayerSpec, Limits, OnLeave,
        OnLimit, Params, ReasonRule, RequestId, RevocationMode, Risk, Scope, ScopeId, Span,
        Standing, State, UserId,
    },
    grants::Grants,
    policy::Policy,
    store::{Database, Open},
    vault::Vault,
    worker::Worker,
};
use secrecy::SecretString;
use tokio::{task::JoinSet, time::timeout};
use tokio_util::sync::CancellationToken;

use crate::intent::intent;

/// How long something may take that has to come about.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// People who ask at once.
pub const ASKING: [&str; 4] = ["alice", "carol", "dave", "erin"];

pub const SCOPE: &str = "db:write";

/// Everybody is a member, and in every group.
struct Everybody;

#[async_trait]
impl PeopleSource for Everybody {
    async fn profile(&self, id: &UserId) -> Result<Option<Profile>, FactsUnavailable> {
        let name = id.as_str().trim_start_matches("U0").to_lowercase();
        Ok(Some(Profile {
            id: id.clone(),
            standing: Standing::Member,
            email: Some(Email::new(format!("{name}@example.com"))),
            confirmed: Confirmed::Yes,
            time_zone: None,
            name,
        }))
    }

    async fn usergroup(&self, _: &str) -> Result<BTreeSet<UserId>, FactsUnavailable> {
        Ok(ASKING.iter().chain(&["bob"]).copied().map(user).collect())
    }
}

/// A target that does at once what it is told.
#[derive(Clone, Default)]
pub struct Target(pub Arc<Mutex<BTreeSet<Entitlement>>>);

impl Backend for Target {
    fn bind(&self, _: &Params) -> Result<Box<dyn BoundLayer>, InvalidParam> {
        Ok(Box::new(self.clone()))
    }
}

#[async_trait]
impl BoundLayer for Target {
    fn revocation_mode(&self) -> RevocationMode {
        RevocationMode::Call
    }

    fn entitlement(&self, order: &LayerRequest) -> Entitlement {
        Entitlement::new(order.username.as_str())
    }

    async fn grant(
        &self,
        order: &LayerRequest,
        _: Option<&SecretString>,
    ) -> Result<Granted, BackendError> {
        self.0.lock().unwrap().insert(self.entitlement(order));
        Ok(Granted::default())
    }

    async fn revoke(&self, order: &LayerRequest) -> Result<(), BackendError> {
        self.0.lock().unwrap().remove(&self.entitlement(order));
        Ok(())
    }

    async fn status(&self, order: &LayerRequest) -> Result<Presence, BackendError> {
        Ok(
            match self.0.lock().unwrap().contains(&self.entitlement(order)) {
                true => Presence::Present,
                false => Presence::Absent,
            },
        )
    }
}

pub fn user(name: &str) -> UserId {
    UserId::new(format!("U0{}", name.to_uppercase()))
}

/// What somebody asks for with one command, which `seed` tells from others.
pub fn ask_as(name: &str, seed: &str) -> Ask {
    Ask {
        key: AskKey::derive(seed),
        by: user(name),
        scope: SCOPE.parse().unwrap(),
        duration: None,
        ticket: None,
        // Asked for the same reason, it would be the same request.
        reason: seed.to_owned(),
        mirrors: Vec::new(),
        starts_at: None,
    }
}

/// One replica.
pub struct Replica {
    pub broker: Arc<Broker>,
    grants: Arc<Grants>,
    pub target: Arc<Target>,
    pub store: Arc<dyn Database>,
    _tasks: JoinSet<()>,
}

impl Replica {
    pub async fn start(store: Arc<dyn Database>, target: Arc<Target>) -> Self {
        let backends: BTreeMap<_, Arc<dyn Backend>> =
            [(BackendName::new("pg"), target.clone() as _)].into();
        let backends = Arc::new(backends);
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let group = GroupName::new("everybody");
        let groups = [(
            group.clone(),
            GroupSource::SlackUsergroup("S0ALL".to_owned()),
        )];
        let directory = Directory::new(
            Arc::new(Everybody),
            clock.clone(),
            groups.into(),
            Identities::new(vec!["example.com".to_owned()], true, BTreeMap::new()),
        );
        let scope = Scope {
            id: SCOPE.parse().unwrap(),
            title: SCOPE.to_owned(),
            environment: None,
            risk: Risk::High,
            default_duration: Span::minutes(30),
            max_duration: Span::minutes(60),
            max_total: Span::minutes(60),
            requesters: BTreeSet::from([group.clone()]),
            approvers: BTreeSet::from([group.clone()]),
            approvals: NonZeroU8::MIN,
            stages: Vec::new(),
            approval_channel: ChannelId::new("C0DBA"),
            reason: ReasonRule::Optional,
            on_leave: OnLeave::End,
            residual: Span::default(),
            ends_early: true,
            dangerous: false,
            break_glass: false,
            ticket: None,
            layers: vec![LayerSpec {
                backend: BackendName::new("pg"),
                params: Params::new(),
            }],
        };
        let broker = Arc::new(Broker::new(Parts {
            ledger: store.clone(),
            claims: store.clone(),
            comparisons: Arc::default(),
            policy: Policy::base(),
            directory: Arc::new(directory),
            backends: backends.clone(),
            catalogue: [(scope.id.clone(), scope)].into_iter().collect(),
            limits: Limits {
                max_active_per_person: 9,
                on_limit: OnLimit::Refuse,
                max_pending_per_person: 100,
                max_pending_per_scope: 100,
                max_requests_per_hour: 1_000,
                on_leave: OnLeave::End,
                pending_timeout: Span::minutes(60),
                min_duration: Span::minutes(1),
                exclusive: Vec::new(),
                break_glass: None,
            },
            administrators: BTreeSet::from([group]),
            vault: Vault::new(&"ab".repeat(32).into()).unwrap(),
            metrics: Arc::default(),
            alerts: Arc::default(),
            clock: clock.clone(),
            entropy: Arc::new(SystemEntropy),
        }));
        let grants = Arc::new(Grants::load(store.clone(), Arc::default()).await.unwrap());
        let mut tasks = JoinSet::new();
        let following = grants.clone();
        tasks.spawn(async move { following.follow(CancellationToken::new()).await });
        let worker = Worker::new(broker.clone(), backends, clock, Arc::new(SystemEntropy));
        tasks.spawn(Arc::new(worker).run(CancellationToken::new()));
        Self {
            broker,
            grants,
            target,
            store,
            _tasks: tasks,
        }
    }

    pub async fn ask(&self, name: &str) -> RequestId {
        let mut nonce = [0; 8];
        keylend::clock::Entropy::fill(&SystemEntropy, &mut nonce);
        let ask = ask_as(name, &hex::encode(nonce));
        self.broker.ask(ask).await.unwrap().id
    }

    /// Approves a request and waits until its access is there.
    pub async fn hold(&self, name: &str) -> RequestId {
        let id = self.ask(name).await;
        self.broker
            .approve(&intent(&user("bob")), id, 1)
            .await
            .unwrap();
        self.reaches(id, |state| matches!(state, State::Active { .. }))
            .await;
        id
    }

    pub async fn reaches(&self, id: RequestId, enough: impl Fn(&State) -> bool) {
        let coming = async {
            let mut head = self.store.head();
            while !enough(&self.broker.request(id).await.unwrap().state) {
                // Another replica's commits are seen a little later than they happen.
                let _ = timeout(Duration::from_millis(100), head.changed()).await;
            }
        };
        timeout(PATIENCE, coming).await.unwrap();
    }

    pub async fn admits(&self, name: &str) -> bool {
        let known = self.grants.caught_up_within(PATIENCE).await.unwrap();
        let scope: ScopeId = SCOPE.parse().unwrap();
        let by_id = known.check(user(name).as_str(), &scope, SystemClock.now());
        let address = format!("{name}@example.com");
        by_id
            .or(known.check(&address, &scope, SystemClock.now()))
            .is_some()
    }

    /// Waits until nothing is on its way into the target or out of it.
    pub async fn rests(&self) {
        let resting = async {
            let mut head = self.store.head();
            loop {
                let open = self.store.open(Open::All).await.unwrap();
                if open
                    .iter()
                    .all(|it| matches!(it.state, State::Pending { .. }))
                {
                    return;
                }
                let _ = timeout(Duration::from_millis(100), head.changed()).await;
            }
        };
        timeout(PATIENCE, resting).await.unwrap();
    }
}
