//! Channels that people of another company read: nothing is posted there, and everybody concerned
//! hears of it.

use slack_sim::Channel;

use crate::support::fixture::{
    ALICE, APPROVALS, AUDIT, BOB, Fixture, Has, INCIDENT, REQUEST, STRANGER, workspace,
};

/// Waits until `/readyz` lists these alerts and no other, while the clock stands.
async fn degraded(fixture: &Fixture, alerts: &str) {
    let degraded = format!("\"degraded\":[{alerts}]");
    let listed = async {
        while !fixture.page("/readyz").await.1.contains(&degraded) {
            tokio::task::yield_now().await;
        }
    };
    let listed = tokio::time::timeout(std::time::Duration::from_secs(20), listed).await;
    assert!(listed.is_ok(), "/readyz never says {degraded}");
}

#[tokio::test]
async fn a_shared_approval_channel_is_told_at_the_start_and_gets_no_request() {
    let shared = Channel::new(APPROVALS, "dba", [ALICE, BOB, STRANGER]).shared();
    let fixture = Fixture::of(workspace().channel(shared)).await;
    degraded(&fixture, "\"channel_unavailable:C0DBA\"").await;
    fixture
        .audited(
            "*Alert* `channel_unavailable:C0DBA`: Keylend can't post in #dba (C0DBA): it is shared \
             with another company. Stop sharing it, or configure another channel",
        )
        .await;
    let answer = fixture.answer(ALICE, REQUEST).await;
    assert!(
        answer.says("Approvers can't see this request"),
        "{}",
        answer.text
    );
    fixture
        .told(ALICE, "<#C0DBA> is shared with another company")
        .await;
    assert!(fixture.sim.messages(APPROVALS).is_empty());
}

#[tokio::test]
async fn keylend_falls_silent_when_slack_says_that_a_channel_is_shared_and_goes_on_when_it_is_not()
{
    let fixture = Fixture::start().await;
    let card = fixture.asked(REQUEST).await;
    degraded(&fixture, "").await;
    fixture.share(APPROVALS, true);
    fixture.sim.send_channel_sharing(APPROVALS).await.unwrap();
    degraded(&fixture, "\"channel_unavailable:C0DBA\"").await;

    // Those who know of the request go on, and the channel hears nothing of it.
    fixture.bob().click(&card, "approve").await;
    fixture.in_time(|_| fixture.grants(ALICE).pop()).await;
    let shown = fixture.sim.message(APPROVALS, &card.ts).unwrap();
    assert!(shown.has("approve"), "{}", shown.all_text());

    fixture.share(APPROVALS, false);
    fixture.sim.send_channel_sharing(APPROVALS).await.unwrap();
    degraded(&fixture, "").await;
    fixture.shows(&card, "Active until").await;
}

#[tokio::test]
async fn the_audit_channel_is_caught_up_when_it_is_not_shared_any_more() {
    let fixture = Fixture::start().await;
    fixture.share(AUDIT, true);
    fixture.sim.send_channel_sharing(AUDIT).await.unwrap();
    let alert = "*Alert* `channel_unavailable:C0AUDIT`";
    fixture.said(APPROVALS, alert).await;
    fixture.granted(REQUEST).await;
    assert!(fixture.sim.messages(AUDIT).is_empty());
    fixture.share(AUDIT, false);
    for line in ["requested `db-prod:write`", "access granted"] {
        fixture.audited(line).await;
    }
}

#[tokio::test]
async fn a_shared_incident_channel_does_not_follow_a_request() {
    let fixture = Fixture::start().await;
    fixture.share(INCIDENT, true);
    let alice = fixture.alice();
    alice.command(INCIDENT, "/jit", REQUEST).await;
    let words = "<#C0INC> is shared with another company, so it doesn't show this request.";
    fixture.answered(ALICE, words).await;
    let card = fixture.open_card().await;
    fixture.bob().click(&card, "approve").await;
    fixture.in_time(|_| fixture.grants(ALICE).pop()).await;
    let heard = fixture.bob().sees(INCIDENT);
    assert!(heard.is_empty(), "{heard:?}");
    degraded(&fixture, "").await;
}

