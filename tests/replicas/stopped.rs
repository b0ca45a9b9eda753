//! A replica that stands still for longer than its lease, and goes on as if nothing had happened.

use reqwest::StatusCode;
use serde_json::Value;

use crate::{
    shown::Doubled,
    support::{
        fixture::{ALICE, BOB, DAVE, GENERAL, Has},
        target::Mood,
    },
    world::{PATIENCE, REQUEST, World, eventually},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_resumed_replica_repeats_no_work_and_permits_no_expired_access() {
    let world = World::start().await;
    let first = world.boot().await;
    let grant = world.granted().await;
    world.until_checked(&first, true).await;

    // Stopped in the middle of making Dave's access, and with nothing to say to Slack.
    world.console.mood("grant", Mood::Hanging);
    let (bob, dave) = (world.sim.person(BOB), world.sim.person(DAVE));
    dave.command(GENERAL, "/jit", REQUEST).await;
    let card = world.open_card().await;
    bob.click(&card, "approve").await;
    world.console.until_ordered("grant", 2).await;
    let second = world.boot().await;
    world.quiet().await;
    first.pause();
    world.balancer.only(second.address);
    world.console.mood("grant", Mood::Well);
    world.sim.person(ALICE).click(&grant, "done").await;
    world
        .seen(|sim| sim.dm(DAVE).into_iter().find(|card| card.has("done")))
        .await;
    world.ended().await;
    let done = (
        world.console.orders("grant"),
        world.console.orders("revoke"),
    );

    let asked = world.check(&first);
    let woken = async {
        world.quiet().await;
        first.resume();
    };
    let (answer, ()) = tokio::join!(asked, woken);
    if answer.status() == StatusCode::SERVICE_UNAVAILABLE {
        assert!(answer.headers().contains_key("retry-after"));
    } else {
        assert_eq!(answer.status(), StatusCode::OK);
        let answer: Value = answer.json().await.unwrap();
        assert_eq!(answer["decision"], false);
    }
    world.until_checked(&first, false).await;
    first
        .until_says("lease expired; this replica gave up its claims, and others can take its work")
        .await;
    first.until_says("claim lost").await;
    eventually("a ready replica", PATIENCE, async || {
        world.readiness(&first).await.0 == StatusCode::OK
    })
    .await;

    // What it was in the middle of is over: it takes part in what comes next.
    world.balancer.only(first.address);
    let dave = world.answer(DAVE, "done").await;
    assert!(dave.says("console:use"), "{dave:?}");
    world
        .seen(|sim| {
            let mut told = sim.dm(DAVE).into_iter();
            told.find(|message| message.says("has ended:"))
        })
        .await;
    let since = (
        world.console.orders("grant"),
        world.console.orders("revoke"),
    );
    assert_eq!(since, (done.0, done.1 + 1));
    assert_eq!(world.doubled().await, Doubled::NOTHING);
    assert_eq!(world.entries("activated").await, 2);
    assert_eq!(world.entries("ended").await, 2);
    world.verify();
}
