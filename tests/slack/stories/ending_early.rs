//! Ending access before its time: done, revoke, lock.

use crate::support::stage::{ALICE, BOB, DAVE, REQUEST, SCOPE, SECURITY, Stage};

#[tokio::test]
async fn done_ends_it_by_scope_or_by_itself() {
    for line in ["done db-prod:write", "done"] {
        let stage = Stage::start().await;
        stage.granted(REQUEST).await;
        stage.jit(ALICE, line).await;
        stage.told(ALICE, "has ended:").await;
        assert!(!stage.console.admits("alice"));
        assert!(!stage.admitted(ALICE, SCOPE).await);
    }
}

#[tokio::test]
async fn an_approver_revokes_by_person_or_by_scope() {
    for line in [
        "revoke @alice no longer needed",
        "revoke db-prod:write no longer needed",
    ] {
        let stage = Stage::start().await;
        stage.granted(REQUEST).await;
        stage.jit(BOB, line).await;
        let told = stage.told(ALICE, "has ended:").await;
        assert!(told.says("no longer needed"), "{}", told.all_text());
        assert!(!stage.console.admits("alice"));
    }
}

#[tokio::test]
async fn nobody_else_revokes() {
    let stage = Stage::start().await;
    stage.granted(REQUEST).await;
    stage.jit(DAVE, "revoke db-prod:write mine now").await;
    stage.answered(DAVE, "approver-group").await;
    assert!(stage.admitted(ALICE, SCOPE).await);
}

#[tokio::test]
async fn a_lock_ends_what_it_covers_and_keeps_it_shut_until_it_is_lifted() {
    let stage = Stage::start().await;
    stage.granted(REQUEST).await;
    let waiting = stage.asked("request db-prod:read 10m look").await;
    stage.jit(SECURITY, "lock @alice her laptop is gone").await;
    stage.told(ALICE, "has ended: locked by").await;
    assert!(!stage.console.admits("alice"));
    stage.audited("her laptop is gone").await;

    stage.bob().click(&waiting, "approve").await;
    stage.answered(BOB, "locked").await;
    stage.jit(ALICE, REQUEST).await;
    stage.answered(ALICE, "locked").await;

    stage.jit(SECURITY, "unlock @alice").await;
    stage.answered(SECURITY, "nlocked").await;
    stage.granted("request db-prod:write 30m INC-9 again").await;
}

#[tokio::test]
async fn everything_can_be_locked_and_only_by_an_administrator() {
    let stage = Stage::start().await;
    stage.granted(REQUEST).await;
    stage.jit(DAVE, "lock everything please").await;
    stage.answered(DAVE, "administrator").await;
    assert!(stage.admitted(ALICE, SCOPE).await);
    stage
        .jit(SECURITY, "lock everything we are under attack")
        .await;
    stage.told(ALICE, "has ended: locked by").await;
    assert!(!stage.console.admits("alice"));
}
