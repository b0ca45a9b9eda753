//! Whether somebody left who holds access: what is a positive answer, and what is none.
#![expect(clippy::unwrap_used, reason = "a test stops where it cannot go on")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    num::NonZeroU8,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use chrono::TimeDelta;
use keylend::{
    alerts::Alerts,
    broker::{Ask, Broker, Intent, Parts},
    clock::{Clock, SystemEntropy},
    directory::{
        Confirmed, Directory, FactsUnavailable, GroupSource, Identities, PeopleSource, Profile,
    },
    domain::{
        AskKey, BackendName, Catalogue, ChannelId, DeliveryKey, Email, GroupName, LayerSpec,
        Limits, OnLeave, Params, ReasonRule, RequestId, Risk, Scope, Span, Standing, State, Time,
        UserId,
    },
    leavers::Leavers,
    metrics::Metrics,
    policy::Policy,
    store::{Database, Invalidation, PostgresStore, SqliteStore},
    vault::Vault,
};
use tempfile::TempDir;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::support::{clock::TestClock, postgres::Postgres};

const SCOPE: &str = "db-prod:write";
const ALICE: &str = "U0ALICE";

/// How long something may take that has to come about.
const PATIENCE: Duration = Duration::from_secs(30);

/// A Slack that says what a test has it say, and remembers what it was asked and when.
struct People {
    clock: Arc<TestClock>,
    inside: Mutex<Inside>,
}

#[derive(Default)]
struct Inside {
    /// What is not said of somebody, or of a group, and why.
    silent: BTreeMap<String, String>,
    unknown: BTreeSet<String>,
    standings: BTreeMap<String, Standing>,
    groups: BTreeMap<String, BTreeSet<UserId>>,
    asked: Vec<(Time, String)>,
}

impl People {
    fn ask(&self, id: &str) -> Result<(), FactsUnavailable> {
        let mut inside = self.inside.lock().unwrap();
        inside.asked.push((self.clock.now(), id.to_owned()));
        match inside.silent.get(id) {
            Some(why) => Err(FactsUnavailable(why.clone())),
            None => Ok(()),
        }
    }

    fn change(&self, change: impl FnOnce(&mut Inside)) {
        change(&mut self.inside.lock().unwrap());
    }

    /// When somebody, or a group, was asked for.
    fn asked(&self, of: impl Fn(&str) -> bool) -> Vec<Time> {
        let inside = self.inside.lock().unwrap();
        let asked = inside.asked.iter().filter(|(_, id)| of(id));
        asked.map(|(at, _)| *at).collect()
    }
}

#[async_trait]
impl PeopleSource for People {
    async fn profile(&self, id: &UserId) -> Result<Option<Profile>, FactsUnavailable> {
        self.ask(id.as_str())?;
        let inside = self.inside.lock().unwrap();
        if inside.unknown.contains(id.as_str()) {
            return Ok(None);
        }
        let standing = inside.standings.get(id.as_str()).copied();
        Ok(Some(Profile {
            id: id.clone(),
            name: id.to_string(),
            standing: standing.unwrap_or(Standing::Member),
            email: Some(Email::new(format!("{id}@example.com"))),
            confirmed: Confirmed::Unsaid,
            time_zone: None,
        }))
    }

    async fn usergroup(&self, id: &str) -> Result<BTreeSet<UserId>, FactsUnavailable> {
        self.ask(id)?;
        Ok(self.inside.lock().unwrap().groups[id].clone())
    }
}

fn group(names: &[&str]) -> BTreeSet<GroupName> {
    names.iter().copied().map(GroupName::new).collect()
}

