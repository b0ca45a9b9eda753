//! The fixture of a story: a Slack with people, two targets, a clock that the test moves, and the
//! real service between them, driven through its public doors alone.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use chrono::TimeDelta;
use keylend::{
    clock::{Clock, SystemEntropy},
    config::{Config, Mode, Secrets},
    domain::Time,
    serve::{self, Outside, Service},
    store::{Entry, EntryBody, SqliteStore, Store},
};
use serde_json::{Value, json};
use slack_sim::{Actor, Channel, Delivery, Message, Person, Sim, Submission, View, Workspace};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use super::{clock::TestClock, sent, target::Target};

pub const ALICE: &str = "U0ALICE";
pub const BOB: &str = "U0BOB";
pub const CAROL: &str = "U0CAROL";
pub const DAVE: &str = "U0DAVE";
pub const GUEST: &str = "U0GUEST";
pub const STRANGER: &str = "U0STRANGER";
pub const SECURITY: &str = "U0SEC";

pub const APPROVALS: &str = "C0DBA";
pub const AUDIT: &str = "C0AUDIT";
pub const INCIDENT: &str = "C0INC";
pub const GENERAL: &str = "C0GENERAL";

/// What the story's scope is called, and a request for it.
pub const SCOPE: &str = "db-prod:write";
pub const REQUEST: &str = "request db-prod:write 30m INC-4211 writes are failing";

/// When every story begins.
pub const BEGINNING: &str = "2099-11-21T02:00:00Z";

pub const TOKEN: &str = "a-gateway-token-of-the-tests";

/// Alice and Dave are engineers, Bob and Carol approve, the rest have no rights. The app has what
/// its manifest says and no more. It may call as often as it likes: most stories happen while the
/// clock stands, where Slack's limits would never end.
pub fn workspace() -> Workspace {
    let everybody = [ALICE, BOB, CAROL, DAVE, GUEST, SECURITY, STRANGER];
    Workspace::new()
        .manifest(include_str!("../../manifest.yml"))
        .unwrap()
        .person(Person::member(ALICE, "alice"))
        .person(Person::member(BOB, "bob"))
        .person(Person::member(CAROL, "carol"))
        .person(Person::member(DAVE, "dave"))
        .person(Person::member(SECURITY, "sam"))
        .person(Person::guest(GUEST, "gil"))
        .person(Person::stranger(STRANGER, "stella", "T0OTHER"))
        .group("S0DBA", "dba", [BOB, CAROL])
        .group("S0ENG", "engineers", [ALICE, DAVE, BOB])
        .channel(Channel::new(APPROVALS, "dba", everybody))
        .channel(Channel::new(AUDIT, "audit", everybody))
        .channel(Channel::new(INCIDENT, "inc-42", everybody))
        .channel(Channel::new(GENERAL, "general", everybody))
}

/// The same configuration, for Socket Mode: nothing else has to be changed.
pub fn over_sockets(config: &str) -> String {
    config.replace("mode = \"http\"", "mode = \"socket\"")
}

/// The configuration of the story, before a test changes it.
pub const CONFIG: &str = include_str!("keylend.toml");

/// A scope with one layer, which engineers request and DBAs approve.
pub fn scope(id: &str, title: &str, layer: &str) -> String {
    format!(
        r#"[scopes."{id}"]
title = "{title}"
risk = "high"
default_duration = "30m"
max_duration = "1h"
requesters = ["engineers"]
approvers = ["dba"]
approval_channel = "C0DBA"
reason = "optional"
layers = [{{ {layer} }}]
"#
    )
}

