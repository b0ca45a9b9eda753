//! What the app's manifest lets it do.

mod common;

use common::{App, Hand, api, workspace};
use serde_json::json;
use slack_sim::{Manifest, Paths, Sim, Workspace};

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
    alice.open_home().await;
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
