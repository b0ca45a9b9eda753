//! Events that are not taken come again; nothing else does, and what is late is an
//! `operation_timeout`.

use chrono::TimeDelta;
use serde_json::{Value, json};
use slack_sim::{Sim, Submission};

use crate::common::{App, Hand, api, card, modal, socket::Client, workspace};

async fn start() -> (Sim, App, Hand) {
    let hand = Hand::new();
    let sim = Sim::start_with_clock(workspace(), hand.clock()).await;
    let app = App::start(&sim).await;
    (sim, app, hand)
}

/// Waits until this many deliveries have been made.
async fn made(sim: &Sim, many: usize) {
    let enough = |sim: &Sim| (sim.deliveries().len() >= many).then_some(());
    sim.wait_until(enough).await;
}

fn event() -> Value {
    json!({"type": "user_change", "user": {"id": "U0ALICE"}})
}

#[tokio::test]
async fn an_event_comes_again_at_once_after_a_minute_and_after_five() {
    let (sim, app, hand) = start().await;
    for _ in 0..4 {
        app.will_say(500, "not now");
    }
    let first = sim.event(event()).await;
    assert_eq!((first.status, first.retry), (500, 0));
    made(&sim, 2).await;
    for (pause, deliveries) in [(60, 3), (300, 4)] {
        hand.advance(TimeDelta::seconds(pause - 1));
        sim.clock_moved();
        assert_eq!(sim.retries_waiting(), 1);
        hand.advance(TimeDelta::seconds(1));
        sim.clock_moved();
        made(&sim, deliveries).await;
    }
    assert_eq!(sim.retries_waiting(), 0);

    let received = app.received();
    let numbers: Vec<_> = received
        .iter()
        .map(|got| got.header("x-slack-retry-num"))
        .collect();
    assert_eq!(numbers, ["", "1", "2", "3"]);
    let reason = |number: usize| received[number].header("x-slack-retry-reason");
    assert_eq!(
        (reason(0), reason(1), reason(3)),
        ("", "http_error", "http_error")
    );
    let id = |number: usize| -> Value {
        let body: Value = serde_json::from_str(&received[number].body).unwrap();
        body["event_id"].clone()
    };
    assert!((1..4).all(|number| id(number) == id(0)));
}

#[tokio::test]
async fn an_event_that_is_taken_at_last_does_not_come_again() {
    let (sim, app, _) = start().await;
    app.will_say(302, "elsewhere");
    sim.event(event()).await;
    made(&sim, 2).await;
    assert!(sim.deliveries()[1].is_ok());
    assert_eq!(sim.retries_waiting(), 0);
}

#[tokio::test]
async fn an_event_that_took_too_long_comes_again_while_the_app_goes_on() {
    let (sim, app, _) = start().await;
    app.will_wait();
    let first = sim.event(event()).await;
    assert!(first.timed_out);
    made(&sim, 2).await;
    assert_eq!(app.last().header("x-slack-retry-reason"), "http_timeout");
    assert_eq!(app.last().header("x-slack-retry-num"), "1");
    assert!(sim.deliveries()[1].is_ok());
}

#[tokio::test]
async fn an_app_that_is_not_there_is_tried_again() {
    let (sim, _, _) = start().await;
    let nobody = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = nobody.local_addr().unwrap();
    drop(nobody);
    sim.connect(format!("http://{address}"));
    sim.event(event()).await;
    made(&sim, 2).await;
    let app = App::start(&sim).await;
    sim.wait_until(|sim| (sim.retries_waiting() == 1).then_some(()))
        .await;
    assert!(app.received().is_empty());
}

#[tokio::test]
async fn an_app_may_say_that_it_wants_no_retry() {
    let (sim, app, _) = start().await;
    app.will_fail_for_good();
    let delivery = sim.event(event()).await;
    assert_eq!(delivery.status, 503);
    assert_eq!(sim.retries_waiting(), 0);
}

#[tokio::test]
async fn commands_and_clicks_do_not_come_again() {
    let (sim, app, _) = start().await;
    let args = json!({"channel": "C0DBA", "text": "t", "blocks": card("r1")});
    api(&sim, "chat.postMessage", args).await;
    let message = sim.messages("C0DBA").pop().unwrap();
    let bob = sim.person("U0BOB");
    app.will_say(404, "");
    app.will_say(500, "");
    let command = bob.command("C0DBA", "/jit", "").await;
    let click = bob.click(&message, "approve").await;
    assert_eq!(command.failure(), Some("http_client_error"));
    assert_eq!(click.failure(), Some("http_service_error"));
    assert_eq!(
        bob.ephemerals()[0].text,
        "/jit failed with the error \"http_client_error\""
    );
    assert_eq!(sim.retries_waiting(), 0);
}

#[tokio::test]
async fn a_late_answer_to_a_command_is_a_timeout_and_is_not_shown() {
    let (sim, app, _) = start().await;
    app.will_wait();
    let alice = sim.person("U0ALICE");
    let delivery = alice.command("C0DBA", "/jit", "").await;
    assert_eq!(delivery.failure(), Some("operation_timeout"));
    app.go_on.notify_one();
    alice.command("C0DBA", "/jit", "").await;
    let told: Vec<_> = alice
        .ephemerals()
        .into_iter()
        .map(|said| said.text)
        .collect();
    assert_eq!(told, ["/jit failed with the error \"operation_timeout\""]);
}

#[tokio::test]
async fn a_late_answer_to_a_submission_leaves_the_view_open() {
    let (sim, app, _) = start().await;
    let alice = sim.person("U0ALICE");
    alice.command("C0DBA", "/jit", "").await;
    let trigger = app.last().form()["trigger_id"].clone();
    api(
        &sim,
        "views.open",
        json!({"trigger_id": trigger, "view": modal()}),
    )
    .await;
    app.will_wait();
    let submitted = alice.submit_altered(|_| {}).await;
    assert!(
        matches!(submitted, Submission::Http { status: 0, .. }),
        "{submitted:?}"
    );
    assert!(alice.modal().is_some());
}

#[tokio::test]
async fn over_a_socket_an_event_that_is_not_acknowledged_comes_again() {
    let hand = Hand::new();
    let sim = Sim::start_with_clock(workspace(), hand.clock()).await;
    let mut app = Client::open(&sim).await;
    let unacknowledged = sim.event(event()).await;
    assert!(unacknowledged.timed_out);
    let first = app.next().await;
    let second = app.next().await;
    app.ack(&second).await;
    made(&sim, 2).await;
    assert_eq!(second["retry_attempt"], 1);
    assert_eq!(second["retry_reason"], "timeout");
    assert_eq!(second["payload"], first["payload"]);
    assert_ne!(second["envelope_id"], first["envelope_id"]);
    assert_eq!(sim.retries_waiting(), 0);
}

#[tokio::test]
async fn an_event_waits_for_an_app_that_is_between_connections() {
    let hand = Hand::new();
    let sim = Sim::start_with_clock(workspace(), hand.clock()).await;
    sim.connect_socket();
    sim.event(event()).await;
    made(&sim, 2).await;
    let mut app = Client::open(&sim).await;
    hand.advance(TimeDelta::minutes(1));
    sim.clock_moved();
    let envelope = app.next().await;
    app.ack(&envelope).await;
    assert_eq!(envelope["retry_attempt"], 2);
    made(&sim, 3).await;
    assert_eq!(sim.retries_waiting(), 0);
}
