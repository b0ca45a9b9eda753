//! A replica that dies leaves nothing undone.

use std::time::{Duration, Instant};

use crate::{
    support::{fixture::ALICE, target::Mood},
    world::World,
};

/// The lease and the longest pause between two looks for work, three times over: a busy machine is
/// slow, and without the hand-over it would be never.
const AT_MOST: Duration = Duration::from_secs(3 * (10 + 2));

#[tokio::test(flavor = "multi_thread")]
async fn another_replica_continues_a_revocation_within_the_lease() {
    let world = World::start().await;
    let mut first = world.boot().await;
    let grant = world.granted().await;
    world.console.mood("revoke", Mood::Hanging);
    world.sim.person(ALICE).click(&grant, "done").await;
    world.console.until_ordered("revoke", 1).await;
    let second = world.boot().await;
    world.until_checked(&second, false).await;

    let killed = Instant::now();
    first.kill();
    world.balancer.only(second.address);
    world.console.until_ordered("revoke", 2).await;
    assert!(killed.elapsed() < AT_MOST, "{:?}", killed.elapsed());
    world.console.mood("revoke", Mood::Well);
    world.ended().await;
    assert!(!world.console.admits("alice"));
    assert_eq!(world.entries("ended").await, 1);
    world.verify();
}
