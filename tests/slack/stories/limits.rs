//! What happens when there is more to say than Slack lets be said at once, and how much one person
//! can give it to say.

use futures_util::future::join_all;

use crate::support::fixture::{ALICE, APPROVALS, DAVE, Fixture, Has, workspace};

#[tokio::test]
async fn a_burst_beyond_slacks_limits_is_said_all_the_same() {
    let ten = |config: &str| config.replace("[limits]", "[limits]\nmax_pending_per_scope = 10");
    let fixture = Fixture::set(workspace().rate_limits(true), ten, "").await;
    for number in 0..10 {
        let line = format!("request db-prod:read 10m look {number}");
        fixture.jit(ALICE, &line).await;
    }
    // The clock stands, so that the sixth card is one too many.
    fixture
        .sim
        .wait_until(|sim| {
            let mut calls = sim.calls_of("chat.postMessage").into_iter();
            calls.find(|call| call.error.as_deref() == Some("ratelimited"))
        })
        .await;
    let cards = |fixture: &Fixture| {
        let said = fixture.sim.messages(APPROVALS);
        said.iter().filter(|card| card.has("approve")).count()
    };
    fixture
        .in_time(|_| (cards(&fixture) == 10).then_some(()))
        .await;
    let calls = fixture.sim.calls_of("chat.postMessage");
    let said = calls
        .iter()
        .filter(|call| call.ok && call.args["channel"] == APPROVALS);
    assert_eq!(said.count(), 10, "each once");
}

/// As many requests of one person as this may be pending.
fn pending(all: u32, of_one_scope: u32) -> impl Fn(&str) -> String {
    move |config| {
        let limits = format!(
            "[limits]\nmax_pending_per_person = {all}\nmax_pending_per_scope = {of_one_scope}"
        );
        config.replace("[limits]", &limits)
    }
}

#[tokio::test]
async fn one_more_request_than_may_be_pending_is_refused_with_what_can_be_withdrawn() {
    let fixture = Fixture::with(pending(3, 2), "").await;
    fixture.asked("request db-prod:read 10m one").await;
    fixture.asked("request db-prod:read 10m two").await;
    let of_scope = fixture
        .answer(ALICE, "request db-prod:read 10m three")
        .await;
    assert!(
        of_scope.says("You have 2 pending requests for `db-prod:read`"),
        "{}",
        of_scope.text
    );
    fixture.asked("request db-prod:write 30m INC-1 fix").await;
    let of_all = fixture.answer(ALICE, "request db-prod:admin 15m fix").await;
    assert!(
        of_all.says("You have 3 pending requests"),
        "{}",
        of_all.text
    );
    assert!(
        of_all.says("• `db-prod:write`: `/jit withdraw "),
        "{}",
        of_all.text
    );
    // Nobody else is concerned.
    fixture.jit(DAVE, "request db-prod:read 10m four").await;
    fixture.until_logged("requested", 4).await;

    let withdraw = of_scope.text.lines().last().unwrap();
    let withdraw = withdraw.split("`/jit ").nth(1).unwrap();
    fixture.jit(ALICE, withdraw.trim_end_matches('`')).await;
    fixture.answered(ALICE, "is withdrawn").await;
    fixture.asked("request db-prod:read 10m three").await;
    let kinds = fixture.until_logged("requested", 5).await;
    assert_eq!(kinds.len(), 6, "{kinds:?}");
}

#[tokio::test]
async fn a_rule_s_approval_makes_nobody_wait_and_needs_no_room() {
    let rule = r#"
@id("reading")
@reason("Anybody may read.")
permit (principal, action == Action::"auto_approve", resource)
when { resource.action == "read" };
"#;
    let fixture = Fixture::with(pending(1, 1), rule).await;
    fixture.asked("request db-prod:write 30m INC-1 fix").await;
    fixture.jit(ALICE, "request db-prod:read 10m look").await;
    fixture.until_logged("activated", 1).await;
    assert!(fixture.admitted(ALICE, "db-prod:read").await);
}

#[tokio::test]
async fn of_thirty_requests_that_race_as_many_are_made_as_may_be_pending() {
    let fixture = Fixture::with(pending(4, 30), "").await;
    let lines: Vec<String> = (0..30)
        .map(|number| format!("request db-prod:read 10m look {number}"))
        .collect();
    join_all(lines.iter().map(|line| fixture.jit(ALICE, line))).await;
    let alice = fixture.alice();
    fixture
        .in_time(|_| (alice.ephemerals().len() == 30).then_some(()))
        .await;
    let kinds = fixture.kinds().await;
    assert_eq!(kinds, ["requested"; 4]);
    let refused = alice.ephemerals();
    let refused = refused
        .iter()
        .filter(|told| told.says("You have 4 pending requests"));
    assert_eq!(refused.count(), 26);
}

#[tokio::test]
async fn withdrawing_and_requesting_again_has_a_limit_for_an_hour() {
    let three = |config: &str| config.replace("[limits]", "[limits]\nmax_requests_per_hour = 3");
    let mut fixture = Fixture::with(three, "").await;
    for minutes in [0, 10, 10] {
        fixture.advance_minutes(minutes);
        fixture.asked("request db-prod:read 10m look").await;
        let told = fixture.answer(ALICE, "withdraw").await;
        assert!(told.says("is withdrawn"), "{}", told.text);
    }
    let refused = fixture.answer(ALICE, "request db-prod:read 10m look").await;
    assert!(
        refused.says("You have made 3 requests within an hour"),
        "{}",
        refused.text
    );
    assert!(refused.says("Try again in "), "{}", refused.text);
    // Nobody else is concerned.
    fixture.jit(DAVE, "request db-prod:read 10m look").await;
    fixture.until_logged("requested", 4).await;

    fixture.stop().await;
    fixture.boot().await;
    fixture.advance_minutes(38);
    let refused = fixture.answer(ALICE, "request db-prod:read 10m look").await;
    assert!(refused.says("You have made 3 requests"), "{}", refused.text);
    fixture.advance_minutes(2);
    fixture.asked("request db-prod:read 10m look").await;
}