fn catalogue(requesters: &[&str]) -> Catalogue {
    let scope = Scope {
        id: SCOPE.parse().unwrap(),
        title: "Production database, write".to_owned(),
        environment: None,
        risk: Risk::High,
        default_duration: Span::minutes(60),
        max_duration: Span::minutes(60),
        max_total: Span::minutes(60),
        requesters: group(requesters),
        approvers: group(&["dba"]),
        approvals: NonZeroU8::MIN,
        stages: Vec::new(),
        approval_channel: ChannelId::new("C0DBA"),
        reason: ReasonRule::Optional,
        ticket: None,
        on_leave: OnLeave::End,
        residual: Span::default(),
        ends_early: true,
        dangerous: false,
        break_glass: false,
        layers: vec![LayerSpec {
            backend: BackendName::new("pg-prod"),
            params: Params::new(),
        }],
    };
    [(scope.id.clone(), scope)].into()
}

/// The broker of one replica over a store that it shares.
struct World {
    folder: TempDir,
    clock: Arc<TestClock>,
    people: Arc<People>,
    store: Arc<dyn Database>,
    written: AtomicU64,
}

/// One replica at work.
struct Replica {
    broker: Arc<Broker>,
    alerts: Arc<Alerts>,
    metrics: Arc<Metrics>,
    shutdown: CancellationToken,
}

impl Drop for Replica {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

impl World {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(
            &folder.path().join("keylend.db"),
            &keylend::store::StoreKey::derive(&[0x5e; 32]),
        )
        .await;
        let clock = TestClock::at("2026-11-27T10:00:00Z");
        Self::on(Arc::new(store.unwrap()), folder, clock)
    }

    /// Where another replica is, on a store that it shares, with a Slack of its own that says the
    /// same.
    async fn beside(server: &Postgres, clock: &Arc<TestClock>) -> Self {
        let store = PostgresStore::open(
            &server.admin_url(),
            "the configuration",
            &keylend::store::StoreKey::derive(&[0x5e; 32]),
        )
        .await;
        let folder = tempfile::tempdir().unwrap();
        Self::on(Arc::new(store.unwrap()), folder, clock.clone())
    }

    fn on(store: Arc<dyn Database>, folder: TempDir, clock: Arc<TestClock>) -> Self {
        let people = People {
            clock: clock.clone(),
            inside: Mutex::default(),
        };
        people.change(|inside| {
            let members = |ids: &[&str]| ids.iter().copied().map(UserId::new).collect();
            let groups = [
                ("S0ENG", members(&[ALICE, "U0ERIN"])),
                ("S0ONCALL", members(&["U0ERIN"])),
                ("S0CONTRACTORS", members(&["U0ERIN"])),
            ];
            inside.groups = groups.map(|(id, who)| (id.to_owned(), who)).into();
        });
        Self {
            clock,
            people: Arc::new(people),
            store,
            written: AtomicU64::default(),
            folder,
        }
    }

    fn replica(&self, catalogue: Catalogue, rules: &str) -> Replica {
        let file = self.folder.path().join("rules.cedar");
        fs::write(&file, rules).unwrap();
        let groups = [
            ("engineers", "S0ENG"),
            ("oncall", "S0ONCALL"),
            ("contractors", "S0CONTRACTORS"),
        ];
        let mut groups: BTreeMap<GroupName, GroupSource> = groups
            .map(|(name, id)| (GroupName::new(name), GroupSource::SlackUsergroup(id.into())))
            .into();
        let dba = GroupSource::Members([UserId::new("U0BOB")].into());
        groups.insert(GroupName::new("dba"), dba);
        let clock: Arc<dyn Clock> = self.clock.clone();
        let identities = Identities::new(vec!["example.com".to_owned()], false, BTreeMap::new());
        let directory = Directory::new(self.people.clone(), clock.clone(), groups, identities);
        let (metrics, alerts) = (Arc::<Metrics>::default(), Arc::<Alerts>::default());
        let broker = Arc::new(Broker::new(Parts {
            ledger: self.store.clone(),
            claims: self.store.clone(),
            comparisons: Arc::default(),
            policy: Policy::load(&[file]).unwrap(),
            directory: Arc::new(directory),
            backends: Arc::default(),
            catalogue,
            limits: Limits::default(),
            administrators: BTreeSet::new(),
            vault: Vault::new(&"00".repeat(32).into()).unwrap(),
            metrics: metrics.clone(),
            alerts: alerts.clone(),
            clock: clock.clone(),
            entropy: Arc::new(SystemEntropy),
        }));
        let leavers = Leavers::new(
            broker.clone(),
            alerts.clone(),
            metrics.clone(),
            clock,
            Arc::new(SystemEntropy),
        );
        let shutdown = CancellationToken::new();
        tokio::spawn(leavers.run(shutdown.clone()));
        Replica {
            broker,
            alerts,
            metrics,
            shutdown,
        }
    }

