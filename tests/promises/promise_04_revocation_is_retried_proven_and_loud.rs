//! Promise 4: Revocation is retried for ever, proven, and loud while stuck. "Ended" is said only after the
//! target was read back and the access was not there.

use std::time::Duration;

use keylend::{clock::Clock, domain::Time};
use sqlx::Connection as _;

use crate::support::{
    fixture::{ALICE, AUDIT, BOB, DAVE, Fixture, REQUEST, SCOPE},
    target::Mood,
};

const DEGRADED: &str = r#""degraded":["revocation_failing:console"]"#;

/// Lets time pass until the target was told so many times more to take the access back.
async fn retries(fixture: &Fixture, count: usize) {
    let enough = fixture.console.orders("revoke") + count;
    fixture
        .until("the retries", |fixture| {
            fixture.console.orders("revoke") >= enough
        })
        .await;
}

fn says_ended(fixture: &Fixture) -> bool {
    fixture
        .sim
        .dm(ALICE)
        .iter()
        .any(|message| message.says("has ended:"))
}

#[tokio::test]
async fn a_target_is_left_alone_for_as_long_as_it_asks() {
    let fixture = Fixture::start().await;
    fixture.granted(REQUEST).await;
    fixture.console.mood("revoke", Mood::Overloaded);
    fixture.advance_minutes(30);
    fixture.told(ALICE, "over, being revoked since").await;
    fixture
        .audited("*Alert* `revocation_failing:console`")
        .await;
    let url = format!("sqlite://{}", fixture.database().display());
    let mut log = sqlx::SqliteConnection::connect(&url).await.unwrap();
    let failed = "SELECT at, body ->> 'retry_at' FROM events WHERE kind = 'layer_revoke_failed'";
    let failed: (String, String) = sqlx::query_as(failed).fetch_one(&mut log).await.unwrap();
    let [at, retry_at]: [Time; 2] = [failed.0, failed.1].map(|time| time.parse().unwrap());
    let pause = (retry_at - at).num_seconds();
    assert!((120..=125).contains(&pause), "{pause} s");

    fixture.console.mood("revoke", Mood::Well);
    fixture.until("the end", says_ended).await;
    assert!(!fixture.console.admits("alice"));
}

#[tokio::test]
async fn a_target_that_fails_is_asked_until_it_obeys_and_everybody_hears_meanwhile() {
    let fixture = Fixture::start().await;
    fixture.granted(REQUEST).await;
    fixture.console.mood("revoke", Mood::Failing);
    fixture.advance_minutes(30);
    fixture.console.until_ordered("revoke", 1).await;
    assert!(!fixture.admitted(ALICE, SCOPE).await);

    retries(&fixture, 1).await;
    fixture
        .audited("*Alert* `revocation_failing:console`")
        .await;
    let (status, ready) = fixture.page("/readyz").await;
    // One target in trouble takes no replica out of Slack.
    assert_eq!(status, 200, "{ready}");
    assert!(ready.contains(DEGRADED), "{ready}");
    let (_, metrics) = fixture.page("/metrics").await;
    assert!(metrics.contains("keylend_revocations_stuck 1"), "{metrics}");
    assert!(!says_ended(&fixture));
    fixture.told(ALICE, "over, being revoked since").await;
    for question in [format!("who {SCOPE}"), "who @alice".to_owned()] {
        let answer = fixture.answer(BOB, &question).await;
        assert!(answer.says("over, being revoked since"), "{}", answer.text);
    }
    let answer = fixture.answer(ALICE, "status").await;
    assert!(answer.says("over, being revoked since"), "{}", answer.text);
    assert_eq!(
        fixture.check(ALICE, SCOPE).await["context"]["reason"],
        "being_revoked"
    );

    // Far longer than any other broker tries.
    retries(&fixture, 30).await;
    assert!(!says_ended(&fixture));
    fixture.console.mood("revoke", Mood::Well);
    fixture.until("the end", says_ended).await;
    assert!(!fixture.console.admits("alice"));
    let answer = fixture.answer(BOB, &format!("who {SCOPE}")).await;
    assert!(answer.says("Nobody has"), "{}", answer.text);
    fixture
        .audited("*Cleared* `revocation_failing:console`")
        .await;
    assert!(!fixture.page("/readyz").await.1.contains(DEGRADED));
    assert!(
        fixture
            .page("/metrics")
            .await
            .1
            .contains("keylend_revocations_stuck 0")
    );
}

