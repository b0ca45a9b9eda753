//! Looking things up.

use crate::support::stage::{ALICE, BOB, REQUEST, SCOPE, Stage};

#[tokio::test]
async fn status_tells_what_is_held_and_what_waits() {
    let stage = Stage::start().await;
    stage.granted(REQUEST).await;
    stage.asked("request db-prod:read 10m look").await;
    let answer = stage.answer(ALICE, "status").await;
    assert!(
        answer.says(SCOPE) && answer.says("db-prod:read"),
        "{}",
        answer.all_text()
    );
}

#[tokio::test]
async fn who_tells_who_has_a_scope_and_what_a_person_has() {
    let stage = Stage::start().await;
    stage.granted(REQUEST).await;
    let answer = stage.answer(BOB, "who db-prod:write").await;
    assert!(answer.says(ALICE), "{}", answer.all_text());
    let answer = stage.answer(BOB, "who @alice").await;
    assert!(answer.says(SCOPE), "{}", answer.all_text());
}

#[tokio::test]
async fn explain_tells_what_a_scope_asks_for() {
    let stage = Stage::start().await;
    let answer = stage.answer(ALICE, "explain db-prod:write").await;
    for words in ["1h", "INC-", "dba", "engineers"] {
        assert!(answer.says(words), "{words}: {}", answer.all_text());
    }
}

#[tokio::test]
async fn an_unknown_word_is_answered_with_the_nearest_command_or_the_help() {
    let stage = Stage::start().await;
    let answer = stage.answer(ALICE, "revok @bob why").await;
    let text = "There's no `/jit revok`. Did you mean `/jit revoke`?";
    assert_eq!(answer.text, text);
    let answer = stage.answer(ALICE, "make me admin").await;
    assert!(
        answer.says("There's no `/jit make`.") && answer.says("`/jit status` shows"),
        "{}",
        answer.all_text()
    );
}

#[tokio::test]
async fn what_happens_is_counted_for_whoever_runs_it() {
    let stage = Stage::start().await;
    stage.granted(REQUEST).await;
    let (status, page) = stage.page("/metrics").await;
    assert_eq!(status, 200);
    for line in [
        "keylend_requests_total{outcome=\"asked\"} 1",
        "keylend_requests_total{outcome=\"activated\"} 1",
        "keylend_grants_active 1",
        "keylend_acknowledgement_seconds_count 2",
    ] {
        assert!(page.contains(line), "{line} is missing in\n{page}");
    }
}
