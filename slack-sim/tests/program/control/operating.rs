//! Time, faults and records.

use std::time::Duration;

use slack_sim::{Client, DeliveryFault, DeliveryKind, Fault, Sim};

use super::{Fixture, name};
use crate::common::{App, api, workspace};
use serde_json::json;

#[tokio::test]
async fn time_moves_for_everybody_who_looks() {
    let fixture = Fixture::start().await;
    let alice = fixture.slack.person("U0ALICE");
    let before = alice.sees().await.unwrap();
    let said = fixture.slack.now().await.unwrap();
    let after = fixture
        .slack
        .advance(Duration::from_secs(27 * 60))
        .await
        .unwrap();
    assert!((after - said).num_seconds() >= 27 * 60);
    let sight = alice.sees().await.unwrap();
    assert!((sight.now - before.now).num_seconds() >= 27 * 60);
    assert!(sight.version > before.version, "whoever waits is woken");
    let ts = alice.say("C0DBA", "later").await.unwrap();
    let seconds: f64 = ts.parse().unwrap();
    assert!(seconds >= after.timestamp() as f64);
}

#[tokio::test]
async fn a_clock_that_nobody_lets_be_moved_stays() {
    let sim = Sim::start(workspace()).await;
    let slack = Client::new(sim.address());
    let moved = slack.advance(Duration::from_secs(1)).await;
    assert_eq!(name(moved), "clock_does_not_move");
    assert!(!slack.workspace().await.unwrap().page.clock_moves);
}

#[tokio::test]
async fn calls_fail_as_asked_until_they_are_healed() {
    let fixture = Fixture::start().await;
    let (sim, slack) = (&fixture.sim, &fixture.slack);
    let post = async || {
        let args = json!({"channel": "C0DBA", "text": "t"});
        api(sim, "chat.postMessage", args).await
    };
    let limited = Fault::RateLimited {
        retry_after_secs: 7,
    };
    slack.fault("chat.postMessage", limited, 1).await.unwrap();
    slack
        .fault("*", Fault::error("fatal_error"), usize::MAX)
        .await
        .unwrap();
    assert_eq!(post().await["error"], "ratelimited");
    assert_eq!(post().await["error"], "fatal_error");
    assert_eq!(post().await["error"], "fatal_error");
    let held = Fault::Slow(Duration::from_secs(3600));
    slack.heal().await.unwrap();
    slack.fault("chat.postMessage", held, 1).await.unwrap();
    let (posted, healed) = tokio::join!(post(), async {
        sim.wait_until(|sim| (sim.arrivals("chat.postMessage") == 4).then_some(()))
            .await;
        slack.heal().await
    });
    healed.unwrap();
    assert_eq!(posted["ok"], true);

    let calls = slack.calls().await.unwrap();
    let errors: Vec<_> = calls.iter().map(|call| call.error.as_deref()).collect();
    let fatal = Some("fatal_error");
    assert_eq!(errors, [Some("ratelimited"), fatal, fatal, None]);
    assert_eq!(calls[3].args["text"], "t");
    let unknown = slack.fault("chat.postMesage", Fault::Hang, 1).await;
    assert_eq!(name(unknown), "not_found");
}

#[tokio::test]
async fn deliveries_fail_as_asked() {
    let sim = Sim::start(workspace()).await;
    let app = App::start(&sim).await;
    let slack = Client::new(sim.address());
    let alice = slack.person("U0ALICE");
    let commands = Some(DeliveryKind::Commands);
    slack
        .fault_delivery(commands, DeliveryFault::Duplicate, 1)
        .await
        .unwrap();
    alice.command("C0DBA", "/jit twice").await.unwrap();
    assert_eq!(app.received().len(), 2);
    slack
        .fault_delivery(None, DeliveryFault::Drop, 1)
        .await
        .unwrap();
    let lost = alice.command("C0DBA", "/jit lost").await.unwrap();
    assert_eq!(
        (lost.status, lost.error.as_deref()),
        (0, Some("dispatch_failed"))
    );
    assert!(
        alice
            .sees()
            .await
            .unwrap()
            .saying("dispatch_failed")
            .is_some()
    );
    let deliveries = slack.deliveries().await.unwrap();
    assert_eq!(deliveries.len(), 3);
    assert!(deliveries.iter().all(|one| one.kind == commands));
}

#[tokio::test]
async fn an_app_may_be_moved_and_may_take_everything_at_one_path() {
    let sim = Sim::start(workspace()).await;
    let app = App::start(&sim).await;
    let slack = Client::new(sim.address());
    let alice = slack.person("U0ALICE");
    alice.command("C0DBA", "/jit").await.unwrap();
    assert_eq!(app.last().path, "/slack/commands");
    let here = app.address.as_str();
    slack
        .connect_to(&format!("{here}/slack/events"))
        .await
        .unwrap();
    alice.command("C0DBA", "/jit").await.unwrap();
    assert_eq!(app.last().path, "/slack/events");
    for nowhere in [
        "https://app.example.com",
        "127.0.0.1:3000",
        "http://",
        "/slack",
        "",
    ] {
        assert_eq!(
            name(slack.connect_to(nowhere).await),
            "invalid_url",
            "{nowhere}"
        );
    }
}
