//! What the app may do: its manifest, its tokens and their scopes.

use serde_json::{Value, json};
use slack_sim::{Manifest, Paths, Sim, Workspace};

use crate::common::{App, Hand, api, api_form, post, workspace};

const MANIFEST: &str = r#"
display_information: { name: Example }
features:
  app_home: { home_tab_enabled: false, messages_tab_enabled: true }
  bot_user: { display_name: Example Bot, always_online: true }
  slash_commands:
    - { command: /ask, url: "https://app.example.com/bot/ask", description: Ask, should_escape: true }
    - { command: /raw, url: "https://app.example.com/bot/raw", description: Raw, usage_hint: "[text]" }
oauth_config:
  scopes: { bot: [commands, "chat:write"] }
settings:
  event_subscriptions: { request_url: "https://app.example.com/bot/events", bot_events: [user_change] }
  interactivity: { is_enabled: true, request_url: "https://app.example.com/bot/clicks" }
  socket_mode_enabled: false
"#;

async fn start(workspace: Workspace) -> (Sim, App) {
    let sim = Sim::start_with_clock(workspace, Hand::new().clock()).await;
    let app = App::start(&sim).await;
    (sim, app)
}

#[test]
fn a_manifest_is_read_for_what_changes_how_slack_behaves() {
    let manifest = Manifest::read(MANIFEST).unwrap();
    assert_eq!(
        (manifest.name.as_str(), manifest.home_tab),
        ("Example", false)
    );
    assert_eq!(manifest.bot_name.as_deref(), Some("Example Bot"));
    assert!(manifest.messages_tab && manifest.interactivity && !manifest.socket_mode);
    assert!(manifest.subscribes("user_change") && !manifest.subscribes("app_home_opened"));
    assert_eq!(manifest.command("/raw").unwrap().usage_hint, "[text]");
    assert!(manifest.command("/none").is_none() && !manifest.has_options_url());
    let paths = Paths {
        commands: "/bot/ask".into(),
        interactions: "/bot/clicks".into(),
        events: "/bot/events".into(),
        ..Paths::default()
    };
    assert_eq!(manifest.paths(), paths);
    let as_json = r#"{"display_information": {"name": "Example"}}"#;
    assert_eq!(Manifest::read(as_json).unwrap().name, "Example");
    for unreadable in ["", "name: Example", "display_information: [", "{}"] {
        assert!(Manifest::read(unreadable).is_err(), "{unreadable:?}");
    }
}

#[tokio::test]
async fn deliveries_go_where_the_manifest_says_and_mentions_are_escaped_per_command() {
    let (sim, app) = start(workspace().manifest(MANIFEST).unwrap()).await;
    let alice = sim.person("U0ALICE");
    alice.command("C0DBA", "/ask", "@bob").await;
    assert_eq!(app.last().path, "/bot/ask");
    assert_eq!(app.last().form()["text"], "<@U0BOB|bob>");
    alice.command("C0DBA", "/raw", "@bob").await;
    assert_eq!(app.last().path, "/bot/raw");
    assert_eq!(app.last().form()["text"], "@bob");
    sim.send_user_change("U0ALICE").await;
    assert_eq!(app.last().path, "/bot/events");
}

#[tokio::test]
async fn an_app_home_that_is_switched_off_cannot_be_published() {
    let (sim, _app) = start(workspace().manifest(MANIFEST).unwrap()).await;
    let view = json!({"type": "home", "blocks": [{"type": "divider"}]});
    let args = json!({"user_id": "U0ALICE", "view": view});
    assert_eq!(
        api(&sim, "views.publish", args).await["error"],
        "not_enabled"
    );
}

/// A manifest with these bot scopes and nothing else.
fn scoped(scopes: &[&str]) -> Workspace {
    let manifest = json!({
        "display_information": {"name": "Example"},
        "oauth_config": {"scopes": {"bot": scopes}},
    });
    workspace().manifest(&manifest.to_string()).unwrap()
}

/// Calls a method as JSON with any token.
async fn call(sim: &Sim, method: &str, token: Option<&str>, args: Value) -> Value {
    let url = format!("{}{method}", sim.api_url());
    let answer = post(&url, "application/json", token, args.to_string()).await;
    answer.unwrap().json()
}

#[tokio::test]
async fn every_method_demands_its_scope_and_says_which() {
    let rows = [
        (
            "chat.postMessage",
            json!({"channel": "C0DBA", "text": "x"}),
            "chat:write",
        ),
        (
            "chat.postEphemeral",
            json!({"channel": "C0DBA", "user": "U0BOB", "text": "x"}),
            "chat:write",
        ),
        (
            "chat.update",
            json!({"channel": "C0DBA", "ts": "1.1", "text": "x"}),
            "chat:write",
        ),
        (
            "chat.delete",
            json!({"channel": "C0DBA", "ts": "1.1"}),
            "chat:write",
        ),
        ("bots.info", json!({"bot": "B0KEYLEND"}), "users:read"),
        ("users.info", json!({"user": "U0BOB"}), "users:read"),
        ("users.list", json!({}), "users:read"),
        (
            "users.lookupByEmail",
            json!({"email": "bob@example.com"}),
            "users:read.email",
        ),
        ("usergroups.list", json!({}), "usergroups:read"),
        (
            "usergroups.users.list",
            json!({"usergroup": "S0DBA"}),
            "usergroups:read",
        ),
        ("conversations.open", json!({"users": "U0BOB"}), "im:write"),
        (
            "conversations.info",
            json!({"channel": "C0DBA"}),
            "channels:read",
        ),
        (
            "conversations.info",
            json!({"channel": "C0PRIV"}),
            "groups:read",
        ),
        (
            "conversations.members",
            json!({"channel": "C0PRIV"}),
            "groups:read",
        ),
        (
            "conversations.history",
            json!({"channel": "C0DBA"}),
            "channels:history",
        ),
        (
            "conversations.replies",
            json!({"channel": "C0PRIV", "ts": "1.1"}),
            "groups:history",
        ),
        ("conversations.list", json!({}), "channels:read"),
        (
            "conversations.list",
            json!({"types": "private_channel"}),
            "groups:read",
        ),
        ("users.conversations", json!({"types": "im"}), "im:read"),
        (
            "conversations.join",
            json!({"channel": "C0OUT"}),
            "channels:join",
        ),
        ("team.info", json!({}), "team:read"),
    ];
    for (method, args, scope) in rows {
        let without = Sim::start(scoped(&["commands"])).await;
        let answer = api(&without, method, args.clone()).await;
        assert_eq!(answer["error"], "missing_scope", "{method}");
        assert_eq!(
            (&answer["needed"], &answer["provided"]),
            (&json!(scope), &json!("commands"))
        );
        let with = Sim::start(scoped(&[scope])).await;
        let answer = api(&with, method, args).await;
        assert_ne!(answer["error"], "missing_scope", "{method}");
    }
}

