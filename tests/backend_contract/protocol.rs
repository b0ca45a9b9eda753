//! What every receiver of the protocol in `docs/protocol.md` has to do besides the contract.

use std::{fs, path::PathBuf};

use keylend::backend::{BackendError, Presence};
use serde_json::{Value, json};

use crate::{
    rules::{grant, later, read, revoke},
    schema::{self, ANSWER, DIAGNOSIS, INVENTORY, with},
    subject::{Calls as _, Subject, unique},
};

/// A receiver that can be told something that Keylend would not say.
pub(crate) trait Receiver: Subject {
    /// The code of an answer that is final.
    const REFUSED: i32;

    /// The code of the answer to an action that it does not know.
    const UNSUPPORTED: i32;

    /// Where it keeps its state.
    fn state(&self) -> PathBuf;

    /// Tells it this. The answer's code, and its text.
    async fn tell(&self, body: Vec<u8>) -> (i32, String);
}

/// The document of a status for this access.
fn status(entitlement: &str) -> Vec<u8> {
    let mut status = with("idempotency_key", Value::Null);
    status["action"] = json!("status");
    status["entitlement"] = json!(entitlement);
    schema::ORDER.check(&status);
    status.to_string().into_bytes()
}

fn assert_superseded(outcome: Result<(), BackendError>) {
    let superseded = matches!(outcome, Err(BackendError::Superseded(_)));
    assert!(superseded, "{outcome:?}");
}

pub(crate) async fn an_order_that_comes_after_a_newer_one_is_refused<R: Receiver>() {
    let receiver = R::start("60s").await;
    let granted = receiver.order("alice").await;
    let extended = later(&later(&granted));
    let revoked = later(&extended);
    grant(&receiver, &extended).await.expect("made");
    let early = granted.clone();
    assert_superseded(receiver.backend().revoke(&early).await);
    assert_eq!(read(&receiver, &granted).await, Presence::Present);

    revoke(&receiver, &revoked).await;
    for late in [&granted, &extended] {
        assert_superseded(grant(&receiver, late).await);
    }
    assert_eq!(read(&receiver, &granted).await, Presence::Absent);
    assert!(!receiver.works(&granted).await);
}

pub(crate) async fn an_order_that_is_replayed_changes_nothing<R: Receiver>() {
    let receiver = R::start("60s").await;
    let (first, second) = (receiver.order("alice").await, receiver.order("alice").await);
    grant(&receiver, &first).await.expect("made");
    grant(&receiver, &second).await.expect("made");
    // The first grant ends silently, since the second needs the access; the second ends it.
    revoke(&receiver, &later(&second)).await;
    grant(&receiver, &first)
        .await
        .expect("taken as a repetition");
    assert_eq!(read(&receiver, &first).await, Presence::Absent);
    assert!(!receiver.works(&first).await);
}

pub(crate) async fn a_restart_forgets_nothing<R: Receiver>() {
    let receiver = R::start_alone("60s").await;
    let (kept, ended) = (receiver.order("alice").await, receiver.order("bob").await);
    grant(&receiver, &kept).await.expect("made");
    grant(&receiver, &ended).await.expect("made");
    revoke(&receiver, &later(&later(&ended))).await;

    receiver.stop().await;
    receiver.start_again().await;
    assert_eq!(read(&receiver, &kept).await, Presence::Present);
    assert_superseded(grant(&receiver, &later(&ended)).await);
    assert_eq!(read(&receiver, &ended).await, Presence::Absent);
}

pub(crate) async fn what_a_crash_cut_off_is_done_after_the_restart<R: Receiver>() {
    let receiver = R::start_alone("60s").await;
    let order = receiver.order("alice").await;
    match receiver.backend().grant(&order, None).await {
        Ok(_) | Err(BackendError::Pending { .. }) => {}
        other => panic!("{other:?}"),
    }
    receiver.stop().await;
    receiver.start_again().await;
    grant(&receiver, &order)
        .await
        .expect("taken as a repetition");
    assert_eq!(read(&receiver, &order).await, Presence::Present);
}

pub(crate) async fn the_newest_order_is_the_one_that_counts<R: Receiver>() {
    let receiver = R::start("60s").await;
    let order = receiver.order("alice").await;
    // Without waiting until it is done.
    drop(receiver.backend().grant(&order, None).await);
    revoke(&receiver, &later(&order)).await;
    assert_eq!(read(&receiver, &order).await, Presence::Absent);
    assert!(!receiver.works(&order).await);
}