    /// Somebody's grant, approved by Bob.
    async fn grant(&self, replica: &Replica, requester: &str) -> RequestId {
        let ask = Ask {
            key: AskKey::derive(requester),
            by: UserId::new(requester),
            scope: SCOPE.parse().unwrap(),
            duration: None,
            ticket: None,
            reason: String::new(),
            mirrors: Vec::new(),
            starts_at: None,
        };
        let request = replica.broker.ask(ask).await.unwrap();
        let key = DeliveryKey::derive(requester.as_bytes());
        let intent = Intent::new(UserId::new("U0BOB"), key);
        let approved = replica
            .broker
            .approve(&intent, request.id, 1)
            .await
            .unwrap();
        assert_eq!(approved.state, State::Approved);
        request.id
    }

    /// Lets time pass, a second at a time, until `come` has come true. A number of steps is no limit: who
    /// makes the rounds is decided by claims, which are asked for and lost in real time.
    async fn until(&self, what: &str, mut come: impl AsyncFnMut() -> bool) {
        let coming = async {
            while !come().await {
                self.clock.advance(Duration::from_secs(1));
                self.rest().await;
            }
        };
        let has_come = timeout(PATIENCE, coming).await.is_ok();
        assert!(has_come, "{what} did not come");
    }

    /// Gives what runs a while to do what is due.
    async fn rest(&self) {
        for _ in 0..50 {
            tokio::task::yield_now().await;
        }
        // Behind what the others write, and as slow as their disk.
        let written = self.written.fetch_add(1, Ordering::Relaxed);
        self.store.move_cursor("test", written).await.unwrap();
    }

    async fn goes_on(&self, id: RequestId) -> bool {
        let request = self.store.request(id).await.unwrap().unwrap();
        request.state == State::Approved
    }

    async fn ends(&self, id: RequestId) {
        self.until("the end", async || !self.goes_on(id).await)
            .await;
    }

    /// Lets two rounds go by in which this was asked for.
    async fn two_rounds(&self, of: &str) {
        let before = self.people.asked(|asked| asked == of).len();
        let rounds = async || self.people.asked(|asked| asked == of).len() >= before + 2;
        self.until("two rounds", rounds).await;
        self.rest().await;
    }
}

fn leaves(people: &People, id: &str) {
    let alice = UserId::new(ALICE);
    people.change(|inside| assert!(inside.groups.get_mut(id).unwrap().remove(&alice)));
}

fn joins(people: &People, id: &str) {
    let alice = UserId::new(ALICE);
    people.change(|inside| assert!(inside.groups.get_mut(id).unwrap().insert(alice)));
}

#[tokio::test]
async fn an_unknown_group_ends_no_grant_and_raises_an_alert() {
    let world = World::new().await;
    let replica = world.replica(catalogue(&["engineers"]), "");
    let id = world.grant(&replica, ALICE).await;
    world.people.change(|inside| {
        drop(
            inside
                .silent
                .insert("S0ENG".into(), "no_such_subteam".into()),
        )
    });
    leaves(&world.people, "S0ENG");
    world.two_rounds("S0ENG").await;
    assert!(world.goes_on(id).await);
    let raised = replica.alerts.raised();
    let said = &raised["group_unavailable:engineers"];
    assert!(said.contains("no_such_subteam"), "{said}");

    // It says who is in it again.
    world.people.change(|inside| inside.silent.clear());
    world.ends(id).await;
    assert!(replica.alerts.raised().is_empty());
}

