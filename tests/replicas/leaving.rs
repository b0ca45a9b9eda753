//! A replica that is told to end finishes what is under way, hands over the rest, and leaves with 0.

use std::time::{Duration, Instant};

use crate::{
    support::{
        fixture::{ALICE, BOB},
        target::Mood,
    },
    world::{REQUEST, World},
};

/// How long a replica may take to finish what is under way.
const GRACE: Duration = Duration::from_secs(10);

#[tokio::test(flavor = "multi_thread")]
async fn a_stopping_replica_finishes_its_work() {
    let world = World::start().await;
    let first = world.boot().await;
    let card = world.asked(REQUEST).await;
    world.console.mood("grant", Mood::Hanging);
    world.sim.person(BOB).click(&card, "approve").await;
    world.console.until_ordered("grant", 1).await;
    let _second = world.boot().await;
    first.terminate();
    first.until_says("stopping").await;
    world.console.mood("grant", Mood::Well);
    assert_eq!(first.ended().await.code(), Some(0));
    world.active().await;
    assert!(world.console.admits("alice"));
    assert_eq!(world.console.orders("grant"), 1);
    assert_eq!(world.entries("activated").await, 1);
    world.verify();
}

#[tokio::test(flavor = "multi_thread")]
async fn unfinished_work_is_handed_over_immediately() {
    let world = World::start().await;
    let first = world.boot().await;
    let grant = world.granted().await;
    world.console.mood("revoke", Mood::Hanging);
    world.sim.person(ALICE).click(&grant, "done").await;
    world.console.until_ordered("revoke", 1).await;
    let second = world.boot().await;

    let told = Instant::now();
    first.terminate();
    assert_eq!(first.ended().await.code(), Some(0));
    assert!(told.elapsed() < 3 * GRACE, "{:?}", told.elapsed());
    // Nobody waits until the first has said nothing for the length of its lease.
    let replicas = "SELECT count(*) FROM replicas";
    assert_eq!(world.count(replicas).await, 1, "the first is still there");
    world.console.until_ordered("revoke", 2).await;
    second.until_says("claim acquired").await;

    world.console.mood("revoke", Mood::Well);
    world.ended().await;
    assert!(!world.console.admits("alice"));
    assert_eq!(world.entries("ended").await, 1);
    world.verify();
}