/// The value of one of the service's metrics.
async fn metric(fixture: &Fixture, name: &str) -> String {
    let (_, text) = fixture.page("/metrics").await;
    let name = format!("keylend_{name} ");
    let value = text.lines().find_map(|line| line.strip_prefix(&name));
    value.unwrap_or_else(|| panic!("{text}")).to_owned()
}

#[tokio::test]
async fn several_revocations_that_a_target_fails_are_one_alert() {
    let fixture = Fixture::start().await;
    fixture.granted(REQUEST).await;
    fixture.jit(DAVE, REQUEST).await;
    fixture
        .bob()
        .click(&fixture.open_card().await, "approve")
        .await;
    fixture.console.until_admits("dave").await;
    fixture.in_time(|_| fixture.grants(DAVE).pop()).await;
    fixture.console.mood("revoke", Mood::Failing);
    fixture.advance_minutes(31);
    let both = async { while metric(&fixture, "revocations_stuck").await != "2" {} };
    let both = tokio::time::timeout(Duration::from_secs(20), both).await;
    both.expect("both have failed");

    // The clock stood, so nothing was told before both had failed.
    fixture.audited("console failed to revoke 2 grants.").await;
    retries(&fixture, 4).await;
    let lines = fixture.sim.messages(AUDIT).into_iter();
    let lines: Vec<String> = lines.map(|message| message.text).collect();
    assert_eq!(lines.join("\n").matches("*Alert*").count(), 1, "{lines:#?}");
    assert!(fixture.page("/readyz").await.1.contains(DEGRADED));

    // It clears when the last of them is gone.
    fixture.console.mood("revoke", Mood::Well);
    fixture
        .audited("*Cleared* `revocation_failing:console`")
        .await;
    assert!(!fixture.console.admits("alice") && !fixture.console.admits("dave"));
}

#[tokio::test]
async fn a_target_that_says_done_and_did_nothing_is_not_believed() {
    let fixture = Fixture::start().await;
    fixture.granted(REQUEST).await;
    fixture.console.mood("revoke", Mood::Lying);
    fixture.advance_minutes(30);
    fixture.console.until_ordered("revoke", 1).await;
    retries(&fixture, 3).await;
    assert!(!says_ended(&fixture));
    fixture.console.mood("revoke", Mood::Well);
    fixture.until("the end", says_ended).await;
}

#[tokio::test]
async fn a_target_that_hangs_delays_only_itself() {
    let fixture = Fixture::start().await;
    fixture.granted(REQUEST).await;
    fixture.granted("request db-prod:read 30m look").await;
    fixture.console.mood("revoke", Mood::Hanging);
    fixture.advance_minutes(30);
    fixture.console.until_ordered("revoke", 1).await;
    fixture.told(ALICE, "`db-prod:read` has ended:").await;
    assert!(!fixture.bastion.admits("alice"));
    assert!(fixture.console.admits("alice"));
}

#[tokio::test]
async fn killed_while_revoking_it_goes_on_after_the_restart() {
    let mut fixture = Fixture::start().await;
    fixture.granted(REQUEST).await;
    fixture.console.mood("revoke", Mood::Hanging);
    fixture.advance_minutes(30);
    fixture.console.until_ordered("revoke", 1).await;
    fixture.crash().await;
    fixture.console.mood("revoke", Mood::Well);
    fixture.boot().await;
    fixture.told(ALICE, "has ended:").await;
    assert!(!fixture.console.admits("alice"));
}

async fn kinds(fixture: &Fixture, kind: &str) -> usize {
    let kinds = fixture.kinds().await;
    kinds.iter().filter(|other| *other == kind).count()
}