#[tokio::test]
async fn a_person_without_a_status_from_slack_has_not_left() {
    type Change = fn(&mut Inside);
    let changes: [(Change, &str); 4] = [
        (
            |inside| drop(inside.silent.insert(ALICE.into(), "Slack timed out".into())),
            "Slack timed out",
        ),
        (
            |inside| assert!(inside.unknown.insert(ALICE.into())),
            "knows nobody",
        ),
        (
            |inside| {
                inside
                    .standings
                    .extend([(ALICE.into(), Standing::Stranger)])
            },
            "neither",
        ),
        (
            |inside| inside.standings.extend([(ALICE.into(), Standing::Bot)]),
            "neither",
        ),
    ];
    for (change, words) in changes {
        let world = World::new().await;
        let replica = world.replica(catalogue(&["engineers"]), "");
        let id = world.grant(&replica, ALICE).await;
        world.people.change(change);
        world.two_rounds(ALICE).await;
        assert!(world.goes_on(id).await);
        let raised = replica.alerts.raised();
        let said = &raised["leavers_unchecked"];
        assert!(said.contains(words) && said.contains(ALICE), "{said}");

        world.people.change(|inside| {
            inside.silent.clear();
            inside.unknown.clear();
            inside.standings.insert(ALICE.into(), Standing::Member);
        });
        let cleared = async || replica.alerts.raised().is_empty();
        world.until("all is well", cleared).await;
        assert!(world.goes_on(id).await);
        world.people.change(|inside| {
            inside.standings.insert(ALICE.into(), Standing::Deactivated);
        });
        world.ends(id).await;
    }
}

#[tokio::test]
async fn a_person_who_leaves_a_group_that_a_rule_requires_loses_the_access() {
    let world = World::new().await;
    let requires = "@id(\"on-call-only\")\n@reason(\"Only on call.\")\n\
                    forbid (principal, action == Action::\"receive\", resource)\n\
                    unless { principal in Group::\"oncall\" };";
    joins(&world.people, "S0ONCALL");
    let replica = world.replica(catalogue(&["engineers"]), requires);
    let id = world.grant(&replica, ALICE).await;
    world.two_rounds("S0ONCALL").await;
    assert!(world.goes_on(id).await);
    leaves(&world.people, "S0ONCALL");
    world.ends(id).await;
}

#[tokio::test]
async fn a_disabled_group_ends_no_grant() {
    let world = World::new().await;
    let replica = world.replica(catalogue(&["engineers"]), "");
    let id = world.grant(&replica, ALICE).await;
    // Slack answers for such a group as if it had no members.
    world
        .people
        .change(|inside| inside.groups.get_mut("S0ENG").unwrap().clear());
    world.two_rounds("S0ENG").await;
    assert!(world.goes_on(id).await);
}

#[tokio::test]
async fn a_limit_that_was_lowered_meanwhile_keeps_nobody_who_left() {
    let world = World::new().await;
    let before = world.replica(catalogue(&["engineers"]), "");
    let id = world.grant(&before, ALICE).await;
    drop(before);
    let mut lowered = catalogue(&["engineers"]);
    for scope in lowered.values_mut() {
        scope.max_duration = Span::minutes(1);
    }
    let replica = world.replica(lowered, "");
    world.two_rounds("S0ENG").await;
    assert!(world.goes_on(id).await);
    leaves(&world.people, "S0ENG");
    world.ends(id).await;
    drop(replica);
}

#[tokio::test]
async fn a_changed_configuration_does_not_count_as_leaving() {
    let world = World::new().await;
    let forbids = "@id(\"freeze\")\n@reason(\"Nothing now.\")\n\
                   forbid (principal, action == Action::\"receive\", resource);";
    let before = world.replica(catalogue(&["engineers"]), "");
    let id = world.grant(&before, ALICE).await;
    drop(before);
    let changes = [
        (Catalogue::new(), ""),
        (catalogue(&["engineers"]), forbids),
        (catalogue(&["oncall"]), ""),
    ];
    for (catalogue, rules) in changes {
        let replica = world.replica(catalogue, rules);
        world.two_rounds(ALICE).await;
        assert!(world.goes_on(id).await);
        assert!(replica.alerts.raised().is_empty());
        drop(replica);
    }
}

