//! The same Keylend, reached over Socket Mode: nobody can tell the difference, also while
//! connections come and go.

use std::time::Duration;

use futures_util::future::join_all;
use slack_sim::{DeliveryFault, DisconnectReason, Fault, Sim, Submission};

use crate::support::fixture::{
    ALICE, APPROVALS, BOB, DAVE, Fixture, Has, REQUEST, SCOPE, over_sockets, workspace,
};

const OPEN: &str = "apps.connections.open";

/// Waits until so many connections are open, while the clock stands.
async fn connected(sim: &Sim, connections: usize) {
    sim.wait_until(|sim| (sim.connections() == connections).then_some(()))
        .await;
}

/// Waits until `/readyz` says these words.
async fn readiness(fixture: &Fixture, words: &str) {
    let says = async {
        while !fixture.page("/readyz").await.1.contains(words) {
            tokio::task::yield_now().await;
        }
    };
    let came = tokio::time::timeout(Duration::from_secs(20), says).await;
    came.unwrap_or_else(|_| panic!("/readyz does not say {words}"));
}

async fn count(fixture: &Fixture, kind: &str) -> usize {
    let kinds = fixture.kinds().await;
    kinds.iter().filter(|other| *other == kind).count()
}

/// Everything came in an envelope, was acknowledged in time, and nothing else was said.
fn all_is_well(sim: &Sim) {
    for delivery in sim.deliveries() {
        assert!(
            delivery.envelope_id.is_some() && delivery.is_ok(),
            "{delivery:?}"
        );
    }
    assert_eq!(sim.socket_complaints(), Vec::<String>::new());
}

#[tokio::test]
async fn access_is_asked_for_approved_made_and_ended() {
    let fixture = Fixture::by_socket().await;
    connected(&fixture.sim, 2).await;
    fixture.granted(REQUEST).await;
    assert!(fixture.console.admits("alice"));
    assert!(fixture.admitted(ALICE, SCOPE).await);
    let (_, metrics) = fixture.page("/metrics").await;
    assert!(metrics.contains("keylend_slack_connections 2"), "{metrics}");

    fixture.advance_minutes(31);
    fixture.ended(1).await;
    assert!(!fixture.console.admits("alice"));
    all_is_well(&fixture.sim);
}

#[tokio::test]
async fn the_form_finds_scopes_and_shows_its_mistakes() {
    let fixture = Fixture::by_socket().await;
    fixture.jit(ALICE, "").await;
    let alice = fixture.alice();
    fixture.sim.wait_until(|_| alice.modal()).await;
    let found = alice.suggest("scope", "writ").await;
    assert_eq!(found.len(), 1, "{found:?}");
    alice.select("scope", found[0].1.as_str()).await;
    alice.fill("reason", "reason", "writes are failing");
    alice.fill("ticket", "ticket", "not a ticket");
    let Submission::Errors(errors) = alice.submit().await else {
        panic!("a mistake is shown");
    };
    assert!(errors["ticket"].contains("INC"), "{errors:?}");
    alice.fill("ticket", "ticket", "INC-4211");
    alice.submit().await;
    fixture.open_card().await;
    all_is_well(&fixture.sim);
}

#[tokio::test]
async fn there_is_no_route_for_slack() {
    let fixture = Fixture::by_socket().await;
    assert_eq!(fixture.page("/slack/commands").await.0, 404);
}

#[tokio::test]
async fn a_refresh_loses_and_doubles_nothing() {
    let fixture = Fixture::by_socket().await;
    connected(&fixture.sim, 2).await;
    let card = fixture.asked(REQUEST).await;
    // The clock stands, so the old connections live on: the new ones come beside them.
    let (bob, dave) = (fixture.bob(), fixture.person(DAVE));
    fixture.sim.disconnect(DisconnectReason::Warning);
    tokio::join!(
        bob.click(&card, "approve"),
        dave.command("C0GENERAL", "/jit", "request db-prod:read 10m look")
    );
    connected(&fixture.sim, 4).await;
    fixture
        .sim
        .wait_until(|_| fixture.grants(ALICE).pop())
        .await;
    fixture.clock.advance(Duration::from_secs(10));
    fixture.sim.clock_moved();
    connected(&fixture.sim, 2).await;

    fixture.advance_minutes(5);
    fixture.sim.disconnect(DisconnectReason::RefreshRequested);
    connected(&fixture.sim, 2).await;
    let other = fixture.open_card().await;
    fixture.bob().click(&other, "approve").await;
    fixture.in_time(|_| fixture.grants(DAVE).pop()).await;
    assert_eq!(count(&fixture, "requested").await, 2);
    assert_eq!(count(&fixture, "approved").await, 2);
    all_is_well(&fixture.sim);
}

#[tokio::test]
async fn a_connection_that_breaks_is_replaced() {
    let fixture = Fixture::by_socket().await;
    connected(&fixture.sim, 2).await;
    fixture.sim.fault_delivery(None, DeliveryFault::Drop, 1);
    assert!(!fixture.jit(ALICE, REQUEST).await.is_ok());
    fixture
        .sim
        .wait_until(|sim| (sim.arrivals(OPEN) == 3).then_some(()))
        .await;
    connected(&fixture.sim, 2).await;
    fixture.granted(REQUEST).await;
}

