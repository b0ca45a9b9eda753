//! Modals and App Homes: triggers, hashes, what is filled in, and answers to submissions.

use chrono::TimeDelta;
use serde_json::{Value, json};
use slack_sim::{Sim, Submission};

use crate::common::{App, Hand, api, modal, workspace};

async fn start() -> (Sim, App, Hand) {
    let hand = Hand::new();
    let sim = Sim::start_with_clock(workspace(), hand.clock()).await;
    let app = App::start(&sim).await;
    (sim, app, hand)
}

async fn trigger(sim: &Sim, app: &App) -> Value {
    sim.person("U0ALICE").command("C0DBA", "/jit", "").await;
    app.last().form()["trigger_id"].clone()
}

async fn open(sim: &Sim, app: &App) -> Value {
    let trigger_id = trigger(sim, app).await;
    let args = json!({"trigger_id": trigger_id, "view": modal()});
    let answer = api(sim, "views.open", args).await;
    assert_eq!(answer["ok"], true, "{answer}");
    answer["view"].clone()
}

#[tokio::test]
async fn a_trigger_opens_one_view_within_three_seconds() {
    let (sim, app, hand) = start().await;
    let trigger_id = trigger(&sim, &app).await;
    hand.advance(TimeDelta::seconds(3));
    let args = json!({"trigger_id": trigger_id, "view": modal()});
    assert_eq!(api(&sim, "views.open", args.clone()).await["ok"], true);
    let again = api(&sim, "views.open", args).await;
    assert_eq!(again["error"], "exchanged_trigger_id");

    let trigger_id = trigger(&sim, &app).await;
    hand.advance(TimeDelta::milliseconds(3001));
    let args = json!({"trigger_id": trigger_id, "view": modal()});
    let late = api(&sim, "views.open", args).await;
    assert_eq!(late["error"], "expired_trigger_id");
    let args = json!({"trigger_id": "1.2.3", "view": modal()});
    assert_eq!(
        api(&sim, "views.open", args).await["error"],
        "invalid_trigger_id"
    );
}

#[tokio::test]
async fn an_update_with_an_old_hash_is_refused_and_a_good_one_keeps_what_was_typed() {
    let (sim, app, _) = start().await;
    let opened = open(&sim, &app).await;
    let alice = sim.person("U0ALICE");
    alice.fill("reason", "reason", "writes fail");
    let args = json!({"view_id": opened["id"], "hash": opened["hash"], "view": modal()});
    let updated = api(&sim, "views.update", args.clone()).await;
    assert_ne!(updated["view"]["hash"], opened["hash"]);
    let values = alice.modal().unwrap().values().clone();
    assert_eq!(values["reason"]["reason"]["value"], "writes fail");
    assert_eq!(
        api(&sim, "views.update", args).await["error"],
        "hash_conflict"
    );
    let args = json!({"view_id": "V0NONE", "view": modal()});
    assert_eq!(api(&sim, "views.update", args).await["error"], "not_found");
}

#[tokio::test]
async fn a_person_searches_selects_fills_in_and_submits() {
    let (sim, app, _) = start().await;
    open(&sim, &app).await;
    let alice = sim.person("U0ALICE");
    let Submission::Errors(missing) = alice.submit().await else {
        panic!("the client must hold back an unfinished view");
    };
    assert_eq!(missing.keys().collect::<Vec<_>>(), ["reason", "scope"]);

    let option = json!({"text": {"type": "plain_text", "text": "Prod"}, "value": "db-prod:write"});
    let group = json!({"label": {"type": "plain_text", "text": "prod"}, "options": [option]});
    app.will_answer(json!({"option_groups": [group]}));
    let found = alice.suggest("scope", "pro").await;
    assert_eq!(found, [("Prod".to_owned(), "db-prod:write".to_owned())]);
    let asked = app.last();
    assert_eq!(asked.path, "/slack/options");
    assert_eq!(asked.payload()["value"], "pro");

    alice.select("scope", "db-prod:write").await;
    let payload = app.last().payload();
    assert_eq!(payload["container"]["type"], "view");
    assert_eq!(payload["actions"][0]["selected_option"], option);
    let values = &payload["view"]["state"]["values"];
    assert_eq!(values["scope"]["scope"]["selected_option"], option);

    alice.fill("reason", "reason", "far too long for this input");
    assert!(matches!(alice.submit().await, Submission::Errors(_)));
    alice.fill("reason", "reason", "writes fail");
    app.will_answer(json!({"response_action": "errors", "errors": {"reason": "no ticket"}}));
    let Submission::Errors(errors) = alice.submit().await else {
        panic!("the app complained");
    };
    assert_eq!(errors["reason"], "no ticket");
    let values = &app.last().payload()["view"]["state"]["values"];
    assert_eq!(
        values["duration"]["duration"]["selected_option"]["value"],
        "30m"
    );
    assert_eq!(values["reason"]["reason"]["value"], "writes fail");

    assert_eq!(alice.submit().await, Submission::Closed);
    assert!(alice.modal().is_none());
}

