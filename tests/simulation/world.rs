//! Everything that one history happens in: what can be asked for, where, by whom, on what.

use std::{
    collections::BTreeSet,
    num::NonZeroU8,
    sync::{Arc, LazyLock, Mutex, OnceLock, Weak},
};

use keylend::{
    domain::{
        BackendName, BreakGlass, Catalogue, ChannelId, Entitlement, Environment, GroupName,
        LayerSpec, Limits, OnLeave, OnLimit, Params, ReasonRule, Risk, Scope, ScopeId, Span,
    },
    policy::Policy,
};
use tokio::time::sleep;

use crate::{
    adversary::Captured,
    clocks::Clocks,
    faults::Faults,
    mutants::Mutant,
    people::People,
    referee::Referee,
    seed::{Rng, VirtualClock},
    slack::Slack,
    store::{Database, MemoryStore, News},
    story::Story,
    target::{CERTIFICATE, TOKEN, Target},
};

/// Where the log is told.
pub(crate) const AUDIT: &str = "C0AUDIT";

/// What can be asked for. Two scopes share the writer role, and two the bastion, so that grants
/// overlap; a password comes with the owner role. A certificate ends by its time limit alone.
pub(crate) const SCOPES: [&str; 9] = [
    "db:write",
    "db:admin",
    "db:own",
    "lab:gpu",
    "bastion:login",
    "api:token",
    "api:certificate",
    "api:both",
    STAGED,
];

/// What one approver and one of security have to approve.
pub(crate) const STAGED: &str = "db:root";

/// What break-glass can grant.
pub(crate) const BREAKABLE: [&str; 2] = ["db:own", "api:token"];

/// How long a review may be open before nobody whose grant it is about can use break-glass again.
pub(crate) const UNREVIEWED: Span = Span::seconds(90);

/// Who may use break-glass.
const MAY_BREAK_GLASS: &str = r#"
@id("oncall-breaks-glass")
permit (principal in Group::"oncall", action == Action::"break_glass", resource);
"#;

/// Where leaving the engineers ends nothing, and somebody is told.
pub(crate) const WARNS: &str = "bastion:login";

/// How many grants one person may hold.
const CAP: u32 = 2;

/// How many requests of one person may be pending, in all and for one scope.
pub(crate) const PENDING: (u32, u32) = (5, 2);

pub(crate) struct World {
    /// The true time.
    pub(crate) clock: VirtualClock,
    pub(crate) clocks: Clocks,
    pub(crate) rng: Arc<Rng>,
    pub(crate) story: Arc<Story>,
    pub(crate) faults: Arc<Faults>,
    pub(crate) people: Arc<People>,
    pub(crate) targets: Vec<Arc<Target>>,
    pub(crate) database: Arc<Database>,
    pub(crate) slack: Arc<Slack>,
    pub(crate) referee: Arc<Referee>,
    pub(crate) mutant: Arc<dyn Mutant>,
    pub(crate) policy: Policy,
    /// The scope that needs two approvals by now, and needed one before.
    pub(crate) tightened: OnceLock<ScopeId>,
    pub(crate) limits: Limits,
    /// What the adversary can send again.
    pub(crate) captured: Mutex<Vec<Captured>>,
    ears: Arc<Mutex<Vec<Weak<MemoryStore>>>>,
}

impl World {
    pub(crate) fn new(seed: u64, mutant: Arc<dyn Mutant>) -> Self {
        static POLICY: LazyLock<Policy> = LazyLock::new(|| policy(MAY_BREAK_GLASS));

        let (clock, rng) = (VirtualClock::start(), Rng::of(seed));
        let story = Story::new(clock);
        let faults = Arc::<Faults>::default();
        let clocks = Clocks::new(clock);
        let people = People::new(clock, rng.clone(), story.clone());
        let targets: Vec<_> = ["pg", "ssh"]
            .map(|name| Target::new(name, clock, rng.clone(), story.clone()))
            .into();
        let mut standing = BTreeSet::<Entitlement>::new();
        if rng.once_in(3) {
            standing.insert(targets[0].entitlement("writer", "carol"));
            targets[0].admit(targets[0].entitlement("writer", "carol"));
        }
        let referee = Referee::new(clock, story.clone(), people.clone(), CAP as usize, standing);
        referee.watches(targets.clone());
        let limits = Limits {
            max_active_per_person: CAP,
            on_limit: match rng.once_in(2) {
                true => OnLimit::EndOldest,
                false => OnLimit::Refuse,
            },
            max_pending_per_person: PENDING.0,
            max_pending_per_scope: PENDING.1,
            max_requests_per_hour: 1_000,
            pending_timeout: Span::minutes(2),
            min_duration: Span::seconds(20),
            on_leave: OnLeave::End,
            exclusive: vec![["prod", "research"].map(Environment::new).into()],
            break_glass: Some(BreakGlass {
                reviewers: BTreeSet::from([GroupName::new("security")]),
                channel: ChannelId::new("C0SEC"),
                block_unreviewed_after: UNREVIEWED,
            }),
        };
        story.tell(format_args!("~~ seed {seed}, {:?}", limits.on_limit));
        let database = Arc::<Database>::default();
        database.tables().ignores_locks = mutant.ignores_locks();
        let policy = mutant.policy(&POLICY);
        Self {
            slack: Slack::new(rng.clone(), faults.clone(), story.clone()),
            clock,
            clocks,
            rng,
            story,
            faults,
            people,
            targets,
            database,
            referee,
            mutant,
            policy,
            tightened: OnceLock::new(),
            limits,
            captured: Mutex::default(),
            ears: Arc::default(),
        }
    }