pub(crate) async fn what_is_no_order_of_a_known_version_is_refused<R: Receiver>() {
    let receiver = R::start("60s").await;
    let with = |field, value| with(field, value).to_string().into_bytes();
    for body in [
        with("version", json!(2)),
        with("version", Value::Null),
        with("version", json!("1")),
        with("backend", json!("another")),
        with("backend", Value::Null),
        schema::changed(schema::inventory(), "backend", json!("another"))
            .to_string()
            .into_bytes(),
        schema::changed(schema::inventory(), "params", json!([]))
            .to_string()
            .into_bytes(),
        schema::changed(schema::diagnose(), "layers", Value::Null)
            .to_string()
            .into_bytes(),
        with("generation", Value::Null),
        with("generation", json!("4")),
        with("handle", Value::Null),
        with("entitlement", json!(["all"])),
        with("requester", Value::Null),
        with("idempotency_key", Value::Null),
        with("expires_at", json!("soon")),
        // A grant whose time is over.
        with("expires_at", json!("2020-11-02T10:00:00.000Z")),
        b"null".to_vec(),
        b"[1]".to_vec(),
        b"{\"version\": 1".to_vec(),
        b"\xff".to_vec(),
        b" ".to_vec(),
    ] {
        let (code, text) = receiver.tell(body.clone()).await;
        assert_eq!(
            code,
            R::REFUSED,
            "{}: {text}",
            String::from_utf8_lossy(&body)
        );
    }
    let order = schema::order();
    let (code, answer) = receiver
        .tell(status(order["entitlement"].as_str().unwrap()))
        .await;
    assert!([0, 200].contains(&code), "{code} {answer}");
    let answer: Value = serde_json::from_str(&answer).expect("JSON");
    assert_eq!(answer["present"], false, "nothing was made");
}

pub(crate) async fn an_action_that_it_does_not_know_is_not_taken_for_another<R: Receiver>() {
    let receiver = R::start("60s").await;
    for action in [json!("destroy"), json!(["grant"]), Value::Null] {
        let body = with("action", action).to_string().into_bytes();
        let (code, text) = receiver.tell(body).await;
        assert_eq!(code, R::UNSUPPORTED, "{text}");
    }
}

/// Somebody may have captured the order.
pub(crate) async fn a_grant_that_ended_early_is_not_forgotten_before_its_end<R: Receiver>() {
    let receiver = R::start("60s").await;
    let (ended, other) = (receiver.order("alice").await, receiver.order("bob").await);
    grant(&receiver, &ended).await.expect("made");
    revoke(&receiver, &later(&ended)).await;
    // A long time passes.
    let file = receiver.state().join("orders.json");
    let text = fs::read_to_string(&file).expect("it keeps its orders there");
    let mut orders: Value = serde_json::from_str(&text).expect("JSON");
    orders[ended.handle.as_str()]["at"] = json!(0);
    fs::write(&file, orders.to_string()).expect("a file in a folder of ours");
    grant(&receiver, &other).await.expect("made");

    assert_superseded(grant(&receiver, &ended).await);
    assert!(!receiver.works(&ended).await);
}

pub(crate) async fn an_inventory_lists_what_its_parameters_give_alone<R: Receiver>() {
    let receiver = R::start("60s").await;
    let order = receiver.order("alice").await;
    grant(&receiver, &order).await.expect("made");
    let mut other = order.clone();
    other.params.insert("space".into(), "elsewhere".into());
    let listed = async |order| receiver.backend().bound(order).holders().await;
    assert_eq!(listed(&order).await.expect("a list").len(), 1);
    assert_eq!(listed(&other).await.expect("a list"), []);
}

pub(crate) async fn answers_to_questions_follow_the_schemas<R: Receiver>() {
    let receiver = R::start("60s").await;
    let mut order = receiver.order("alice").await;
    order.params = serde_json::from_value(schema::inventory()["params"].clone()).expect("params");
    grant(&receiver, &order).await.expect("made");
    receiver.grant_by_hand(&order).await;
    let ask = async |question: Value| {
        let (_, text) = receiver.tell(question.to_string().into_bytes()).await;
        let answer: Value = serde_json::from_str(&text).expect("JSON");
        answer
    };
    DIAGNOSIS.check(&ask(schema::diagnose()).await);
    let inventory = ask(schema::inventory()).await;
    INVENTORY.check(&inventory);
    assert_eq!(inventory["holders"].as_array().expect("a list").len(), 2);
}

pub(crate) async fn every_status_follows_the_schema<R: Receiver>() {
    let receiver = R::start("60s").await;
    let order = receiver.order(&unique()).await;
    let entitlement = receiver.backend().entitlement(&order);
    let look = async || {
        let (_, text) = receiver.tell(status(entitlement.as_str())).await;
        let answer: Value = serde_json::from_str(&text).expect("JSON");
        ANSWER.check(&answer);
        answer
    };
    assert_eq!(look().await["present"], json!(false));
    // Without waiting until it is done.
    drop(receiver.backend().grant(&order, None).await);
    while look().await["pending"] == json!(true) {}
    assert_eq!(look().await["present"], json!(true));
}
