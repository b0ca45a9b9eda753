//! An approver who is locked, such as one whose account somebody else uses, and who wants to let others in.

use crate::{
    attempts::{answered, asked, count, kinds_when_all_is_done, logged, second_account},
    support::fixture::{ALICE, BOB, CAROL, Fixture, REQUEST, SCOPE, SECURITY},
};

const DBA: &str = "S0DBA";
const LOCK: &str = "lock <@U0BOB> account compromised";

#[tokio::test]
async fn they_approve_nothing_and_the_log_says_that_they_tried() {
    let fixture = Fixture::start().await;
    let card = fixture.asked(REQUEST).await;
    fixture.end(SECURITY, LOCK).await;
    logged(&fixture, &["locked"], 1).await;
    let refused = answered(&fixture, BOB, fixture.bob().click(&card, "approve")).await;
    let text = refused.all_text();
    assert!(text.contains("locked-approver"), "{text}");
    assert!(text.contains("You are locked"), "{text}");
    let attempts = fixture.noted("attempt_refused", 1).await;
    assert_eq!(attempts[0]["actor"], "person:U0BOB");
    let rules = attempts[0]["rules"].to_string();
    assert!(rules.contains("locked-approver"), "{rules}");
    assert!(!fixture.admitted(ALICE, SCOPE).await);

    // Others decide, and so do they when they are unlocked.
    fixture.carol().click(&card, "approve").await;
    logged(&fixture, &["activated"], 1).await;
    fixture.jit(SECURITY, "unlock <@U0BOB>").await;
    logged(&fixture, &["unlocked"], 1).await;
    let other = asked(&fixture, ALICE, "request db-prod:read 10m look").await;
    fixture.bob().click(&other, "approve").await;
    logged(&fixture, &["activated"], 2).await;
}

#[tokio::test]
async fn they_give_nobody_more_time() {
    let mut fixture = Fixture::start().await;
    fixture.granted(REQUEST).await;
    fixture.jit(ALICE, "extend db-prod:write 20m").await;
    let card = fixture.open_card().await;
    fixture.end(SECURITY, LOCK).await;
    logged(&fixture, &["locked"], 1).await;
    answered(&fixture, BOB, fixture.bob().click(&card, "approve")).await;
    let kinds = kinds_when_all_is_done(&mut fixture).await;
    assert!(!kinds.contains(&"extended".to_owned()), "{kinds:?}");
}

#[tokio::test]
async fn a_second_account_of_theirs_approves_nothing_either() {
    let fixture = Fixture::start().await;
    let dba: &[&str] = &[BOB, CAROL];
    second_account(&fixture, "W0BOB", "BOB@example.com", &[(DBA, dba)]);
    let card = fixture.asked(REQUEST).await;
    fixture.end(SECURITY, LOCK).await;
    logged(&fixture, &["locked"], 1).await;
    let other = fixture.person("W0BOB");
    answered(&fixture, "W0BOB", other.click(&card, "approve")).await;
    assert_eq!(count(&fixture, "approved").await, 0);
}

/// Their approval was counted before the lock, and another is still needed.
#[tokio::test]
async fn what_they_approved_before_does_not_count_behind_the_lock() {
    let fixture = Fixture::start().await;
    let card = fixture.asked("request db-prod:admin 15m restore").await;
    fixture.bob().click(&card, "approve").await;
    logged(&fixture, &["approval_counted"], 1).await;
    fixture.end(SECURITY, LOCK).await;
    logged(&fixture, &["locked"], 1).await;
    fixture.carol().click(&card, "approve").await;
    logged(&fixture, &["approval_voided"], 1).await;
    assert_eq!(count(&fixture, "approved").await, 0);
    assert!(!fixture.admitted(ALICE, "db-prod:admin").await);
}

/// What brings nobody closer to access stays possible.
#[tokio::test]
async fn they_can_deny_and_revoke() {
    let fixture = Fixture::start().await;
    fixture.granted("request db-prod:read 30m look").await;
    let card = fixture.asked(REQUEST).await;
    fixture.end(SECURITY, LOCK).await;
    logged(&fixture, &["locked"], 1).await;
    let bob = fixture.bob();
    bob.click(&card, "deny").await;
    fixture.in_time(|_| bob.modal()).await;
    bob.fill("reason", "reason", "not now");
    bob.submit().await;
    logged(&fixture, &["denied"], 1).await;
    fixture.end(BOB, "revoke db-prod:read not now").await;
    fixture.ended(1).await;
}
