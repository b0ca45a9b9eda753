//! Looking things up.

use crate::support::fixture::{ALICE, BOB, Fixture, REQUEST, SCOPE, SECURITY};

#[tokio::test]
async fn status_tells_what_is_held_and_what_waits() {
    let fixture = Fixture::start().await;
    fixture.granted(REQUEST).await;
    fixture.asked("request db-prod:read 10m look").await;
    let answer = fixture.answer(ALICE, "status").await;
    assert!(
        answer.says(SCOPE) && answer.says("db-prod:read"),
        "{}",
        answer.all_text()
    );
}

#[tokio::test]
async fn who_tells_who_has_a_scope_and_what_a_person_has() {
    let fixture = Fixture::start().await;
    fixture.granted(REQUEST).await;
    let answer = fixture.answer(BOB, "who db-prod:write").await;
    assert!(answer.says(ALICE), "{}", answer.all_text());
    let answer = fixture.answer(BOB, "who @alice").await;
    assert!(answer.says(SCOPE), "{}", answer.all_text());
}

#[tokio::test]
async fn a_person_is_named_by_a_mention_an_id_an_address_or_as_me() {
    let fixture = Fixture::start().await;
    fixture.granted(REQUEST).await;
    for line in [
        "who @alice",
        "who U0ALICE",
        "who alice@example.com",
        "who ALICE@example.com",
        "who <mailto:alice@example.com|alice@example.com>",
        "status @alice",
        "status alice@example.com",
    ] {
        let answer = fixture.answer(BOB, line).await;
        let text = format!("{line}: {}", answer.all_text());
        assert!(
            answer.says("<@U0ALICE> has:") && answer.says(SCOPE),
            "{text}"
        );
    }
    for line in ["who me", "status me"] {
        let answer = fixture.answer(ALICE, line).await;
        assert!(answer.says(SCOPE), "{line}: {}", answer.all_text());
        let answer = fixture.answer(BOB, line).await;
        assert!(!answer.says(SCOPE), "{line}: {}", answer.all_text());
    }
    for (line, said) in [
        (
            "who nobody@example.com",
            "Keylend hasn't recorded anyone with the address nobody@example.com.",
        ),
        ("status nonsense", "Keylend can't find “nonsense”."),
        ("status db-prod:write", "Who has `db-prod:write`:"),
        ("done me", "Type `/jit done [scope or id]`."),
    ] {
        let answer = fixture.answer(BOB, line).await;
        assert!(answer.says(said), "{line}: {}", answer.all_text());
    }
}

#[tokio::test]
async fn access_is_revoked_and_locked_by_an_id_or_an_address() {
    for line in [
        "revoke U0ALICE no longer needed",
        "revoke alice@example.com no longer needed",
    ] {
        let fixture = Fixture::start().await;
        fixture.granted(REQUEST).await;
        fixture.end(BOB, line).await;
        fixture.told(ALICE, "has ended:").await;
    }
    let fixture = Fixture::start().await;
    fixture.granted(REQUEST).await;
    let unknown = fixture.answer(SECURITY, "lock a@example.com lost").await;
    assert!(unknown.says("hasn't recorded anyone"), "{}", unknown.text);
    let locked = fixture.end(SECURITY, "lock alice@example.com lost").await;
    let told = locked.all_text();
    assert!(told.contains("<@U0ALICE> is locked"), "{told}");
    fixture.told(ALICE, "has ended:").await;
}

#[tokio::test]
async fn a_scope_is_read_in_whatever_marks_it_was_copied_with() {
    for scope in [
        "`db-prod:write`",
        "*db-prod:write*",
        "_db-prod:write_",
        "\"db-prod:write\"",
        "'db-prod:write'",
        "“DB-prod:write”,",
        "db-prod:write\u{200b}",
        "\u{feff}db-prod:write",
    ] {
        let fixture = Fixture::start().await;
        for line in [
            format!("request {scope} 30m INC-1 fix"),
            format!("{scope} 30m INC-1 fix"),
        ] {
            fixture.asked(&line).await;
            let answer = fixture.answer(BOB, &format!("explain {scope}")).await;
            assert!(answer.says("Production database, write"), "{line}");
            fixture.jit(ALICE, &format!("withdraw {scope}")).await;
            fixture.answered(ALICE, "is withdrawn").await;
        }
    }
}

#[tokio::test]
async fn explain_tells_what_a_scope_asks_for() {
    let fixture = Fixture::start().await;
    let answer = fixture.answer(ALICE, "explain db-prod:write").await;
    for words in ["1h", "INC-", "dba", "engineers"] {
        assert!(answer.says(words), "{words}: {}", answer.all_text());
    }
}

#[tokio::test]
async fn an_unknown_word_is_answered_with_the_nearest_command_or_the_help() {
    let fixture = Fixture::start().await;
    let answer = fixture.answer(ALICE, "revok @bob why").await;
    let text = "There's no `/jit revok`. Did you mean `/jit revoke`?";
    assert_eq!(answer.text, text);
    let answer = fixture.answer(ALICE, "make me admin").await;
    assert!(
        answer.says("There's no `/jit make`.") && answer.says("`/jit status` shows"),
        "{}",
        answer.all_text()
    );
}

#[tokio::test]
async fn what_happens_is_counted_for_whoever_runs_it() {
    let fixture = Fixture::start().await;
    fixture.granted(REQUEST).await;
    let (status, page) = fixture.page("/metrics").await;
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

#[tokio::test]
async fn who_tells_what_was_held_at_a_time_where_the_person_is() {
    let fixture = Fixture::start().await;
    fixture
        .sim
        .update_person(BOB, |bob| bob.tz = "Europe/Berlin".to_owned());
    let before = fixture.answer(BOB, "who db-prod:write at 03:00").await;
    assert!(
        before.says("Nobody had `db-prod:write` at"),
        "{}",
        before.text
    );
    fixture.granted(REQUEST).await;
    fixture.advance_minutes(12);
    fixture.jit(ALICE, "done").await;
    fixture.told(ALICE, "has ended:").await;
    fixture.advance_minutes(60);
    for line in [
        "who db-prod:write at 03:10",
        "who db-prod:write at 2099-11-21 03:10",
        "who @alice at 03:10",
        "who console 03:10",
    ] {
        let answer = fixture.answer(BOB, line).await;
        let text = format!("{line}: {}", answer.all_text());
        assert!(
            answer.says("`db-prod:write` of <@U0ALICE> from") && answer.says(BOB),
            "{text}"
        );
    }
    for (line, said) in [
        (
            "who db-prod:write at 03:40",
            "Nobody had `db-prod:write` at",
        ),
        ("who @dave at 03:10", "<@U0DAVE> had nothing at"),
        ("who bastion at 03:10", "Nobody had `bastion` at"),
        (
            "who @alice at 2099-11-22 03:10",
            "is still to come where you are",
        ),
        ("who @alice at noonish", "“noonish” isn't a time."),
    ] {
        let answer = fixture.answer(BOB, line).await;
        assert!(answer.says(said), "{line}: {}", answer.all_text());
    }
}

#[tokio::test]
async fn who_tells_who_has_access_in_a_target_now() {
    let fixture = Fixture::start().await;
    let nobody = fixture.answer(BOB, "who console").await;
    assert_eq!(nobody.text, "Nobody has access in `console` now.");
    fixture.granted(REQUEST).await;
    let answer = fixture.answer(BOB, "who console").await;
    assert!(
        answer.says("<@U0ALICE> has `db-prod:write` until"),
        "{}",
        answer.all_text()
    );
}
