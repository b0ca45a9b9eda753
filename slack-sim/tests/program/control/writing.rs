//! What people type.

use serde_json::json;
use slack_sim::{Client, Sim};

use super::{Fixture, name};
use crate::common::{App, workspace};

const MANIFEST: &str = r##"{
    "display_information": {"name": "Example"},
    "features": {"slash_commands": [{"command": "/jit", "description": "Ask", "url": "https://x.example/bot"}]},
    "settings": {"event_subscriptions": {"bot_events": ["message.channels"]}}
}"##;

#[tokio::test]
async fn a_command_that_no_app_has_is_answered_by_slackbot() {
    let sim = Sim::start(workspace().manifest(MANIFEST).unwrap()).await;
    let app = App::start(&sim).await;
    let alice = Client::new(sim.address()).person("U0ALICE");
    let outcome = alice.command("C0DBA", "/git status").await.unwrap();
    assert_eq!(outcome.error.as_deref(), Some("unknown_command"));
    let sight = alice.sees().await.unwrap();
    let told = sight.saying("`/git` is not a valid command.").unwrap();
    assert_eq!((told.user.as_str(), &told.bot_id), ("USLACKBOT", &None));
    assert_eq!(told.ephemeral_to.as_deref(), Some("U0ALICE"));
    assert!(app.received().is_empty());

    assert!(
        alice
            .command("C0DBA", "/jit  status now ")
            .await
            .unwrap()
            .ok
    );
    assert_eq!(
        (app.last().path.as_str(), app.last().form()["text"].as_str()),
        ("/bot", Some("status now"))
    );
    // The home is not told of: the manifest does not subscribe to it.
    assert!(alice.open_home().await.unwrap().ok);
    assert_eq!(app.received().len(), 1);
}

#[tokio::test]
async fn an_app_that_fails_is_reported_to_whoever_sent_the_command() {
    let sim = Sim::start(workspace()).await;
    let app = App::start(&sim).await;
    app.will_say(500, "oops");
    let alice = Client::new(sim.address()).person("U0ALICE");
    let outcome = alice.command("C0DBA", "/jit").await.unwrap();
    assert_eq!((outcome.ok, outcome.status), (false, 500));
    let sight = alice.sees().await.unwrap();
    assert!(sight.saying("/jit failed with the error").is_some());
}

#[tokio::test]
async fn strangers_send_no_commands() {
    let fixture = Fixture::start().await;
    let sue = fixture.slack.person("U0SUE");
    assert_eq!(
        name(sue.command("C0DBA", "/jit").await),
        "no_commands_for_strangers"
    );
    assert!(sue.say("C0DBA", "hello").await.is_ok());
}

#[tokio::test]
async fn what_people_type_is_text_and_names_they_know_are_mentions() {
    let sim = Sim::start(workspace().manifest(MANIFEST).unwrap()).await;
    let app = App::start(&sim).await;
    let alice = Client::new(sim.address()).person("U0ALICE");
    let ts = alice.say("C0DBA", "<!channel> @bob & <b>").await.unwrap();
    let said = "&lt;!channel&gt; <@U0BOB|bob> &amp; &lt;b&gt;";
    let message = sim.message("C0DBA", &ts).unwrap();
    assert_eq!(
        (message.text.as_str(), message.user.as_str()),
        (said, "U0ALICE")
    );
    sim.wait_until(|sim| sim.deliveries().pop()).await;
    let event: serde_json::Value = serde_json::from_str(&app.last().body).unwrap();
    assert_eq!(event["event"]["type"], "message");
    assert_eq!(event["event"]["text"], said);

    let reply = alice.reply(&message, "more").await.unwrap();
    assert_eq!(sim.message("C0DBA", &reply).unwrap().thread_ts, Some(ts));
}

#[tokio::test]
async fn nothing_is_written_where_nothing_can_be() {
    let fixture = Fixture::start().await;
    let alice = fixture.slack.person("U0ALICE");
    assert_eq!(name(alice.say("C0OLD", "hello").await), "is_archived");
    assert_eq!(name(alice.say("C0NONE", "hello").await), "not_found");
    assert_eq!(name(alice.say("C0DBA", " \n ").await), "no_text");
    assert_eq!(
        name(alice.say("C0DBA", &"é".repeat(12_001)).await),
        "msg_too_long"
    );
    assert_eq!(name(alice.command("C0DBA", "jit").await), "not_a_command");
    let lost = slack_sim::Message {
        channel: "C0DBA".to_owned(),
        ts: "1.000001".to_owned(),
        blocks: json!([]),
        ..slack_sim::Message::default()
    };
    assert_eq!(name(alice.reply(&lost, "hello").await), "not_found");
    assert!(fixture.sim.messages("C0DBA").is_empty());
}

#[tokio::test]
async fn an_app_that_only_speaks_cannot_be_written_to() {
    let read_only = r#"{
        "display_information": {"name": "Example"},
        "features": {"app_home": {
            "messages_tab_enabled": true,
            "messages_tab_read_only_enabled": true
        }}
    }"#;
    let sim = Sim::start(workspace().manifest(read_only).unwrap()).await;
    let slack = Client::new(sim.address());
    assert!(!slack.workspace().await.unwrap().app.takes_messages);
    let alice = slack.person("U0ALICE");
    let dm = alice.sees().await.unwrap().dm;
    assert_eq!(name(alice.say(&dm, "hello").await), "messages_tab_disabled");
}
