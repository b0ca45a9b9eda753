//! What comes in envelopes, and what acknowledgements do.

use serde_json::{Value, json};
use slack_sim::{DisconnectReason, Sim, Submission};

use super::start;
use crate::{
    common::{api, card, modal, socket::Client},
    recorded::{hold_against, recorded},
};

#[tokio::test]
async fn a_commands_acknowledgement_may_say_what_its_author_sees() {
    let (sim, _) = start().await;
    let mut app = Client::open(&sim).await;
    let alice = sim.person("U0ALICE");
    let respond = async {
        let envelope = app.next().await;
        assert_eq!(envelope["type"], "slash_commands");
        assert_eq!(envelope["accepts_response_payload"], true);
        assert_eq!(envelope["payload"]["command"], "/jit");
        assert_eq!(envelope["payload"]["text"], "status");
        app.answer(&envelope, json!({"text": "nothing is lent"}))
            .await;
        envelope
    };
    let (delivery, envelope) = tokio::join!(alice.command("C0DBA", "/jit", "status"), respond);
    assert!(delivery.is_ok(), "{delivery:?}");
    assert_eq!(
        delivery.envelope_id.as_deref(),
        envelope["envelope_id"].as_str()
    );
    assert_eq!(alice.ephemerals()[0].text, "nothing is lent");

    // The response URL of a command works as over HTTP.
    let url = envelope["payload"]["response_url"].as_str().unwrap();
    let later = json!({"text": "and later"}).to_string();
    let answer = crate::common::post(url, "application/json", None, later).await;
    assert_eq!(answer.unwrap().body, "ok");
    assert_eq!(alice.ephemerals()[1].text, "and later");
}

#[tokio::test]
async fn a_click_brings_a_trigger_and_its_acknowledgement_no_payload() {
    let (sim, _) = start().await;
    let mut app = Client::open(&sim).await;
    let args = json!({"channel": "C0DBA", "text": "t", "blocks": card("r1")});
    api(&sim, "chat.postMessage", args).await;
    let message = sim.messages("C0DBA").pop().unwrap();
    let bob = sim.person("U0BOB");
    let respond = async {
        let envelope = app.next().await;
        assert_eq!(envelope["type"], "interactive");
        assert_eq!(envelope["accepts_response_payload"], false);
        assert_eq!(envelope["payload"]["actions"][0]["value"], "r1");
        let trigger = &envelope["payload"]["trigger_id"];
        let args = json!({"trigger_id": trigger, "view": modal()});
        assert_eq!(api(&sim, "views.open", args).await["ok"], true);
        app.answer(&envelope, json!({"text": "not wanted"})).await;
    };
    let (delivery, ()) = tokio::join!(bob.click(&message, "approve"), respond);
    assert!(delivery.is_ok());
    assert_eq!(delivery.body, "");
    assert!(
        delivery
            .error
            .unwrap()
            .contains("payload where none is accepted")
    );
    assert_eq!(bob.modal().unwrap().title(), "Request access");
}

