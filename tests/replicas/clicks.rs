//! Replicas are alike: whichever Slack sends to does what people want, and one of them speaks.

use crate::{
    shown::Doubled,
    support::fixture::{ALICE, APPROVALS, BOB, CAROL, GENERAL, Has},
    world::{PATIENCE, REQUEST, World, eventually},
};

#[tokio::test(flavor = "multi_thread")]
async fn any_replica_takes_clicks_and_one_posts_each_message() {
    let world = World::start().await;
    let (first, second) = world.two().await;
    let replicas = [first, second, world.boot().await];
    let to = |turn: usize| world.balancer.only(replicas[turn % 3].address);
    let (alice, bob) = (world.sim.person(ALICE), world.sim.person(BOB));
    for (turn, asked) in replicas.iter().enumerate() {
        to(turn);
        alice.command(GENERAL, "/jit", REQUEST).await;
        let card = world.open_card().await;
        to(turn + 1);
        bob.click(&card, "approve").await;
        let grant = world.active().await;
        world.until_checked(asked, true).await;
        to(turn + 2);
        alice.click(&grant, "done").await;
        world
            .seen(|sim| {
                let over = sim.message(&grant.channel, &grant.ts)?;
                (!over.has("done")).then_some(())
            })
            .await;
        world.until_checked(asked, false).await;
    }
    world
        .seen(|sim| {
            let told = sim.dm(ALICE);
            let ended = told.iter().filter(|message| message.says("has ended:"));
            (ended.count() >= 3).then_some(())
        })
        .await;
    assert_eq!(world.doubled().await, Doubled::NOTHING);
    let claimed = |one: &crate::replica::Replica| one.says("claim acquired");
    let claimed = replicas.iter().flat_map(claimed);
    let speaking = claimed.filter(|line| line["claim.name"] == "slack");
    assert_eq!(speaking.count(), 1);
    assert_eq!(world.sim.messages(APPROVALS).len(), 3);
    assert_eq!(world.entries("approved").await, 3);
    world.verify();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_on_one_replica_applies_on_all() {
    let world = World::start().await;
    let (first, second) = world.two().await;
    let bob = world.sim.person(BOB);
    let card = world.asked(REQUEST).await;
    // Known to the second, and good for a minute there: Bob was looked at a moment ago.
    world.balancer.only(second.address);
    bob.click(&card, "deny").await;
    world.seen(|_| bob.modal()).await;

    world.sim.set_group("S0DBA", [CAROL]);
    world.balancer.only(first.address);
    world.sim.send_group_change("S0DBA", &[], &[BOB]).await;

    world.balancer.only(second.address);
    eventually("the refusal", PATIENCE, async || {
        bob.click(&card, "deny").await;
        let heard = bob.ephemerals();
        heard.iter().any(|answer| answer.says("approver-group"))
    })
    .await;
    bob.click(&card, "approve").await;
    assert_eq!(world.entries("approved").await, 0);
}