#[tokio::test]
async fn a_direct_message_is_read_with_a_scope_of_its_own() {
    let sim = Sim::start(scoped(&["channels:read", "im:write"])).await;
    let opened = api(&sim, "conversations.open", json!({"users": "U0BOB"})).await;
    let args = json!({"channel": opened["channel"]["id"]});
    assert_eq!(
        api(&sim, "conversations.info", args).await["needed"],
        "im:read"
    );
}

#[tokio::test]
async fn an_email_is_shown_only_with_its_scope() {
    let user = async |scopes: &[&str]| {
        let sim = Sim::start(scoped(scopes)).await;
        api_form(&sim, "users.info", &[("user", "U0BOB")]).await["user"].clone()
    };
    let profile = user(&["users:read"]).await["profile"].clone();
    assert_eq!(
        (profile["display_name"].clone(), profile.get("email")),
        (json!("bob"), None)
    );
    let profile = user(&["users:read", "users:read.email"]).await["profile"].clone();
    assert_eq!(profile["email"], "bob@example.com");
}

#[tokio::test]
async fn a_public_channel_is_spoken_in_from_outside_only_with_its_scope() {
    let args = json!({"channel": "C0OUT", "text": "x"});
    let sim = Sim::start(scoped(&["chat:write"])).await;
    assert_eq!(
        api(&sim, "chat.postMessage", args.clone()).await["error"],
        "not_in_channel"
    );
    let sim = Sim::start(scoped(&["chat:write", "chat:write.public"])).await;
    assert_eq!(api(&sim, "chat.postMessage", args).await["ok"], true);
}

#[tokio::test]
async fn a_token_must_be_live_and_of_the_right_kind() {
    let sim = Sim::start(workspace().app_token("xapp-example")).await;
    assert_eq!(sim.app_token(), "xapp-example");
    let bot = sim.bot_token();
    let error = async |method: &str, token: Option<&str>| {
        call(&sim, method, token, json!({"users": "U0BOB"})).await["error"].clone()
    };
    assert_eq!(error("conversations.open", None).await, "not_authed");
    assert_eq!(
        error("conversations.open", Some("xoxb-other")).await,
        "invalid_auth"
    );
    assert_eq!(
        error("conversations.open", Some("xapp-example")).await,
        "not_allowed_token_type"
    );
    assert_eq!(
        error("apps.connections.open", Some(&bot)).await,
        "not_allowed_token_type"
    );
    let app = call(&sim, "auth.test", Some("xapp-example"), json!({})).await;
    assert_eq!(
        (&app["app_id"], app.get("user_id")),
        (&json!("A0KEYLEND"), None)
    );

    let tried = call(&sim, "auth.revoke", Some(&bot), json!({"test": true})).await;
    assert_eq!(tried["revoked"], false);
    assert_eq!(
        call(&sim, "auth.revoke", Some(&bot), json!({})).await["revoked"],
        true
    );
    assert_eq!(
        error("conversations.open", Some(&bot)).await,
        "token_revoked"
    );
    sim.uninstall();
    assert_eq!(
        error("conversations.open", Some(&bot)).await,
        "account_inactive"
    );
    assert_eq!(
        error("apps.connections.open", Some("xapp-example")).await,
        "account_inactive"
    );
}

#[tokio::test]
async fn a_token_counts_in_a_header_a_form_or_a_query_but_not_in_json() {
    let sim = Sim::start(workspace()).await;
    let url = format!("{}auth.test", sim.api_url());
    let token = sim.bot_token();
    let ok = async |url: &str, kind: &str, bearer: Option<&str>, body: String| {
        post(url, kind, bearer, body).await.unwrap().json()["ok"] == true
    };
    let (form, json_type) = ("application/x-www-form-urlencoded", "application/json");
    assert!(ok(&url, json_type, Some(&token), "{}".into()).await);
    assert!(ok(&url, form, None, format!("token={token}")).await);
    assert!(ok(&format!("{url}?token={token}"), form, None, String::new()).await);
    assert!(!ok(&url, json_type, None, json!({"token": token}).to_string()).await);
}

#[tokio::test]
async fn an_answer_names_the_scopes_of_the_token() {
    let sim = Sim::start(scoped(&["chat:write", "commands"])).await;
    let url = format!("{}auth.test", sim.api_url());
    let answer = post(
        &url,
        "application/json",
        Some(&sim.bot_token()),
        "{}".into(),
    )
    .await;
    assert_eq!(
        answer.unwrap().headers["x-oauth-scopes"],
        "chat:write,commands"
    );
}
