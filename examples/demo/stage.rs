//! Everything the demo needs, on loopback and in temporary folders: a Slack, targets, a console that
//! checks access, and Keylend.

use std::{fs, path::Path, sync::Arc, time::Duration};

use anyhow::Context;
use keylend::{
    clock::Clock,
    config::{Config, Secrets},
    serve::{self, Outside, Service},
};
use slack_sim::Sim;
use tempfile::TempDir;

use crate::{
    clock::DemoClock, company, console::Console, database::Database, overview::Overview,
    receiver::Receiver, tour,
};

const CONFIG: &str = include_str!("keylend.toml");
const POLICIES: &str = include_str!("policies.cedar");
const API_TOKEN: &str = "the-demo-console-token";
const WEBHOOK_SECRET: &str = "the-demo-webhook-secret";

pub struct Stage {
    sim: Sim,
    service: Service,
    database: Arc<Database>,
    _folder: TempDir,
}

impl Stage {
    pub async fn start() -> anyhow::Result<Self> {
        let clock = DemoClock::new();
        let time = clock.clone();
        let sim = Sim::start_with_clock(company::workspace()?, Arc::new(move || time.now())).await;
        let ahead = clock.clone();
        sim.let_time_be_moved(move |by| ahead.move_ahead(by));
        let database = Arc::new(Database::start(WEBHOOK_SECRET, clock.clone()).await);
        let accounts = Receiver::new(WEBHOOK_SECRET, clock.clone());
        let console = Console::start(clock.clone(), API_TOKEN, accounts, database.clone()).await?;
        let folder = tempfile::tempdir()?;
        let config = configure(folder.path(), &sim, &console, &database)?;
        let outside = Outside {
            clock: Arc::new(clock.clone()),
            ..Outside::default()
        };
        let service = serve::start(config, outside).await?;
        let keylend = format!("http://{}", service.address());
        until_ready(&keylend).await?;
        sim.connect(&keylend);
        let overview = Overview::open(&folder.path().join("keylend.db"), clock).await?;
        console.connect(&keylend, overview)?;
        sim.furnish(tour::page(console.address()));
        Ok(Self {
            sim,
            service,
            database,
            _folder: folder,
        })
    }

    /// Where the page is.
    pub fn address(&self) -> String {
        self.sim.address()
    }

    /// What the demo says of its database.
    pub fn database(&self) -> String {
        self.database.describe()
    }

    /// Stops everything, and removes the folders.
    pub async fn stop(self) {
        self.service.stop().await;
        self.database.stop().await;
    }
}

/// Writes the configuration and its secrets into `folder`, and reads them as `keylend serve` does.
fn configure(
    folder: &Path,
    sim: &Sim,
    console: &Console,
    database: &Database,
) -> anyhow::Result<Config> {
    let key = "00".repeat(32);
    for (name, content) in [
        ("bot_token", sim.bot_token().as_str()),
        ("signing_secret", sim.signing_secret().as_str()),
        ("api_token", API_TOKEN),
        ("key", key.as_str()),
        ("webhook_secret", WEBHOOK_SECRET),
        ("policies.cedar", POLICIES),
    ] {
        fs::write(folder.join(name), content)?;
    }
    let config = CONFIG
        .replace("FOLDER", &folder.display().to_string())
        .replace("SLACK_URL", &sim.api_url())
        .replace("CONSOLE_URL", &console.target_url("console"));
    let pg_prod = database.configuration(folder, &console.target_url("pg-prod"))?;
    let file = folder.join("keylend.toml");
    fs::write(&file, format!("{config}\n{pg_prod}"))?;
    Config::load(&file, Secrets::Checked).map_err(|problems| anyhow::anyhow!("{problems}"))
}

async fn until_ready(keylend: &str) -> anyhow::Result<()> {
    for _ in 0..200 {
        let ready = reqwest::get(format!("{keylend}/readyz")).await;
        if ready.is_ok_and(|answer| answer.status().is_success()) {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    None.context("the service did not become ready")
}