/// Writes a configuration, its secrets and an operator's policies into `folder`.
pub fn write(
    folder: &Path,
    config: &str,
    policies: &str,
    sim: &Sim,
    console: &Target,
    bastion: &Target,
) {
    let secrets = [
        ("bot_token", slack_sim::BOT_TOKEN),
        ("signing_secret", slack_sim::SIGNING_SECRET),
        ("app_token", slack_sim::APP_TOKEN),
        ("api_token", TOKEN),
        ("webhook_secret", "a-webhook-secret-of-the-tests"),
        ("key", &"5e".repeat(32)),
    ];
    for (name, secret) in secrets {
        fs::write(folder.join(name), secret).unwrap();
    }
    fs::create_dir(folder.join("policies")).unwrap();
    fs::write(folder.join("policies/operator.cedar"), policies).unwrap();
    let config = config
        .replace("DIR", &folder.display().to_string())
        .replace("SLACK", &sim.api_url())
        .replace("CONSOLE", console.url())
        .replace("BASTION", bastion.url());
    fs::write(folder.join("keylend.toml"), config).unwrap();
}

pub struct Fixture {
    pub sim: Sim,
    pub console: Target,
    pub bastion: Target,
    pub clock: Arc<TestClock>,
    /// The clock of a store that replicas share; nothing if it is the same.
    pub store_clock: Option<Arc<dyn Clock>>,
    dir: TempDir,
    running: Option<(Runtime, Service)>,
    replicas: Vec<(Runtime, Service)>,
    http: reqwest::Client,
}

impl Fixture {
    pub async fn start() -> Self {
        Self::of(workspace()).await
    }

    /// With another configuration and an operator's policies.
    pub async fn with(change: impl FnOnce(&str) -> String, policies: &str) -> Self {
        Self::set(workspace(), change, policies).await
    }

    /// Reached by Slack over Socket Mode.
    pub async fn by_socket() -> Self {
        Self::with(over_sockets, "").await
    }

    /// In a workspace of its own.
    pub async fn of(workspace: Workspace) -> Self {
        Self::set(workspace, |config| config.to_owned(), "").await
    }

