//! Locks that end by themselves, and the list of those in force.

use slack_sim::Submission;

use crate::support::fixture::{ALICE, BOB, DAVE, Fixture, REQUEST, SCOPE, SECURITY};

#[tokio::test]
async fn a_lock_with_a_duration_is_lifted_by_keylend_when_its_time_is_over() {
    let fixture = Fixture::start().await;
    fixture.granted(REQUEST).await;
    let told = fixture.end(SECURITY, "lock @alice for 2h a leak").await;
    assert!(told.says("The lock ends"), "{}", told.all_text());
    fixture.told(ALICE, "has ended: locked by").await;
    fixture.audited("locked by <@U0SEC> until").await;
    fixture.advance_minutes(100);
    fixture.jit(ALICE, REQUEST).await;
    fixture.answered(ALICE, "locked").await;
    assert!(!fixture.kinds().await.contains(&"unlocked".to_owned()));

    fixture.advance_minutes(25);
    fixture
        .audited("unlocked: the time of the lock is over")
        .await;
    fixture
        .granted("request db-prod:write 30m INC-9 again")
        .await;
    assert!(fixture.admitted(ALICE, SCOPE).await);
}

#[tokio::test]
async fn the_form_shows_for_how_long_and_refuses_what_is_no_duration() {
    let fixture = Fixture::start().await;
    let security = fixture.person(SECURITY);
    fixture.jit(SECURITY, "lock everything 2h a leak").await;
    let form = fixture.in_time(|_| security.modal()).await;
    assert!(
        form.all_text().contains("For how long"),
        "{}",
        form.all_text()
    );
    security.fill("duration", "duration", "a while");
    assert!(matches!(security.submit().await, Submission::Errors(_)));
    security.fill("duration", "duration", "");
    let Submission::Updated(told) = security.submit().await else {
        panic!("the lock was not set");
    };
    assert!(
        told.says("`/jit unlock` lifts the lock."),
        "{}",
        told.all_text()
    );
}

#[tokio::test]
async fn a_second_lock_of_the_same_target_does_not_end_earlier() {
    let fixture = Fixture::start().await;
    fixture.end(SECURITY, "lock db-prod:write 3h a leak").await;
    fixture.end(SECURITY, "lock db-prod:write 1h again").await;
    fixture.advance_minutes(100);
    fixture.jit(ALICE, REQUEST).await;
    fixture.answered(ALICE, "locked").await;
    fixture.end(SECURITY, "lock db-prod:write for good").await;
    fixture.end(SECURITY, "lock db-prod:write 1h again").await;
    fixture.advance_minutes(1_000);
    fixture
        .jit(ALICE, "db-prod:write 30m INC-2 once more")
        .await;
    fixture
        .in_time(|_| {
            let heard = fixture.alice().ephemerals();
            (heard.iter().filter(|answer| answer.says("locked")).count() >= 2).then_some(())
        })
        .await;
}

#[tokio::test]
async fn lock_alone_lists_the_locks_in_force_for_administrators() {
    let fixture = Fixture::start().await;
    let none = fixture.answer(SECURITY, "lock").await;
    assert_eq!(none.text, "No lock is in force.");
    fixture.end(SECURITY, "lock @alice a <!channel> leak").await;
    fixture.end(SECURITY, "lock db-prod:write 2h a leak").await;
    let listed = fixture.answer(SECURITY, "lock").await;
    for words in [
        "<@U0ALICE> is locked by <@U0SEC> since",
        "until somebody lifts it (a !channel leak)",
        "type `/jit unlock U0ALICE`",
        "`db-prod:write` is locked by <@U0SEC>",
        "type `/jit unlock db-prod:write`",
    ] {
        assert!(listed.says(words), "{words}: {}", listed.all_text());
    }
    assert!(!listed.says("<!channel"), "{}", listed.all_text());
    let refused = fixture.answer(DAVE, "lock").await;
    assert!(refused.says("Type `/jit lock"), "{}", refused.all_text());
    assert!(!refused.says("in force"), "{}", refused.all_text());
}

#[tokio::test]
async fn the_card_of_what_waits_says_that_it_is_locked_and_until_when() {
    let fixture = Fixture::start().await;
    let card = fixture.asked(REQUEST).await;
    fixture.end(SECURITY, "lock db-prod:write 2h a leak").await;
    fixture.shows(&card, "*Locked until <!date^").await;
    fixture.end(SECURITY, "lock everything a leak").await;
    fixture
        .shows(&card, "*Locked*. Nobody can approve this")
        .await;
    fixture.bob().click(&card, "approve").await;
    fixture.answered(BOB, "locked").await;
    fixture.jit(SECURITY, "unlock everything").await;
    fixture.shows(&card, "*Locked until <!date^").await;
    fixture.jit(SECURITY, "unlock db-prod:write").await;
    fixture
        .in_time(|sim| {
            sim.message(&card.channel, &card.ts)
                .filter(|now| !now.says("Locked"))
        })
        .await;
}

#[tokio::test]
async fn a_lock_of_a_target_covers_every_scope_with_something_in_it() {
    let fixture = Fixture::start().await;
    fixture.granted(REQUEST).await;
    let nothing = fixture.answer(SECURITY, "lock mainframe a leak").await;
    assert!(nothing.says("can't find"), "{}", nothing.text);
    let told = fixture.end(SECURITY, "lock console a leak").await;
    assert!(
        told.says("Target `console` is locked. 1 active grant is being revoked."),
        "{}",
        told.all_text()
    );
    fixture.told(ALICE, "has ended: locked by").await;
    fixture
        .audited("*Target `console`* locked by <@U0SEC>")
        .await;
    fixture.jit(ALICE, "db-prod:write 30m INC-2 again").await;
    fixture.answered(ALICE, "locked").await;
    // It has nothing in that target.
    fixture.asked("request db-prod:read 10m look").await;
    fixture.jit(SECURITY, "unlock console").await;
    fixture
        .answered(SECURITY, "Target `console` is unlocked")
        .await;
    fixture
        .granted("request db-prod:write 30m INC-3 once more")
        .await;
}