#[tokio::test]
async fn answers_push_update_and_clear_the_stack() {
    let (sim, app, _) = start().await;
    open(&sim, &app).await;
    let alice = sim.person("U0ALICE");
    let plain = |text: &str| json!({"type": "plain_text", "text": text});
    let note = json!({"type": "modal", "title": plain("Note"), "blocks": [
        {"type": "section", "text": plain("sent")}]});
    app.will_answer(json!({"response_action": "update", "view": note}));
    let Submission::Updated(updated) = alice.submit_altered(|_| {}).await else {
        panic!("updated");
    };
    assert_eq!(updated.title(), "Note");
    for _ in 0..2 {
        app.will_answer(json!({"response_action": "push", "view": note}));
        let pushed = alice.submit_altered(|_| {}).await;
        assert!(matches!(pushed, Submission::Pushed(_)));
    }
    app.will_answer(json!({"response_action": "push", "view": note}));
    let fourth = alice.submit_altered(|_| {}).await;
    assert!(matches!(fourth, Submission::Invalid(_)));
    app.will_answer(json!({"response_action": "clear"}));
    assert_eq!(alice.submit_altered(|_| {}).await, Submission::Cleared);
    assert!(alice.modal().is_none());
}

#[tokio::test]
async fn trouble_leaves_the_view_open() {
    let (sim, app, _) = start().await;
    open(&sim, &app).await;
    let alice = sim.person("U0ALICE");
    app.will_say(500, "oops");
    let result = alice.submit_altered(|_| {}).await;
    assert!(matches!(result, Submission::Http { status: 500, .. }));
    app.will_answer(json!({"response_action": "errors", "errors": {"nowhere": "x"}}));
    let result = alice.submit_altered(|_| {}).await;
    assert!(matches!(result, Submission::Invalid(_)));
    assert!(alice.modal().is_some());
    let closed = alice.close_modal().await.unwrap();
    assert_eq!(closed.payload["type"], "view_closed");
}

#[tokio::test]
async fn an_app_home_is_published_pressed_and_replaced() {
    let (sim, app, _) = start().await;
    let home = |value: &str| json!({"type": "home", "blocks": crate::common::card(value)});
    let args = json!({"user_id": "U0ALICE", "view": home("g1")});
    let first = api(&sim, "views.publish", args).await;
    assert_eq!(first["view"]["type"], "home");
    let alice = sim.person("U0ALICE");
    alice.press_home("deny").await;
    let payload = app.last().payload();
    assert_eq!(payload["view"]["type"], "home");
    assert_eq!(payload["actions"][0]["value"], "g1");
    let stale = json!({"user_id": "U0ALICE", "view": home("g2"), "hash": "1.x"});
    assert_eq!(
        api(&sim, "views.publish", stale).await["error"],
        "hash_conflict"
    );
    let args = json!({"user_id": "U0ALICE", "view": home("g2"), "hash": first["view"]["hash"]});
    assert_eq!(api(&sim, "views.publish", args).await["ok"], true);
    assert_eq!(alice.home().unwrap().id(), first["view"]["id"]);
}

#[tokio::test]
async fn views_beyond_the_limits_are_refused_with_reasons() {
    let (sim, app, _) = start().await;
    let mut view = modal();
    view["title"]["text"] = json!("A title of more than 24 letters");
    view.as_object_mut().unwrap().remove("submit");
    let args = json!({"trigger_id": trigger(&sim, &app).await, "view": view});
    let answer = api(&sim, "views.open", args).await;
    assert_eq!(answer["error"], "invalid_arguments");
    let messages = answer["response_metadata"]["messages"].to_string();
    assert!(messages.contains("must be less than 25 characters [json-pointer:/view/title/text]"));
    assert!(messages.contains("missing required field: submit"));
}
