//! The service under load, measured from outside: one line for each figure of the README.
//!
//! `cargo bench --bench service` runs everything; a word behind `--` picks what contains it.

#![allow(clippy::print_stdout, reason = "figures are printed")]

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use keylend::{
    clock::{Clock, SystemClock, SystemEntropy},
    domain::Span,
    grants::Grants,
    store::Store,
    worker::Worker,
};
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

#[allow(dead_code, reason = "each benchmark uses its own part")]
mod support;

use support::program::Program;

fn main() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let wanted = std::env::args()
        .nth(1)
        .filter(|word| !word.starts_with('-'));
    let all = [
        ("storm", storm as Measure),
        ("history", history),
        ("acknowledgement", acknowledgement),
    ];
    for (name, measure) in all {
        if wanted
            .as_ref()
            .is_none_or(|word| name.contains(word.as_str()))
        {
            measure(&Runtime::new().unwrap());
        }
    }
}

type Measure = fn(&Runtime);

fn figure(what: &str, value: impl std::fmt::Display) {
    println!("{what:<64} {value}");
}

/// 5,000 grants that end in the same second.
fn storm(runtime: &Runtime) {
    const GRANTS: usize = 5_000;
    let folder = tempfile::tempdir().unwrap();
    runtime.block_on(async {
        let store = support::store(folder.path()).await;
        let target = Arc::new(support::InMemory::default());
        let from = support::now();
        let end = Span::seconds(20).after(from);
        let requests = (0..GRANTS).map(|number| support::active(number, from, end));
        support::fill(
            &store,
            requests.inspect(|(request, _)| {
                target.put(request.layers[0].plan.handle.as_str());
            }),
        )
        .await;
        let (broker, backends) = support::broker(store.clone(), target.clone());
        let (clock, entropy) = (Arc::new(SystemClock), Arc::new(SystemEntropy));
        let worker = Arc::new(Worker::new(broker, backends, clock, entropy));
        let log: Arc<dyn Store> = store.clone();
        let grants = Arc::new(Grants::load(log).await.unwrap());
        let shutdown = CancellationToken::new();
        let (following, stop) = (grants.clone(), shutdown.clone());
        tokio::spawn(async move { following.follow(stop).await });
        let sweeping = tokio::spawn(worker.run(shutdown.clone()));

        SystemClock.until(end).await;
        let ended = Instant::now();
        let scope = support::scope_id();
        let known = grants.caught_up_within(Duration::from_secs(5)).await;
        let yes = (0..GRANTS)
            .filter(|number| {
                let who = format!("engineer{number}@example.com");
                known
                    .as_ref()
                    .is_ok_and(|known| known.check(&who, &scope, support::now()).is_some())
            })
            .count();
        figure("grants ending in one second", GRANTS);
        figure("  checks that still said yes from that second on", yes);
        let mut head = store.head();
        while target.revoked() < GRANTS
            || !store
                .open(keylend::store::Open::All)
                .await
                .unwrap()
                .is_empty()
        {
            head.changed().await.unwrap();
        }
        figure(
            "  all revoked, read back and recorded after",
            format!("{:.2?}", ended.elapsed()),
        );
        shutdown.cancel();
        sweeping.await.unwrap();
    });
}

/// The program on a history of 100,000 requests: how fast it starts, how much memory it takes.
fn history(runtime: &Runtime) {
    const REQUESTS: usize = 100_000;
    let folder = tempfile::tempdir().unwrap();
    runtime.block_on(async {
        let store = support::store(folder.path()).await;
        let from = support::now() - Duration::from_secs(90 * 24 * 3600);
        support::fill(
            &store,
            (0..REQUESTS).map(|number| support::ended(number, from)),
        )
        .await;
        store.close().await;
    });
    figure("requests in the history", REQUESTS);
    runtime.block_on(async {
        let sim = support::slack::start().await;
        let config = support::slack::config(folder.path(), &sim);
        let started = Instant::now();
        let mut program = Program::start(&config);
        program.until_ready().await;
        figure(
            "  started and ready after",
            format!("{:.2?}", started.elapsed()),
        );
        figure(
            "  resident memory",
            format!("{:.1} MB", program.resident_kb() as f64 / 1000.0),
        );
    });
}

/// Slash commands at 200 a second, each a request that is recorded.
fn acknowledgement(runtime: &Runtime) {
    const RATE: u32 = 200;
    const SECONDS: u32 = 20;
    let folder = tempfile::tempdir().unwrap();
    runtime.block_on(async {
        let sim = support::slack::start().await;
        let config = support::slack::config(folder.path(), &sim);
        let mut program = Program::start(&config);
        let address = program.until_ready().await;
        let mut times =
            support::slack::commands(&address, RATE, Duration::from_secs(SECONDS.into())).await;
        times.sort();
        let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
        figure("slash commands a second", RATE);
        figure("  acknowledged, median", format!("{:.2?}", at(0.5)));
        figure(
            "  acknowledged, 99th percentile",
            format!("{:.2?}", at(0.99)),
        );
        figure("  acknowledged, slowest", format!("{:.2?}", at(1.0)));
        figure(
            "  resident memory after",
            format!("{:.1} MB", program.resident_kb() as f64 / 1000.0),
        );
    });
}
