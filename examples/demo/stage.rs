//! Everything the demo needs, on loopback and in a temporary folder: a Slack, a console to
//! protect, and the broker between them.

use std::{fs, sync::Arc, time::Duration};

use anyhow::Context;
use keylend::{
    clock::Clock,
    config::{Config, Secrets},
    serve::{self, Outside, Service},
};
use slack_sim::Sim;
use tempfile::TempDir;

use crate::{clock::DemoClock, company, console::Console, tour};

const CONFIG: &str = include_str!("keylend.toml");
const POLICIES: &str = include_str!("policies.cedar");
const API_TOKEN: &str = "the-demo-console-token";
const WEBHOOK_SECRET: &str = "the-demo-webhook-secret";

pub struct Stage {
    sim: Sim,
    service: Service,
    _folder: TempDir,
}

impl Stage {
    pub async fn start() -> anyhow::Result<Self> {
        let clock = DemoClock::new();
        let time = clock.clone();
        let sim = Sim::start_with_clock(company::workspace()?, Arc::new(move || time.now())).await;
        let ahead = clock.clone();
        sim.let_time_be_moved(move |by| ahead.move_ahead(by));
        let console = Console::start(clock.clone(), API_TOKEN, WEBHOOK_SECRET).await?;
        let folder = tempfile::tempdir()?;
        let config = configure(&folder, &sim, &console)?;
        let outside = Outside {
            clock: Arc::new(clock),
            ..Outside::default()
        };
        let service = serve::start(config, outside).await?;
        let keylend = format!("http://{}", service.address());
        until_ready(&keylend).await?;
        sim.connect(&keylend);
        console.ask(&keylend)?;
        sim.furnish(tour::page(console.address()));
        Ok(Self {
            sim,
            service,
            _folder: folder,
        })
    }

    /// Where the page is.
    pub fn address(&self) -> String {
        self.sim.address()
    }

    pub async fn stop(self) {
        self.service.stop().await;
    }
}

/// Writes the configuration and its secrets into `folder`, and reads them as `keylend serve` does.
fn configure(folder: &TempDir, sim: &Sim, console: &Console) -> anyhow::Result<Config> {
    let key = "00".repeat(32);
    for (name, content) in [
        ("bot_token", sim.bot_token().as_str()),
        ("signing_secret", sim.signing_secret().as_str()),
        ("api_token", API_TOKEN),
        ("key", key.as_str()),
        ("webhook_secret", WEBHOOK_SECRET),
        ("policies.cedar", POLICIES),
    ] {
        fs::write(folder.path().join(name), content)?;
    }
    let config = CONFIG
        .replace("FOLDER", &folder.path().display().to_string())
        .replace("SLACK_URL", &sim.api_url())
        .replace("CONSOLE_URL", &console.orders_url());
    let file = folder.path().join("keylend.toml");
    fs::write(&file, config)?;
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
