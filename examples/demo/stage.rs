//! Everything the demo needs, on loopback and in a temporary folder: a Slack, a console to
//! protect, and the broker between them.

use std::{fs, path::PathBuf, sync::Arc};

use anyhow::Context;
use keylend::{
    clock::{Clock, SystemEntropy},
    config::{Config, Secrets},
    serve::{self, Outside, Service},
};
use slack_sim::{Channel, Person, Sim, Workspace};
use tempfile::TempDir;

use crate::{clock::DemoClock, target::Console};

pub const DBA: &str = "C0DBA";
pub const AUDIT: &str = "C0AUDIT";
pub const GENERAL: &str = "C0GENERAL";

/// Name and Slack id of everybody in the demo.
pub const PEOPLE: [(&str, &str); 4] = [
    ("alice", "U0ALICE"),
    ("bob", "U0BOB"),
    ("carol", "U0CAROL"),
    ("dave", "U0DAVE"),
];

const CONFIG: &str = include_str!("keylend.toml");
const API_TOKEN: &str = "the-demo-gateway-token";

pub struct Stage {
    pub sim: Sim,
    pub clock: DemoClock,
    pub console: Console,
    service: Service,
    folder: TempDir,
}

impl Stage {
    pub async fn start() -> anyhow::Result<Self> {
        let clock = DemoClock::new();
        let time = clock.clone();
        let sim = Sim::start_with_clock(workspace(), Arc::new(move || time.now())).await;
        let console = Console::default();
        let folder = tempfile::tempdir()?;
        let place = folder.path().display().to_string();
        for (name, secret) in [
            ("bot_token", sim.bot_token()),
            ("signing_secret", sim.signing_secret()),
            ("api_token", API_TOKEN.to_owned()),
            ("key", "00".repeat(32)),
            ("webhook_secret", "the-demo-webhook-secret".to_owned()),
        ] {
            fs::write(folder.path().join(name), secret)?;
        }
        let config = CONFIG
            .replace("FOLDER", &place)
            .replace("SLACK_URL", &sim.api_url())
            .replace("CONSOLE_URL", &console.start().await?);
        let file = folder.path().join("keylend.toml");
        fs::write(&file, config)?;
        let config = Config::load(&file, Secrets::Checked)
            .map_err(|problems| anyhow::anyhow!("{problems}"))?;
        let outside = Outside {
            clock: Arc::new(clock.clone()),
            entropy: Arc::new(SystemEntropy),
        };
        let service = serve::start(config, outside).await?;
        sim.connect(format!("http://{}", service.address()));
        let stage = Self {
            sim,
            clock,
            console,
            service,
            folder,
        };
        stage.until_ready().await?;
        Ok(stage)
    }

    /// Asks the check, as a gateway in front of the console does; answers the decision and the
    /// grant's end.
    pub async fn check(&self, email: &str) -> anyhow::Result<(bool, Option<String>)> {
        let question = serde_json::json!({
            "subject": {"type": "user", "id": email},
            "action": {"name": "enter"},
            "resource": {"type": "scope", "id": "console"},
        });
        let answer: serde_json::Value = reqwest::Client::new()
            .post(self.url("/access/v1/evaluation"))
            .bearer_auth(API_TOKEN)
            .json(&question)
            .send()
            .await?
            .json()
            .await?;
        let end = answer["context"]["expires_at"].as_str().map(str::to_owned);
        Ok((answer["decision"] == true, end))
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.service.address())
    }

    pub fn database(&self) -> PathBuf {
        self.folder.path().join("keylend.db")
    }

    pub async fn stop(self) {
        self.service.stop().await;
    }

    async fn until_ready(&self) -> anyhow::Result<()> {
        for _ in 0..200 {
            let ready = reqwest::get(self.url("/readyz")).await;
            if ready.is_ok_and(|answer| answer.status().is_success()) {
                return Ok(());
            }
            tokio::time::sleep(std::time::Duration::from_millis(25)).await;
        }
        None.context("the service did not become ready")
    }
}

fn workspace() -> Workspace {
    let everybody = PEOPLE.map(|(_, id)| id);
    let mut workspace = Workspace::new();
    for (name, id) in PEOPLE {
        workspace = workspace.person(Person::member(id, name));
    }
    workspace
        .group("S0DBA", "dba", ["U0BOB", "U0CAROL"])
        .channel(Channel::new(DBA, "dba", everybody))
        .channel(Channel::new(AUDIT, "audit", everybody))
        .channel(Channel::new(GENERAL, "general", everybody))
}