    /// In a workspace of its own, with another configuration.
    pub async fn set(
        workspace: Workspace,
        change: impl FnOnce(&str) -> String,
        policies: &str,
    ) -> Self {
        // What the service warns of is shown with a test that fails.
        let _ = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::WARN)
            .with_test_writer()
            .try_init();
        let clock = TestClock::at(BEGINNING);
        let shared = clock.clone();
        let sim = Sim::start_with_clock(workspace, Arc::new(move || shared.now())).await;
        let dir = tempfile::tempdir().unwrap();
        let (console, bastion) = (Target::start().await, Target::start().await);
        write(
            dir.path(),
            &change(CONFIG),
            policies,
            &sim,
            &console,
            &bastion,
        );
        // The service does the same when it starts; whoever is first does it.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::new();
        let mut fixture = Self {
            sim,
            console,
            bastion,
            clock,
            store_clock: None,
            dir,
            running: None,
            replicas: Vec::new(),
            http,
        };
        fixture.boot().await;
        fixture
    }

    /// Starts the service on what is in the store.
    pub async fn boot(&mut self) {
        self.boot_unready().await;
        self.until_ready().await;
    }

    /// Starts it, whether or not it becomes ready.
    pub async fn boot_unready(&mut self) {
        let config = self.config();
        let over_http = matches!(config.slack.mode, Mode::Http { .. });
        let (runtime, service) = self.launch(config).await;
        match over_http {
            true => self.sim.connect(format!("http://{}", service.address())),
            false => self.sim.connect_socket(),
        }
        self.running = Some((runtime, service));
    }

    /// Starts one more replica on the same store. Slack goes on asking the first.
    pub async fn join(&mut self) {
        let replica = self.launch(self.config()).await;
        self.replicas.push(replica);
    }

    pub fn config(&self) -> Config {
        Config::load(&self.config_file(), Secrets::Checked)
            .unwrap_or_else(|wrong| panic!("{wrong}"))
    }

    /// Writes another configuration, for the next start.
    pub fn reconfigure(&self, change: impl FnOnce(&str) -> String) {
        let config = fs::read_to_string(self.config_file()).unwrap();
        fs::write(self.config_file(), change(&config)).unwrap();
    }

    async fn launch(&self, config: Config) -> (Runtime, Service) {
        let clock: Arc<dyn Clock> = self.clock.clone();
        let store_clock = self.store_clock.clone();
        let store_clock = store_clock.unwrap_or_else(|| clock.clone());
        let outside = Outside {
            clock,
            store_clock: Some(store_clock),
            entropy: Arc::new(SystemEntropy),
        };
        let running = tokio::task::spawn_blocking(move || {
            let runtime = Runtime::new().unwrap();
            let service = runtime.block_on(serve::start(config, outside)).unwrap();
            (runtime, service)
        });
        running.await.unwrap()
    }

    /// Ends the service in the middle of whatever it does, as a crash would.
    pub async fn crash(&mut self) {
        let (runtime, service) = self.running.take().unwrap();
        drop(service);
        tokio::task::spawn_blocking(move || runtime.shutdown_timeout(Duration::from_secs(10)))
            .await
            .unwrap();
    }

    /// Stops the service, as SIGTERM does.
    pub async fn stop(&mut self) {
        let (runtime, service) = self.running.take().unwrap();
        let stopping = tokio::task::spawn_blocking(move || {
            runtime.block_on(service.stop());
            runtime.shutdown_background();
        });
        stopping.await.unwrap();
    }

    pub fn config_file(&self) -> PathBuf {
        self.dir.path().join("keylend.toml")
    }

    pub fn database(&self) -> PathBuf {
        self.dir.path().join("keylend.db")
    }

    pub fn url(&self, path: &str) -> String {
        let (_, service) = self.running.as_ref().unwrap();
        format!("http://{}{path}", service.address())
    }

    /// The same at the replica that joined last.
    pub fn replica_url(&self, path: &str) -> String {
        let (_, service) = self.replicas.last().unwrap();
        format!("http://{}{path}", service.address())
    }

    pub fn alice(&self) -> Actor {
        self.sim.person(ALICE)
    }

    pub fn bob(&self) -> Actor {
        self.sim.person(BOB)
    }

    pub fn carol(&self) -> Actor {
        self.sim.person(CAROL)
    }

    pub fn person(&self, id: &str) -> Actor {
        self.sim.person(id)
    }

    /// Types `/jit …` in the general channel.
    pub async fn jit(&self, person: &str, line: &str) -> Delivery {
        self.sim.person(person).command(GENERAL, "/jit", line).await
    }

    /// Types `/jit …`; the answer is what only this person sees.
    pub async fn answer(&self, person: &str, line: &str) -> Message {
        let actor = self.sim.person(person);
        let heard = actor.ephemerals().len();
        self.jit(person, line).await;
        self.in_time(|_| actor.ephemerals().into_iter().nth(heard))
            .await
    }

    /// Types `/jit revoke …` or `/jit lock …` and submits the form that shows what ends. The answer is what
    /// takes the form's place.
    pub async fn end(&self, person: &str, line: &str) -> View {
        let actor = self.sim.person(person);
        self.jit(person, line).await;
        self.in_time(|_| actor.modal()).await;
        let submitted = actor.submit().await;
        let Submission::Updated(told) = submitted else {
            panic!("{line}: {submitted:?}");
        };
        actor.close_modal().await;
        told
    }

    /// Alice asks; the answer is the card that asks for the approval.
    pub async fn asked(&self, line: &str) -> Message {
        let before = self.sim.messages(APPROVALS).len();
        self.jit(ALICE, line).await;
        self.in_time(|sim| {
            let cards = sim.messages(APPROVALS);
            cards
                .into_iter()
                .skip(before)
                .find(|card| card.has("approve"))
        })
        .await
    }

    /// Waits for a card that asks for a decision.
    pub async fn open_card(&self) -> Message {
        self.in_time(|sim| {
            sim.messages(APPROVALS)
                .into_iter()
                .find(|card| card.has("approve"))
        })
        .await
    }

    /// Waits until Alice was told so many times that her access has ended.
    pub async fn ended(&self, times: usize) {
        self.in_time(|sim| {
            let told = sim.dm(ALICE);
            // What ends together is told together.
            let ended = told.iter().map(|it| it.text.matches("has ended:").count());
            (ended.sum::<usize>() >= times).then_some(())
        })
        .await;
    }

    /// Alice asks, Bob approves, the access is there; the answer is Alice's card of the grant.
    pub async fn granted(&self, line: &str) -> Message {
        let before: Vec<String> = self
            .sim
            .dm(ALICE)
            .into_iter()
            .map(|message| message.ts)
            .collect();
        let card = self.asked(line).await;
        self.bob().click(&card, "approve").await;
        self.in_time(|_| {
            self.grants(ALICE)
                .into_iter()
                .find(|grant| !before.contains(&grant.ts))
        })
        .await
    }

    /// Lets time pass, ten seconds at a time, until `come` has come true.
    pub async fn until(&self, what: &str, come: impl Fn(&Self) -> bool) {
        for _ in 0..5_000 {
            if come(self) {
                return;
            }
            self.clock.advance(Duration::from_secs(10));
            // A round trip through the service gives it its share of the machine.
            self.page("/healthz").await;
        }
        panic!("{what} did not come; Slack shows\n{}", self.sim.describe());
    }

    /// Lets time pass, ten seconds at a time, until the log has so many entries of this kind. Answers
    /// the kinds of all entries.
    pub async fn until_logged(&self, kind: &str, times: usize) -> Vec<String> {
        for _ in 0..500 {
            let kinds = self.kinds().await;
            if kinds.iter().filter(|logged| *logged == kind).count() >= times {
                return kinds;
            }
            self.clock.advance(Duration::from_secs(10));
            self.page("/healthz").await;
        }
        panic!("the log has no {kind}: {:?}", self.kinds().await);
    }

    /// Waits until `look` finds something in Slack. What does not come at once may wait for its
    /// turn with Slack: then time passes, second by second, and leaves the service real time.
    pub async fn in_time<T>(&self, mut look: impl FnMut(&Sim) -> Option<T>) -> T {
        let mut soon = Duration::from_secs(2);
        for _ in 0..1_000 {
            if let Ok(found) = self.sim.try_wait_for(soon, &mut look).await {
                return found;
            }
            soon = Duration::from_millis(20);
            self.clock.advance(Duration::from_secs(1));
        }
        panic!("waited in vain; Slack shows\n{}", self.sim.describe());
    }

    /// The cards of active grants in a person's direct messages.
    pub fn grants(&self, person: &str) -> Vec<Message> {
        let messages = self.sim.dm(person);
        messages
            .into_iter()
            .filter(|message| message.has("done"))
            .collect()
    }

    /// Waits until a message that says `words` is in the person's direct messages.
    pub async fn told(&self, person: &str, words: &str) -> Message {
        self.in_time(|sim| {
            sim.dm(person)
                .into_iter()
                .find(|message| message.says(words))
        })
        .await
    }

    /// Waits until the person was answered privately with these words.
    pub async fn answered(&self, person: &str, words: &str) -> Message {
        let person = self.sim.person(person);
        self.in_time(|_| {
            person
                .ephemerals()
                .into_iter()
                .find(|answer| answer.says(words))
        })
        .await
    }

    /// Waits until the audit channel has a line with these words.
    pub async fn audited(&self, words: &str) -> Message {
        self.said(AUDIT, words).await
    }

    /// Waits until the channel has a message with these words.
    pub async fn said(&self, channel: &str, words: &str) -> Message {
        self.in_time(|sim| {
            let mut messages = sim.messages(channel).into_iter();
            messages.find(|message| message.says(words))
        })
        .await
    }

    /// Waits until the message, as it is shown now, says these words.
    pub async fn shows(&self, message: &Message, words: &str) -> Message {
        self.in_time(|sim| {
            sim.message(&message.channel, &message.ts)
                .filter(|now| now.says(words))
        })
        .await
    }

    /// Shares a channel with another company, or stops sharing it. Keylend is not told.
    pub fn share(&self, channel: &str, is_shared: bool) {
        let share = |channel: &mut Channel| channel.is_ext_shared = is_shared;
        self.sim.update_channel(channel, share);
    }

    pub fn advance_minutes(&self, minutes: u64) {
        self.clock.advance(Duration::from_secs(60 * minutes));
    }

    /// Asks the check, as a gateway does.
    pub async fn check(&self, who: &str, scope: &str) -> Value {
        let (_, service) = self.running.as_ref().unwrap();
        let answer = self.check_at(service, who, scope).await;
        assert_eq!(answer.status(), 200);
        answer.json().await.unwrap()
    }

    async fn check_at(&self, service: &Service, who: &str, scope: &str) -> reqwest::Response {
        let (resource, action) = scope.split_once(':').unwrap();
        let question = json!({
            "subject": {"type": "user", "id": who},
            "action": {"name": action},
            "resource": {"type": "scope", "id": resource},
        });
        let url = format!("http://{}/access/v1/evaluation", service.address());
        let question = self.http.post(url).bearer_auth(TOKEN).json(&question);
        question.send().await.unwrap()
    }

    pub async fn admitted(&self, who: &str, scope: &str) -> bool {
        self.check(who, scope).await["decision"] == true
    }

    /// Whether any of the replicas says yes. One that is behind answers 503, which is a no.
    pub async fn admitted_anywhere(&self, who: &str, scope: &str) -> bool {
        for (_, service) in self.running.iter().chain(&self.replicas) {
            let answer = self.check_at(service, who, scope).await;
            if answer.status() == 200 {
                let answer: Value = answer.json().await.unwrap();
                if answer["decision"] == true {
                    return true;
                }
            }
        }
        false
    }

    pub async fn page(&self, path: &str) -> (u16, String) {
        let answer = self.http.get(self.url(path)).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    /// The whole log, read as `keylend audit` reads it.
    pub async fn whole_log(&self) -> Vec<Entry> {
        let store = SqliteStore::open_read_only(
            &self.database(),
            Some(&keylend::store::StoreKey::derive(&[0x5e; 32])),
        )
        .await
        .unwrap();
        store.entries(0, u32::MAX).await.unwrap()
    }

    /// The log without what no decision rests on: attempts that were refused, and who is in which group.
    pub async fn log(&self) -> Vec<Entry> {
        let mut log = self.whole_log().await;
        log.retain(|entry| !matches!(entry.body, EntryBody::Attempt(_) | EntryBody::Group(_)));
        log
    }

    /// Lets time pass, a second at a time, until the whole log has so many entries of this kind. Answers
    /// them.
    pub async fn noted(&self, kind: &str, times: usize) -> Vec<Value> {
        for _ in 0..2_000 {
            let entries = self.noted_by_now(kind).await;
            if entries.len() >= times {
                return entries;
            }
            self.clock.advance(Duration::from_secs(1));
            self.page("/healthz").await;
        }
        panic!("the log has no {kind}");
    }

    /// The entries of this kind in the whole log.
    pub async fn noted_by_now(&self, kind: &str) -> Vec<Value> {
        let log = self.whole_log().await;
        let entries = log.iter().map(|entry| serde_json::to_value(entry).unwrap());
        entries.filter(|entry| entry["kind"] == kind).collect()
    }

    /// The kinds of the entries of [`log`](Self::log), in order.
    pub async fn kinds(&self) -> Vec<String> {
        let log = self.log().await;
        log.iter()
            .map(|entry| {
                serde_json::to_value(entry).unwrap()["kind"]
                    .as_str()
                    .unwrap()
                    .to_owned()
            })
            .collect()
    }

    async fn until_ready(&self) {
        let ready = async {
            while self.page("/readyz").await.0 != 200 {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), ready)
            .await
            .expect("the service is ready");
    }

    pub fn now(&self) -> Time {
        self.clock.now()
    }

    pub fn in_minutes(&self, minutes: i64) -> Time {
        self.clock.now() + TimeDelta::minutes(minutes)
    }
}

impl Drop for Fixture {
    fn drop(&mut self) {
        sent::keep(&self.sim);
        for (runtime, _) in self
            .running
            .take()
            .into_iter()
            .chain(self.replicas.drain(..))
        {
            runtime.shutdown_background();
        }
    }
}

/// What stories ask of a message.
pub trait Has {
    /// Whether it has a button of this action.
    fn has(&self, action: &str) -> bool;
}

impl Has for Message {
    fn has(&self, action: &str) -> bool {
        self.buttons().iter().any(|button| button == action)
    }
}