    /// What can be asked for, as a replica learns it that starts now.
    pub(crate) fn catalogue(&self) -> Catalogue {
        let mut catalogue = catalogue();
        if let Some(scope) = self.tightened.get() {
            let scope = catalogue.get_mut(scope).expect("a scope");
            scope.approvals = NonZeroU8::new(2).expect("two");
        }
        self.mutant.catalogue(catalogue)
    }

    /// What tells the others of this replica's commits, a little later.
    pub(crate) fn news_of(&self, own: Arc<MemoryStore>) -> Box<dyn Fn(News) + Send + Sync> {
        self.ears.lock().unwrap().push(Arc::downgrade(&own));
        let (ears, rng, own) = (self.ears.clone(), self.rng.clone(), Arc::downgrade(&own));
        Box::new(move |news| {
            let (ears, own, later) = (ears.clone(), own.clone(), rng.millis(1..1_000));
            tokio::spawn(async move {
                sleep(later).await;
                let others = ears.lock().unwrap();
                for other in others.iter().filter(|other| !other.ptr_eq(&own)) {
                    if let Some(other) = other.upgrade() {
                        other.hear(news);
                    }
                }
            });
        })
    }
}

/// The base rules and these.
pub(crate) fn policy(rules: &str) -> Policy {
    let file = tempfile::NamedTempFile::with_suffix(".cedar").expect("a file");
    std::fs::write(file.path(), rules).expect("a file that can be written");
    Policy::load(&[file.path().to_owned()]).expect("rules")
}

/// The longest that a grant may last with its extensions.
pub(crate) const MAX_TOTAL: Span = Span::minutes(4);

fn catalogue() -> Catalogue {
    SCOPES
        .iter()
        .map(|name| {
            let (environment, approvals, layers): (_, _, &[_]) = match *name {
                "db:write" => ("prod", 1, &[("pg", "writer")]),
                "db:admin" => ("prod", 2, &[("pg", "writer"), ("ssh", "login")]),
                "db:own" => ("prod", 1, &[("pg", "owner")]),
                "lab:gpu" => ("research", 1, &[("ssh", "writer")]),
                "api:token" => ("", 1, &[("ssh", TOKEN)]),
                "api:certificate" => ("", 1, &[("ssh", CERTIFICATE)]),
                "api:both" => ("prod", 1, &[("ssh", TOKEN), ("ssh", CERTIFICATE)]),
                STAGED => ("", 2, &[("pg", "writer")]),
                _ => ("", 1, &[("ssh", "login")]),
            };
            let stages: &[&str] = match *name {
                STAGED => &["dba", "security"],
                _ => &[],
            };
            let groups = |names: &[&str]| -> BTreeSet<GroupName> {
                names.iter().map(|name| GroupName::new(*name)).collect()
            };
            let layer = |(backend, role): &(&str, &str)| LayerSpec {
                backend: BackendName::new(*backend),
                params: Params::from_iter([("role".to_owned(), (*role).into())]),
            };
            let scope = Scope {
                id: name.parse().expect("a scope"),
                title: (*name).to_owned(),
                environment: (!environment.is_empty()).then(|| Environment::new(environment)),
                risk: Risk::High,
                default_duration: Span::seconds(60),
                max_duration: Span::minutes(3),
                max_total: MAX_TOTAL,
                requesters: BTreeSet::from([GroupName::new("engineers")]),
                approvers: match stages {
                    [] => groups(&["dba"]),
                    stages => groups(stages),
                },
                approvals: NonZeroU8::new(approvals).expect("an approval"),
                stages: stages.iter().map(|group| groups(&[*group])).collect(),
                approval_channel: ChannelId::new("C0DBA"),
                reason: ReasonRule::Optional,
                ticket: None,
                on_leave: match *name {
                    WARNS => OnLeave::Warn,
                    _ => OnLeave::End,
                },
                residual: Span::default(),
                ends_early: layers.iter().all(|(_, role)| *role != CERTIFICATE),
                dangerous: false,
                break_glass: BREAKABLE.contains(name),
                layers: layers.iter().map(layer).collect(),
            };
            (scope.id.clone(), scope)
        })
        .collect()
}
