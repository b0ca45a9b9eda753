//! From the end of a grant's time until its access is gone: one figure for each number of grants that
//! end in the same second, store and number of replicas.
//!
//! The replicas run in this process, each with its own connections to the store; the target is in
//! memory and answers at once, so what is measured is Keylend and its store.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use keylend::{
    clock::{Clock, SystemClock},
    domain::{Span, Time},
};
use tokio::{runtime::Runtime, task::JoinSet, time::sleep};

#[allow(dead_code, reason = "each benchmark uses its own part")]
mod support;

use support::{
    InMemory, PEOPLE,
    figures::{self, Times, brief, figure},
    places::StorePlace,
    postgres::Postgres,
    raw,
    replica::Replica,
};

fn main() {
    figures::run(&[
        ("lone", lone),
        ("thousand", thousand),
        ("three", three),
        ("storm", storm),
        ("sqlite", sqlite),
    ]);
}

/// Grants that end one by one, a second apart.
fn lone(runtime: &Runtime) {
    runtime.block_on(async {
        let place = postgres().await;
        let ends: Vec<u32> = (3..18).collect();
        let ending = end(&place, 1, &ends).await;
        let what = "a lone grant, PostgreSQL: from its end to revoked and read back";
        figure(what, "under 200 ms", ending.gone);
    });
}

fn thousand(runtime: &Runtime) {
    runtime.block_on(async {
        let ending = together(&postgres().await, 1, 1_000).await;
        let what =
            "1,000 grants in one second, PostgreSQL: from their end to revoked and read back";
        figure(what, "p99 under 2 s", ending.gone);
    });
}

fn three(runtime: &Runtime) {
    runtime.block_on(async {
        let ending = together(&postgres().await, 3, 1_000).await;
        let what = "… on three replicas";
        figure(what, "p99 under 2 s", ending.gone);
    });
}

fn storm(runtime: &Runtime) {
    runtime.block_on(async {
        let place = postgres().await;
        let ending = together(&place, 3, 10_000).await;
        let what =
            "10,000 grants in one second, PostgreSQL, three replicas: all revoked and recorded";
        figure(what, "under 4 s", brief(ending.recorded));
        // An end replaces the row of its request, which costs at least what inserting it does.
        let written = [
            ("events", format!("seq > {}", ending.head)),
            ("requests", "true".to_owned()),
        ];
        let raw = raw::inserts(&place.url().unwrap(), &written).await;
        let what = "… the same rows inserted by one connection, 256 in a transaction";
        figure(what, "", brief(raw));
        let what = "… checks that said yes from their end on";
        figure(what, "none", format!("{} of {}", ending.yes, ending.asked));
    });
}

fn sqlite(runtime: &Runtime) {
    runtime.block_on(async {
        let ending = together(&StorePlace::sqlite(), 1, 5_000).await;
        let what = "5,000 grants in one second, SQLite: all revoked and recorded";
        figure(what, "", brief(ending.recorded));
    });
}

async fn postgres() -> StorePlace {
    let server = Arc::new(Postgres::start_durable().await);
    StorePlace::postgres(&server, "keylend").await
}

/// What happened when grants ended.
struct Ending {
    /// From the end of each to when it was read back as gone.
    gone: Times,
    /// From the last end to when all were recorded as ended.
    recorded: Duration,
    /// The log's last entry before the first end.
    head: u64,
    /// Checks that said yes from the last end on, of so many.
    yes: usize,
    asked: usize,
}

async fn together(place: &StorePlace, replicas: usize, grants: usize) -> Ending {
    // Enough to write them before.
    let seconds = 10 + u32::try_from(grants / 250).unwrap();
    end(place, replicas, &vec![seconds; grants]).await
}

/// Lets grants end on so many replicas, one after each of `seconds` from now.
async fn end(place: &StorePlace, replicas: usize, seconds: &[u32]) -> Ending {
    let (target, from) = (Arc::new(InMemory::default()), support::now());
    let ends = seconds
        .iter()
        .map(|after| Span::seconds(*after).after(from));
    let ends: Vec<Time> = ends.collect();
    let store = place.open().await;
    let requests = ends.iter().enumerate().map(|(number, end)| {
        let active = support::active(number, from, *end);
        target.put(&support::handle(&active.0));
        active
    });
    support::fill(&store, requests).await;
    store.close().await;
    let mut running = Vec::new();
    for number in 0..replicas {
        running.push(Arc::new(
            Replica::start(&place.address(), target.clone(), number == 0).await,
        ));
    }
    running[0].followed().await;
    let (people, last) = (ends.len().min(PEOPLE), *ends.last().unwrap());
    assert!(support::now() < ends[0], "the first has not ended yet");
    let yes = running[0].admits(people, support::now).await;
    assert_eq!(yes, people, "before the end everybody is admitted");
    let before = *running[0].store.head().borrow();

    SystemClock.until(last).await;
    let (done, yes, asked) = <(Arc<AtomicBool>, Arc<AtomicUsize>, Arc<AtomicUsize>)>::default();
    let mut checking = JoinSet::new();
    for replica in running.clone() {
        let (done, yes, asked) = (done.clone(), yes.clone(), asked.clone());
        checking.spawn(async move {
            while !done.load(Ordering::Relaxed) {
                let admitted = replica.admits(people, support::now).await;
                yes.fetch_add(admitted, Ordering::Relaxed);
                asked.fetch_add(people, Ordering::Relaxed);
                sleep(Duration::from_millis(100)).await;
            }
        });
    }
    let store = &running[0].store;
    let mut head = store.head();
    while target.gone().len() < ends.len()
        || store.open_after(None, 1).await.unwrap().next.is_some()
    {
        head.changed().await.unwrap();
    }
    let recorded = (support::now() - last).to_std().unwrap();
    done.store(true, Ordering::Relaxed);
    checking.join_all().await;
    for replica in running {
        let replica = Arc::into_inner(replica).expect("nobody asks it any more");
        replica.stop().await;
    }
    let mut gone = target.gone();
    gone.sort();
    // They are gone in the order of their ends, unless these are the same.
    let gone = Times::of(
        gone.iter()
            .zip(&ends)
            .map(|(gone, end)| (*gone - *end).to_std().unwrap()),
    );
    Ending {
        gone,
        recorded,
        head: before,
        yes: yes.load(Ordering::Relaxed),
        asked: asked.load(Ordering::Relaxed),
    }
}
