//! Who can approve: each approval says by which group, and a change of such a group is announced.

use std::time::Duration;

use chrono::TimeDelta;
use keylend::domain::Time;
use serde_json::{Value, json};

use crate::support::fixture::{AUDIT, BOB, CAROL, DAVE, Fixture, REQUEST};

const READ: &str = "approver_group_read";
const CHANGED: &str = "approver_group_changed";

/// The group has other members, and Slack says so.
async fn set(fixture: &Fixture, members: &[&str], joined: &[&str], left: &[&str]) {
    fixture.sim.set_group("S0DBA", members.iter().copied());
    fixture
        .sim
        .send_group_change("S0DBA", joined, left)
        .await
        .unwrap();
}

/// Who joined and who left.
fn moved(entry: &Value) -> (&Value, &Value) {
    let body = &entry["body"];
    (&body["joined"]["people"], &body["left"]["people"])
}

#[tokio::test]
async fn an_approval_names_the_group_its_source_and_when_it_was_read() {
    let fixture = Fixture::start().await;
    let asked_at = fixture.now();
    fixture.granted(REQUEST).await;
    let approved = fixture.noted("approved", 1).await.remove(0);
    let groups = approved["body"]["groups"].as_array().unwrap();
    let [group] = &groups[..] else {
        panic!("{approved}");
    };
    assert_eq!(group["group"], "dba");
    assert_eq!(group["source"], json!({"slack_usergroup": "S0DBA"}));
    let read_at: Time = group["read_at"].as_str().unwrap().parse().unwrap();
    let approved_at: Time = approved["at"].as_str().unwrap().parse().unwrap();
    assert!(approved_at - read_at <= TimeDelta::seconds(60) && read_at >= asked_at);
    fixture.audited("in `dba` (`S0DBA`, read ").await;
}

#[tokio::test]
async fn an_approval_by_a_rule_names_the_group_that_the_rule_speaks_of() {
    let policy = r#"
        @id("engineers-read-by-themselves")
        permit (principal in Group::"engineers", action == Action::"auto_approve", resource)
        when { resource.risk == Risk::"low" };
    "#;
    let fixture = Fixture::with(str::to_owned, policy).await;
    fixture
        .jit("U0ALICE", "request db-prod:read 10m look")
        .await;
    let approved = fixture.noted("approved", 1).await.remove(0);
    let group = &approved["body"]["groups"][0];
    assert_eq!(group["group"], "engineers", "{approved}");
}

#[tokio::test]
async fn a_change_is_announced_once_also_after_a_restart() {
    let mut fixture = Fixture::start().await;
    fixture.noted(READ, 1).await;
    set(&fixture, &[CAROL, DAVE], &[DAVE], &[BOB]).await;
    let changed = fixture.noted(CHANGED, 1).await;
    assert_eq!(moved(&changed[0]), (&json!([DAVE]), &json!([BOB])));
    let line = "The approver group `dba` changed: <@U0DAVE> joined; <@U0BOB> left";
    fixture.audited(line).await;

    // A crash may say the last line once more.
    fixture.stop().await;
    fixture.boot().await;
    // What changes while nobody looks is found behind what the log last said.
    set_unseen(&fixture, &[CAROL]);
    let changed = fixture.noted(CHANGED, 2).await;
    assert_eq!(changed.len(), 2, "{changed:?}");
    assert_eq!(moved(&changed[1]), (&json!([]), &json!([DAVE])));
    fixture.audited("changed: <@U0DAVE> left").await;
    assert_eq!(fixture.noted_by_now(READ).await.len(), 1);
    let said = fixture.sim.messages(AUDIT);
    let times: usize = said.iter().map(|it| it.text.matches(line).count()).sum();
    assert_eq!(times, 1, "{said:?}");
}

/// The group has other members, and Slack says nothing.
fn set_unseen(fixture: &Fixture, members: &[&str]) {
    fixture.sim.set_group("S0DBA", members.iter().copied());
}

#[tokio::test]
async fn a_group_that_changes_again_and_again_is_announced_once_a_minute_at_most() {
    let fixture = Fixture::start().await;
    fixture.noted(READ, 1).await;
    let began = fixture.now();
    for _ in 0..30 {
        set(&fixture, &[BOB], &[], &[CAROL]).await;
        fixture.clock.advance(Duration::from_secs(3));
        fixture.page("/healthz").await;
        set(&fixture, &[BOB, CAROL], &[CAROL], &[]).await;
        fixture.clock.advance(Duration::from_secs(3));
        fixture.page("/healthz").await;
    }
    set(&fixture, &[BOB, CAROL, DAVE], &[DAVE], &[]).await;
    fixture
        .in_time(|sim| {
            let said = sim.messages(AUDIT);
            said.into_iter().find(|it| it.says("<@U0DAVE> joined"))
        })
        .await;
    let changed = fixture.noted_by_now(CHANGED).await;
    let minutes = (fixture.now() - began).num_minutes() + 1;
    assert!(
        i64::try_from(changed.len()).unwrap() <= minutes,
        "{changed:?}"
    );
    let at = |entry: &Value| entry["at"].as_str().unwrap().parse::<Time>().unwrap();
    for pair in changed.windows(2) {
        assert!(at(&pair[1]) - at(&pair[0]) >= TimeDelta::seconds(60));
    }
}