#[tokio::test]
async fn an_incident_channel_that_is_shared_later_is_told_nothing_more() {
    let fixture = Fixture::start().await;
    let alice = fixture.alice();
    alice.command(INCIDENT, "/jit", REQUEST).await;
    let card = fixture.open_card().await;
    fixture
        .in_time(|sim| {
            let told = sim.messages(INCIDENT);
            told.into_iter().find(|line| line.says("requested"))
        })
        .await;
    fixture.share(INCIDENT, true);
    fixture.sim.send_channel_sharing(INCIDENT).await.unwrap();
    let before = fixture.sim.messages(INCIDENT).len();
    fixture.bob().click(&card, "approve").await;
    fixture.in_time(|_| fixture.grants(ALICE).pop()).await;
    fixture
        .audited("*Alert* `channel_unavailable:C0INC`: Keylend can't post in #inc-42")
        .await;
    let told = fixture.sim.messages(INCIDENT);
    assert_eq!(told.len(), before, "{}", fixture.sim.describe());
    assert!(!told.iter().any(|line| line.says("approved")));
}

/// The audit channel and the incident channel are shared, and may be.
async fn with_allowed_channels() -> Fixture {
    let allow = |config: &str| {
        let incidents = "incident_channels = [\"inc-*\"]";
        let allowed = "shared_channels = [\"C0AUDIT\", \"C0INC\"]";
        config.replace(incidents, &format!("{incidents}\n{allowed}"))
    };
    let fixture = Fixture::with(allow, "").await;
    for channel in [AUDIT, INCIDENT] {
        fixture.share(channel, true);
        fixture.sim.send_channel_sharing(channel).await.unwrap();
    }
    fixture
}

#[tokio::test]
async fn an_allowed_shared_channel_is_told_who_asks_for_what_and_how_long_alone() {
    let fixture = with_allowed_channels().await;
    let alice = fixture.alice();
    alice.command(INCIDENT, "/jit", REQUEST).await;
    let card = fixture.open_card().await;
    assert!(card.says("writes are failing"), "{}", card.all_text());
    fixture.bob().click(&card, "approve").await;
    fixture.in_time(|_| fixture.grants(ALICE).pop()).await;
    let revoked = fixture.end(BOB, "revoke db-prod:write not needed").await;
    assert!(revoked.says("is being revoked"), "{}", revoked.all_text());
    fixture.ended(1).await;
    for channel in [AUDIT, INCIDENT] {
        for words in [
            "<@U0ALICE> · `db-prod:write` · 30m",
            "<@U0ALICE> requested `db-prod:write` for 30m",
            "*approved* by <@U0BOB>",
            "*active*",
            "*ending*: revoked by <@U0BOB>",
            "*ended*",
        ] {
            fixture.said(channel, words).await;
        }
        for told in fixture.sim.messages(channel) {
            for secret in [
                "writes are failing",
                "INC-4211",
                "not needed",
                "ogin",
                "console",
                "rule",
            ] {
                assert!(!told.says(secret), "{channel}: {}", told.all_text());
            }
        }
    }
    degraded(&fixture, "").await;
}

#[tokio::test]
async fn an_allowed_shared_channel_is_told_of_an_alert_by_name_alone() {
    let fixture = with_allowed_channels().await;
    fixture.sim.set_group("S0DBA", [""; 0]);
    fixture.answer(ALICE, REQUEST).await;
    let told = fixture
        .audited(
            "*Alert* `nobody_can_approve:db-prod:write`: /readyz and Keylend's own log have the details",
        )
        .await;
    assert!(!told.says("has no members"), "{}", told.all_text());
}

/// They see what was posted before, and press its buttons.
#[tokio::test]
async fn whoever_is_of_another_company_decides_nothing_in_a_channel_that_was_shared() {
    let fixture = Fixture::start().await;
    let card = fixture.asked(REQUEST).await;
    fixture.share(APPROVALS, true);
    fixture.sim.send_channel_sharing(APPROVALS).await.unwrap();
    let stranger = fixture.person(STRANGER);
    for action in ["approve", "deny"] {
        stranger.click(&card, action).await;
        fixture.answered(STRANGER, "workspace").await;
        assert!(stranger.modal().is_none());
    }
    assert_eq!(fixture.kinds().await, ["requested"]);
    assert!(fixture.sim.dm(STRANGER).is_empty());
}