#[tokio::test]
async fn a_person_who_is_still_allowed_keeps_the_access() {
    let world = World::new().await;
    let replica = world.replica(catalogue(&["engineers", "oncall"]), "");
    let id = world.grant(&replica, ALICE).await;
    joins(&world.people, "S0ONCALL");
    leaves(&world.people, "S0ENG");
    world.two_rounds("S0ENG").await;
    assert!(world.goes_on(id).await);
    leaves(&world.people, "S0ONCALL");
    world.ends(id).await;
}

#[tokio::test]
async fn joining_a_group_is_not_leaving() {
    let rules = "@id(\"no-contractors\")\n@reason(\"Not for contractors.\")\n\
                 forbid (principal in Group::\"contractors\", action == Action::\"receive\", resource);";
    let world = World::new().await;
    let replica = world.replica(catalogue(&["engineers"]), rules);
    let id = world.grant(&replica, ALICE).await;
    joins(&world.people, "S0CONTRACTORS");
    world.two_rounds("S0CONTRACTORS").await;
    assert!(world.goes_on(id).await);
}

#[tokio::test]
async fn people_without_access_are_not_checked() {
    let world = World::new().await;
    let replica = world.replica(catalogue(&["engineers"]), "");
    for person in [ALICE, "U0BOB", "U0NOBODY"] {
        let fact = Invalidation::Person(UserId::new(person));
        replica.broker.outdated(fact).await.unwrap();
        replica.broker.may_have_left(UserId::new(person));
    }
    for _ in 0..120 {
        world.clock.advance(Duration::from_secs(1));
        world.rest().await;
    }
    assert!(world.people.asked(|_| true).is_empty());
}

