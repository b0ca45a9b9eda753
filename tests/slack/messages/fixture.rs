//! A messenger between a real store and a simulated Slack, on a clock that tests move.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use keylend::{
    alerts::Alerts,
    clock::{Clock, SystemEntropy},
    directory::{Directory, GroupSource, Identities},
    domain::{ChannelId, Event, GroupName, Notifications, Request, Time, UserId},
    presentation::{CURSOR, CardRecords},
    slack::{
        client::Client,
        messages::{self, DigestSettings, Messenger},
    },
    store::{Change, Documents as _, SqliteStore, Store as _},
};
use slack_sim::{Channel, Message, Person, Sim, Workspace};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use url::Url;

use super::story::{self, at};
use crate::support::{clock::TestClock, sent};

/// Everything that a test needs; it all goes when this is dropped.
pub(crate) struct Fixture {
    pub(crate) sim: Sim,
    pub(crate) store: Arc<SqliteStore>,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) alerts: Arc<Alerts>,
    _folder: TempDir,
}

/// A messenger at work.
pub(crate) struct Running {
    shutdown: CancellationToken,
    task: JoinHandle<()>,
}

impl Running {
    pub(crate) async fn stop(self) {
        self.shutdown.cancel();
        self.task.await.expect("the messenger does not panic");
    }
}

impl Fixture {
    pub(crate) async fn set() -> Self {
        Self::of(false).await
    }

    /// With a Slack that says when it has had enough.
    pub(crate) async fn with_rate_limits() -> Self {
        Self::of(true).await
    }

    async fn of(rate_limits: bool) -> Self {
        let clock = TestClock::at(&at(0).to_rfc3339());
        let everybody = ["U0ALICE", "U0BOB", "U0CAROL"];
        let workspace = Workspace::new()
            .person(Person::member("U0ALICE", "alice"))
            .person(Person::member("U0BOB", "bob"))
            .person(Person::member("U0CAROL", "carol"))
            .group("S0DBA", "dba", ["U0BOB", "U0CAROL"])
            .channel(Channel::new("C0DBA", "dba-approvals", everybody))
            .channel(Channel::new("C0AUDIT", "audit", everybody))
            .channel(Channel::new("C0INC42", "inc-42", everybody))
            .channel(Channel::new("C0INC43", "inc-43", everybody))
            .rate_limits(rate_limits);
        let sims = clock.clone();
        let sim = Sim::start_with_clock(workspace, Arc::new(move || sims.now())).await;
        let folder = tempfile::tempdir().expect("a folder for the test");
        let store = SqliteStore::open(
            &folder.path().join("keylend.db"),
            &keylend::store::StoreKey::derive(&[0x5e; 32]),
        )
        .await;
        Self {
            sim,
            store: Arc::new(store.expect("a store")),
            clock,
            alerts: Arc::default(),
            _folder: folder,
        }
    }

    pub(crate) fn client(&self) -> Client {
        let url = Url::parse(&self.sim.api_url()).expect("the simulator's address");
        Client::new(&url, self.sim.bot_token().into(), self.clock.clone()).expect("a client")
    }

    /// The DBAs, as a user group of Slack, and the leads, Alice and Carol.
    fn directory(&self) -> Directory {
        let leads = ["U0ALICE", "U0CAROL"].map(UserId::new);
        let groups = [
            ("dba", GroupSource::SlackUsergroup("S0DBA".to_owned())),
            ("leads", GroupSource::Members(leads.into())),
        ];
        let groups = groups.map(|(name, source)| (GroupName::new(name), source));
        Directory::new(
            Arc::new(self.client()),
            self.clock.clone(),
            groups.into(),
            Identities::new(vec!["example.com".to_owned()], false, BTreeMap::new()),
        )
    }

    /// Starts a messenger; every request comes with credentials.
    pub(crate) fn run(&self) -> Running {
        self.run_notifying(Notifications::new())
    }

    /// The same, where scopes notify their approvers.
    pub(crate) fn run_notifying(&self, notifications: Notifications) -> Running {
        self.run_with(notifications, None)
    }