#[tokio::test]
async fn a_submission_and_a_search_are_answered_in_the_acknowledgement() {
    let (sim, _) = start().await;
    let mut app = Client::open(&sim).await;
    let args = json!({"channel": "C0DBA", "text": "t", "blocks": card("r1")});
    api(&sim, "chat.postMessage", args).await;
    let message = sim.messages("C0DBA").pop().unwrap();
    let bob = sim.person("U0BOB");
    let respond = async {
        let envelope = app.next().await;
        let trigger = &envelope["payload"]["trigger_id"];
        api(
            &sim,
            "views.open",
            json!({"trigger_id": trigger, "view": modal()}),
        )
        .await;
        app.ack(&envelope).await;
    };
    tokio::join!(bob.click(&message, "approve"), respond);

    let respond = async {
        let envelope = app.next().await;
        assert_eq!(envelope["payload"]["type"], "block_suggestion");
        assert_eq!(envelope["accepts_response_payload"], true);
        let text = json!({"type": "plain_text", "text": "db-prod:write"});
        let options = json!({"options": [{"text": text, "value": "db-prod:write"}]});
        app.answer(&envelope, options).await;
    };
    let (found, ()) = tokio::join!(bob.suggest("scope", "db"), respond);
    assert_eq!(
        found,
        [("db-prod:write".to_owned(), "db-prod:write".to_owned())]
    );

    bob.fill("scope", "scope", "db-prod:write");
    bob.fill("reason", "reason", "writes fail");
    let complaint = json!({"response_action": "errors", "errors": {"reason": "say more"}});
    let respond = async {
        let envelope = app.next().await;
        assert_eq!(envelope["payload"]["type"], "view_submission");
        assert_eq!(envelope["accepts_response_payload"], true);
        app.answer(&envelope, complaint).await;
    };
    let (submitted, ()) = tokio::join!(bob.submit(), respond);
    let Submission::Errors(errors) = submitted else {
        panic!("{submitted:?}");
    };
    assert_eq!(errors["reason"], "say more");

    let respond = async {
        let envelope = app.next().await;
        app.answer(&envelope, json!({})).await;
    };
    let (submitted, ()) = tokio::join!(bob.submit(), respond);
    assert_eq!(submitted, Submission::Closed);
}

#[tokio::test]
async fn two_connections_share_what_comes_and_either_may_acknowledge() {
    let (sim, _) = start().await;
    let mut one = Client::open(&sim).await;
    let mut two = Client::open(&sim).await;
    let alice = sim.person("U0ALICE");
    let respond = async {
        let first = two.next().await;
        // It may be acknowledged over the other one too.
        one.ack(&first).await;
        let second = one.next().await;
        one.ack(&second).await;
        (first, second)
    };
    let commands = async {
        let first = alice.command("C0DBA", "/jit", "first").await;
        let second = alice.command("C0DBA", "/jit", "second").await;
        (first, second)
    };
    let ((first, second), (over_two, over_one)) = tokio::join!(commands, respond);
    assert!(first.is_ok() && second.is_ok());
    assert_eq!(over_two["payload"]["text"], "first");
    assert_eq!(over_one["payload"]["text"], "second");
}

#[tokio::test]
async fn an_acknowledgement_that_comes_too_late_is_an_operation_timeout() {
    let (sim, _) = start().await;
    let mut app = Client::open(&sim).await;
    let alice = sim.person("U0ALICE");
    let delivery = alice.command("C0DBA", "/jit", "").await;
    assert!(delivery.timed_out && !delivery.is_ok());
    let told = alice.ephemerals();
    assert_eq!(
        told[0].text,
        "/jit failed with the error \"operation_timeout\""
    );

    let envelope = app.next().await;
    app.answer(&envelope, json!({"text": "late"})).await;
    let complaint = sim.wait_until(|sim| sim.socket_complaints().pop()).await;
    assert!(complaint.contains("too late"), "{complaint}");
    assert_eq!(alice.ephemerals().len(), 1);
}

#[tokio::test]
async fn without_a_connection_a_command_fails_to_be_dispatched() {
    let (sim, _) = start().await;
    sim.connect_socket();
    let alice = sim.person("U0ALICE");
    let delivery = alice.command("C0DBA", "/jit", "").await;
    assert!(!delivery.is_ok() && !delivery.timed_out);
    let told = alice.ephemerals();
    assert_eq!(
        told[0].text,
        "/jit failed with the error \"dispatch_failed\""
    );
}

