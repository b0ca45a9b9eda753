//! What somebody enters is held against what the element takes: no payload is made up outside.

use serde_json::{Value, json};
use slack_sim::{Message, View, client::Fate};

use super::{Fixture, name};
use crate::common::{api, card, modal};

/// A message with this block in C0DBA, as Alice sees it.
async fn posted(fixture: &Fixture, block: Value) -> Message {
    let args = json!({"channel": "C0DBA", "text": "choose", "blocks": [block]});
    let posted = api(&fixture.sim, "chat.postMessage", args).await;
    assert_eq!(posted["ok"], true, "{posted}");
    let ts = posted["ts"].as_str().unwrap();
    fixture.sim.message("C0DBA", ts).unwrap()
}

/// The request modal, open before Alice.
async fn opened(fixture: &Fixture) -> View {
    let alice = fixture.slack.person("U0ALICE");
    alice.command("C0DBA", "/jit").await.unwrap();
    let card = alice.sees().await.unwrap().saying("asks for it").cloned();
    alice.click(&card.unwrap(), "approve").await.unwrap();
    alice.sees().await.unwrap().modal().cloned().unwrap()
}

fn last_action(fixture: &Fixture) -> Value {
    fixture.sim.deliveries().pop().unwrap().payload["actions"][0].clone()
}

fn plain(text: &str) -> Value {
    json!({"type": "plain_text", "text": text})
}

#[tokio::test]
async fn a_button_is_pressed_with_its_own_value_and_no_other() {
    let fixture = Fixture::start().await;
    let alice = fixture.slack.person("U0ALICE");
    let args = json!({"channel": "C0DBA", "text": "t", "blocks": card("r1")});
    api(&fixture.sim, "chat.postMessage", args).await;
    let message = fixture.sim.messages("C0DBA").pop().unwrap();
    assert_eq!(
        name(alice.choose(&message, "deny", "r2").await),
        "holds_no_value"
    );
    assert!(fixture.sim.deliveries().is_empty());
    alice.click(&message, "deny").await.unwrap();
    assert_eq!(last_action(&fixture)["value"], "r1");
}

#[tokio::test]
async fn only_what_is_offered_can_be_chosen() {
    let fixture = Fixture::start().await;
    let alice = fixture.slack.person("U0ALICE");
    let option = |value: &str| json!({"text": plain(value), "value": value});
    let both = json!([option("a"), option("b")]);
    for (element, good, bad, chosen) in [
        (
            json!({"type": "static_select", "options": both}),
            json!("b"),
            json!({"text": plain("b"), "value": "c"}),
            json!({"selected_option": {"value": "b"}}),
        ),
        (
            json!({"type": "checkboxes", "options": both}),
            json!(["a", "b"]),
            json!(["a", "c"]),
            json!({"selected_options": [{"value": "a"}, {"value": "b"}]}),
        ),
        (
            json!({"type": "overflow", "options": both}),
            json!("a"),
            json!("c"),
            json!({"selected_option": {"value": "a"}}),
        ),
        (
            json!({"type": "users_select"}),
            json!("U0BOB"),
            json!("U0NOBODY"),
            json!({"selected_user": "U0BOB"}),
        ),
        (
            json!({"type": "datepicker"}),
            json!("2026-11-30"),
            json!("2026-11-31"),
            json!({"selected_date": "2026-11-30"}),
        ),
        (
            json!({"type": "timepicker"}),
            json!("23:59"),
            json!("24:00"),
            json!({"selected_time": "23:59"}),
        ),
    ] {
        let mut element = element;
        element["action_id"] = json!("pick");
        let kind = element["type"].clone();
        let message = posted(&fixture, json!({"type": "actions", "elements": [element]})).await;
        let before = fixture.sim.deliveries().len();
        let refused = name(alice.choose(&message, "pick", bad).await);
        assert!(["no_such_choice", "invalid_entry"].contains(&refused.as_str()));
        assert_eq!(
            name(alice.click(&message, "pick").await),
            "value_missing",
            "{kind}"
        );
        assert_eq!(fixture.sim.deliveries().len(), before, "{kind}");

        assert!(
            alice.choose(&message, "pick", good).await.unwrap().ok,
            "{kind}"
        );
        let action = last_action(&fixture);
        assert!(holds(&action, &chosen), "{kind}: {action}");
    }
}

