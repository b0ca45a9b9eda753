//! What the app is told depends on its manifest.

use serde_json::{Value, json};
use slack_sim::{Sim, Workspace};

use crate::common::{App, Hand, api, modal, workspace};

fn with(settings: Value) -> Workspace {
    let manifest = json!({"display_information": {"name": "Example"}, "settings": settings});
    workspace().manifest(&manifest.to_string()).unwrap()
}

async fn start(workspace: Workspace) -> (Sim, App) {
    let sim = Sim::start_with_clock(workspace, Hand::new().clock()).await;
    let app = App::start(&sim).await;
    (sim, app)
}

fn event(app: &App) -> Value {
    let body: Value = serde_json::from_str(&app.last().body).unwrap();
    body["event"].clone()
}

#[tokio::test]
async fn the_app_is_told_only_of_what_it_subscribes_to() {
    let subscribed = json!({"event_subscriptions": {"bot_events": ["user_change", "message.im"]}});
    let (sim, app) = start(with(subscribed)).await;
    let alice = sim.person("U0ALICE");
    assert!(alice.open_home().await.is_none());
    assert!(
        sim.send_group_change("S0DBA", &["U0ALICE"], &[])
            .await
            .is_none()
    );
    let public = alice.say("C0DBA", "hello, all");
    assert!(sim.send_message(&public).await.is_none());
    assert!(app.received().is_empty());

    assert!(sim.send_user_change("U0BOB").await.unwrap().is_ok());
    assert_eq!(event(&app)["type"], "user_change");
    let direct = alice.say(&alice.dm_channel(), "hello, you");
    assert!(sim.send_message(&direct).await.unwrap().is_ok());
    assert_eq!(event(&app)["channel_type"], "im");
    assert_eq!(event(&app)["text"], "hello, you");
    // A test may send whatever it likes.
    assert!(sim.event(json!({"type": "app_home_opened"})).await.is_ok());
}

#[tokio::test]
async fn without_a_manifest_the_app_is_told_everything() {
    let (sim, app) = start(workspace()).await;
    let alice = sim.person("U0ALICE");
    assert!(alice.open_home().await.unwrap().is_ok());
    let private = alice.say("C0PRIV", "psst");
    sim.send_message(&private).await.unwrap();
    assert_eq!(event(&app)["channel_type"], "group");
}

#[tokio::test]
async fn without_interactivity_nothing_that_people_press_reaches_the_app() {
    for (settings, clicks, searches) in [
        (json!({}), false, false),
        (json!({"interactivity": {"is_enabled": true}}), true, false),
        (
            json!({"interactivity": {
                "is_enabled": true,
                "message_menu_options_url": "https://app.example.com/options",
            }}),
            true,
            true,
        ),
    ] {
        let (sim, app) = start(with(settings)).await;
        let alice = sim.person("U0ALICE");
        alice.command("C0DBA", "/jit", "").await;
        let trigger = app.last().form()["trigger_id"].clone();
        api(
            &sim,
            "views.open",
            json!({"trigger_id": trigger, "view": modal()}),
        )
        .await;
        let known = app.received().len();
        alice.suggest("scope", "db").await;
        assert_eq!(app.received().len() - known, usize::from(searches));
        let known = app.received().len();
        let closed = alice.close_modal().await.unwrap();
        assert_eq!(closed.is_ok(), clicks);
        assert_eq!(app.received().len() - known, usize::from(clicks));
    }
}
