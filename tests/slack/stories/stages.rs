//! Approval in stages: one approval from each, each by another person.

use crate::support::fixture::{ALICE, BOB, CAROL, Fixture, SECURITY};

const ADMIN: &str = "request db-prod:admin 15m the owner is wrong";

async fn staged() -> Fixture {
    let stages = r#"stages = [["dba"], ["security"]]"#;
    let change = |config: &str| {
        let both = "approvers = [\"dba\"]\napprovals = 2";
        assert!(config.contains(both));
        config.replace(both, stages)
    };
    Fixture::with(change, "").await
}

#[tokio::test]
async fn each_stage_needs_one_approval_in_any_order() {
    let fixture = staged().await;
    let card = fixture.asked(ADMIN).await;
    assert!(
        card.says("dba: waiting · security: waiting"),
        "{}",
        card.all_text()
    );
    fixture.person(SECURITY).click(&card, "approve").await;
    fixture.until_logged("approval_counted", 1).await;
    fixture
        .shows(&card, "dba: waiting · security: approved by")
        .await;
    fixture.told(ALICE, "security: approved by").await;
    let answer = fixture.answer(ALICE, "status").await;
    assert!(answer.says("dba: waiting"), "{}", answer.text);

    fixture.bob().click(&card, "approve").await;
    fixture.until_logged("activated", 1).await;
}

#[tokio::test]
async fn an_approver_whose_stages_are_filled_hears_which_are_open() {
    let fixture = staged().await;
    let card = fixture.asked(ADMIN).await;
    fixture.bob().click(&card, "approve").await;
    fixture.until_logged("approval_counted", 1).await;
    fixture.carol().click(&card, "approve").await;
    fixture.answered(CAROL, "Still open: `security`").await;
    let kinds = fixture.kinds().await;
    assert!(!kinds.contains(&"approved".to_owned()), "{kinds:?}");
}

#[tokio::test]
async fn a_person_in_two_groups_counts_once_and_makes_room_for_another() {
    let fixture = staged().await;
    fixture.sim.set_group("S0DBA", [BOB, SECURITY]);
    let card = fixture.asked(ADMIN).await;
    let both = fixture.person(SECURITY);
    both.click(&card, "approve").await;
    fixture.until_logged("approval_counted", 1).await;
    both.click(&card, "approve").await;
    fixture.answered(SECURITY, "already approved").await;
    // They filled the stage of the only group that Bob is in.
    fixture.bob().click(&card, "approve").await;
    fixture.until_logged("activated", 1).await;
}

#[tokio::test]
async fn an_approver_who_left_the_group_of_their_stage_opens_it_again() {
    let fixture = staged().await;
    let card = fixture.asked(ADMIN).await;
    fixture.bob().click(&card, "approve").await;
    fixture.until_logged("approval_counted", 1).await;
    fixture.sim.set_group("S0DBA", [CAROL]);
    fixture.advance_minutes(2);
    fixture.person(SECURITY).click(&card, "approve").await;
    fixture.until_logged("approval_voided", 1).await;
    fixture.carol().click(&card, "approve").await;
    fixture.until_logged("activated", 1).await;
}

#[tokio::test]
async fn a_scope_says_its_stages_and_a_request_that_cannot_fill_them_is_told() {
    let fixture = staged().await;
    let answer = fixture.answer(ALICE, "explain db-prod:admin").await;
    assert!(
        answer.says("one person each from dba; security"),
        "{}",
        answer.text
    );
    fixture.sim.set_group("S0DBA", [""; 0]);
    fixture.advance_minutes(2);
    let answer = fixture.answer(ALICE, ADMIN).await;
    assert!(
        answer.says("nobody is left right now to approve for dba"),
        "{}",
        answer.text
    );
}
