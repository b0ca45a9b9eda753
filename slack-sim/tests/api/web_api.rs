//! The Web API: bodies, tokens, refusals, response URLs, faults, and waiting.

use std::time::Duration;

use chrono::TimeDelta;
use serde_json::json;
use slack_sim::{Fault, Sim};

use crate::common::{App, Hand, api, api_form, card, post, workspace};

async fn start() -> (Sim, App, Hand) {
    let hand = Hand::new();
    let sim = Sim::start_with_clock(workspace(), hand.clock()).await;
    let app = App::start(&sim).await;
    (sim, app, hand)
}

#[tokio::test]
async fn tokens_are_asked_for_and_checked() {
    let (sim, ..) = start().await;
    let url = |method: &str| format!("{}{method}", sim.api_url());
    let form = "application/x-www-form-urlencoded";
    let call = async |method: &str, token, body: &str| {
        let answer = post(&url(method), form, token, body.to_owned()).await;
        answer.unwrap().json()
    };
    assert_eq!(call("auth.test", None, "").await["error"], "not_authed");
    assert_eq!(
        call("auth.test", Some("xoxb-no"), "").await["error"],
        "invalid_auth"
    );
    assert_eq!(call("no.such", None, "").await["error"], "unknown_method");
    assert_eq!(call("api.test", None, "").await["ok"], true);
    let body = format!("token={}", sim.bot_token());
    assert_eq!(call("auth.test", None, &body).await["user_id"], "U0KEYLEND");
    let (url, token) = (url("auth.test"), sim.bot_token());
    let empty_json = post(&url, "application/json", Some(&token), String::new()).await;
    assert_eq!(empty_json.unwrap().json()["bot_id"], "B0KEYLEND");
    let tokens: Vec<_> = sim.calls().iter().map(|call| call.token_ok).collect();
    assert_eq!(tokens, [false, false, false, false, true, true]);
}

#[tokio::test]
async fn a_message_to_a_person_opens_their_dm_and_only_that_channel_is_updated() {
    let (sim, ..) = start().await;
    let blocks = card("r1").to_string();
    let fields = [("channel", "U0ALICE"), ("text", "hi"), ("blocks", &blocks)];
    let first = api_form(&sim, "chat.postMessage", &fields).await;
    let second = api_form(&sim, "chat.postMessage", &fields[..2]).await;
    let dm = first["channel"].as_str().unwrap();
    assert!(dm.starts_with('D') && second["channel"] == dm);
    assert!(second["ts"].as_str() > first["ts"].as_str());
    assert_eq!(sim.dm("U0ALICE").len(), 2);
    assert_eq!(sim.calls()[0].args["blocks"], card("r1"));

    let args = json!({"channel": "U0ALICE", "ts": first["ts"], "text": "x"});
    let refused = api(&sim, "chat.update", args).await;
    assert_eq!(refused["error"], "channel_not_found");
    let args = json!({"channel": dm, "ts": first["ts"], "text": "y".repeat(4001)});
    assert_eq!(
        api(&sim, "chat.update", args).await["error"],
        "msg_too_long"
    );
    let args = json!({"channel": dm, "ts": first["ts"], "text": "decided"});
    assert_eq!(api(&sim, "chat.update", args).await["ok"], true);
    assert_eq!(sim.dm("U0ALICE")[0].all_text(), "decided");
    let said = sim.person("U0ALICE").say(dm, "thanks");
    let args = json!({"channel": dm, "ts": said.ts, "text": "decided"});
    assert_eq!(
        api(&sim, "chat.update", args).await["error"],
        "cant_update_message"
    );
}

#[tokio::test]
async fn refusals_have_slacks_names() {
    let (sim, ..) = start().await;
    let refusals = [
        ("C0NONE", json!({"text": "x"}), "channel_not_found"),
        ("C0OUT", json!({"text": "x"}), "not_in_channel"),
        ("C0OLD", json!({"text": "x"}), "is_archived"),
        ("C0DBA", json!({}), "no_text"),
        (
            "C0DBA",
            json!({"blocks": [{"type": "nope"}]}),
            "invalid_blocks",
        ),
    ];
    for (channel, mut args, error) in refusals {
        args["channel"] = json!(channel);
        assert_eq!(api(&sim, "chat.postMessage", args).await["error"], error);
    }
    let args = json!({"channel": "C0PRIV", "user": "U0BOB", "text": "x"});
    let refused = api(&sim, "chat.postEphemeral", args).await;
    assert_eq!(refused["error"], "user_not_in_channel");
    let args = json!({"usergroup": "S0NONE"});
    let refused = api(&sim, "usergroups.users.list", args).await;
    assert_eq!(refused["error"], "no_such_subteam");
}

