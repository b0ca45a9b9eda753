//! What a long history costs: commits a second on either store while it grows, and the start of the
//! program on it.
//!
//! `KEYLEND_REQUESTS` is how many requests the history has in the end, 1,000,000 without it. They are
//! written through the service's own door, many to a transaction: some twelve minutes for both stores.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use keylend::{domain::Span, store::Database};
use tokio::{runtime::Runtime, task::JoinSet, time::sleep};

#[allow(dead_code, reason = "each benchmark uses its own part")]
mod support;

use support::{
    figures::{self, brief, figure, note, rate, thousands},
    places::StorePlace,
    postgres::Postgres,
    program::Program,
};

/// Where the history begins.
const FEW: usize = 1_000;

/// Commits that wait at once.
const WIDTH: usize = 64;

/// Requests of one measurement, two commits each; the median of three is the figure.
const REQUESTS: usize = 2_000;

fn main() {
    figures::run(&[("sqlite", sqlite), ("postgres", postgres)]);
}

fn sqlite(runtime: &Runtime) {
    runtime.block_on(async {
        let place = StorePlace::sqlite();
        grow(&place.open().await, "SQLite").await;
        let StorePlace::Sqlite(folder) = &place else {
            unreachable!("it is a file");
        };
        let sim = support::slack::start().await;
        let config = support::slack::config(folder.path(), &sim);
        let (program, first) = start(&config).await;
        let kept = place
            .address()
            .open_read_only(Some(&keylend::store::StoreKey::derive(&[0; 32])))
            .await
            .unwrap();
        while kept.kept_people().await.unwrap().is_none() {
            sleep(Duration::from_millis(100)).await;
        }
        kept.close().await;
        drop(program);
        let (program, again) = start(&config).await;
        let many = thousands(many() as f64);
        let what = format!("start until ready, {many} past requests, SQLite");
        figure(&what, "", brief(again));
        let what = "… where the whole log is read: after an upgrade or a new `secrets.key`";
        figure(what, "", brief(first));
        let memory = format!("{:.0} MB", program.resident_kb() as f64 / 1000.0);
        figure("… resident memory then", "", memory);
    });
}

async fn start(config: &Path) -> (Program, Duration) {
    let begun = Instant::now();
    let mut program = Program::start(config);
    program.until_ready().await;
    (program, begun.elapsed())
}

fn postgres(runtime: &Runtime) {
    runtime.block_on(async {
        let server = Arc::new(Postgres::start_durable().await);
        let place = StorePlace::postgres(&server, "keylend").await;
        grow(&place.open().await, "PostgreSQL").await;
    });
}

fn many() -> usize {
    let many = std::env::var("KEYLEND_REQUESTS");
    many.map_or(1_000_000, |many| many.parse().unwrap())
}

/// Measures commits with a short history and with a long one.
async fn grow(store: &Arc<dyn Database>, kind: &str) {
    let many = many();
    let from = support::now() - Duration::from_secs(90 * 24 * 3600);
    let past = |numbers: std::ops::Range<usize>| numbers.map(move |n| support::ended(n, from));
    let next = AtomicUsize::new(2 * many);
    support::fill(store, past(0..FEW)).await;
    let few = commits(store, &next).await;
    let begun = Instant::now();
    support::fill(store, past(FEW..many)).await;
    note(
        "requests written",
        thousands(rate(many - FEW, begun)) + " a second",
    );
    let then = commits(store, &next).await;
    let what = format!(
        "commits a second, {kind}, {} and {} requests in the store",
        thousands(FEW as f64),
        thousands(many as f64)
    );
    let change = (then / few - 1.0) * 100.0;
    let value = format!("{}, {} ({change:+.0} %)", thousands(few), thousands(then));
    figure(&what, "within 20 %", value);
    support::told(store).await;
    store.close().await;
}

/// Commits a second, each with an entry in the log, from many who wait at once: requests are asked and
/// withdrawn, so that nothing stays open. They have no messages in Slack.
async fn commits(store: &Arc<dyn Database>, next: &AtomicUsize) -> f64 {
    let mut rates = Vec::new();
    for _ in 0..3 {
        let first = next.fetch_add(REQUESTS, Ordering::Relaxed);
        let (number, begun) = (Arc::new(AtomicUsize::new(first)), Instant::now());
        let mut committing = JoinSet::new();
        for _ in 0..WIDTH {
            let (store, number) = (store.clone(), number.clone());
            committing.spawn(async move {
                loop {
                    let number = number.fetch_add(1, Ordering::Relaxed);
                    if number >= first + REQUESTS {
                        return;
                    }
                    let asked = support::asked(number, support::now(), Span::minutes(30));
                    let withdrawn = support::withdrawn(&asked.0);
                    for commit in [support::commit([asked]), withdrawn] {
                        store.commit(commit).await.unwrap();
                    }
                }
            });
        }
        committing.join_all().await;
        rates.push(rate(2 * REQUESTS, begun));
    }
    rates.sort_by(f64::total_cmp);
    rates[1]
}
