//! A request that nobody can approve: whoever asks and the people who run Keylend hear of it at once.

use std::time::Duration;

use slack_sim::{Person, Submission};

use crate::support::fixture::{
    ALICE, AUDIT, BOB, DAVE, Fixture, GENERAL, GUEST, REQUEST, SCOPE, workspace,
};

const LOOK: &str = "request db-prod:read 10m look";
const NOBODY: &str = "Nobody can approve this request right now";

/// How many messages in the audit channel say these words.
fn times_audited(fixture: &Fixture, words: &str) -> usize {
    let lines = fixture.sim.messages(AUDIT);
    lines.iter().filter(|line| line.says(words)).count()
}

/// Lets the watcher look at everything that waits, twice.
async fn later(fixture: &Fixture) {
    for _ in 0..60 {
        fixture.clock.advance(Duration::from_secs(10));
        fixture.page("/healthz").await;
    }
}

#[tokio::test]
async fn an_empty_group_is_told_to_the_requester_and_once_to_the_audit_channel() {
    let fixture = Fixture::start().await;
    fixture.sim.set_group("S0DBA", [""; 0]);
    let answer = fixture.answer(ALICE, LOOK).await;
    let words = format!(
        "{NOBODY}: `dba` has no members. Keylend alerts the people who run it; ask them to add"
    );
    assert!(answer.says(&words), "{}", answer.text);
    fixture
        .audited(
            ": Nobody can approve a request for db-prod:read: dba has no members. Add approvers",
        )
        .await;

    let answer = fixture.answer(DAVE, LOOK).await;
    assert!(answer.says(&words), "{}", answer.text);
    later(&fixture).await;
    let alerts = times_audited(&fixture, "*Alert* `nobody_can_approve:db-prod:read`");
    assert_eq!(alerts, 1, "{}", fixture.sim.describe());

    fixture.sim.set_group("S0DBA", [BOB]);
    fixture
        .audited("*Cleared* `nobody_can_approve:db-prod:read`")
        .await;
    let card = fixture.open_card().await;
    fixture.bob().click(&card, "approve").await;
    fixture.in_time(|_| fixture.grants(ALICE).pop()).await;
}

#[tokio::test]
async fn the_only_approver_is_told_that_they_cannot_approve_their_own_request() {
    let fixture = Fixture::start().await;
    fixture.sim.set_group("S0DBA", [BOB]);
    let answer = fixture.answer(BOB, REQUEST).await;
    let words = format!("{NOBODY}: you are the only member of `dba`.");
    assert!(answer.says(&words), "{}", answer.text);
    fixture
        .audited(&format!(
            "Nobody can approve a request for {SCOPE}: the requester is the only member of dba"
        ))
        .await;
}

#[tokio::test]
async fn a_second_account_of_the_requester_is_no_other_approver() {
    let again = Person::member("U0ALICE2", "alice2").email("alice@example.com");
    let fixture = Fixture::of(workspace().person(again)).await;
    fixture.sim.set_group("S0DBA", ["U0ALICE2"]);
    let answer = fixture.answer(ALICE, LOOK).await;
    assert!(
        answer.says("you are the only member of `dba`"),
        "{}",
        answer.text
    );
}

#[tokio::test]
async fn two_approvals_of_one_approver_are_told_to_be_too_many() {
    let fixture = Fixture::start().await;
    fixture.sim.set_group("S0DBA", [BOB, GUEST]);
    let line = "request db-prod:admin 15m look";
    let answer = fixture.answer(ALICE, line).await;
    let words = "This request needs 2 approvals, and only 1 of `dba` can give one right now.";
    assert!(answer.says(words), "{}", answer.text);
    fixture
        .audited("A request for db-prod:admin needs 2 approvals, and only 1 of dba can approve it")
        .await;
}

#[tokio::test]
async fn members_who_may_not_approve_are_nobody() {
    let fixture = Fixture::start().await;
    fixture.sim.set_group("S0DBA", [GUEST]);
    let answer = fixture.answer(ALICE, LOOK).await;
    let words = format!("{NOBODY}: nobody else in `dba` is allowed to.");
    assert!(answer.says(&words), "{}", answer.text);
    fixture
        .audited("db-prod:read: no member of dba is allowed to")
        .await;
}

#[tokio::test]
async fn the_form_says_so_too() {
    let fixture = Fixture::start().await;
    fixture.sim.set_group("S0DBA", [""; 0]);
    let alice = fixture.alice();
    alice
        .command(GENERAL, "/jit", "request db-prod:write INC-77")
        .await;
    fixture.sim.wait_until(|_| alice.modal()).await;
    alice.fill("reason", "reason", "slow queries");
    let submitted = alice.submit().await;
    assert!(!matches!(submitted, Submission::Closed), "{submitted:?}");
    let shown = fixture
        .sim
        .wait_until(|_| alice.modal().filter(|modal| modal.says(NOBODY)))
        .await;
    assert!(shown.says("You requested"), "{}", shown.all_text());
}

