//! Promise 4: Revocation is retried for ever, proven, and loud while stuck. "Ended" is said only after the
//! target was read back and the access was not there.

use std::time::Duration;

use keylend::{
    clock::Clock,
    domain::{Command, Event, Leftovers, Time, decide},
    store::{Change, Commit, EntryBody, Ledger as _, Open, SqliteStore, Store as _},
};
use serde_json::json;
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

/// What the log says was left behind.
async fn leftovers(fixture: &Fixture) -> Vec<Leftovers> {
    let log = fixture.log().await;
    let revoked = log.into_iter().filter_map(|entry| match entry.body {
        EntryBody::Request(Event::LayerRevoked { leftovers, .. }) => Some(leftovers),
        _ => None,
    });
    revoked.collect()
}

#[tokio::test]
async fn what_a_grantee_left_behind_is_logged_and_told_when_the_access_has_ended() {
    let fixture = Fixture::start().await;
    fixture.granted(REQUEST).await;
    fixture.console.leaves(json!([
        { "what": "token of alice" },
        { "what": "share with <!channel>", "dropped": true },
    ]));
    fixture.advance_minutes(30);
    let things =
        "left 2 things in `console`: token of alice; share with &lt;!channel&gt; (dropped).";
    fixture.told(ALICE, &format!("You {things}")).await;
    fixture.audited(&format!("<@U0ALICE> {things}")).await;
    let logged = leftovers(&fixture).await;
    let logged: Vec<_> = logged.iter().flat_map(Leftovers::items).collect();
    assert_eq!(logged.len(), 2);
    assert_eq!(logged[0].what, "token of alice");
    assert!(!logged[0].dropped && logged[1].dropped);
}

#[tokio::test]
async fn a_failed_search_for_leftovers_does_not_delay_the_end() {
    let fixture = Fixture::start().await;
    fixture.granted(REQUEST).await;
    fixture.console.leaves(json!("a token"));
    fixture.advance_minutes(30);
    fixture
        .told(
            ALICE,
            "Keylend couldn't fully search `console` for what was left behind",
        )
        .await;
    assert!(!fixture.console.admits("alice"));
    assert_eq!(fixture.console.orders("revoke"), 1);
    let logged = leftovers(&fixture).await;
    assert!(logged[0].unsearched().is_some(), "{logged:?}");
}