#[tokio::test]
async fn what_slack_delivers_twice_has_one_effect() {
    let fixture = Fixture::by_socket().await;
    connected(&fixture.sim, 2).await;
    let again = [
        ("x-slack-retry-num", "1"),
        ("x-slack-retry-reason", "timeout"),
    ];
    // Connections take turns: the second delivery comes over the other one.
    let asked = fixture.jit(ALICE, REQUEST).await;
    fixture.sim.redeliver(&asked, &again).await;
    let card = fixture.open_card().await;
    let approved = fixture.bob().click(&card, "approve").await;
    fixture.sim.redeliver(&approved, &again).await;
    fixture.in_time(|_| fixture.grants(ALICE).pop()).await;
    fixture.answered(BOB, "already").await;
    assert_eq!(count(&fixture, "requested").await, 1);
    assert_eq!(count(&fixture, "approved").await, 1);
    assert_eq!(fixture.console.holders(), 1);
    let cards = fixture.sim.messages(APPROVALS);
    assert!(!cards.iter().any(|card| card.has("approve")));
    all_is_well(&fixture.sim);
}

#[tokio::test]
async fn a_crowd_is_answered_at_once() {
    let fixture = Fixture::by_socket().await;
    connected(&fixture.sim, 2).await;
    let commands = (0..100).map(|_| fixture.jit(ALICE, "help"));
    assert!(join_all(commands).await.iter().all(|sent| sent.is_ok()));
    let alice = fixture.alice();
    fixture
        .in_time(|_| (alice.ephemerals().len() == 100).then_some(()))
        .await;
    all_is_well(&fixture.sim);
}

#[tokio::test]
async fn socket_mode_that_is_switched_off_is_said_and_works_again_when_it_is_on() {
    let fixture = Fixture::by_socket().await;
    connected(&fixture.sim, 2).await;
    // As when somebody switches it off in the app's settings.
    fixture.sim.connect("http://127.0.0.1:1");
    readiness(
        &fixture,
        "Socket Mode is switched off in the app's settings",
    )
    .await;
    // The reason is there before the last of the connections is gone.
    readiness(&fixture, "\"slack\":false").await;
    assert_eq!(fixture.page("/readyz").await.0, 503);
    let asked = fixture.sim.arrivals(OPEN);
    fixture.advance_minutes(5);
    fixture
        .sim
        .wait_until(|sim| (sim.arrivals(OPEN) > asked).then_some(()))
        .await;

    fixture.sim.connect_socket();
    fixture
        .in_time(|sim| (sim.connections() == 2).then_some(()))
        .await;
    readiness(&fixture, "\"slack\":true").await;
    assert!(fixture.jit(ALICE, "status").await.is_ok());
}

#[tokio::test]
async fn slack_may_be_away_at_the_start_and_come_later() {
    let mut fixture = Fixture::by_socket().await;
    fixture.crash().await;
    connected(&fixture.sim, 0).await;
    let before = fixture.sim.arrivals(OPEN);
    fixture
        .sim
        .fault(OPEN, Fault::error("internal_error"), usize::MAX);
    fixture.boot_unready().await;
    readiness(&fixture, "no Socket Mode connection to Slack is open").await;
    // It is tried again and again, and not more often than Slack allows.
    let begun = fixture.now();
    fixture
        .in_time(|sim| (sim.arrivals(OPEN) - before == 8).then_some(()))
        .await;
    assert!((fixture.now() - begun).num_minutes() >= 4);
    fixture.sim.heal();
    fixture
        .in_time(|sim| (sim.connections() == 2).then_some(()))
        .await;
    assert!(fixture.jit(ALICE, "status").await.is_ok());
}

#[tokio::test]
async fn slack_is_never_asked_for_more_connections_than_it_allows() {
    let fixture = Fixture::set(workspace().rate_limits(true), over_sockets, "").await;
    for _ in 0..8 {
        fixture
            .in_time(|sim| (sim.connections() > 0).then_some(()))
            .await;
        fixture.sim.disconnect(DisconnectReason::RefreshRequested);
    }
    let opened = fixture.sim.calls_of(OPEN);
    assert!(opened.len() > 5 && opened.iter().all(|call| call.ok));
}

#[tokio::test]
async fn the_service_stops_with_its_connections_closed_and_goes_on_where_it_was() {
    let mut fixture = Fixture::by_socket().await;
    connected(&fixture.sim, 2).await;
    let card = fixture.asked(REQUEST).await;
    fixture.stop().await;
    connected(&fixture.sim, 0).await;
    assert_eq!(fixture.sim.socket_complaints(), Vec::<String>::new());
    fixture.boot().await;
    fixture.bob().click(&card, "approve").await;
    fixture.in_time(|_| fixture.grants(ALICE).pop()).await;
    all_is_well(&fixture.sim);
}
