//! What an app receives when people act, and what people see of its answers.

use serde_json::{Value, json};
use slack_sim::{Signing, Sim, signature};

use crate::common::{App, Hand, api, card, workspace};

async fn start() -> (Sim, App) {
    let sim = Sim::start_with_clock(workspace().should_escape(true), Hand::new().clock()).await;
    let app = App::start(&sim).await;
    (sim, app)
}

#[tokio::test]
async fn deliveries_are_signed_over_their_exact_body_with_the_simulators_time() {
    let (sim, app) = start().await;
    sim.person("U0ALICE")
        .command("C0DBA", "/jit", "status")
        .await;
    let got = app.last();
    assert_eq!(got.header("x-slack-request-timestamp"), "1755000000");
    let expected = signature(&sim.signing_secret(), 1_755_000_000, &got.body);
    assert_eq!(got.header("x-slack-signature"), expected);

    sim.raw("/slack/events", &[], "{}", Signing::WrongSecret)
        .await;
    let wrong = signature(&sim.signing_secret(), 1_755_000_000, "{}");
    assert_ne!(app.last().header("x-slack-signature"), wrong);
    sim.raw("/slack/events", &[], "{}", Signing::At(7)).await;
    assert_eq!(app.last().header("x-slack-request-timestamp"), "7");
    sim.raw(
        "/slack/events",
        &[("content-type", "text/x")],
        "{}",
        Signing::Missing,
    )
    .await;
    assert_eq!(app.last().header("x-slack-signature"), "");
    assert_eq!(app.last().header("content-type"), "text/x");
}

#[tokio::test]
async fn a_slash_command_has_slacks_fields_and_escaped_mentions() {
    let (sim, app) = start().await;
    app.will_say(200, "on it");
    let text = "who @bob #dba-approvals";
    let delivery = sim.person("U0ALICE").command("C0PRIV", "/jit", text).await;
    assert!(delivery.is_ok());
    let mut form = app.last().form();
    let taken = |form: &mut Value, key: &str| form.as_object_mut().unwrap().remove(key).unwrap();
    let url = taken(&mut form, "response_url");
    assert!(url.as_str().unwrap().contains("/commands/T0LOCAL/"));
    assert!(!taken(&mut form, "trigger_id").as_str().unwrap().is_empty());
    assert_eq!(
        form,
        json!({
            "token": "local-verification-token",
            "team_id": "T0LOCAL",
            "team_domain": "local",
            "channel_id": "C0PRIV",
            "channel_name": "privategroup",
            "user_id": "U0ALICE",
            "user_name": "alice",
            "command": "/jit",
            "text": "who <@U0BOB|bob> <#C0DBA|dba-approvals>",
            "api_app_id": "A0KEYLEND",
            "is_enterprise_install": "false",
        })
    );
    let seen = sim.person("U0ALICE").ephemerals();
    assert_eq!(seen[0].text, "on it");
    assert!(sim.person("U0BOB").sees("C0PRIV").is_empty());
}

#[tokio::test]
async fn a_command_that_fails_is_told_to_its_author() {
    let (sim, app) = start().await;
    app.will_say(500, "oops");
    let alice = sim.person("U0ALICE");
    assert!(!alice.command("C0DBA", "/jit", "").await.is_ok());
    assert!(alice.ephemerals()[0].says("/jit failed with the error"));
}