#[tokio::test]
async fn retries_respect_the_targets_retry_after() {
    let fixture = Fixture::start().await;
    fixture.granted(REQUEST).await;
    fixture.console.mood("revoke", Mood::Overloaded);
    fixture.advance_minutes(30);
    fixture.told(ALICE, "Revoking your").await;
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
async fn a_clock_that_was_ahead_does_not_delay_a_revocation() {
    let mut fixture = Fixture::start().await;
    fixture.granted(REQUEST).await;
    fixture.console.mood("revoke", Mood::Failing);
    fixture.advance_minutes(30);
    fixture.told(ALICE, "Revoking your").await;
    fixture.stop().await;
    // What another replica wrote whose clock is two hours ahead.
    let store = SqliteStore::open(
        &fixture.database(),
        &keylend::store::StoreKey::derive(&[0x5e; 32]),
    )
    .await
    .unwrap();
    let open = store.open(Open::All).await.unwrap().remove(0);
    let ahead = fixture.in_minutes(120);
    let failed = Command::RevokeFailed {
        layer: 0,
        error: "connection refused".to_owned(),
        retry_at: ahead,
    };
    let events = decide(&open, failed, ahead).unwrap();
    let commit = Commit {
        changes: vec![Change::of(open, events)],
        ..Commit::default()
    };
    store.commit(commit).await.unwrap();
    store.close().await;

    fixture.console.mood("revoke", Mood::Well);
    fixture.boot().await;
    fixture.audited("*Alert* `clocks_differ`").await;
    fixture
        .in_time(|_| says_ended(&fixture).then_some(()))
        .await;
    assert!(!fixture.console.admits("alice"));
    assert!(fixture.now() < ahead - chrono::TimeDelta::minutes(60));
}

#[tokio::test]
async fn a_failing_revocation_is_retried_and_reported_until_it_succeeds() {
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
    fixture.told(ALICE, "Revoking your").await;
    for question in [format!("who {SCOPE}"), "who @alice".to_owned()] {
        let answer = fixture.answer(BOB, &question).await;
        assert!(answer.says("revoking since"), "{}", answer.text);
    }
    let answer = fixture.answer(ALICE, "status").await;
    assert!(answer.says("revoking since"), "{}", answer.text);
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
async fn a_target_that_reports_success_is_still_checked() {
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
    fixture.told(ALICE, "Revoking your").await;
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
    let told = fixture.told(ALICE, "couldn't be granted").await;
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
async fn done_during_a_pending_grant_revokes_immediately() {
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

#[tokio::test]
async fn access_that_reappears_is_revoked_again_and_raises_an_alert() {
    let fixture = Fixture::start().await;
    fixture.granted(REQUEST).await;
    fixture.advance_minutes(30);
    fixture.ended(1).await;
    // An order that was given up takes effect after all, or somebody brings the access back.
    let entitlement = fixture.console.first_entitlement().unwrap();
    fixture.console.admit(&entitlement, "alice");
    fixture.console.mood("revoke", Mood::Failing);
    fixture.advance_minutes(5);
    fixture.audited("has the access again").await;
    fixture
        .audited("*Alert* `revocation_failing:console`")
        .await;
    assert!(!fixture.admitted(ALICE, SCOPE).await);
    let answer = fixture.answer(BOB, "who @alice").await;
    assert!(answer.says("revoking since"), "{}", answer.text);

    fixture.console.mood("revoke", Mood::Well);
    fixture.ended(2).await;
    assert!(!fixture.console.admits("alice"));
    fixture.advance_minutes(5);
    let confirmed = fixture.until_logged("layer_absence_confirmed", 1).await;
    assert_eq!(
        confirmed.last().map(String::as_str),
        Some("layer_absence_confirmed")
    );
    let ended = metric(&fixture, "requests_total{outcome=\"ended\"}").await;
    assert_eq!(ended, "1", "it is one request");
}

#[tokio::test]
async fn access_that_somebody_else_grants_is_not_a_reappearance() {
    let fixture = Fixture::start().await;
    fixture.granted(REQUEST).await;
    fixture
        .granted("request db-prod:write 45m INC-4212 still failing")
        .await;
    fixture.advance_minutes(30);
    // The first one leaves the access to the second one, which goes on.
    fixture.ended(1).await;
    fixture.advance_minutes(5);
    assert!(fixture.console.admits("alice"));
    assert!(fixture.admitted(ALICE, SCOPE).await);
    fixture.advance_minutes(10);
    fixture.ended(2).await;
    fixture.advance_minutes(5);
    fixture.until_logged("layer_absence_confirmed", 1).await;
    let kinds = fixture.kinds().await;
    assert!(
        !kinds.iter().any(|kind| kind == "layer_reappeared"),
        "{kinds:?}"
    );
}

/// A configuration in which only a time limit ends the access to the console.
fn by_time_limit(config: &str) -> String {
    config.replacen(
        "timeout = \"10s\"",
        "timeout = \"10s\"\nrevocation = \"time_limit\"",
        1,
    )
}

#[tokio::test]
async fn what_only_a_time_limit_ends_has_ended_when_the_limit_is_over_and_it_was_read_back() {
    let fixture = Fixture::with(by_time_limit, "").await;
    let card = fixture.asked(REQUEST).await;
    assert!(
        card.says("the access works until its time limit"),
        "{}",
        card.all_text()
    );
    fixture.bob().click(&card, "approve").await;
    fixture.told(ALICE, "You have").await;

    fixture.jit(ALICE, "done").await;
    fixture.told(ALICE, "it may keep working until").await;
    assert!(!fixture.admitted(ALICE, SCOPE).await);
    fixture.advance_minutes(29);
    assert!(!says_ended(&fixture) && fixture.console.admits("alice"));

    // Its own clock decides, and it is late.
    fixture.advance_minutes(1);
    fixture.audited("still there after its time limit").await;
    assert!(!says_ended(&fixture));
    fixture.console.expire();
    fixture.until("the end", says_ended).await;
    assert_eq!(fixture.console.orders("revoke"), 0);
    fixture.audited("the access ended at its time limit").await;
}

#[tokio::test]
async fn a_grant_whose_target_would_keep_it_beyond_its_end_fails() {
    let fixture = Fixture::with(by_time_limit, "").await;
    let late = fixture.in_minutes(31).to_rfc3339();
    fixture
        .console
        .answers(serde_json::json!({ "ends_at": late }));
    let card = fixture.asked(REQUEST).await;
    fixture.bob().click(&card, "approve").await;
    fixture.audited("beyond the end of the grant").await;
    assert!(!fixture.admitted(ALICE, SCOPE).await);
}

/// A configuration in which orders to the console may take effect this late.
fn with_late_effects(config: &str, late: &str) -> String {
    let late = format!("timeout = \"10s\"\nlate_effects = \"{late}\"");
    config.replacen("timeout = \"10s\"", &late, 1)
}

/// Has an order to grant take effect after the access was revoked: it is revoked again before anybody
/// is told that it has ended.
async fn takes_effect_late(fixture: &Fixture, last: &str) {
    fixture.until_logged("revocation_started", 1).await;
    fixture.console.until_ordered("revoke", 1).await;
    let entitlement = fixture.console.first_entitlement().unwrap();
    fixture.console.admit(&entitlement, "alice");
    assert_eq!(kinds(fixture, last).await, 0);
    fixture.until_logged(last, 1).await;
    assert!(fixture.console.orders("revoke") >= 2);
    assert!(!fixture.console.admits("alice"));
}

#[tokio::test]
async fn ended_is_not_said_while_a_grant_without_an_answer_may_still_take_effect() {
    let fixture = Fixture::with(|config| with_late_effects(config, "2m"), "").await;
    fixture.console.mood("grant", Mood::Failing);
    let card = fixture.asked(REQUEST).await;
    fixture.bob().click(&card, "approve").await;
    takes_effect_late(&fixture, "failed").await;
}

#[tokio::test]
async fn ended_is_not_said_while_the_first_try_of_a_grant_may_still_take_effect() {
    let fixture = Fixture::with(|config| with_late_effects(config, "2m"), "").await;
    fixture.console.mood("grant", Mood::Failing);
    let card = fixture.asked(REQUEST).await;
    fixture.bob().click(&card, "approve").await;
    fixture.until_logged("layer_grant_failed", 1).await;
    fixture.console.mood("grant", Mood::Well);
    fixture.until_logged("activated", 1).await;
    fixture.jit(ALICE, "done").await;
    takes_effect_late(&fixture, "ended").await;
}

#[tokio::test]
async fn ended_is_not_said_while_an_extension_without_an_answer_may_still_take_effect() {
    let fixture = Fixture::with(|config| with_late_effects(config, "2m"), "").await;
    fixture.granted(REQUEST).await;
    fixture.advance_minutes(5);
    fixture.console.mood("grant", Mood::Failing);
    extended(&fixture).await;
    fixture.until_logged("layer_grant_failed", 1).await;
    fixture.jit(ALICE, "done").await;
    takes_effect_late(&fixture, "ended").await;
}

/// Has more time approved.
async fn extended(fixture: &Fixture) {
    fixture.jit(ALICE, "extend 15m").await;
    fixture
        .bob()
        .click(&fixture.open_card().await, "approve")
        .await;
    fixture.until_logged("extended", 1).await;
}

#[tokio::test]
async fn a_target_is_inspected_once_more_when_no_order_can_take_effect_any_more() {
    let fixture = Fixture::with(|config| with_late_effects(config, "10m"), "").await;
    fixture.granted(REQUEST).await;
    fixture.advance_minutes(30);
    fixture.ended(1).await;
    fixture.advance_minutes(7);
    let entitlement = fixture.console.first_entitlement().unwrap();
    fixture.console.admit(&entitlement, "alice");
    fixture.until_logged("layer_reappeared", 1).await;
    fixture.until_logged("ended", 2).await;
    assert!(!fixture.console.admits("alice"));
}

#[tokio::test]
async fn access_that_takes_effect_late_is_not_taken_for_access_that_was_there_before() {
    let fixture = Fixture::start().await;
    fixture.granted(REQUEST).await;
    fixture.jit(ALICE, "done").await;
    fixture.ended(1).await;
    let entitlement = fixture.console.first_entitlement().unwrap();
    fixture.console.admit(&entitlement, "alice");

    // The same person asks for the same again before the target is inspected once more.
    fixture.granted(REQUEST).await;
    fixture.advance_minutes(6);
    fixture.until_logged("layer_absence_confirmed", 1).await;
    fixture.jit(ALICE, "done").await;
    fixture.ended(2).await;
    assert!(!fixture.console.admits("alice"));
}

#[tokio::test]
async fn a_grant_ends_as_approved_after_the_configuration_changed() {
    let mut fixture = Fixture::start().await;
    fixture.granted(REQUEST).await;
    fixture.stop().await;
    fixture.reconfigure(by_time_limit);
    fixture.boot().await;
    fixture.advance_minutes(30);
    fixture.ended(1).await;
    assert!(!fixture.console.admits("alice"));
}

#[tokio::test]
async fn what_a_target_says_of_a_grant_that_is_still_pending_fails_the_grant() {
    let fixture = Fixture::start().await;
    fixture
        .console
        .answers(serde_json::json!({ "receipt": "lease-7" }));
    fixture.console.mood("grant", Mood::Unfinished);
    let card = fixture.asked(REQUEST).await;
    fixture.bob().click(&card, "approve").await;
    fixture.audited("is still working on the order").await;
    fixture.until_logged("failed", 1).await;
    assert!(!fixture.console.admits("alice"));
}

/// Whether every order to revoke carried the receipt of the lease.
fn revoked_by_receipt(fixture: &Fixture) -> bool {
    let orders = fixture.console.documents();
    let mut revoked = orders.iter().filter(|order| order["action"] == "revoke");
    fixture.console.orders("revoke") > 0 && revoked.all(|order| order["receipt"] == "lease-7")
}

/// Has the target take an order to grant that it answers with a receipt, once `meanwhile` is done.
async fn answers_with_a_receipt(fixture: &Fixture, meanwhile: impl AsyncFnOnce()) {
    fixture
        .console
        .answers(serde_json::json!({ "receipt": "lease-7" }));
    fixture.console.mood("grant", Mood::Hanging);
    let card = fixture.asked(REQUEST).await;
    fixture.bob().click(&card, "approve").await;
    fixture.console.until_ordered("grant", 1).await;
    meanwhile().await;
    fixture.console.mood("grant", Mood::Well);
}

#[tokio::test]
async fn a_receipt_outlives_a_grant_that_is_given_up() {
    let fixture = Fixture::start().await;
    answers_with_a_receipt(&fixture, async || {
        fixture.console.mood("status", Mood::Failing);
    })
    .await;
    let given_up = |fixture: &Fixture| fixture.console.orders("revoke") >= 1;
    fixture.until("the grant to be given up", given_up).await;
    fixture.console.mood("status", Mood::Well);
    fixture.until_logged("failed", 1).await;
    assert!(revoked_by_receipt(&fixture));
}

#[tokio::test]
async fn a_receipt_outlives_an_end_during_provisioning() {
    let fixture = Fixture::start().await;
    answers_with_a_receipt(&fixture, async || {
        fixture.jit(ALICE, "done").await;
        fixture.until_logged("revocation_started", 1).await;
    })
    .await;
    fixture.until_logged("ended", 1).await;
    assert!(revoked_by_receipt(&fixture));
}

#[tokio::test]
async fn a_refused_grant_that_only_a_time_limit_would_end_is_over_when_nothing_is_there() {
    let fixture = Fixture::with(by_time_limit, "").await;
    let before = fixture.now();
    fixture.console.mood("grant", Mood::Refusing);
    let card = fixture.asked(REQUEST).await;
    fixture.bob().click(&card, "approve").await;
    fixture.until_logged("failed", 1).await;
    assert!((fixture.now() - before).num_minutes() < 5);
    assert_eq!(fixture.console.orders("revoke"), 0);
}

#[tokio::test]
async fn a_grant_that_was_given_up_and_is_there_ends_at_its_time_limit() {
    let fixture = Fixture::with(by_time_limit, "").await;
    fixture.console.mood("grant", Mood::LosingAnswers);
    let card = fixture.asked(&REQUEST.replace("30m", "60m")).await;
    fixture.bob().click(&card, "approve").await;
    fixture.until_logged("layer_granted", 1).await;
    assert_eq!(kinds(&fixture, "revocation_started").await, 1);
    assert_eq!(kinds(&fixture, "activated").await, 0);
    fixture.advance_minutes(25);
    assert_eq!(kinds(&fixture, "failed").await, 0);
    fixture.console.expire();
    fixture.until_logged("failed", 1).await;
    assert_eq!(kinds(&fixture, "layer_revoke_failed").await, 0);
}

#[tokio::test]
async fn an_extension_without_an_answer_may_have_moved_the_time_limit() {
    let fixture = Fixture::with(by_time_limit, "").await;
    fixture.granted(REQUEST).await;
    fixture.console.mood("grant", Mood::LosingAnswers);
    extended(&fixture).await;
    fixture.until_logged("layer_grant_failed", 1).await;
    // One order moved the limit. A retry may be on its way at the end, and must not bring back what the
    // limit has ended.
    fixture.console.mood("grant", Mood::Failing);
    fixture.jit(ALICE, "done").await;
    fixture.until_logged("revocation_started", 1).await;
    // It is there for as long as the target was told last, which is no failure.
    fixture.advance_minutes(35);
    fixture.page("/healthz").await;
    fixture.console.expire();
    fixture.until_logged("ended", 1).await;
    assert_eq!(kinds(&fixture, "layer_revoke_failed").await, 0);
    let end = fixture
        .log()
        .await
        .into_iter()
        .find_map(|it| match it.body {
            EntryBody::Request(Event::Extended { expires_at, .. }) => Some(expires_at),
            _ => None,
        });
    assert!(end.is_some_and(|end| fixture.now() >= end));
}

#[tokio::test]
async fn a_target_removed_from_the_configuration_is_logged_as_not_inspected() {
    let mut fixture = Fixture::start().await;
    fixture.granted(REQUEST).await;
    fixture.jit(ALICE, "done").await;
    fixture.ended(1).await;
    fixture.stop().await;
    fixture.reconfigure(|config| {
        let without = config.replace("[backends.console.", "[backends.other.");
        without.replace("backend = \"console\"", "backend = \"other\"")
    });
    fixture.boot().await;
    fixture.until_logged("layer_inspection_abandoned", 1).await;
    fixture
        .audited("Keylend stopped trying to inspect `console` after the end")
        .await;
}

/// A full disk, or somebody who holds the file's lock, while everything can be read.
#[tokio::test]
async fn every_signal_reports_a_store_that_is_not_writable() {
    let fixture = Fixture::start().await;
    fixture.granted(REQUEST).await;
    let url = format!("sqlite://{}", fixture.database().display());
    let mut other = sqlx::SqliteConnection::connect(&url).await.unwrap();
    let hold = sqlx::query("BEGIN IMMEDIATE").execute(&mut other);
    hold.await.unwrap();
    fixture.advance_minutes(32);
    // A statement waits four seconds for somebody else's lock.
    let noticed = async {
        loop {
            let (status, ready) = fixture.page("/readyz").await;
            if ready.contains("store_not_writable") {
                return (status, ready);
            }
        }
    };
    let patience = Duration::from_secs(60);
    let (status, ready) = tokio::time::timeout(patience, noticed).await.unwrap();
    assert_eq!(status, 503);
    assert!(ready.contains(r#""store":"read_only""#), "{ready}");
    assert!(ready.contains(r#""overdue":1"#), "{ready}");
    let metrics = fixture.page("/metrics").await.1;
    assert!(metrics.contains("keylend_revocations_stuck 1"), "{metrics}");
    assert!(!fixture.kinds().await.contains(&"ended".to_owned()));
    assert!(!says_ended(&fixture));

    sqlx::query("ROLLBACK").execute(&mut other).await.unwrap();
    fixture.until_logged("ended", 1).await;
    let recovered = async { while fixture.page("/readyz").await.0 != 200 {} };
    tokio::time::timeout(patience, recovered).await.unwrap();
    let ready = fixture.page("/readyz").await.1;
    assert!(
        ready.contains(r#""overdue":0,"#) && !ready.contains("store_not_writable"),
        "{ready}"
    );
}
