//! How long a person waits for the acknowledgement of a slash command: Keylend beside the smallest app
//! on each of Slack's own frameworks, one after the other, at the same rate from the same generator.
//!
//! Keylend checks the signature, judges and records a request for each command; the others check the
//! signature and acknowledge.

use std::time::Duration;

use tokio::runtime::Runtime;

#[allow(dead_code, reason = "each benchmark uses its own part")]
mod support;

use support::{
    figures::{self, Times, brief, figure, note},
    places::StorePlace,
    program::Program,
    rival::Rival,
    slack,
};

/// Commands a second.
const RATE: u32 = 200;

/// How long each is measured, and how long it is asked before.
const SPAN: Duration = Duration::from_secs(15);
const WARM_UP: Duration = Duration::from_secs(3);

fn main() {
    figures::run(&[("keylend", keylend), ("python", python), ("node", node)]);
}

fn keylend(runtime: &Runtime) {
    let StorePlace::Sqlite(folder) = StorePlace::sqlite() else {
        unreachable!("it is a file");
    };
    runtime.block_on(async {
        let sim = slack::start().await;
        let config = slack::config(folder.path(), &sim);
        let mut program = Program::start(&config);
        let address = program.until_ready().await;
        let url = format!("{address}/slack/commands");
        measured("Keylend", "p99 under 10 ms", &url).await;
    });
}

fn python(runtime: &Runtime) {
    runtime.block_on(async {
        let sim = slack::start().await;
        let mut rival = Rival::python(&sim);
        let url = rival.until_ready().await;
        measured("slack_bolt (Python, gunicorn)", "", &url).await;
    });
}

fn node(runtime: &Runtime) {
    runtime.block_on(async {
        let sim = slack::start().await;
        let mut rival = Rival::node(&sim);
        let url = rival.until_ready().await;
        measured("@slack/bolt (Node)", "", &url).await;
    });
}

async fn measured(who: &str, aim: &str, url: &str) {
    slack::commands(url, RATE, WARM_UP).await;
    let times = Times::of(slack::commands(url, RATE, SPAN).await);
    let what = format!("a slash command acknowledged, {RATE} a second: {who}");
    figure(&what, aim, &times);
    note("… slowest", brief(times.at(1.0)));
}