#[tokio::test]
async fn a_target_that_is_still_working_is_asked_for_its_status_and_raises_no_alert() {
    let fixture = Fixture::start().await;
    fixture.granted(REQUEST).await;
    fixture.console.mood("revoke", Mood::Working);
    fixture.advance_minutes(30);
    fixture.console.until_ordered("revoke", 1).await;
    let looks = fixture.console.orders("status") + 5;
    fixture
        .in_time(|_| (fixture.console.orders("status") >= looks).then_some(()))
        .await;
    assert_eq!(fixture.console.orders("revoke"), 1, "it was told once");
    assert!(!says_ended(&fixture));
    assert!(!fixture.admitted(ALICE, SCOPE).await);
    assert!(!fixture.page("/readyz").await.1.contains(DEGRADED));

    fixture.console.mood("revoke", Mood::Well);
    fixture.until("the end", says_ended).await;
    assert!(!fixture.console.admits("alice"));
    assert_eq!(fixture.console.orders("revoke"), 1);
    assert_eq!(kinds(&fixture, "layer_revoke_failed").await, 0);
}

#[tokio::test]
async fn a_revocation_that_stays_pending_raises_an_alert_after_five_minutes() {
    let fixture = Fixture::start().await;
    fixture.granted(REQUEST).await;
    fixture.console.mood("revoke", Mood::Working);
    fixture.advance_minutes(30);
    fixture.console.until_ordered("revoke", 1).await;
    let since = fixture.clock.now();
    fixture
        .audited("*Alert* `revocation_failing:console`")
        .await;
    let minutes = (fixture.clock.now() - since).num_minutes();
    assert!((4..7).contains(&minutes), "{minutes}");
    assert!(fixture.page("/readyz").await.1.contains(DEGRADED));
    fixture.audited("the target is still working on it").await;

    // It is told again, and proven gone in the end.
    retries(&fixture, 3).await;
    assert!(!says_ended(&fixture));
    fixture.console.mood("revoke", Mood::Well);
    fixture.until("the end", says_ended).await;
    assert!(!fixture.console.admits("alice"));
}

#[tokio::test]
async fn a_target_that_only_takes_orders_is_asked_for_its_status_however_late_it_is() {
    let fixture = Fixture::start().await;
    fixture.granted(REQUEST).await;
    fixture.console.mood("revoke", Mood::Failing);
    fixture.advance_minutes(30);
    fixture.told(ALICE, "over, being revoked since").await;
    // Longer than a target may be at work.
    fixture.advance_minutes(6);
    fixture.console.mood("revoke", Mood::Queueing);
    fixture.until("the end", says_ended).await;
    assert!(!fixture.console.admits("alice"));
}

#[tokio::test]
async fn a_grant_that_stays_pending_is_given_up_and_undone() {
    let fixture = Fixture::start().await;
    fixture.console.mood("grant", Mood::Working);
    let card = fixture.asked(REQUEST).await;
    fixture.bob().click(&card, "approve").await;
    fixture.console.until_ordered("grant", 1).await;
    let told = fixture.told(ALICE, "could not be made").await;
    assert!(
        told.says("the target is still working on it"),
        "{}",
        told.text
    );
    assert!(!fixture.admitted(ALICE, SCOPE).await);
    assert_eq!(kinds(&fixture, "activated").await, 0);
    assert!(fixture.console.orders("revoke") > 0);
}

#[tokio::test]
async fn what_is_pending_is_ended_without_waiting_for_the_next_look() {
    let fixture = Fixture::start().await;
    fixture.console.mood("grant", Mood::Working);
    let card = fixture.asked(REQUEST).await;
    fixture.bob().click(&card, "approve").await;
    fixture.console.until_ordered("grant", 1).await;
    let before = fixture.clock.now();
    fixture.jit(ALICE, "done").await;
    fixture
        .in_time(|_| (fixture.console.orders("revoke") > 0).then_some(()))
        .await;
    let seconds = (fixture.clock.now() - before).num_seconds();
    assert!(seconds < 5, "{seconds}");
}
