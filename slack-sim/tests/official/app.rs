//! The app under test: a process on an official SDK that dies with its test.

use std::{
    env,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use slack_sim::{Paths, Sim};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, BufReader},
    process::{Child, Command},
    sync::oneshot,
    time::timeout,
};

use crate::common::workspace;

/// How long an app may take to start, on a machine that is busy with other tests.
const CEILING: Duration = Duration::from_secs(60);

#[derive(Clone, Copy)]
pub(crate) enum Sdk {
    Python,
    Node,
}

#[derive(Clone, Copy)]
pub(crate) enum Transport {
    Http,
    Socket,
}

/// A running app and the Slack that it believes in.
pub(crate) struct App {
    pub(crate) sim: Sim,
    _process: Child,
}

impl App {
    /// Starts the app and waits until it listens, or is connected.
    pub(crate) async fn start(sdk: Sdk, transport: Transport) -> Self {
        let sim = Sim::start(workspace()).await;
        sim.connect_socket();
        let mut process = command(sdk)
            .arg(match transport {
                Transport::Http => "http",
                Transport::Socket => "socket",
            })
            .env("API_URL", sim.api_url())
            .env("BOT_TOKEN", sim.bot_token())
            .env("APP_TOKEN", sim.app_token())
            .env("SIGNING_SECRET", sim.signing_secret())
            // The app ends when this pipe does, however the test ends.
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("the SDK's language is not installed: run ./test.sh");
        let (ready, is_ready) = oneshot::channel();
        tokio::spawn(show(process.stdout.take().unwrap(), Some(ready)));
        tokio::spawn(show(process.stderr.take().unwrap(), None));
        let address = timeout(CEILING, is_ready).await;
        let address = address.expect("the app starts in time");
        let address = address.expect("the app says that it is ready before it ends");
        match transport {
            Transport::Http => sim.connect_at(address, paths()),
            Transport::Socket => {
                sim.wait_until(|sim| (sim.connections() > 0).then_some(()))
                    .await
            }
        }
        Self {
            sim,
            _process: process,
        }
    }
}

/// Shows what the app says, up to its end, but for one line: that it is ready, and where.
#[expect(clippy::print_stderr, reason = "shown with a test that fails")]
async fn show(said: impl AsyncRead + Unpin, mut ready: Option<oneshot::Sender<String>>) {
    let mut lines = BufReader::new(said).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        match (line.strip_prefix("ready "), ready.take()) {
            (Some(address), Some(ready)) => drop(ready.send(address.to_owned())),
            (_, waiting) => {
                ready = waiting;
                eprintln!("the app: {line}");
            }
        }
    }
}

/// Both Bolts take everything at one address.
fn paths() -> Paths {
    let events = "/slack/events".to_owned();
    Paths {
        commands: events.clone(),
        interactions: events.clone(),
        options: events.clone(),
        events,
    }
}

fn command(sdk: Sdk) -> Command {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let validators = env::var_os("KEYLEND_VALIDATORS").map(PathBuf::from);
    let validators = validators.unwrap_or_else(|| here.join("../target/validators"));
    let (program, sdk, script) = match sdk {
        Sdk::Python => (validators.join("venv/bin/python"), "venv", "app.py"),
        Sdk::Node => ("node".into(), "node_modules/@slack/bolt", "app.js"),
    };
    let sdk = validators.join(sdk);
    assert!(sdk.exists(), "{} is missing: run ./test.sh", sdk.display());
    let mut command = Command::new(program);
    // Nothing of this machine's environment, such as a proxy, stands between the app and us.
    command
        .env_clear()
        .env("PATH", env::var_os("PATH").unwrap_or_default())
        .env("NODE_PATH", validators.join("node_modules"))
        .arg(here.join("tests/official").join(script));
    command
}
