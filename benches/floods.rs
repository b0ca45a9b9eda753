//! The service in a flood, measured from outside: one line for each figure.
//!
//! `cargo bench --bench floods` runs everything; a word behind `--` picks what contains it. Flood,
//! service and measurement share the machine.

use std::{
    collections::VecDeque,
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    runtime::Runtime,
    task::JoinSet,
    time::Instant,
};

#[allow(dead_code, reason = "each benchmark uses its own part")]
mod support;

use support::{
    figures::{self, Times, brief, note},
    program::Program,
};

/// Genuine commands a second, before and during each flood.
const RATE: u32 = 50;

/// How long each flood is measured at least.
const SPAN: Duration = Duration::from_secs(10);

/// Who floods at once.
const FLOODERS: usize = 8;

fn main() {
    note("files that this process may open", files());
    figures::run(&[("idle", idle), ("slow", slow), ("forged", forged)]);
}

/// As many files as may be had.
fn files() -> usize {
    let maximum = getrlimit(Resource::Nofile).maximum;
    let all = Rlimit {
        current: maximum,
        maximum,
    };
    setrlimit(Resource::Nofile, all).unwrap();
    maximum.map_or(1_000_000, |files| usize::try_from(files).unwrap())
}

/// 100,000 connections that say nothing.
fn idle(runtime: &Runtime) {
    crowd(runtime, "idle connections", 100_000, |_| String::new());
}

/// 20,000 connections that begin a body and never end it.
fn slow(runtime: &Runtime) {
    crowd(runtime, "connections with half a body", 20_000, |_| {
        format!("{}\r\n{}", head(16_000), "x".repeat(8_000))
    });
}

fn crowd(runtime: &Runtime, what: &str, count: usize, say: fn(usize) -> String) {
    // Half of the files is left to everything else.
    let held = getrlimit(Resource::Nofile).current.unwrap_or(1_000_000);
    let held = usize::try_from(held).unwrap() / 2 / FLOODERS;
    measured(runtime, what, move |address, opened| {
        Box::pin(async move {
            let mut crowd = JoinSet::new();
            for flooder in 0..FLOODERS {
                let opened = opened.clone();
                crowd.spawn(async move {
                    // The client keeps each as long as it has files; the service decides.
                    let mut lines = VecDeque::new();
                    while opened.fetch_add(1, Ordering::Relaxed) < count {
                        let number = opened.load(Ordering::Relaxed);
                        let Ok(mut line) = open(address, number).await else {
                            continue;
                        };
                        let _ = line.write_all(say(flooder).as_bytes()).await;
                        lines.push_back(line);
                        if lines.len() > held {
                            lines.pop_front();
                        }
                    }
                    tokio::time::sleep(SPAN).await;
                });
            }
            crowd.join_all().await;
        })
    });
}

/// Requests that nobody signed, as fast as they are answered: one half with a head as Slack's.
fn forged(runtime: &Runtime) {
    measured(runtime, "forged requests", |address, sent| {
        Box::pin(async move {
            let end = Instant::now() + SPAN;
            let mut crowd = JoinSet::new();
            for flooder in 0..FLOODERS {
                let sent = sent.clone();
                crowd.spawn(async move {
                    while Instant::now() < end {
                        let Ok(mut line) = open(address, flooder).await else {
                            continue;
                        };
                        let body = "x".repeat(200);
                        let request = if flooder % 2 == 0 {
                            format!("{}\r\n{body}", head(body.len()))
                        } else {
                            format!(
                                "POST /slack/commands HTTP/1.1\r\nhost: k\r\n\
                                 content-length: 1000\r\n\r\n{body}"
                            )
                        };
                        let mut answer = [0; 1024];
                        while Instant::now() < end
                            && line.write_all(request.as_bytes()).await.is_ok()
                            && line.read(&mut answer).await.is_ok_and(|read| read > 0)
                        {
                            sent.fetch_add(1, Ordering::Relaxed);
                        }
                    }
                });
            }
            crowd.join_all().await;
        })
    });
}

type Flood = std::pin::Pin<Box<dyn Future<Output = ()> + Send>>;

/// Sends genuine commands until the flood is over.
fn measured(
    runtime: &Runtime,
    what: &str,
    flood: impl FnOnce(SocketAddr, Arc<AtomicUsize>) -> Flood,
) {
    let folder = tempfile::tempdir().unwrap();
    runtime.block_on(async {
        let sim = support::slack::start().await;
        let config = support::slack::config(folder.path(), &sim);
        let mut program = Program::start(&config);
        let address = program.until_ready().await;
        let url = format!("{address}/slack/commands");
        let at = address.trim_start_matches("http://").parse().unwrap();
        let calm = support::slack::commands(&url, RATE, Duration::from_secs(5)).await;
        let before = program.resident_kb();

        let count = Arc::new(AtomicUsize::new(0));
        let begun = Instant::now();
        let flooding = tokio::spawn(flood(at, count.clone()));
        let (mut times, mut most) = (Vec::new(), 0);
        while !flooding.is_finished() {
            let second = Duration::from_secs(1);
            times.extend(support::slack::commands(&url, RATE, second).await);
            most = most.max(program.resident_kb());
        }
        let took = begun.elapsed();
        flooding.await.unwrap();

        let count = count.load(Ordering::Relaxed);
        note(what, count);
        note("  within", format!("{took:.1?}"));
        told("  genuine commands before it", calm);
        told("  genuine commands meanwhile", times);
        let megabytes = |kb: u64| format!("{:.1} MB", kb as f64 / 1000.0);
        note("  resident memory before it", megabytes(before));
        note("  resident memory, most meanwhile", megabytes(most));
    });
}

fn told(what: &str, times: Vec<Duration>) {
    let (count, times) = (times.len(), Times::of(times));
    let slowest = brief(times.at(1.0));
    note(what, format!("{count}, {times}, slowest {slowest}"));
}

/// A connection from one of many addresses: one has ports for 28,000 alone.
async fn open(address: SocketAddr, number: usize) -> std::io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    let source = Ipv4Addr::new(127, 0, 1, u8::try_from(number % 200 + 1).unwrap());
    socket.bind((source, 0).into())?;
    socket.connect(address).await
}

/// A head that could be Slack's, were the body signed.
fn head(length: usize) -> String {
    format!(
        "POST /slack/commands HTTP/1.1\r\nhost: k\r\ncontent-length: {length}\r\n\
         content-type: application/x-www-form-urlencoded\r\n\
         x-slack-request-timestamp: {}\r\nx-slack-signature: v0={}\r\n",
        support::now().timestamp(),
        "0f".repeat(32)
    )
}