/// Somebody has access, and whoever could give them more time leaves.
async fn without_approvers() -> Fixture {
    let fixture = Fixture::start().await;
    fixture.granted(REQUEST).await;
    fixture.sim.set_group("S0DBA", [""; 0]);
    // What is known of the group is believed for a minute.
    fixture.advance_minutes(2);
    fixture
}

#[tokio::test]
async fn more_time_that_nobody_can_approve_is_told_at_once_to_the_requester_and_the_audit_channel()
{
    let fixture = without_approvers().await;
    let answer = fixture.answer(ALICE, "extend 10m slow index").await;
    assert!(answer.says("You requested 10m more"), "{}", answer.text);
    let words = format!("{NOBODY}: `dba` has no members.");
    assert!(answer.says(&words), "{}", answer.text);
    let words = "your access still ends at the same time";
    assert!(answer.says(words), "{}", answer.text);
    let alert =
        format!(": Nobody can approve a request for more time with {SCOPE}: dba has no members");
    fixture.audited(&alert).await;
    let name = format!("*Alert* `nobody_can_approve:{SCOPE}`");
    assert_eq!(times_audited(&fixture, &name), 1);
    fixture.sim.set_group("S0DBA", [BOB]);
    fixture
        .audited(&format!("*Cleared* `nobody_can_approve:{SCOPE}`"))
        .await;
}

#[tokio::test]
async fn the_form_for_more_time_says_so_too() {
    let fixture = without_approvers().await;
    let alice = fixture.alice();
    let grant = fixture.grants(ALICE).pop().unwrap();
    alice.click(&grant, "extend").await;
    fixture.in_time(|_| alice.modal()).await;
    alice.fill("duration", "duration", "10m");
    alice.fill("reason", "reason", "slow index");
    let submitted = alice.submit().await;
    assert!(!matches!(submitted, Submission::Closed), "{submitted:?}");
    let shown = fixture
        .sim
        .wait_until(|_| alice.modal().filter(|modal| modal.says(NOBODY)))
        .await;
    assert!(shown.says("You requested 10m more"), "{}", shown.all_text());
}

#[tokio::test]
async fn more_time_that_somebody_can_approve_is_nothing_to_tell() {
    let fixture = Fixture::start().await;
    fixture.granted(REQUEST).await;
    let answer = fixture.answer(ALICE, "extend 10m slow index").await;
    assert!(!answer.says(":warning:"), "{}", answer.text);
    assert_eq!(times_audited(&fixture, "*Alert*"), 0);
}

#[tokio::test]
async fn a_group_that_cannot_be_read_is_not_said_to_be_empty() {
    let fixture = Fixture::start().await;
    fixture.sim.remove_group("S0DBA");
    let answer = fixture.answer(ALICE, LOOK).await;
    assert!(answer.says("You requested"), "{}", answer.text);
    assert!(!answer.says("approve this request"), "{}", answer.text);
    fixture.audited("*Alert* `group_unavailable:dba`").await;
    later(&fixture).await;
    assert_eq!(times_audited(&fixture, "nobody_can_approve"), 0);
}

#[tokio::test]
async fn enough_approvers_are_nothing_to_tell() {
    let fixture = Fixture::start().await;
    for line in [LOOK, "request db-prod:admin 15m look"] {
        let answer = fixture.answer(ALICE, line).await;
        assert!(!answer.says(":warning:"), "{}", answer.text);
    }
    later(&fixture).await;
    assert_eq!(times_audited(&fixture, "*Alert*"), 0);
}

/// Whom an operator's rule names, by a group or by their id, counts as an approver.
#[tokio::test]
async fn approvers_of_an_operator_s_rule_count() {
    for principal in [
        "principal in Group::\"security\"",
        "principal == User::\"U0DAVE\"",
    ] {
        let rule = format!(
            "@id(\"others\") permit ({principal}, action == Action::\"approve\", \
             resource == Scope::\"db-prod:read\");"
        );
        let fixture = Fixture::with(|config| config.to_owned(), &rule).await;
        fixture.sim.set_group("S0DBA", [""; 0]);
        let answer = fixture.answer(ALICE, LOOK).await;
        assert!(!answer.says(NOBODY), "{}", answer.text);
        let answer = fixture.answer(ALICE, REQUEST).await;
        assert!(answer.says(NOBODY), "{}", answer.text);
    }
}

#[tokio::test]
async fn what_a_rule_approves_needs_nobody() {
    let rule = "@id(\"reads\") permit (principal, action == Action::\"auto_approve\", \
                resource == Scope::\"db-prod:read\");";
    let fixture = Fixture::with(|config| config.to_owned(), rule).await;
    fixture.sim.set_group("S0DBA", [""; 0]);
    let answer = fixture.answer(ALICE, LOOK).await;
    assert!(answer.says("You requested"), "{}", answer.text);
    assert!(!answer.says(NOBODY), "{}", answer.text);
}
