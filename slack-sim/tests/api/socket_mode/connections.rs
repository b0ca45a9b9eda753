//! How connections begin, how many there are, and how they end.

use chrono::TimeDelta;
use serde_json::json;
use slack_sim::DisconnectReason;

use super::{start, start_with};
use crate::common::{
    socket::{Client, open_url},
    workspace,
};

#[tokio::test]
async fn only_the_app_token_opens_a_connection_and_it_does_nothing_else() {
    let (sim, _) = start().await;
    let opened = open_url(&sim, &sim.app_token()).await;
    assert_eq!(opened["ok"], true);
    assert!(
        opened["url"]
            .as_str()
            .unwrap()
            .starts_with("ws://127.0.0.1:")
    );
    let refused = open_url(&sim, &sim.bot_token()).await;
    assert_eq!(refused["error"], "not_allowed_token_type");
    assert_eq!(
        open_url(&sim, "xapp-of-another").await["error"],
        "invalid_auth"
    );
    let url = format!("{}users.list", sim.api_url());
    let kind = "application/x-www-form-urlencoded";
    let refused = crate::common::post(&url, kind, Some(&sim.app_token()), String::new()).await;
    assert_eq!(refused.unwrap().json()["error"], "not_allowed_token_type");
    let body = format!("token={}", sim.app_token());
    let url = format!("{}apps.connections.open", sim.api_url());
    let refused = crate::common::post(&url, kind, None, body).await;
    assert_eq!(refused.unwrap().json()["error"], "not_authed");
}

#[tokio::test]
async fn opening_connections_is_limited_where_limits_are_on() {
    let (sim, hand) = start_with(workspace().rate_limits(true)).await;
    let mut opened = 0;
    while open_url(&sim, &sim.app_token()).await["ok"] == true {
        opened += 1;
        assert!(opened < 20, "there is no limit");
    }
    let refused = open_url(&sim, &sim.app_token()).await;
    assert_eq!(refused["error"], "ratelimited");
    hand.advance(TimeDelta::seconds(60));
    assert_eq!(open_url(&sim, &sim.app_token()).await["ok"], true);
}

#[tokio::test]
async fn a_ticket_is_good_once_and_for_half_a_minute() {
    let (sim, hand) = start().await;
    let opened = open_url(&sim, &sim.app_token()).await;
    let url = opened["url"].as_str().unwrap();
    let _first = Client::at(url).await.unwrap();
    assert!(Client::at(url).await.is_err());
    let opened = open_url(&sim, &sim.app_token()).await;
    hand.advance(TimeDelta::seconds(31));
    assert!(Client::at(opened["url"].as_str().unwrap()).await.is_err());
}

#[tokio::test]
async fn a_connection_begins_with_hello() {
    let (sim, _) = start().await;
    let _first = Client::open(&sim).await;
    let mut second = Client::connect(&sim, "").await;
    assert_eq!(
        second.next().await,
        json!({
            "type": "hello",
            "num_connections": 2,
            "debug_info": {
                "host": "applink-local",
                "build_number": 1,
                "approximate_connection_time": 18060,
            },
            "connection_info": {"app_id": "A0KEYLEND"},
        })
    );
}

#[tokio::test]
async fn an_eleventh_connection_is_refused_until_one_ends() {
    let (sim, _) = start().await;
    let mut ten = Vec::new();
    for _ in 0..10 {
        ten.push(Client::open(&sim).await);
    }
    let mut eleventh = Client::connect(&sim, "").await;
    let refused = eleventh.next().await;
    assert_eq!(refused["type"], "disconnect");
    assert_eq!(refused["reason"], "too_many_websockets");
    assert!(eleventh.ends().await);

    ten.pop().unwrap().close().await;
    sim.wait_until(|sim| (sim.connections() == 9).then_some(()))
        .await;
    Client::open(&sim).await;
}

#[tokio::test]
async fn a_connection_ends_for_each_of_slacks_reasons_and_another_takes_its_place() {
    let (sim, _) = start().await;
    let reasons = [
        (DisconnectReason::RefreshRequested, "refresh_requested"),
        (DisconnectReason::LinkDisabled, "link_disabled"),
        (DisconnectReason::TooManyWebsockets, "too_many_websockets"),
    ];
    for (reason, name) in reasons {
        let mut app = Client::open(&sim).await;
        sim.disconnect(reason);
        let told = app.next().await;
        assert_eq!(told["type"], "disconnect");
        assert_eq!(told["reason"], name);
        assert_eq!(told["debug_info"]["host"], "applink-local");
        assert!(app.ends().await);
        assert_eq!(sim.connections(), 0);
    }
    let mut app = Client::open(&sim).await;
    let alice = sim.person("U0ALICE");
    let respond = async {
        let envelope = app.next().await;
        app.ack(&envelope).await;
    };
    let (delivery, ()) = tokio::join!(alice.command("C0DBA", "/jit", ""), respond);
    assert!(delivery.is_ok());
}

#[tokio::test]
async fn a_warned_connection_lives_for_ten_seconds_more_of_the_simulators_clock() {
    let (sim, hand) = start().await;
    let mut app = Client::open(&sim).await;
    sim.disconnect(DisconnectReason::Warning);
    assert_eq!(app.next().await["reason"], "warning");

    hand.advance(TimeDelta::seconds(9));
    let alice = sim.person("U0ALICE");
    let respond = async {
        let envelope = app.next().await;
        app.ack(&envelope).await;
    };
    let (delivery, ()) = tokio::join!(alice.command("C0DBA", "/jit", ""), respond);
    assert!(delivery.is_ok());

    hand.advance(TimeDelta::seconds(1));
    sim.clock_moved();
    assert_eq!(app.next().await["reason"], "refresh_requested");
    assert!(app.ends().await);
}

#[tokio::test]
async fn debug_reconnects_ends_a_connection_after_six_minutes() {
    let (sim, hand) = start().await;
    let mut app = Client::connect(&sim, "&debug_reconnects=true").await;
    let hello = app.next().await;
    assert_eq!(hello["debug_info"]["approximate_connection_time"], 360);
    hand.advance(TimeDelta::seconds(350));
    sim.clock_moved();
    assert_eq!(app.next().await["reason"], "warning");
    hand.advance(TimeDelta::seconds(10));
    sim.clock_moved();
    assert_eq!(app.next().await["reason"], "refresh_requested");
    assert!(app.ends().await);
}

#[tokio::test]
async fn an_app_that_is_reached_over_http_gets_no_connection() {
    let (sim, _) = start().await;
    let mut before = Client::open(&sim).await;
    sim.connect("http://127.0.0.1:1");
    assert_eq!(before.next().await["reason"], "link_disabled");
    let mut after = Client::connect(&sim, "").await;
    assert_eq!(after.next().await["reason"], "link_disabled");
    assert!(after.ends().await);
}

#[tokio::test]
async fn the_connections_end_with_the_simulator() {
    let (sim, _) = start().await;
    let mut app = Client::open(&sim).await;
    drop(sim);
    assert!(app.ends().await);
}