#[tokio::test]
async fn a_group_that_was_removed_is_unknown_until_it_is_added() {
    let (sim, _app, _hand) = start().await;
    let asked = async || api(&sim, "usergroups.users.list", json!({"usergroup": "S0DBA"})).await;
    assert_eq!(asked().await["ok"], true);
    sim.remove_group("S0DBA");
    assert_eq!(asked().await["error"], "no_such_subteam");
    sim.add_group("S0DBA", "dba", &["U0ALICE"]);
    assert_eq!(asked().await["users"], json!(["U0ALICE"]));
}

#[tokio::test]
async fn a_channel_takes_messages_again_when_it_is_unarchived_and_the_bot_is_back() {
    let (sim, _app, _hand) = start().await;
    let post = async || {
        api(
            &sim,
            "chat.postMessage",
            json!({"channel": "C0DBA", "text": "x"}),
        )
        .await
    };
    sim.archive("C0DBA");
    assert_eq!(post().await["error"], "is_archived");
    sim.update_channel("C0DBA", |channel| {
        (channel.is_archived, channel.bot_is_member) = (false, false);
    });
    assert_eq!(post().await["error"], "not_in_channel");
    sim.update_channel("C0DBA", |channel| channel.bot_is_member = true);
    assert_eq!(post().await["ok"], true);
}

#[tokio::test]
async fn user_objects_have_only_the_fields_that_slack_gives() {
    let (sim, ..) = start().await;
    let user = async |id: &str| {
        let answer = api_form(&sim, "users.info", &[("user", id)]).await;
        answer["user"].clone()
    };
    let alice = user("U0ALICE").await;
    assert_eq!(alice["profile"]["email"], "alice@example.com");
    assert_eq!(alice["is_restricted"], false);
    let gus = user("U0GUS").await;
    assert_eq!(
        (&gus["is_restricted"], &gus["is_ultra_restricted"]),
        (&json!(true), &json!(true))
    );
    let sue = user("U0SUE").await;
    assert_eq!(
        (&sue["is_stranger"], &sue["team_id"]),
        (&json!(true), &json!("T9OTHER"))
    );
    for absent in ["deleted", "is_bot", "is_restricted", "is_ultra_restricted"] {
        assert!(sue.get(absent).is_none(), "{absent}");
    }
    assert!(sue["profile"].get("email").is_none());
    assert_eq!(user("U0GONE").await["deleted"], true);
    let fields = [("include_users", "1")];
    let groups = api_form(&sim, "usergroups.list", &fields).await;
    assert_eq!(groups["usergroups"][0]["users"], json!(["U0BOB"]));
}

#[tokio::test]
async fn a_response_url_serves_five_times_within_thirty_minutes() {
    let (sim, app, hand) = start().await;
    let args = json!({"channel": "C0DBA", "text": "t", "blocks": card("r1")});
    api(&sim, "chat.postMessage", args).await;
    let message = sim.messages("C0DBA").pop().unwrap();
    let bob = sim.person("U0BOB");
    bob.click(&message, "approve").await;
    let url = app.last().payload()["response_url"]
        .as_str()
        .unwrap()
        .to_owned();
    let say = async |body: serde_json::Value| {
        let answer = post(&url, "application/json", None, body.to_string())
            .await
            .unwrap();
        (answer.status, answer.body)
    };
    assert_eq!(say(json!({"text": "only you"})).await.0, 200);
    assert_eq!(bob.ephemerals()[0].text, "only you");
    assert!(
        sim.person("U0ALICE")
            .sees("C0DBA")
            .iter()
            .all(|m| !m.says("only you"))
    );
    say(json!({"text": "all", "response_type": "in_channel"})).await;
    say(json!({"text": "replaced", "replace_original": true})).await;
    assert_eq!(sim.messages("C0DBA")[0].all_text(), "replaced");
    say(json!({"delete_original": true})).await;
    assert_eq!(sim.message("C0DBA", &message.ts), None);
    say(json!({"text": "5"})).await;
    assert_eq!(
        say(json!({"text": "6"})).await,
        (404, "used_url".to_owned())
    );

    bob.command("C0DBA", "/jit", "").await;
    let url = app.last().form()["response_url"]
        .as_str()
        .unwrap()
        .to_owned();
    hand.advance(TimeDelta::minutes(30) + TimeDelta::seconds(1));
    let late = post(&url, "application/json", None, "{\"text\":\"x\"}".into())
        .await
        .unwrap();
    assert_eq!((late.status, late.body.as_str()), (404, "expired_url"));
}

