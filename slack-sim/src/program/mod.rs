//! The simulator as a program: what it is told on the command line, and what it says.

mod file;

use std::{fs, net::SocketAddr, path::PathBuf};

use anyhow::Context;
use clap::Parser;
use slack_sim::{MovableClock, Page, Paths, Sim, Workspace};

/// A workspace where nobody names another one.
const EXAMPLE: &str = include_str!("../../workspace.example.toml");

/// A local Slack with a page: the Web API, signed HTTP deliveries and Socket Mode, for an app in
/// any language. It keeps everything in memory and is reachable from this machine alone.
#[derive(Debug, Parser)]
#[command(version)]
pub(crate) struct Options {
    /// Where to listen: a loopback address and a port, 0 for any that is free
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:4040")]
    listen: SocketAddr,

    /// Who and what there is, in TOML; `workspace.example.toml` explains every key and is used
    /// where no file is named
    #[arg(long, value_name = "FILE")]
    workspace: Option<PathBuf>,

    /// The app's manifest, YAML or JSON: it has no scopes, commands and events but those
    #[arg(long, value_name = "FILE")]
    manifest: Option<PathBuf>,

    /// Where the app is, over HTTP, such as http://127.0.0.1:3000; an app in Socket Mode connects
    /// by itself
    #[arg(long, value_name = "URL")]
    app_url: Option<String>,

    /// Do not enforce Slack's rate limits
    #[arg(long)]
    no_rate_limits: bool,
}

/// Runs until Ctrl-C.
pub(crate) async fn run(options: Options) -> anyhow::Result<()> {
    let described = match &options.workspace {
        Some(path) => file::read(path)?,
        None => file::parse(EXAMPLE).context("the example is not right")?,
    };
    let app = described.app()?;
    let mut workspace = described.workspace()?.rate_limits(!options.no_rate_limits);
    if let Some(path) = &options.manifest {
        workspace = installed(workspace, path)?;
    }
    let clock = MovableClock::default();
    let sim = Sim::start_at(workspace, clock.clock(), options.listen).await?;
    sim.let_time_be_moved(move |by| clock.advance(by));
    sim.furnish(Page::default());
    if let Some(url) = options.app_url.or(app.url) {
        connect(&sim, &url, app.paths)?;
    }
    println!(
        "The page is at {}; Ctrl-C ends it. The app needs:",
        sim.address()
    );
    println!();
    println!("  SLACK_API_URL={}", sim.api_url());
    println!("  SLACK_BOT_TOKEN={}", sim.bot_token());
    println!("  SLACK_SIGNING_SECRET={}", sim.signing_secret());
    println!("  SLACK_APP_TOKEN={}", sim.app_token());
    tokio::signal::ctrl_c().await?;
    Ok(())
}

fn connect(sim: &Sim, url: &str, paths: Option<Paths>) -> anyhow::Result<()> {
    anyhow::ensure!(
        url.starts_with("http://"),
        "the app's address starts with http://, for it is on this machine; {url:?} does not"
    );
    match paths {
        Some(paths) => sim.connect_at(url, paths),
        None => sim.connect(url),
    }
    Ok(())
}

/// The workspace with the app's manifest at `path`.
fn installed(workspace: Workspace, path: &std::path::Path) -> anyhow::Result<Workspace> {
    let name = path.display();
    let text = fs::read_to_string(path).with_context(|| format!("{name} cannot be read"))?;
    workspace
        .manifest(&text)
        .with_context(|| format!("{name} is not an app manifest"))
}