#[tokio::test]
async fn junk_is_recorded_and_stops_nothing() {
    let (sim, _) = start().await;
    let mut app = Client::open(&sim).await;
    app.say("{").await;
    app.say("[]").await;
    app.say(&json!({"envelope_id": "never-sent"}).to_string())
        .await;
    app.say_bytes(vec![0xff, 0xfe]).await;
    let enough = |sim: &Sim| Some(sim.socket_complaints()).filter(|all| all.len() == 4);
    let complaints = sim.wait_until(enough).await;
    for (complaint, word) in complaints
        .iter()
        .zip(["JSON", "envelope_id", "never-sent", "binary"])
    {
        assert!(complaint.contains(word), "{complaint}");
    }
    let alice = sim.person("U0ALICE");
    let respond = async {
        let envelope = app.next().await;
        app.ack(&envelope).await;
    };
    let (delivery, ()) = tokio::join!(alice.command("C0DBA", "/jit", ""), respond);
    assert!(delivery.is_ok());

    // A message over the limit ends its connection, not the simulator.
    app.say(&"x".repeat(2 * 1024 * 1024)).await;
    assert!(app.ends().await);
    Client::open(&sim).await;
}

#[tokio::test]
async fn an_event_says_which_attempt_it_is() {
    let (sim, _) = start().await;
    let mut app = Client::open(&sim).await;
    let alice = sim.person("U0ALICE");
    let respond = async {
        let envelope = app.next().await;
        app.ack(&envelope).await;
        envelope
    };
    let (delivery, envelope) = tokio::join!(alice.open_home(), respond);
    let delivery = delivery.unwrap();
    assert!(delivery.is_ok());
    assert_eq!(envelope["type"], "events_api");
    assert_eq!(envelope["accepts_response_payload"], false);
    assert_eq!(envelope["retry_attempt"], 0);
    assert_eq!(envelope["retry_reason"], "");
    assert_eq!(envelope["payload"]["event"]["type"], "app_home_opened");

    let headers = [
        ("x-slack-retry-num", "2"),
        ("x-slack-retry-reason", "timeout"),
    ];
    let respond = async {
        let envelope = app.next().await;
        app.ack(&envelope).await;
        envelope
    };
    let (_, again) = tokio::join!(sim.redeliver(&delivery, &headers), respond);
    assert_eq!(again["retry_attempt"], 2);
    assert_eq!(again["retry_reason"], "timeout");
    assert_eq!(again["payload"], envelope["payload"]);
    assert_ne!(again["envelope_id"], envelope["envelope_id"]);
}

#[tokio::test]
async fn messages_have_the_shapes_that_others_recorded() {
    let (sim, _) = start().await;
    let mut app = Client::connect(&sim, "").await;
    let hello = app.next().await;
    let alice = sim.person("U0ALICE");
    let args = json!({"channel": "C0DBA", "text": "t", "blocks": card("r1")});
    api(&sim, "chat.postMessage", args).await;
    let message = sim.messages("C0DBA").pop().unwrap();
    let respond = async {
        let mut envelopes = Vec::new();
        for _ in 0..3 {
            let envelope = app.next().await;
            app.ack(&envelope).await;
            envelopes.push(envelope);
        }
        envelopes
    };
    let act = async {
        alice.command("C0DBA", "/jit", "").await;
        alice.click(&message, "approve").await;
        alice.open_home().await;
    };
    let ((), envelopes) = tokio::join!(act, respond);
    sim.disconnect(DisconnectReason::Warning);
    let disconnect = app.next().await;

    for (file, ours) in [
        ("hello_4_connections.json", &hello),
        ("hello_python.json", &hello),
        ("hello_java.json", &hello),
        ("slash_commands.json", &envelopes[0]),
        ("slash_commands_java.json", &envelopes[0]),
        ("interactive_block_actions.json", &envelopes[1]),
        ("events_api_message.json", &envelopes[2]),
        ("from_frames_1_events_api.json", &envelopes[2]),
        ("disconnect_warning.json", &disconnect),
    ] {
        let file = format!("socket_mode/{file}");
        hold_against(&file, ours, &[]);
        // Nor is there anything beside what was recorded.
        if let Some(theirs) = recorded(&file) {
            let keys = |of: &Value| of.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
            assert_eq!(keys(ours), keys(&theirs), "{file}");
        }
    }
}
