//! Checks a second with 100,000 active grants: through HTTP, beside a bare axum that says hello to the
//! same bytes, and in process.
//!
//! Keylend and the bare axum are programs of their own; both are asked by the same generator, by turns,
//! and share the machine with it.

#![allow(clippy::print_stdout, reason = "the bare axum says where it listens")]

use std::{
    hint::black_box,
    io::{BufRead as _, BufReader},
    net::SocketAddr,
    process::{Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{Router, body::Bytes, routing::post};
use keylend::{domain::Span, grants::Grants, store::Database};
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

#[allow(dead_code, reason = "each benchmark uses its own part")]
mod support;

use support::{
    figures::{self, figure, thousands},
    load,
    places::StorePlace,
    program::Program,
};

const GRANTS: usize = 100_000;

/// Lines of the generator.
const LINES: usize = 16;

/// How long each is asked in one turn.
const TURN: Duration = Duration::from_secs(3);

/// How long a check waits for memory to know the log.
const PATIENCE: Duration = Duration::from_millis(250);

/// The argument that makes this program the bare axum.
const HELLO: &str = "--hello";

fn main() {
    if std::env::args().nth(1).as_deref() == Some(HELLO) {
        Runtime::new().unwrap().block_on(hello());
    } else {
        figures::run(&[("checks", checks)]);
    }
}

fn checks(runtime: &Runtime) {
    let place = StorePlace::sqlite();
    let StorePlace::Sqlite(folder) = &place else {
        unreachable!("it is a file");
    };
    runtime.block_on(async {
        let (store, now) = (place.open().await, support::now());
        let end = Span::minutes(60).after(now);
        let requests = (0..GRANTS).map(|number| support::active(number, now, end));
        support::fill(&store, requests).await;
        support::told(&store).await;
        in_process(&store).await;
        store.close().await;

        let sim = support::slack::start().await;
        let config = support::slack::config(folder.path(), &sim);
        let mut keylend = Program::start(&config);
        let address = keylend.until_ready().await;
        let memory = format!("{:.0} MB", keylend.resident_kb() as f64 / 1000.0);
        figure("resident memory, 100,000 active grants", "", memory);

        let keylend_at: SocketAddr = address.trim_start_matches("http://").parse().unwrap();
        let (_hello, hello_at) = start_hello();
        let question = question();
        let mut turns = Vec::new();
        for _ in 0..3 {
            let hello = load::answers(hello_at, &question, LINES, TURN).await;
            let checks = load::answers(keylend_at, &question, LINES, TURN).await;
            turns.push((checks, hello));
        }
        turns.sort_by(|one, other| (one.0 / one.1).total_cmp(&(other.0 / other.1)));
        let (checks, hello) = turns[1];
        let value = format!(
            "{}, {}: {:.2}",
            thousands(checks),
            thousands(hello),
            checks / hello
        );
        let what = "checks a second through HTTP, hellos of a bare axum, and their ratio";
        figure(what, "at least 0.8", value);
    });
}

async fn in_process(store: &Arc<dyn Database>) {
    const TIMES: u32 = 1_000_000;
    let grants = Arc::new(Grants::load(store.clone(), Arc::default()).await.unwrap());
    let (following, shutdown) = (grants.clone(), CancellationToken::new());
    let (stop, scope, now) = (shutdown.clone(), support::scope_id(), support::now());
    tokio::spawn(async move { following.follow(stop).await });
    let begun = Instant::now();
    for number in 0..TIMES {
        let who = if number % 2 == 0 {
            "engineer7@example.com"
        } else {
            "U0ENG4711"
        };
        let known = grants.caught_up_within(PATIENCE).await.unwrap();
        let held = known.check(black_box(who), &scope, now);
        assert!(held.is_some(), "what is measured is a yes");
    }
    let one = begun.elapsed() / TIMES;
    let what = "one check in process, 100,000 active grants";
    figure(
        what,
        "under 1 µs",
        format!("{:.2} µs", one.as_nanos() as f64 / 1000.0),
    );
    shutdown.cancel();
}

/// A check that is answered with yes.
fn question() -> String {
    let body = r#"{"subject":{"type":"user","id":"engineer7@example.com"},"action":{"name":"write"},"resource":{"type":"scope","id":"db-prod"}}"#;
    format!(
        "POST /access/v1/evaluation HTTP/1.1\r\nhost: keylend\r\nauthorization: Bearer {}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        support::slack::TOKEN,
        body.len()
    )
}

/// Says hello to whatever is sent, once it was read.
async fn hello() {
    let routes = Router::new().route("/{*any}", post(async |_: Bytes| "hello"));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    println!("{}", listener.local_addr().unwrap());
    axum::serve(listener, routes).await.unwrap();
}

/// The bare axum, until it is dropped.
struct Hello(std::process::Child);

impl Drop for Hello {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn start_hello() -> (Hello, SocketAddr) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .arg(HELLO)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut address = String::new();
    let said = child.stdout.take().unwrap();
    BufReader::new(said).read_line(&mut address).unwrap();
    (Hello(child), address.trim().parse().unwrap())
}