#[tokio::test]
async fn a_round_uses_half_of_slacks_rate_limits() {
    const HOLDERS: usize = 20;
    let world = World::new().await;
    let holders: Vec<String> = (0..HOLDERS)
        .map(|number| format!("U0ENG{number}"))
        .collect();
    world.people.change(|inside| {
        let everybody = holders.iter().map(UserId::new).collect();
        inside.groups.insert("S0ENG".to_owned(), everybody);
    });
    let replica = world.replica(catalogue(&["engineers", "oncall"]), "");
    for holder in &holders {
        world.grant(&replica, holder).await;
    }
    // What was learnt while they asked is too old to be decided on.
    world.clock.advance(Duration::from_secs(120));
    let began = world.clock.now();
    let is_person = |id: &str| id.starts_with("U0ENG");
    let since = |mut times: Vec<Time>| {
        times.retain(|at| *at > began);
        times
    };
    let people = || since(world.people.asked(is_person));
    world
        .until("a round", async || people().len() >= 2 * HOLDERS)
        .await;
    let spaced = |times: Vec<Time>, least: TimeDelta| {
        let close = times.windows(2).find(|pair| pair[1] - pair[0] < least);
        assert_eq!(close, None, "{times:?}");
    };
    spaced(people(), TimeDelta::milliseconds(1_200));
    let groups = since(world.people.asked(|id| id.starts_with("S0")));
    spaced(groups, TimeDelta::seconds(6));

    let metrics = replica.metrics.text().unwrap();
    let round = metrics
        .lines()
        .find_map(|line| line.strip_prefix("keylend_leaver_round_seconds "))
        .unwrap();
    assert!(round.parse::<u64>().unwrap() >= 24, "{round}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_replica_makes_the_rounds_and_another_takes_over() {
    let server = Postgres::start().await;
    PostgresStore::migrate(&server.admin_url()).await.unwrap();
    let clock = TestClock::at("2026-11-27T10:00:00Z");
    let one = World::beside(&server, &clock).await;
    let other = World::beside(&server, &clock).await;
    let leading = one.replica(catalogue(&["engineers"]), "");
    let id = one.grant(&leading, ALICE).await;
    one.two_rounds(ALICE).await;
    let standing_by = other.replica(catalogue(&["engineers"]), "");
    for _ in 0..3 {
        one.two_rounds(ALICE).await;
    }
    let asked = other.people.asked(|_| true);
    assert!(asked.is_empty(), "both ask Slack: {asked:?}");

    drop(leading);
    let has_asked = async || !other.people.asked(|asked| asked == ALICE).is_empty();
    other.until("the other replica", has_asked).await;
    let asked = one.people.asked(|_| true).len();
    other.two_rounds(ALICE).await;
    assert!(other.goes_on(id).await);
    leaves(&other.people, "S0ENG");
    other.ends(id).await;
    assert_eq!(one.people.asked(|_| true).len(), asked);
    drop(standing_by);
}

#[tokio::test]
async fn a_group_that_changes_often_does_not_delay_the_others() {
    let clock = TestClock::at("2026-11-27T10:00:00Z");
    let people = Arc::new(People {
        clock: clock.clone(),
        inside: Mutex::default(),
    });
    let alice = BTreeSet::from([UserId::new(ALICE)]);
    people.change(|inside| {
        inside.groups.insert("S0NOISY".to_owned(), alice.clone());
        inside.groups.insert("S0DBA".to_owned(), alice.clone());
    });
    let live = |id: &str| GroupSource::SlackUsergroup(id.to_owned());
    let groups = [
        (GroupName::new("noisy"), live("S0NOISY")),
        (GroupName::new("dba"), live("S0DBA")),
    ];
    let identities = Identities::default();
    let directory = Directory::new(people.clone(), clock, groups.into(), identities);
    let members = async |group: &str| directory.members(&GroupName::new(group)).await.unwrap();
    assert_eq!(members("dba").await, alice);
    for _ in 0..100 {
        directory.forget_usergroup("S0NOISY");
        members("noisy").await;
    }
    assert!(people.asked(|id| id == "S0NOISY").len() <= 3);
    people.change(|inside| drop(inside.groups.insert("S0DBA".to_owned(), BTreeSet::new())));
    directory.forget_usergroup("S0DBA");
    assert_eq!(members("dba").await, BTreeSet::new());
}

#[tokio::test]
async fn leaving_a_frequently_changed_group_ends_access_as_quickly() {
    let world = World::new().await;
    let replica = world.replica(catalogue(&["engineers"]), "");
    let id = world.grant(&replica, ALICE).await;
    let changes = async || {
        let fact = Invalidation::Usergroup("S0ENG".to_owned());
        replica.broker.outdated(fact).await.unwrap();
        replica.broker.may_have_lost_members("S0ENG".to_owned());
        for _ in 0..10 {
            world.clock.advance(Duration::from_secs(1));
            world.rest().await;
        }
    };
    for _ in 0..3 {
        changes().await;
    }
    assert!(world.goes_on(id).await);
    leaves(&world.people, "S0ENG");
    changes().await;
    assert!(!world.goes_on(id).await);
}

#[tokio::test]
async fn a_fact_is_as_old_as_the_time_that_elapsed_although_the_clock_went_back() {
    let clock = TestClock::at("2026-11-27T10:00:00Z");
    let people = Arc::new(People {
        clock: clock.clone(),
        inside: Mutex::default(),
    });
    let directory = Directory::new(
        people.clone(),
        clock.clone(),
        BTreeMap::new(),
        Identities::default(),
    );
    let (alice, no_groups) = (UserId::new(ALICE), BTreeSet::new());
    let standing = async || {
        let person = directory.person(&alice, &no_groups).await;
        person.unwrap().standing
    };
    assert_eq!(standing().await, Standing::Member);
    people.change(|inside| {
        inside.standings.insert(ALICE.into(), Standing::Deactivated);
    });
    assert_eq!(standing().await, Standing::Member, "asked a moment ago");
    clock.set(clock.now() - TimeDelta::hours(1));
    clock.advance(Duration::from_secs(3600));
    assert_eq!(standing().await, Standing::Deactivated);
}
