//! One replica: the real broker, worker and grants, over seams that do what the seed says.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use keylend::{
    alerts::Alerts,
    backend::{Backend, Backends},
    broker::{Broker, Parts},
    clock::Clock,
    directory::{Directory, GroupSource, Identities},
    domain::{BackendName, ChannelId, GroupName, Notifications, Time},
    grants::Grants,
    leavers::Leavers,
    slack::{
        client::Client,
        messages::{self, Messenger, homes::Homes, run_as_leader},
    },
    store::{Comparisons, Database},
    vault::Vault,
    worker::Worker,
};
use tokio::{task::JoinSet, time::sleep};
use tokio_util::sync::CancellationToken;

use crate::{
    faults::UnreliableStore,
    slack,
    store::{LEASE, MemoryStore},
    target::Reached,
    world::{AUDIT, World},
};

/// The replicas' names, as many as there are at most.
pub(crate) const NAMES: [&str; 3] = ["r1", "r2", "r3"];

/// How long after its turn a replica may still note what it said: the messenger's five seconds, and
/// the store's answer.
const LAST_WORDS: Duration = Duration::from_secs(10);

/// A replica that runs.
pub(crate) struct Replica {
    pub(crate) name: &'static str,
    pub(crate) store: Arc<UnreliableStore>,
    pub(crate) broker: Arc<Broker>,
    pub(crate) grants: Arc<Grants>,
    pub(crate) homes: Arc<Homes>,
    /// What checks are held against.
    pub(crate) clock: Arc<dyn Clock>,
    /// The clock that it acts by.
    pub(crate) own: Arc<dyn Clock>,
    /// What that showed when it was last looked at.
    pub(crate) latest: Time,
    /// Everything that it does: gone with it at whatever await point it is.
    pub(crate) tasks: JoinSet<()>,
    number: u64,
}

