//! The world around the replicas: a Slack with people, a server for the store, targets, and a load
//! balancer that Slack sends to.

use std::{
    path::PathBuf,
    process::{Command, Output},
    time::{Duration, Instant},
};

use keylend::store::PostgresStore;
use reqwest::{Response, StatusCode};
use serde_json::{Value, json};
use slack_sim::{Message, Sim, Workspace};
use sqlx::{
    AssertSqlSafe, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use tempfile::TempDir;

use crate::{
    balancer::Balancer,
    replica::Replica,
    support::{
        fixture::{self, ALICE, APPROVALS, BOB, GENERAL, Has, TOKEN},
        postgres::Postgres,
        sent,
        target::Target,
    },
};

/// What Alice asks for in most stories: a scope on two targets, of which the console has moods.
pub const REQUEST: &str = "request console:use 30m INC-4211 writes are failing";

/// How long what people wait for may take, on a machine that does other things too.
pub const PATIENCE: Duration = Duration::from_secs(30);

pub struct World {
    pub sim: Sim,
    pub store: Postgres,
    pub console: Target,
    pub bastion: Target,
    pub balancer: Balancer,
    /// To look into the store with.
    pub looks: PgPool,
    folder: TempDir,
    http: reqwest::Client,
}

impl World {
    pub async fn start() -> Self {
        Self::with(fixture::workspace(), None).await
    }

    /// With people of its own, and a target that is a PostgreSQL server.
    pub async fn with(workspace: Workspace, target: Option<&Postgres>) -> Self {
        let sim = Sim::start(workspace).await;
        let store = Postgres::start().await;
        PostgresStore::migrate(&store.admin_url()).await.unwrap();
        let (console, bastion) = (Target::start().await, Target::start().await);
        let folder = tempfile::tempdir().unwrap();
        let config = include_str!("keylend.toml");
        fixture::write(folder.path(), config, "", &sim, &console, &bastion);
        let target = target.map_or_else(|| store.admin_url(), Postgres::admin_url);
        for (name, url) in [("store_url", store.admin_url()), ("target_url", target)] {
            std::fs::write(folder.path().join(name), url).unwrap();
        }
        // The tests look into it often, and nobody reads what they ask.
        store
            .execute("ALTER ROLE postgres SET log_statement = 'none'")
            .await;
        let reached: PgConnectOptions = store.admin_url().parse().unwrap();
        let looks = PgPoolOptions::new()
            .max_connections(2)
            .connect_lazy_with(reached.options([("search_path", "keylend")]));
        let balancer = Balancer::start().await;
        sim.connect(balancer.url());
        let _ = rustls::crypto::ring::default_provider().install_default();
        Self {
            sim,
            store,
            console,
            bastion,
            balancer,
            looks,
            folder,
            http: reqwest::Client::new(),
        }
    }

    pub fn config(&self) -> PathBuf {
        self.folder.path().join("keylend.toml")
    }

    /// A replica more.
    pub async fn boot(&self) -> Replica {
        let replica = Replica::start(&self.config()).await;
        self.reached(&replica).await;
        self.balancer.add(replica.address);
        replica
    }

    /// Waits until a replica takes what Slack sends.
    pub async fn reached(&self, replica: &Replica) {
        eventually("Slack's way in", PATIENCE, async || {
            self.readiness(replica).await.1["slack"] == true
        })
        .await;
    }

    /// Two replicas, of which the first speaks to Slack until it is gone.
    pub async fn two(&self) -> (Replica, Replica) {
        let first = self.boot().await;
        first.until_says("claim acquired").await;
        (first, self.boot().await)
    }

    /// Runs the program's other commands.
    pub fn run(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_keylend"))
            .args(arguments)
            .arg("--config")
            .arg(self.config())
            .output()
            .unwrap()
    }

    /// Types `/jit …`; the answer is what only this person sees.
    pub async fn answer(&self, person: &str, line: &str) -> Message {
        let person = self.sim.person(person);
        let heard = person.ephemerals().len();
        person.command(GENERAL, "/jit", line).await;
        self.seen(|_| person.ephemerals().into_iter().nth(heard))
            .await
    }

    /// Waits until `look` finds something in Slack.
    pub async fn seen<T>(&self, look: impl FnMut(&Sim) -> Option<T>) -> T {
        let found = self.sim.try_wait_for(PATIENCE, look).await;
        found.unwrap_or_else(|vain| panic!("{vain}"))
    }

    /// Alice asks; the answer is the card that asks for the approval.
    pub async fn asked(&self, line: &str) -> Message {
        let alice = self.sim.person(ALICE);
        assert!(alice.command(GENERAL, "/jit", line).await.is_ok());
        self.open_card().await
    }

    /// Waits for a card that asks for a decision.
    pub async fn open_card(&self) -> Message {
        self.seen(|sim| {
            let mut cards = sim.messages(APPROVALS).into_iter();
            cards.find(|card| card.has("approve"))
        })
        .await
    }

    /// Waits for Alice's card of a grant that is there.
    pub async fn active(&self) -> Message {
        self.seen(|sim| sim.dm(ALICE).into_iter().find(|card| card.has("done")))
            .await
    }

    /// Alice asks, Bob approves, the access is there.
    pub async fn granted(&self) -> Message {
        let card = self.asked(REQUEST).await;
        self.sim.person(BOB).click(&card, "approve").await;
        self.active().await
    }

    /// Waits until Alice is told that her access has ended.
    pub async fn ended(&self) -> Message {
        self.seen(|sim| {
            let mut told = sim.dm(ALICE).into_iter();
            told.find(|message| message.says("has ended:"))
        })
        .await
    }

    /// Asks a replica whether Alice may use the console.
    pub async fn check(&self, replica: &Replica) -> Response {
        let question = json!({
            "subject": {"type": "user", "id": ALICE},
            "action": {"name": "use"},
            "resource": {"type": "scope", "id": "console"},
        });
        self.http
            .post(format!("http://{}/access/v1/evaluation", replica.address))
            .bearer_auth(TOKEN)
            .json(&question)
            .send()
            .await
            .unwrap()
    }

    /// Waits until a replica says whether Alice may use the console.
    pub async fn until_checked(&self, replica: &Replica, admitted: bool) {
        eventually("the check", PATIENCE, async || {
            let answer = self.check(replica).await;
            answer.status() == StatusCode::OK
                && answer.json::<Value>().await.unwrap()["decision"] == admitted
        })
        .await;
    }

    /// What a replica says of its readiness.
    pub async fn readiness(&self, replica: &Replica) -> (StatusCode, Value) {
        let url = format!("http://{}/readyz", replica.address);
        let answer = self.http.get(url).send().await.unwrap();
        (answer.status(), answer.json().await.unwrap())
    }

    /// One number out of the store.
    pub async fn count(&self, statement: &str) -> i64 {
        let asked = sqlx::query_scalar(AssertSqlSafe(statement.to_owned()));
        asked.fetch_one(&self.looks).await.unwrap()
    }

    /// How many entries of this kind are in the log.
    pub async fn entries(&self, kind: &str) -> i64 {
        let statement = format!("SELECT count(*) FROM events WHERE kind = '{kind}'");
        self.count(&statement).await
    }

    /// Waits until Slack shows everything: all cards as they are, all lines told.
    pub async fn quiet(&self) {
        eventually("quiet", 3 * PATIENCE, async || {
            self.count(
                "SELECT (SELECT count(*) FROM documents
                         WHERE collection = 'cards' AND due_at IS NOT NULL)
                      + (SELECT count(*) FROM (VALUES ('audit'), ('mirror'), ('dm')) AS feeds (name)
                         LEFT JOIN cursors USING (name)
                         WHERE seq IS DISTINCT FROM (SELECT max(seq) FROM events))",
            )
            .await
                == 0
        })
        .await;
    }

    /// The log is whole, and `keylend audit verify` says so.
    pub fn verify(&self) {
        let verified = self.run(&["audit", "verify"]);
        assert!(verified.status.success(), "{verified:?}");
    }
}

impl Drop for World {
    fn drop(&mut self) {
        sent::keep(&self.sim);
    }
}

/// Waits until something has come true, looking again and again.
pub async fn eventually(what: &str, patience: Duration, mut come: impl AsyncFnMut() -> bool) {
    let over = Instant::now() + patience;
    let mut looks = tokio::time::interval(Duration::from_millis(50));
    while !come().await {
        assert!(Instant::now() < over, "{what} did not come");
        looks.tick().await;
    }
}