/// Whether `whole` has everything that `part` has.
fn holds(whole: &Value, part: &Value) -> bool {
    match (whole, part) {
        (Value::Object(whole), Value::Object(part)) => part
            .iter()
            .all(|(key, part)| whole.get(key).is_some_and(|whole| holds(whole, part))),
        (Value::Array(whole), Value::Array(part)) => {
            whole.len() == part.len() && whole.iter().zip(part).all(|(a, b)| holds(a, b))
        }
        (whole, part) => whole == part,
    }
}

#[tokio::test]
async fn what_was_not_suggested_cannot_be_chosen() {
    let fixture = Fixture::start().await;
    let (alice, form) = (fixture.slack.person("U0ALICE"), opened(&fixture).await);
    let forged = json!({"text": plain("root"), "value": "root"});
    assert_eq!(
        name(alice.choose(&form, "scope", forged).await),
        "no_such_choice"
    );
    alice.suggest(&form, "scope", "db").await.unwrap();
    // What was found before may be chosen, whatever else was searched for since.
    alice.suggest(&form, "scope", "logs").await.unwrap();
    let kept = json!({"scope": {"scope": "db-prod"}, "reason": {"reason": "x"}});
    let submitted = alice.submit(&form, kept).await.unwrap();
    assert_eq!(submitted.outcome, Fate::Closed);
    let told = fixture.sim.deliveries().pop().unwrap().payload;
    let scope = "/view/state/values/scope/scope/selected_option/value";
    assert_eq!(told.pointer(scope), Some(&json!("db-prod")));
}

#[tokio::test]
async fn a_choice_in_a_view_is_in_its_state_and_can_be_cleared() {
    let fixture = Fixture::start().await;
    let (alice, form) = (fixture.slack.person("U0ALICE"), opened(&fixture).await);
    alice.suggest(&form, "scope", "db").await.unwrap();
    alice.choose(&form, "scope", "db-prod").await.unwrap();
    let told = fixture.sim.deliveries().pop().unwrap().payload;
    let scope = "/view/state/values/scope/scope/selected_option";
    assert_eq!(told.pointer(scope).unwrap()["value"], "db-prod");
    alice.choose(&form, "scope", Value::Null).await.unwrap();
    let told = fixture.sim.deliveries().pop().unwrap().payload;
    assert_eq!(told.pointer(scope), Some(&Value::Null));
    // An input that does not tell at once waits for the submission.
    assert_eq!(
        name(alice.choose(&form, "reason", "because").await),
        "tells_nobody"
    );
}

#[tokio::test]
async fn what_lies_below_another_modal_cannot_be_reached() {
    let fixture = Fixture::start().await;
    let (alice, form) = (fixture.slack.person("U0ALICE"), opened(&fixture).await);
    alice.suggest(&form, "scope", "db").await.unwrap();
    alice.choose(&form, "scope", "db-prod").await.unwrap();
    let trigger = fixture.sim.deliveries().pop().unwrap().payload["trigger_id"].clone();
    let pushed = api(
        &fixture.sim,
        "views.push",
        json!({"trigger_id": trigger, "view": modal()}),
    )
    .await;
    assert_eq!(pushed["ok"], true, "{pushed}");
    assert_eq!(name(alice.submit(&form, json!({})).await), "covered");
    let top = alice.sees().await.unwrap().modal().cloned().unwrap();
    assert_ne!(top.id(), form.id());
    let bob = fixture.slack.person("U0BOB");
    assert_eq!(name(bob.submit(&top, json!({})).await), "not_found");
    assert_eq!(name(bob.close(&top).await), "not_found");
}
