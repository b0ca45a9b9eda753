//! Replicas agree on the configuration: one with another stays out of the work until it is alone.

use reqwest::StatusCode;

use crate::{
    replica::Replica,
    support::fixture::{ALICE, BOB},
    world::{PATIENCE, REQUEST, World, eventually},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_with_another_configuration_is_on_standby_until_the_others_stop() {
    let world = World::start().await;
    let first = world.boot().await;
    let card = world.asked(REQUEST).await;
    let config = std::fs::read_to_string(world.config()).unwrap();
    let other = config.replace("title = \"The console\"", "title = \"The old console\"");
    assert_ne!(other, config);
    let file = world.config().with_file_name("other.toml");
    std::fs::write(&file, other).unwrap();

    let other = Replica::start(&file).await;
    world.reached(&other).await;
    let said = other.until_says("this replica is on standby").await;
    let (status, readiness) = world.readiness(&other).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(readiness["standby_reason"], said["standby_reason"]);
    let why = said["standby_reason"].as_str().unwrap();
    assert!(why.contains("another configuration"), "{why}");
    assert_eq!(world.readiness(&first).await.0, StatusCode::OK);

    // What it is sent all the same is refused, and nothing changes.
    world.balancer.only(other.address);
    let entries = world.count("SELECT count(*) FROM events").await;
    let bob = world.sim.person(BOB);
    bob.click(&card, "approve").await;
    let refused = world.seen(|_| bob.ephemerals().pop()).await;
    assert!(refused.says("can't write to its database"), "{refused:?}");
    assert_eq!(world.count("SELECT count(*) FROM events").await, entries);

    first.terminate();
    assert!(first.ended().await.success());
    other.until_says("this replica is active").await;
    eventually("a ready replica", PATIENCE, async || {
        world.readiness(&other).await.0 == StatusCode::OK
    })
    .await;
    // The title has changed with the configuration, so the card shows a new revision.
    let card = world
        .seen(|sim| {
            let now = sim.message(&card.channel, &card.ts)?;
            let is_new = now.value_of("approve") != card.value_of("approve");
            is_new.then_some(now)
        })
        .await;
    assert!(card.says("The old console"));
    bob.click(&card, "approve").await;
    let grant = world.active().await;
    world.sim.person(ALICE).click(&grant, "done").await;
    world.ended().await;
    world.verify();
}
