//! Access to a scope that has left the catalogue is seen, revoked and locked by the scope's name.

use crate::support::fixture::{ALICE, DAVE, Fixture, REQUEST, SECURITY};

/// Alice has access to a scope that the configuration no longer lists.
async fn alice_has_a_former_scope() -> Fixture {
    let mut fixture = Fixture::start().await;
    fixture.granted(REQUEST).await;
    fixture.stop().await;
    let renamed = |config: &str| config.replace("\"db-prod:write\"", "\"db-prod:change\"");
    fixture.reconfigure(renamed);
    fixture.boot().await;
    fixture
}

#[tokio::test]
async fn who_lists_those_who_have_it_and_says_that_it_is_no_longer_in_the_catalogue() {
    let fixture = alice_has_a_former_scope().await;
    fixture.jit(DAVE, "who `db-prod:write`").await;
    let told = fixture
        .answered(DAVE, "which is no longer in the catalogue")
        .await;
    assert!(told.says("U0ALICE"), "{}", told.all_text());
}

#[tokio::test]
async fn an_administrator_revokes_it_and_its_holder_ends_it() {
    let fixture = alice_has_a_former_scope().await;
    fixture
        .end(SECURITY, "revoke db-prod:write it was renamed")
        .await;
    fixture.told(ALICE, "has ended:").await;
    assert!(!fixture.console.admits("alice"));

    let fixture = alice_has_a_former_scope().await;
    fixture.jit(ALICE, "done db-prod:write").await;
    fixture.told(ALICE, "has ended:").await;
    assert!(!fixture.console.admits("alice"));
}

#[tokio::test]
async fn an_administrator_locks_and_unlocks_it_and_then_the_name_means_nothing() {
    let fixture = alice_has_a_former_scope().await;
    fixture.jit(DAVE, "lock db-prod:write it was renamed").await;
    fixture.answered(DAVE, "administrator").await;
    assert!(fixture.console.admits("alice"));

    fixture
        .end(SECURITY, "lock db-prod:write it was renamed")
        .await;
    fixture.told(ALICE, "has ended: locked by").await;
    assert!(!fixture.console.admits("alice"));
    fixture.jit(SECURITY, "unlock db-prod:write").await;
    fixture.answered(SECURITY, "nlocked").await;
    fixture.jit(DAVE, "who db-prod:write").await;
    fixture.answered(DAVE, "Keylend can't find").await;
}
