//! Promise 5: Every change of state is in the log, in the same transaction, with the person or rule behind
//! it; the log is append-only, hash-chained, and checkable by a third party without Keylend.

use crate::support::fixture::{Fixture, REQUEST};

#[tokio::test]
async fn the_life_of_a_request_is_in_the_log_with_who_and_which_rules() {
    let fixture = Fixture::start().await;
    let grant = fixture.granted(REQUEST).await;
    fixture.alice().click(&grant, "done").await;
    fixture.told("U0ALICE", "has ended:").await;

    let log = serde_json::to_value(fixture.log().await).unwrap();
    let told: Vec<String> = log
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| {
            let text = |key: &str| entry[key].as_str().unwrap().to_owned();
            format!("{} {} {}", text("kind"), text("actor"), entry["rules"])
        })
        .collect();
    assert_eq!(
        told,
        [
            r#"requested person:U0ALICE ["requester-group"]"#,
            r#"approved person:U0BOB ["approver-group"]"#,
            "layer_inspected keylend []",
            "layer_granted keylend []",
            "activated keylend []",
            "revocation_started person:U0ALICE []",
            "layer_revoked keylend []",
            "ended keylend []",
        ]
    );
}

#[tokio::test]
async fn the_log_names_the_rule_that_approved() {
    let policy = r#"
        @id("low-risk-by-itself")
        permit (principal, action == Action::"auto_approve", resource)
        when { resource.risk == Risk::"low" };
    "#;
    let fixture = Fixture::with(str::to_owned, policy).await;
    fixture
        .jit("U0ALICE", "request db-prod:read 10m look")
        .await;
    fixture
        .sim
        .wait_until(|_| fixture.grants("U0ALICE").pop())
        .await;
    let log = serde_json::to_value(fixture.log().await).unwrap();
    let approved = log
        .as_array()
        .unwrap()
        .iter()
        .find(|entry| entry["kind"] == "approved");
    assert_eq!(approved.unwrap()["actor"], "rule:low-risk-by-itself");
}

#[tokio::test]
async fn the_audit_channel_tells_each_transition_once_in_the_request_s_thread() {
    let fixture = Fixture::start().await;
    fixture.granted(REQUEST).await;
    fixture.advance_minutes(30);
    let last = fixture.audited("*ended*: removal confirmed").await;
    let thread = last
        .thread_ts
        .clone()
        .expect("lines stand in the request's thread");
    let lines: Vec<String> = fixture
        .sim
        .thread(&last.channel, &thread)
        .iter()
        .filter(|message| message.ts != thread)
        .flat_map(|message| message.text.lines().map(str::to_owned).collect::<Vec<_>>())
        .collect();
    for words in ["*approved* by", "approver-group", "*ended*"] {
        let told = lines.iter().filter(|line| line.contains(words)).count();
        assert!(told >= 1, "{words} is missing in {lines:#?}");
    }
    let ended = lines
        .iter()
        .filter(|line| line.contains("nothing is left"))
        .count();
    assert!(ended <= 1, "{lines:#?}");
}

#[tokio::test]
async fn a_request_that_links_to_an_incident_channel_is_mirrored_there() {
    let fixture = Fixture::start().await;
    fixture
        .asked("request db-prod:write 30m INC-4211 writes are failing, see #inc-42")
        .await;
    let told = |line: slack_sim::Message| line.says("db-prod:write").then_some(line);
    fixture
        .sim
        .wait_until(|sim| sim.messages("C0INC").into_iter().find_map(told))
        .await;
    assert!(
        fixture
            .sim
            .messages("C0GENERAL")
            .iter()
            .all(|line| line.ephemeral_to.is_some())
    );
}

#[tokio::test]
async fn a_request_made_in_an_incident_channel_is_mirrored_there() {
    let fixture = Fixture::start().await;
    fixture.alice().command("C0INC", "/jit", REQUEST).await;
    fixture
        .sim
        .wait_until(|sim| {
            sim.messages("C0INC")
                .into_iter()
                .find(|line| line.says("db-prod:write"))
        })
        .await;
}
