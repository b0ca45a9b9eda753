//! Slack Connect: people of other companies, as they really arrive; and those of ours whom Slack
//! describes in its own way.

use serde_json::{Value, json};
use slack_sim::Sim;

use crate::{
    common::{App, Hand, api, api_form, card, modal, workspace},
    recorded::hold_against,
};

async fn start() -> (Sim, App) {
    let sim = Sim::start_with_clock(workspace(), Hand::new().clock()).await;
    let app = App::start(&sim).await;
    (sim, app)
}

async fn click(sim: &Sim, app: &App, user: &str) -> Value {
    let args = json!({"channel": "C0DBA", "text": "t", "blocks": card("r1")});
    api(sim, "chat.postMessage", args).await;
    let message = sim.messages("C0DBA").pop().unwrap();
    sim.person(user).click(&message, "approve").await;
    app.last().payload()
}

#[tokio::test]
async fn in_a_strangers_click_the_team_is_ours_and_the_user_theirs() {
    let (sim, app) = start().await;
    let payload = click(&sim, &app, "U0SUE").await;
    assert_eq!(payload["team"]["id"], "T0LOCAL");
    assert_eq!(payload["user"]["team_id"], "T9OTHER");
    let file = "block_actions/partial_slack_connect_external_clicker.json";
    hold_against(file, &payload, &[]);
    hold_against(
        "block_actions/message_button_with_state.json",
        &payload,
        &[],
    );
}

#[tokio::test]
async fn in_a_strangers_submission_only_the_installation_is_ours() {
    let (sim, app) = start().await;
    let clicked = click(&sim, &app, "U0SUE").await;
    let mut view = modal();
    view["close"] = json!({"type": "plain_text", "text": "Close"});
    let args = json!({"trigger_id": clicked["trigger_id"], "view": view});
    assert_eq!(api(&sim, "views.open", args).await["ok"], true);
    sim.person("U0SUE").submit_altered(|_| {}).await;
    let payload = app.last().payload();
    for team in ["/team/id", "/user/team_id", "/view/team_id"] {
        assert_eq!(payload.pointer(team), Some(&json!("T9OTHER")), "{team}");
    }
    assert_eq!(payload["view"]["app_installed_team_id"], "T0LOCAL");
    // The recorded stranger's workspace is part of an organisation; ours is not.
    let theirs = ["/team/enterprise", "/enterprise"];
    hold_against(
        "view_submission/slack_connect_other_side.json",
        &payload,
        &theirs,
    );
}

#[tokio::test]
async fn an_event_says_whether_strangers_are_where_it_happened() {
    let (sim, app) = start().await;
    let shared = async |channel: &str| {
        sim.event(json!({"type": "member_left_channel", "user": "U0BOB", "channel": channel}))
            .await;
        let event: Value = serde_json::from_str(&app.last().body).unwrap();
        event["is_ext_shared_channel"].clone()
    };
    assert_eq!(shared("C0DBA").await, true);
    assert_eq!(shared("C0PRIV").await, false);
}

#[tokio::test]
async fn the_app_is_told_when_a_channel_is_shared_and_when_it_is_not_any_more() {
    let (sim, app) = start().await;
    for (is_shared, kind) in [(true, "channel_shared"), (false, "channel_unshared")] {
        sim.update_channel("C0PRIV", |channel| channel.is_ext_shared = is_shared);
        sim.send_channel_sharing("C0PRIV").await.unwrap();
        let told: Value = serde_json::from_str(&app.last().body).unwrap();
        assert_eq!(told["event"]["type"], kind);
        assert_eq!(told["event"]["channel"], "C0PRIV");
    }
}

#[tokio::test]
async fn slackbot_does_not_say_that_it_is_a_bot() {
    let (sim, _app) = start().await;
    let user = api_form(&sim, "users.info", &[("user", "USLACKBOT")]).await["user"].clone();
    assert_eq!(
        (&user["is_bot"], &user["deleted"]),
        (&json!(false), &json!(false))
    );
    assert!(user["profile"].get("email").is_none());
}

#[tokio::test]
async fn strangers_are_not_on_the_workspaces_list() {
    let (sim, _app) = start().await;
    let all = api(&sim, "users.list", json!({})).await["members"].clone();
    let ids: Vec<&str> = all
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|one| one["id"].as_str())
        .collect();
    assert!(ids.contains(&"U0ALICE") && ids.contains(&"USLACKBOT") && !ids.contains(&"U0SUE"));
}