impl Replica {
    /// Starts a replica as `serve` does. `number` was nobody's before.
    pub(crate) async fn start(world: &World, name: &'static str, number: u64) -> Self {
        let memory = Arc::new(MemoryStore::new(world.database.clone(), number));
        let unreliable = Arc::new(UnreliableStore {
            replica: name,
            store: memory.clone(),
            database: world.database.clone(),
            rng: world.rng.clone(),
            faults: world.faults.clone(),
            referee: world.referee.clone(),
            slack: world.slack.clone(),
            mutant: world.mutant.clone(),
            cut_off: AtomicBool::new(false),
            dead: AtomicBool::new(false),
            others: world.news_of(memory),
        });
        let store: Arc<dyn Database> = unreliable.clone();
        world.mutant.ledger(unreliable.clone());
        let clock = world.mutant.steady(Arc::new(world.clocks.of(name)));
        let reached = |target: &Arc<_>| -> Arc<dyn Backend> {
            world.mutant.target(Arc::new(Reached {
                target: Arc::clone(target),
                referee: world.referee.clone(),
                replica: name,
            }))
        };
        let backends = world.targets.iter();
        let backends: Backends = backends
            .map(|target| (BackendName::new(target.name), reached(target)))
            .collect();
        let backends = Arc::new(backends);
        let groups = [
            ("engineers", "S0ENG"),
            ("dba", "S0DBA"),
            ("security", "S0SEC"),
            ("oncall", "S0ONCALL"),
            ("admins", "S0ADMINS"),
        ];
        let groups = groups.map(|(name, id)| {
            let source = GroupSource::SlackUsergroup(id.to_owned());
            (GroupName::new(name), source)
        });
        let directory = Arc::new(Directory::new(
            world.mutant.people(world.people.clone()),
            clock.clone(),
            groups.into(),
            Identities::new(vec!["example.com".to_owned()], false, Default::default()),
        ));
        let alerts = Arc::new(Alerts::default());
        let comparisons = Arc::new(Comparisons::default());
        let broker = Arc::new(Broker::new(Parts {
            ledger: store.clone(),
            claims: store.clone(),
            comparisons: comparisons.clone(),
            policy: world.policy.clone(),
            directory: directory.clone(),
            backends: backends.clone(),
            catalogue: world.catalogue(),
            limits: world.limits.clone(),
            administrators: BTreeSet::from([GroupName::new("admins")]),
            vault: Vault::new(&"ab".repeat(32).into()).expect("a key"),
            alerts: alerts.clone(),
            metrics: Arc::default(),
            clock: clock.clone(),
            entropy: world.rng.clone(),
        }));
        let worker = Worker::new(broker.clone(), backends, clock.clone(), world.rng.clone());
        let mut tasks = JoinSet::new();
        if !world.mutant.lets_leavers_be() {
            let leavers = Leavers::new(
                broker.clone(),
                Arc::default(),
                Arc::default(),
                clock.clone(),
                world.rng.clone(),
            );
            tasks.spawn(leavers.run(CancellationToken::new()));
        }
        tasks.spawn(Arc::new(worker).run(CancellationToken::new()));
        let api_url = "https://slack.example.com/api/".parse().expect("a URL");
        let wire = Arc::new(slack::Reached {
            slack: world.slack.clone(),
            replica: number,
        });
        let client = Client::over(wire, &api_url, clock.clone());
        let showing = broker.clone();
        let messenger = Arc::new(Messenger::new(messages::Parts {
            store: store.clone(),
            claims: store.clone(),
            documents: store.clone(),
            client: client.clone(),
            clock: clock.clone(),
            entropy: world.rng.clone(),
            audit_channel: ChannelId::new(AUDIT),
            has_credentials: Arc::new(move |request| showing.has_credentials(request)),
            logins: Arc::new(|_| Vec::new()),
            notifications: Notifications::new(),
            digest: None,
            directory,
            alerts,
            other_channels: BTreeSet::new(),
        }));
        let homes = Arc::new(Homes::new(
            broker.clone(),
            store.clone(),
            client,
            clock.clone(),
            world.rng.clone(),
        ));
        tasks.spawn(run_as_leader(
            messenger,
            homes.clone(),
            CancellationToken::new(),
        ));
        let grants = loop {
            match Grants::load(store.clone(), comparisons.clone()).await {
                Ok(grants) => break Arc::new(grants),
                Err(_) => sleep(Duration::from_millis(200)).await,
            }
        };
        let following = grants.clone();
        tasks.spawn(async move { following.follow(CancellationToken::new()).await });
        world.story.tell(format_args!("~~ {name} runs"));
        Self {
            name,
            store: unreliable,
            broker,
            grants,
            homes,
            latest: clock.now(),
            own: clock.clone(),
            clock: world.mutant.clock(clock),
            tasks,
            number,
        }
    }

    /// Dies at once. What it claimed, others have when the lease is over.
    pub(crate) fn crash(self, world: &World) {
        world.story.tell(format_args!("~~ {} dies", self.name));
        self.store.dead.store(true, Ordering::Relaxed);
        world.slack.doubt(self.number);
        let orphan = world.database.orphan(self.number);
        drop(self);
        let database = world.database.clone();
        tokio::spawn(async move {
            sleep(LEASE).await;
            database.lapse(orphan);
        });
    }

    /// Loses the store from sight for a while, and with it, when that is long, its claims.
    pub(crate) fn cut_off(&self, world: &World, time: Duration) {
        world.story.tell(format_args!(
            "~~ {} is cut off from the store for {} s",
            self.name,
            time.as_secs()
        ));
        self.store.cut_off.store(true, Ordering::Relaxed);
        world.slack.doubt(self.number);
        let (store, slack, number) = (self.store.clone(), world.slack.clone(), self.number);
        tokio::spawn(async move {
            sleep(time.min(LEASE)).await;
            if time > LEASE {
                store.store.lose_claims();
                sleep(time - LEASE).await;
            }
            store.cut_off.store(false, Ordering::Relaxed);
            sleep(LAST_WORDS).await;
            slack.trust(number);
        });
    }
}
