//! Looking things up.

use crate::support::stage::{ALICE, BOB, REQUEST, SCOPE, Stage};

#[tokio::test]
async fn status_tells_what_is_held_and_what_waits() {
    let stage = Stage::start().await;
    stage.granted(REQUEST).await;
    stage.asked("request db-prod:read 10m look").await;
    stage.jit(ALICE, "status").await;
    let answer = stage.answered(ALICE, "db-prod:read").await;
    assert!(answer.says(SCOPE), "{}", answer.all_text());
}

#[tokio::test]
async fn who_tells_who_has_a_scope_and_what_a_person_has() {
    let stage = Stage::start().await;
    stage.granted(REQUEST).await;
    stage.jit(BOB, "who db-prod:write").await;
    stage.answered(BOB, ALICE).await;
    stage.jit(BOB, "who @alice").await;
    stage.answered(BOB, SCOPE).await;
}

#[tokio::test]
async fn explain_tells_what_a_scope_asks_for() {
    let stage = Stage::start().await;
    stage.jit(ALICE, "explain db-prod:write").await;
    let answer = stage.answered(ALICE, "Production database, write").await;
    for words in ["1h", "INC-", "dba", "engineers"] {
        assert!(answer.says(words), "{words}: {}", answer.all_text());
    }
}
