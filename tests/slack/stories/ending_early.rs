//! Ending access before its time: done, revoke, lock.

use slack_sim::Submission;

use crate::support::fixture::{ALICE, BOB, DAVE, Fixture, REQUEST, SCOPE, SECURITY};

#[tokio::test]
async fn done_ends_it_by_scope_or_by_itself() {
    for line in ["done db-prod:write", "done"] {
        let fixture = Fixture::start().await;
        fixture.granted(REQUEST).await;
        fixture.jit(ALICE, line).await;
        fixture.told(ALICE, "has ended:").await;
        assert!(!fixture.console.admits("alice"));
        assert!(!fixture.admitted(ALICE, SCOPE).await);
    }
}

#[tokio::test]
async fn an_approver_revokes_by_person_or_by_scope() {
    for line in [
        "revoke @alice no longer needed",
        "revoke db-prod:write no longer needed",
    ] {
        let fixture = Fixture::start().await;
        fixture.granted(REQUEST).await;
        fixture.end(BOB, line).await;
        let told = fixture.told(ALICE, "has ended:").await;
        assert!(told.says("no longer needed"), "{}", told.all_text());
        assert!(!fixture.console.admits("alice"));
    }
}

#[tokio::test]
async fn nobody_else_revokes() {
    let fixture = Fixture::start().await;
    fixture.granted(REQUEST).await;
    fixture.jit(DAVE, "revoke db-prod:write mine now").await;
    fixture.answered(DAVE, "approver-group").await;
    assert!(fixture.admitted(ALICE, SCOPE).await);
}

#[tokio::test]
async fn a_lock_ends_what_it_covers_and_keeps_it_shut_until_it_is_lifted() {
    let fixture = Fixture::start().await;
    fixture.granted(REQUEST).await;
    let waiting = fixture.asked("request db-prod:read 10m look").await;
    fixture
        .end(SECURITY, "lock @alice her laptop is gone")
        .await;
    fixture.told(ALICE, "has ended: locked by").await;
    assert!(!fixture.console.admits("alice"));
    fixture.audited("her laptop is gone").await;

    fixture.bob().click(&waiting, "approve").await;
    fixture.answered(BOB, "locked").await;
    fixture.jit(ALICE, REQUEST).await;
    fixture.answered(ALICE, "locked").await;

    fixture.jit(SECURITY, "unlock @alice").await;
    fixture.answered(SECURITY, "nlocked").await;
    fixture
        .granted("request db-prod:write 30m INC-9 again")
        .await;
}

#[tokio::test]
async fn everything_can_be_locked_and_only_by_an_administrator() {
    let fixture = Fixture::start().await;
    fixture.granted(REQUEST).await;
    fixture.jit(DAVE, "lock everything please").await;
    fixture.answered(DAVE, "administrator").await;
    assert!(fixture.admitted(ALICE, SCOPE).await);
    fixture
        .end(SECURITY, "lock everything we are under attack")
        .await;
    fixture.told(ALICE, "has ended: locked by").await;
    assert!(!fixture.console.admits("alice"));
}

#[tokio::test]
async fn the_form_names_what_ends_and_nothing_ends_without_a_reason() {
    let fixture = Fixture::start().await;
    fixture.granted(REQUEST).await;
    let security = fixture.person(SECURITY);
    for line in ["revoke @alice", "lock @alice"] {
        fixture.jit(SECURITY, line).await;
        let form = fixture.in_time(|_| security.modal()).await;
        assert!(
            form.says("`db-prod:write` of <@U0ALICE> until"),
            "{}",
            form.all_text()
        );
        assert!(matches!(security.submit().await, Submission::Errors(_)));
        security.fill("reason", "reason", "  ");
        assert!(matches!(security.submit().await, Submission::Errors(_)));
        security.close_modal().await;
    }
    assert!(fixture.admitted(ALICE, SCOPE).await);
}

#[tokio::test]
async fn a_lock_that_ends_nothing_says_so_and_what_it_refuses() {
    let fixture = Fixture::start().await;
    let security = fixture.person(SECURITY);
    fixture.jit(SECURITY, "lock db-prod:write a leak").await;
    let form = fixture.in_time(|_| security.modal()).await;
    assert!(form.says("nobody can request or receive access to `db-prod:write`"));
    assert!(
        form.says("No active grant is affected"),
        "{}",
        form.all_text()
    );
    let Submission::Updated(told) = security.submit().await else {
        panic!("the lock was not set");
    };
    assert!(told.says("`db-prod:write` is locked. No active grant is affected."));
}

/// Slack signs what a form carries, but the right to end something is asked for again.
#[tokio::test]
async fn a_form_that_carries_something_else_ends_only_what_its_author_may() {
    let fixture = Fixture::start().await;
    fixture.granted(REQUEST).await;
    let bob = fixture.bob();
    fixture.jit(BOB, "revoke @alice enough").await;
    fixture.in_time(|_| bob.modal()).await;
    for carried in [r#"{"lock":"everything"}"#, "everything"] {
        let submitted = bob
            .submit_altered(|payload| payload["view"]["private_metadata"] = carried.into())
            .await;
        let Submission::Updated(told) = submitted else {
            panic!("{carried}: {submitted:?}");
        };
        assert!(told.says("Not done"), "{}", told.all_text());
        bob.close_modal().await;
        fixture.jit(BOB, "revoke @alice enough").await;
        fixture.in_time(|_| bob.modal()).await;
    }
    assert!(fixture.admitted(ALICE, SCOPE).await);
}
