//! How long the form that requests access takes to open, and how long its search takes to answer, with
//! 10,000 scopes: from what a person does in Slack to what Slack shows. The simulator answers at once, so what is
//! measured is Keylend.

use std::{
    fmt::Write as _,
    fs,
    path::Path,
    time::{Duration, Instant},
};

use tokio::runtime::Runtime;

#[allow(dead_code, reason = "each benchmark uses its own part")]
mod support;

use support::{
    figures::{self, Times, figure},
    places::StorePlace,
    program::Program,
    slack,
};

/// Scopes beside the one of every benchmark.
const SCOPES: usize = 10_000;

/// How often each is measured.
const TIMES: usize = 100;

const AIM: &str = "under 300 ms";

fn main() {
    figures::run(&[("form", form)]);
}

fn form(runtime: &Runtime) {
    let StorePlace::Sqlite(folder) = StorePlace::sqlite() else {
        unreachable!("it is a file");
    };
    runtime.block_on(async {
        let sim = slack::start().await;
        let config = slack::config(folder.path(), &sim);
        add_scopes(&config);
        let mut program = Program::start(&config);
        sim.connect(program.until_ready().await);
        // She may request all of them; he may request none, so that many are evaluated.
        for (id, whose) in [("U0ENG7", "all"), ("U0BOB", "none")] {
            let person = sim.person(id);
            let (mut opened, mut listed, mut found) = (Vec::new(), Vec::new(), Vec::new());
            for number in 0..TIMES {
                let begun = Instant::now();
                person.command("C0GENERAL", "/jit", "").await;
                sim.wait_until(|_| person.modal()).await;
                opened.push(begun.elapsed());
                listed.push(timed(person.suggest("scope", "")).await);
                let typed = format!("{number:05} deploy");
                found.push(timed(person.suggest("scope", &typed)).await);
                person.close_modal().await;
            }
            let of = format!("10,000 scopes, a person who may request {whose}");
            figure(&format!("the form opened, {of}"), AIM, Times::of(opened));
            figure("… its scopes listed", AIM, Times::of(listed));
            figure("… one of them searched", AIM, Times::of(found));
        }
    });
}

async fn timed<T>(asked: impl Future<Output = T>) -> Duration {
    let begun = Instant::now();
    asked.await;
    begun.elapsed()
}

fn add_scopes(config: &Path) {
    let mut text = fs::read_to_string(config).unwrap();
    for number in 0..SCOPES {
        write!(
            text,
            r#"
[scopes."svc-{number:05}:deploy"]
title = "Service {number:05}, deploy"
risk = "low"
default_duration = "30m"
max_duration = "1h"
requesters = ["engineers"]
approvers = ["dba"]
approval_channel = "C0DBA"
reason = "optional"
layers = [{{ backend = "memory", role = "svc" }}]
"#
        )
        .unwrap();
    }
    fs::write(config, text).unwrap();
}
