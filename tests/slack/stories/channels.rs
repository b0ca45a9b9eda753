//! A channel that Slack takes no messages in: the people concerned hear of it, and nothing is lost.

use crate::support::fixture::{ALICE, APPROVALS, AUDIT, Fixture, Has, REQUEST};

/// What `/readyz` lists, while this replica is ready.
async fn degraded(fixture: &Fixture) -> String {
    let (status, page) = fixture.page("/readyz").await;
    assert_eq!(status, 200, "{page}");
    let (_, list) = page.split_once("\"degraded\":[").unwrap();
    list.split(']').next().unwrap().to_owned()
}

#[tokio::test]
async fn a_request_outlives_its_archived_approval_channel() {
    let fixture = Fixture::start().await;
    fixture.sim.archive(APPROVALS);
    fixture.jit(ALICE, REQUEST).await;
    fixture
        .told(
            ALICE,
            "Approvers can't see this request: <#C0DBA> is archived",
        )
        .await;
    fixture
        .audited("*Alert* `channel_unavailable:C0DBA`: Keylend can't post in #dba")
        .await;
    assert_eq!(degraded(&fixture).await, "\"channel_unavailable:C0DBA\"");
    let (_, metrics) = fixture.page("/metrics").await;
    let alert = r#"keylend_alert{alert="channel_unavailable:C0DBA"} 1"#;
    assert!(metrics.contains(alert), "{metrics}");

    // Who asks now is told at once.
    let answer = fixture.answer(ALICE, "request db-prod:read 10m look").await;
    assert!(answer.says("can't see"), "{}", answer.text);

    let back = |channel: &mut slack_sim::Channel| channel.is_archived = false;
    fixture.sim.update_channel(APPROVALS, back);
    let card = fixture.open_card().await;
    fixture
        .in_time(|sim| {
            let told = sim.dm(ALICE);
            let none = !told.iter().any(|message| message.says("can't see"));
            none.then_some(())
        })
        .await;
    fixture
        .audited("*Cleared* `channel_unavailable:C0DBA`")
        .await;
    assert_eq!(degraded(&fixture).await, "");
    fixture.bob().click(&card, "approve").await;
    fixture
        .in_time(|_| {
            fixture
                .grants(ALICE)
                .into_iter()
                .find(|grant| grant.has("done"))
        })
        .await;
}

#[tokio::test]
async fn what_the_audit_channel_missed_is_told_when_keylend_is_invited_again() {
    let fixture = Fixture::start().await;
    let member = |is: bool| move |channel: &mut slack_sim::Channel| channel.bot_is_member = is;
    fixture.sim.update_channel(AUDIT, member(false));
    fixture.granted(REQUEST).await;
    let alert = "*Alert* `channel_unavailable:C0AUDIT`";
    fixture.said(APPROVALS, alert).await;
    assert_eq!(degraded(&fixture).await, "\"channel_unavailable:C0AUDIT\"");

    fixture.sim.update_channel(AUDIT, member(true));
    for line in [
        "requested `db-prod:write`",
        "*approved* by",
        "access granted",
    ] {
        fixture.audited(line).await;
    }
    assert_eq!(degraded(&fixture).await, "");
}
