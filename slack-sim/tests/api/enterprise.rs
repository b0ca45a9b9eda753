//! Workspaces of an Enterprise organisation, and apps installed for all of it.

use serde_json::{Value, json};
use slack_sim::{Channel, Person, Sim, Workspace};

use crate::{
    common::{App, Hand, api, api_form, card, modal},
    recorded::hold_against,
};

fn workspace() -> Workspace {
    Workspace::new()
        .enterprise("E0ORG", "Example Org")
        .bot("W0KEYLEND", "B0KEYLEND", "keylend")
        .person(Person::member("W0ALICE", "alice"))
        .group("S0DBA", "dba", ["W0ALICE"])
        .channel(Channel::new("C0DBA", "dba", ["W0ALICE"]))
}

async fn start(workspace: Workspace) -> (Sim, App) {
    let sim = Sim::start_with_clock(workspace, Hand::new().clock()).await;
    let app = App::start(&sim).await;
    (sim, app)
}

async fn click(sim: &Sim, app: &App) -> Value {
    let args = json!({"channel": "C0DBA", "text": "t", "blocks": card("r1")});
    api(sim, "chat.postMessage", args).await;
    let message = sim.messages("C0DBA").pop().unwrap();
    sim.person("W0ALICE").click(&message, "approve").await;
    app.last().payload()
}

/// Opens the modal with the trigger of a click.
async fn open(sim: &Sim, click: &Value) {
    let mut view = modal();
    view["close"] = json!({"type": "plain_text", "text": "Close"});
    view["notify_on_close"] = json!(true);
    let args = json!({"trigger_id": click["trigger_id"], "view": view});
    assert_eq!(api(sim, "views.open", args).await["ok"], true);
}

#[tokio::test]
async fn a_workspace_of_an_organisation_names_it_beside_itself() {
    let (sim, app) = start(workspace()).await;
    let payload = click(&sim, &app).await;
    assert_eq!(
        payload["team"],
        json!({
            "id": "T0LOCAL",
            "domain": "local",
            "enterprise_id": "E0ORG",
            "enterprise_name": "Example Org",
        })
    );
    assert_eq!(
        payload["enterprise"],
        json!({"id": "E0ORG", "name": "Example Org"})
    );
    assert_eq!(payload["is_enterprise_install"], false);
    hold_against(
        "block_actions/installation_store_user_W.json",
        &payload,
        &[],
    );

    let user = api_form(&sim, "users.info", &[("user", "W0ALICE")]).await["user"].clone();
    assert_eq!(user["enterprise_user"]["enterprise_id"], "E0ORG");
    assert_eq!(user["enterprise_user"]["teams"], json!(["T0LOCAL"]));
    let us = api(&sim, "auth.test", json!({})).await;
    assert_eq!(
        (&us["team_id"], &us["enterprise_id"]),
        (&json!("T0LOCAL"), &json!("E0ORG"))
    );
    assert_eq!(us["is_enterprise_install"], false);
    let team = api(&sim, "team.info", json!({})).await;
    assert_eq!(team["team"]["enterprise_id"], "E0ORG");
}

#[tokio::test]
async fn an_install_for_the_organisation_has_no_team_and_says_so() {
    let (sim, app) = start(workspace().org_wide(true)).await;
    let payload = click(&sim, &app).await;
    assert_eq!(payload["team"], Value::Null);
    assert_eq!(payload["is_enterprise_install"], true);
    assert_eq!(payload["enterprise"]["id"], "E0ORG");
    assert_eq!(payload["user"]["team_id"], "T0LOCAL");

    open(&sim, &payload).await;
    let alice = sim.person("W0ALICE");
    alice.submit_altered(|_| {}).await;
    let submitted = app.last().payload();
    hold_against(
        "view_submission/org_wide_install_team_null.json",
        &submitted,
        &[],
    );
    assert_eq!(submitted["view"]["app_installed_team_id"], "E0ORG");
    assert_eq!(submitted["view"]["team_id"], "T0LOCAL");

    open(&sim, &click(&sim, &app).await).await;
    alice.close_modal().await.unwrap();
    hold_against(
        "view_closed/org_wide_unexpected_team.json",
        &app.last().payload(),
        &[],
    );

    let us = api(&sim, "auth.test", json!({})).await;
    assert_eq!(
        (&us["team_id"], &us["enterprise_id"]),
        (&json!("E0ORG"), &json!("E0ORG"))
    );
    assert_eq!(us["is_enterprise_install"], true);
}

#[tokio::test]
async fn a_command_says_so_in_text() {
    let (sim, app) = start(workspace().org_wide(true)).await;
    sim.person("W0ALICE").command("C0DBA", "/jit", "").await;
    let form = app.last().form();
    assert_eq!(form["is_enterprise_install"], "true");
    assert_eq!(
        (&form["enterprise_id"], &form["team_id"]),
        (&json!("E0ORG"), &json!("T0LOCAL"))
    );
    hold_against("slash_commands/enterprise_org_app_variant.form", &form, &[]);
}

#[tokio::test]
async fn an_event_is_authorised_for_the_organisation() {
    let (sim, app) = start(workspace().org_wide(true)).await;
    sim.event(json!({"type": "member_left_channel", "user": "W0ALICE", "channel": "C0DBA"}))
        .await;
    let event: Value = serde_json::from_str(&app.last().body).unwrap();
    assert_eq!(event["enterprise_id"], "E0ORG");
    assert_eq!(
        event["authorizations"],
        json!([{
            "enterprise_id": "E0ORG",
            "user_id": "W0KEYLEND",
            "is_bot": true,
            "is_enterprise_install": true,
        }])
    );
    hold_against("events/member_left_org_wide.json", &event, &[]);
}

#[tokio::test]
async fn a_token_of_the_organisation_must_say_which_workspace_it_means() {
    let (sim, _app) = start(workspace().org_wide(true)).await;
    let teams = api(&sim, "auth.teams.list", json!({})).await["teams"].clone();
    assert_eq!(teams, json!([{"id": "T0LOCAL", "name": "local"}]));
    let methods = [
        ("bots.info", json!({"bot": "B0KEYLEND"})),
        ("users.list", json!({})),
        ("usergroups.list", json!({})),
        ("usergroups.users.list", json!({"usergroup": "S0DBA"})),
        ("conversations.list", json!({})),
    ];
    for (method, mut args) in methods {
        let refused = api(&sim, method, args.clone()).await;
        assert_eq!(refused["error"], "missing_argument", "{method}");
        args["team_id"] = json!("T9OTHER");
        assert_eq!(
            api(&sim, method, args.clone()).await["error"],
            "team_not_found"
        );
        args["team_id"] = json!("T0LOCAL");
        assert_eq!(api(&sim, method, args).await["ok"], true, "{method}");
    }
}