#[tokio::test]
async fn a_click_sends_the_message_as_it_was_when_it_was_read() {
    let (sim, app) = start().await;
    let args = json!({"channel": "C0DBA", "text": "old", "blocks": card("r1:v1")});
    let posted = api(&sim, "chat.postMessage", args).await;
    let old = sim.messages("C0DBA").pop().unwrap();
    assert_eq!(old.buttons(), ["approve", "deny"]);
    let args = json!({"channel": "C0DBA", "ts": posted["ts"], "text": "new"});
    assert_eq!(api(&sim, "chat.update", args).await["ok"], true);
    assert!(sim.messages("C0DBA")[0].buttons().is_empty());

    sim.person("U0BOB").click(&old, "approve").await;
    let payload = app.last().payload();
    assert_eq!(app.last().path, "/slack/interactions");
    assert_eq!(payload["message"]["text"], "old");
    assert_eq!(payload["container"]["message_ts"], posted["ts"]);
    assert_eq!(payload["channel"]["name"], "dba-approvals");
    assert_eq!(payload["actions"][0]["value"], "r1:v1");
    assert_eq!(payload["actions"][0]["block_id"], "decide");
    assert_eq!(payload["user"]["team_id"], "T0LOCAL");
    assert_eq!(payload["state"]["values"], json!({}));

    sim.person("U0BOB")
        .click_with_value(&old, "deny", "r2:v9")
        .await;
    assert_eq!(app.last().payload()["actions"][0]["value"], "r2:v9");
}

#[tokio::test]
async fn a_stranger_clicks_with_our_team_outside_and_theirs_inside() {
    let (sim, app) = start().await;
    let args = json!({"channel": "C0DBA", "text": "t", "blocks": card("r1")});
    api(&sim, "chat.postMessage", args).await;
    let message = sim.messages("C0DBA").pop().unwrap();
    let sue = sim.person("U0SUE");
    sue.click(&message, "approve").await;
    let payload = app.last().payload();
    assert_eq!(payload["team"]["id"], "T0LOCAL");
    assert_eq!(payload["user"]["team_id"], "T9OTHER");

    let args = json!({"trigger_id": payload["trigger_id"], "view": crate::common::modal()});
    assert_eq!(api(&sim, "views.open", args).await["ok"], true);
    sue.submit_altered(|_| {}).await;
    let payload = app.last().payload();
    assert_eq!(payload["type"], "view_submission");
    for team in ["/team/id", "/user/team_id", "/view/team_id"] {
        assert_eq!(payload.pointer(team), Some(&json!("T9OTHER")), "{team}");
    }
    assert_eq!(payload["view"]["app_installed_team_id"], "T0LOCAL");
}

#[tokio::test]
async fn events_come_in_their_envelope_and_may_be_retries() {
    let (sim, app) = start().await;
    sim.person("U0ALICE").open_home().await;
    let first: Value = serde_json::from_str(&app.last().body).unwrap();
    assert_eq!(first["type"], "event_callback");
    assert_eq!(first["event"]["type"], "app_home_opened");
    assert!(first["event"].get("view").is_none());
    assert_eq!(first["authorizations"][0]["user_id"], "U0KEYLEND");

    let sent = sim.deliveries().pop().unwrap();
    sim.redeliver(&sent, &[("x-slack-retry-num", "1")]).await;
    assert_eq!(app.last().header("x-slack-retry-num"), "1");
    let again: Value = serde_json::from_str(&app.last().body).unwrap();
    assert_eq!(again["event_id"], first["event_id"]);

    sim.event_with_retry(json!({"type": "x"}), 2, "http_timeout")
        .await;
    assert_eq!(app.last().header("x-slack-retry-reason"), "http_timeout");
    sim.update_person("U0BOB", |bob| bob.kind = slack_sim::Kind::Deactivated);
    sim.send_user_change("U0BOB").await;
    let change: Value = serde_json::from_str(&app.last().body).unwrap();
    assert_eq!(change["event"]["user"]["deleted"], true);
    let verification = sim.url_verification().await;
    assert_eq!(verification.payload["type"], "url_verification");
}

#[tokio::test]
#[should_panic(expected = "no button \"revoke\"")]
async fn clicking_what_is_not_there_says_what_is() {
    let (sim, _app) = start().await;
    let args = json!({"channel": "C0DBA", "text": "t", "blocks": card("r1")});
    api(&sim, "chat.postMessage", args).await;
    let message = sim.messages("C0DBA").pop().unwrap();
    sim.person("U0BOB").click(&message, "revoke").await;
}