    /// The same, with a weekly digest.
    pub(crate) fn run_with(
        &self,
        notifications: Notifications,
        digest: Option<DigestSettings>,
    ) -> Running {
        let messenger = Messenger::new(messages::Parts {
            claims: self.store.clone(),
            store: self.store.clone(),
            documents: self.store.clone(),
            client: self.client(),
            clock: self.clock.clone(),
            entropy: Arc::new(SystemEntropy),
            audit_channel: ChannelId::new("C0AUDIT"),
            has_credentials: Arc::new(|_: &Request| true),
            logins: Arc::new(|_: &Request| Vec::new()),
            notifications,
            digest,
            directory: Arc::new(self.directory()),
            alerts: self.alerts.clone(),
            other_channels: [ChannelId::new("C0DBA")].into(),
        });
        let shutdown = CancellationToken::new();
        Running {
            task: tokio::spawn(Arc::new(messenger).run(shutdown.clone())),
            shutdown,
        }
    }

    /// Commits a change, when it happens.
    pub(crate) async fn commit(&self, change: Change) -> Request {
        let happened = change.events().last().map(|occurred| occurred.at);
        if let Some(happened) = happened
            && happened > self.clock.now()
        {
            self.clock.set(happened);
        }
        story::commit(&*self.store, change).await
    }

    /// Lets time pass, second by second, until `look` finds something.
    pub(crate) async fn in_time<T>(&self, mut look: impl FnMut(&Sim) -> Option<T>) -> T {
        for _ in 0..1_000 {
            let soon = Duration::from_millis(20);
            if let Ok(found) = self.sim.try_wait_for(soon, &mut look).await {
                return found;
            }
            self.clock.advance(Duration::from_secs(1));
        }
        panic!(
            "waited in vain; the workspace shows:\n{}",
            self.sim.describe()
        );
    }

    pub(crate) fn cards(&self) -> CardRecords {
        CardRecords::new(self.store.clone())
    }

    /// Whether the log is followed to its end and no card has its turn until `then`.
    async fn rests(&self, then: Time) -> bool {
        let followed = self.store.cursor(CURSOR).await.expect("the store");
        let due = self.cards().due(then, 1).await.expect("the store");
        followed == *self.store.head().borrow() && due.is_empty()
    }

    /// Waits until no card has anything left to show.
    pub(crate) async fn settled(&self) {
        for _ in 0..1_000 {
            if self.rests(Time::MAX_UTC).await {
                return;
            }
            let soon = Duration::from_millis(10);
            drop(self.sim.try_wait_for(soon, |_| None::<()>).await);
        }
        panic!("cards are due for ever:\n{}", self.sim.describe());
    }

    /// Waits until no card has its turn at this moment.
    pub(crate) async fn settled_for_now(&self) {
        while !self.rests(self.clock.now()).await {
            let soon = Duration::from_millis(1);
            drop(self.sim.try_wait_for(soon, |_| None::<()>).await);
        }
    }

    /// Waits until a message of the channel says `words`.
    pub(crate) async fn says(&self, channel: &str, words: &str) -> Message {
        self.sim
            .wait_until(|sim| {
                let mut messages = sim.messages(channel).into_iter();
                messages.find(|message| message.says(words))
            })
            .await
    }

    /// Waits until a message to the person says `words`.
    pub(crate) async fn tells(&self, person: &str, words: &str) -> Message {
        self.sim
            .wait_until(|sim| {
                let mut messages = sim.dm(person).into_iter();
                messages.find(|message| message.says(words))
            })
            .await
    }
}

impl Drop for Fixture {
    fn drop(&mut self) {
        sent::keep(&self.sim);
    }
}

/// Alice's request.
pub(crate) fn asked(seed: &str, seconds: i64) -> Change {
    story::asked(seed, "alice", "db-prod:write", at(seconds))
}

/// The same, followed by an incident channel.
pub(crate) fn asked_in_incident(seed: &str, channel: &str) -> Change {
    let mut first = story::first_event(seed, "alice", "db-prod:write", at(0));
    if let Event::Requested { mirrors, .. } = &mut first.event {
        mirrors.push(ChannelId::new(channel));
    }
    Change::first(story::id(seed), first, Vec::new())
}