#[tokio::test]
async fn faults_come_as_often_as_asked_and_only_losing_the_answer_has_an_effect() {
    let (sim, ..) = start().await;
    let url = format!("{}chat.postMessage", sim.api_url());
    let token = sim.bot_token();
    let body = json!({"channel": "C0DBA", "text": "hello"}).to_string();
    let call = async || post(&url, "application/json", Some(&token), body.clone()).await;
    let method = "chat.postMessage";
    sim.fault(
        method,
        Fault::RateLimited {
            retry_after_secs: 7,
        },
        1,
    );
    sim.fault(method, Fault::Status(503), 1);
    sim.fault(method, Fault::error("internal_error"), 1);
    sim.fault(method, Fault::Drop, 1);
    let limited = call().await.unwrap();
    assert_eq!(
        (limited.status, &limited.headers["retry-after"]),
        (429, &"7".parse().unwrap())
    );
    assert_eq!(limited.json()["error"], "ratelimited");
    assert_eq!(call().await.unwrap().status, 503);
    assert_eq!(call().await.unwrap().json()["error"], "internal_error");
    assert!(call().await.is_err());
    assert!(sim.messages("C0DBA").is_empty());

    sim.fault(method, Fault::LoseAnswer, 1);
    assert!(call().await.is_err());
    assert_eq!(sim.messages("C0DBA").len(), 1);

    sim.fault("*", Fault::Hang, usize::MAX);
    let heal = async {
        sim.wait_until(|sim| (sim.arrivals(method) == 6).then_some(()))
            .await;
        assert_eq!(sim.messages("C0DBA").len(), 1);
        sim.heal();
    };
    let (answer, ()) = tokio::join!(call(), heal);
    assert_eq!(answer.unwrap().json()["ok"], true);
    assert_eq!(sim.messages("C0DBA").len(), 2);
}

#[tokio::test]
async fn waiting_wakes_on_changes_and_says_what_it_saw_in_vain() {
    let (sim, ..) = start().await;
    let waiting = sim.wait_until(|sim| sim.dm("U0BOB").into_iter().find(|m| m.says("two")));
    let speaking = async {
        for text in ["one", "two"] {
            api(
                &sim,
                "chat.postMessage",
                json!({"channel": "U0BOB", "text": text}),
            )
            .await;
        }
    };
    let (found, ()) = tokio::join!(waiting, speaking);
    assert_eq!(found.text, "two");
    let vain = sim.try_wait_for(Duration::ZERO, |_| None::<()>).await;
    assert!(vain.unwrap_err().to_string().contains("one"));
}

#[tokio::test]
async fn channels_are_described_and_closed() {
    let (sim, ..) = start().await;
    let info =
        async |channel: &str| api(&sim, "conversations.info", json!({"channel": channel})).await;
    let shared = info("C0DBA").await;
    assert_eq!(shared["channel"]["is_ext_shared"], true);
    let opened = api(&sim, "conversations.open", json!({"users": "U0BOB"})).await;
    let dm = opened["channel"]["id"].as_str().unwrap();
    assert_eq!(info(dm).await["channel"]["user"], "U0BOB");
    assert_eq!(sim.person("U0BOB").dm_channel(), dm);
    sim.archive("C0DBA");
    let args = json!({"channel": "C0DBA", "text": "x"});
    assert_eq!(
        api(&sim, "chat.postMessage", args).await["error"],
        "is_archived"
    );
}

#[tokio::test]
async fn rate_limits_hold_when_the_workspace_asks_for_them() {
    let hand = Hand::new();
    let sim = Sim::start_with_clock(workspace().rate_limits(true), hand.clock()).await;
    let args = json!({"channel": "C0DBA", "text": "x"});
    for _ in 0..5 {
        assert_eq!(
            api(&sim, "chat.postMessage", args.clone()).await["ok"],
            true
        );
    }
    let limited = api(&sim, "chat.postMessage", args.clone()).await;
    assert_eq!(limited["error"], "ratelimited");
    hand.advance(TimeDelta::seconds(5));
    assert_eq!(api(&sim, "chat.postMessage", args).await["ok"], true);
}

#[tokio::test]
async fn the_simulator_stops_with_its_last_handle() {
    let (sim, ..) = start().await;
    let url = format!("{}api.test", sim.api_url());
    let other = sim.clone();
    drop(sim);
    assert!(post(&url, "text/plain", None, String::new()).await.is_ok());
    drop(other);
    // The listener closes when the runtime next runs the aborted task.
    tokio::task::yield_now().await;
    assert!(post(&url, "text/plain", None, String::new()).await.is_err());
}
