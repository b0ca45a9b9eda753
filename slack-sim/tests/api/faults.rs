//! Deliveries that come twice, late, in another order or broken, and calls that are slow.

use std::time::Duration;

use serde_json::{Value, json};
use slack_sim::{DeliveryFault, DeliveryKind, Fault, Sim};

use crate::common::{App, Hand, api, socket::Client, workspace};

async fn start() -> (Sim, App) {
    let sim = Sim::start_with_clock(workspace(), Hand::new().clock()).await;
    let app = App::start(&sim).await;
    (sim, app)
}

fn event(name: &str) -> Value {
    json!({"type": "user_change", "user": {"id": name}})
}

/// Who the events were about, in the order the app got them.
fn about(app: &App) -> Vec<String> {
    let name = |body: &str| {
        let body: Value = serde_json::from_str(body).unwrap();
        body["event"]["user"]["id"].as_str().unwrap().to_owned()
    };
    app.received().iter().map(|got| name(&got.body)).collect()
}

#[tokio::test]
async fn a_duplicate_comes_twice_with_the_same_ids() {
    let (sim, app) = start().await;
    sim.fault_delivery(Some(DeliveryKind::Commands), DeliveryFault::Duplicate, 1);
    let alice = sim.person("U0ALICE");
    app.will_say(200, "said");
    app.will_say(200, "said");
    assert!(alice.command("C0DBA", "/jit", "").await.is_ok());
    let received = app.received();
    assert_eq!(received.len(), 2);
    assert_eq!(received[0].form(), received[1].form());
    assert_eq!(alice.ephemerals().len(), 1);

    alice.command("C0DBA", "/jit", "").await;
    assert_eq!(app.received().len(), 3);
}

#[tokio::test]
async fn a_dropped_delivery_never_reaches_the_app_whole() {
    let (sim, app) = start().await;
    sim.fault_delivery(None, DeliveryFault::Drop, 1);
    let alice = sim.person("U0ALICE");
    let delivery = alice.command("C0DBA", "/jit", "").await;
    assert_eq!(delivery.failure(), Some("dispatch_failed"));
    alice.command("C0DBA", "/jit", "whole").await;
    let received = app.received();
    assert_eq!(received.len(), 1);
    assert_eq!(received[0].form()["text"], "whole");
}

#[tokio::test]
async fn a_dropped_event_comes_again() {
    let (sim, app) = start().await;
    sim.fault_delivery(Some(DeliveryKind::Events), DeliveryFault::Drop, 1);
    sim.event(event("U0ALICE")).await;
    sim.wait_until(|_| (!app.received().is_empty()).then_some(()))
        .await;
    assert_eq!(
        app.last().header("x-slack-retry-reason"),
        "connection_failed"
    );
}

#[tokio::test]
async fn a_dropped_delivery_over_a_socket_breaks_its_connection() {
    let sim = Sim::start_with_clock(workspace(), Hand::new().clock()).await;
    let mut app = Client::open(&sim).await;
    sim.fault_delivery(None, DeliveryFault::Drop, 1);
    let alice = sim.person("U0ALICE");
    let delivery = alice.command("C0DBA", "/jit", "").await;
    assert_eq!(delivery.failure(), Some("dispatch_failed"));
    assert!(app.ends().await);
    assert_eq!(sim.connections(), 0);
}

#[tokio::test]
async fn a_delayed_delivery_arrives_later() {
    let (sim, app) = start().await;
    let delay = Duration::from_millis(50);
    sim.fault_delivery(None, DeliveryFault::Delay(delay), 1);
    let started = tokio::time::Instant::now();
    assert!(sim.event(event("U0ALICE")).await.is_ok());
    assert!(started.elapsed() >= delay);
    assert_eq!(about(&app), ["U0ALICE"]);
}

#[tokio::test]
async fn a_delivery_that_is_delayed_too_long_arrives_when_nobody_waits_for_it() {
    let (sim, app) = start().await;
    let delay = DeliveryFault::Delay(Duration::from_secs(4));
    sim.fault_delivery(None, delay, 1);
    let alice = sim.person("U0ALICE");
    let delivery = alice.command("C0DBA", "/jit", "").await;
    assert_eq!(delivery.failure(), Some("operation_timeout"));
    assert!(app.received().is_empty());
    sim.wait_until(|_| (!app.received().is_empty()).then_some(()))
        .await;
}

#[tokio::test]
async fn a_reordered_delivery_is_overtaken_by_the_next() {
    let (sim, app) = start().await;
    let events = Some(DeliveryKind::Events);
    sim.fault_delivery(events, DeliveryFault::Reorder, 1);
    let (first, second) = tokio::join!(sim.event(event("first")), sim.event(event("second")));
    assert!(first.is_ok() && second.is_ok());
    assert_eq!(about(&app), ["second", "first"]);
}

#[tokio::test]
async fn faults_of_deliveries_heal() {
    let (sim, app) = start().await;
    sim.fault_delivery(None, DeliveryFault::Reorder, usize::MAX);
    let held = sim.event(event("held"));
    let heal = async {
        // The one that is held is the only one: the next is not, and overtakes it.
        sim.event(event("next")).await;
    };
    tokio::join!(held, heal);
    assert_eq!(about(&app), ["next", "held"]);
    let held = sim.event(event("held"));
    let heal = async { sim.heal() };
    let (held, ()) = tokio::join!(held, heal);
    assert!(held.is_ok());
    assert!(sim.event(event("last")).await.is_ok());
}

#[tokio::test]
async fn a_slow_call_is_carried_out_late_or_when_slack_heals() {
    let (sim, _) = start().await;
    let pause = Duration::from_millis(50);
    sim.fault("auth.test", Fault::Slow(pause), 1);
    let started = tokio::time::Instant::now();
    assert_eq!(api(&sim, "auth.test", json!({})).await["ok"], true);
    assert!(started.elapsed() >= pause);

    sim.fault("auth.test", Fault::Slow(Duration::from_secs(3600)), 1);
    let heal = async {
        sim.wait_until(|sim| (sim.arrivals("auth.test") == 2).then_some(()))
            .await;
        sim.heal();
    };
    let (answer, ()) = tokio::join!(api(&sim, "auth.test", json!({})), heal);
    assert_eq!(answer["ok"], true);
}
