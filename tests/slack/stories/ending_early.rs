//! Ending access before its time: done, revoke, lock.

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
        fixture.jit(BOB, line).await;
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
        .jit(SECURITY, "lock @alice her laptop is gone")
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
        .jit(SECURITY, "lock everything we are under attack")
        .await;
    fixture.told(ALICE, "has ended: locked by").await;
    assert!(!fixture.console.admits("alice"));
}
