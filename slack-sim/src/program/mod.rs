//! The simulator as a program: what it is told on the command line, and what it says.

mod check;
mod file;
mod reading;

use std::{
    io::{self, Write},
    net::SocketAddr,
    path::PathBuf,
};

use clap::Parser;
use slack_sim::{MovableClock, Sim};

/// A workspace where nobody names another one.
const EXAMPLE: &str = include_str!("../../workspace.example.toml");

/// A local Slack with a page: the Web API, signed HTTP deliveries and Socket Mode, for an app in
/// any language. It keeps everything in memory and is reachable from this machine alone.
#[derive(Debug, Parser)]
#[command(version)]
pub(crate) struct Options {
    /// Where to listen: a loopback address and a port, 0 for any that is free
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:4040", value_parser = loopback)]
    listen: SocketAddr,

    /// Who and what there is, in TOML; `workspace.example.toml` explains every key and is used
    /// where no file is named
    #[arg(long, value_name = "FILE")]
    workspace: Option<PathBuf>,

    /// The app's manifest, YAML or JSON: it has no scopes, commands and events but those
    #[arg(long, value_name = "FILE")]
    manifest: Option<PathBuf>,

    /// Where the app is, over HTTP: http://127.0.0.1:3000 goes by the manifest's paths,
    /// http://127.0.0.1:3000/slack/events takes everything there, as Bolt does; an app in Socket
    /// Mode connects by itself
    #[arg(long, value_name = "URL")]
    app_url: Option<String>,

    /// Do not enforce Slack's rate limits
    #[arg(long)]
    no_rate_limits: bool,
}

/// Whoever reaches the simulator can act as anybody in it.
fn loopback(text: &str) -> Result<SocketAddr, String> {
    let address: SocketAddr = text
        .parse()
        .map_err(|_| "it is not an address and a port such as 127.0.0.1:4040".to_owned())?;
    match address.ip().is_loopback() {
        true => Ok(address),
        false => Err("others than this machine could reach it there; use 127.0.0.1".to_owned()),
    }
}

/// Runs until Ctrl-C.
pub(crate) async fn run(options: Options) -> anyhow::Result<()> {
    let described = match &options.workspace {
        Some(path) => reading::read(path)?,
        None => reading::parse(EXAMPLE, "the example")?,
    };
    let app_url = options.app_url.or_else(|| described.app_url());
    let mut workspace = described.workspace()?;
    if let Some(path) = &options.manifest {
        workspace = file::installed(workspace, path)?;
    }
    let workspace = workspace.rate_limits(!options.no_rate_limits);
    let clock = MovableClock::default();
    let sim = Sim::start_at(workspace, clock.clock(), options.listen).await?;
    sim.let_time_be_moved(move |by| clock.advance(by));
    if let Some(url) = &app_url {
        sim.connect_to(url)?;
    }
    let end = end()?;
    greet(&sim, app_url.as_deref());
    end.await;
    say("Stopped; nothing was kept.");
    Ok(())
}

fn greet(sim: &Sim, app_url: Option<&str>) {
    say(&format!(
        "The page is at {} and Ctrl-C ends it.\n\nWhat the app needs:",
        sim.address()
    ));
    for (name, value) in [
        ("SLACK_API_URL", sim.api_url()),
        ("SLACK_BOT_TOKEN", sim.bot_token()),
        ("SLACK_SIGNING_SECRET", sim.signing_secret()),
        ("SLACK_APP_TOKEN", sim.app_token()),
    ] {
        say(&format!("{name}={value}"));
    }
    say(&match app_url {
        Some(url) => format!("\nThe app is told what happens at {url}"),
        None => "\nAn app in Socket Mode connects by itself; for HTTP, give --app-url.".to_owned(),
    });
}

/// Says something to whoever still listens: `slack-sim | head -1` is no reason to stop.
fn say(line: &str) {
    drop(writeln!(io::stdout(), "{line}"));
}

/// Ends with Ctrl-C, or when it is told to end otherwise. From this call on, not from the first
/// poll: whoever reads the greeting may end the program at once.
#[cfg(unix)]
fn end() -> anyhow::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupted = signal(SignalKind::interrupt())?;
    let mut terminated = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupted.recv() => {}
            _ = terminated.recv() => {}
        }
    })
}

/// Ends with Ctrl-C.
#[cfg(windows)]
fn end() -> anyhow::Result<impl Future<Output = ()>> {
    let mut pressed = tokio::signal::windows::ctrl_c()?;
    Ok(async move { drop(pressed.recv().await) })
}
