//! An approver of some scopes, who wants to decide on others, alone where two have to, after they left, or
//! on what they were not shown.

use futures_util::future::join_all;
use slack_sim::Submission;

use crate::{
    attempts::{answered, count, kinds_when_all_is_done, logged, second_account},
    support::fixture::{ALICE, BOB, CAROL, Fixture, REQUEST, SCOPE, scope},
};

const DBA: &str = "S0DBA";
const VAULT: &str = "vault:open";

/// A catalogue with a scope that Bob does not approve.
async fn with_a_vault() -> Fixture {
    let vault = scope(
        VAULT,
        "The vault",
        "backend = \"bastion\", role = \"vault\"",
    )
    .replace("approvers = [\"dba\"]", "approvers = [\"security\"]");
    Fixture::with(|config| format!("{config}{vault}"), "").await
}

#[tokio::test]
async fn they_cannot_decide_on_another_scope_through_a_card_of_their_own() {
    let fixture = with_a_vault().await;
    let vault = fixture.asked("request vault:open 30m look").await;
    let vault = vault.value_of("approve").unwrap();
    let own = fixture.asked(REQUEST).await;
    let bob = fixture.bob();
    for action in ["approve", "deny"] {
        let click = bob.click_with_value(&own, action, &vault);
        answered(&fixture, BOB, click).await;
        assert!(bob.modal().is_none());
    }
    // A form that was opened for their own card, and names the other request when it comes back.
    bob.click(&own, "deny").await;
    fixture.in_time(|_| bob.modal()).await;
    bob.fill("reason", "reason", "no");
    let submitted = bob
        .submit_altered(|payload| payload["view"]["private_metadata"] = vault.as_str().into())
        .await;
    assert!(!matches!(submitted, Submission::Closed), "{submitted:?}");
    assert_eq!(fixture.kinds().await, ["requested"; 2]);
    assert!(!fixture.admitted(ALICE, VAULT).await);
}

#[tokio::test]
async fn they_cannot_decide_with_a_form_that_they_opened_before_they_left() {
    let fixture = Fixture::start().await;
    let card = fixture.asked(REQUEST).await;
    let bob = fixture.bob();
    bob.click(&card, "deny").await;
    fixture.in_time(|_| bob.modal()).await;
    bob.fill("reason", "reason", "a last word");
    fixture.sim.set_group(DBA, [CAROL]);
    fixture.sim.send_group_change(DBA, &[], &[BOB]).await;
    let submitted = bob.submit().await;
    assert!(!matches!(submitted, Submission::Closed), "{submitted:?}");
    assert_eq!(fixture.kinds().await, ["requested"]);
}

#[tokio::test]
async fn two_accounts_that_click_at_once_are_one_approval() {
    let mut fixture = Fixture::start().await;
    let (second, dba): (_, &[&str]) = ("W0BOB", &[BOB, CAROL]);
    second_account(&fixture, second, "BOB@example.com", &[(DBA, dba)]);
    let card = fixture.asked("request db-prod:admin 15m restore").await;
    let accounts = [fixture.bob(), fixture.person(second)];
    let clicks = (0..10).map(|number| accounts[number % 2].click(&card, "approve"));
    join_all(clicks).await;
    let kinds = kinds_when_all_is_done(&mut fixture).await;
    assert_eq!(kinds, ["requested", "approval_counted"]);
    assert!(!fixture.admitted(ALICE, "db-prod:admin").await);
    assert_eq!(fixture.console.orders("grant"), 0);
}

#[tokio::test]
async fn two_accounts_that_say_yes_and_no_at_once_settle_one_way() {
    let mut fixture = Fixture::start().await;
    let (second, dba): (_, &[&str]) = ("W0BOB", &[BOB, CAROL]);
    second_account(&fixture, second, "bob@example.com", &[(DBA, dba)]);
    let card = fixture.asked(REQUEST).await;
    let (bob, other) = (fixture.bob(), fixture.person(second));
    bob.click(&card, "deny").await;
    fixture.in_time(|_| bob.modal()).await;
    bob.fill("reason", "reason", "no");
    tokio::join!(bob.submit(), other.click(&card, "approve"));
    // The one who was late tries again.
    other.click(&card, "approve").await;
    let kinds = kinds_when_all_is_done(&mut fixture).await;
    let decided = |kind: &str| kinds.iter().filter(|logged| *logged == kind).count();
    assert_eq!(decided("approved") + decided("denied"), 1, "{kinds:?}");
    if decided("denied") == 1 {
        assert!(!fixture.admitted(ALICE, SCOPE).await);
        assert_eq!(fixture.console.orders("grant"), 0);
    }
}

/// The requester has taken back what the card shows, and asks for more.
#[tokio::test]
async fn they_cannot_approve_a_new_request_with_the_card_of_the_old() {
    let fixture = Fixture::start().await;
    let old = fixture.asked(REQUEST).await;
    fixture.jit(ALICE, "withdraw").await;
    logged(&fixture, &["withdrawn"], 1).await;
    let line = "request db-prod:write 1h INC-4211 writes are failing";
    let new = fixture.asked(line).await;
    answered(&fixture, BOB, fixture.bob().click(&old, "approve")).await;
    assert_eq!(count(&fixture, "approved").await, 0);
    // A number that fits no revision counts for nothing either.
    let value = new.value_of("approve").unwrap();
    let (id, _) = value.split_once('.').unwrap();
    for revision in ["0", "2", "4294967296", "-1", "1 ", "01x", ""] {
        let value = format!("{id}.{revision}");
        let bob = fixture.bob();
        let click = bob.click_with_value(&new, "approve", &value);
        answered(&fixture, BOB, click).await;
    }
    assert_eq!(count(&fixture, "approved").await, 0);
    assert!(!fixture.admitted(ALICE, SCOPE).await);
}

#[tokio::test]
async fn they_cannot_end_extend_or_open_what_they_approved() {
    let fixture = Fixture::start().await;
    let grant = fixture.granted(REQUEST).await;
    let bob = fixture.bob();
    for action in ["extend", "done"] {
        answered(&fixture, BOB, bob.click(&grant, action)).await;
        assert!(bob.modal().is_none());
    }
    let value = grant.value_of("done").unwrap();
    for action in ["credentials", "withdraw", "withdraw_extension"] {
        let click = bob.click_altered(&grant, "done", |payload| {
            payload["actions"][0]["action_id"] = action.into();
            payload["actions"][0]["value"] = value.as_str().into();
        });
        answered(&fixture, BOB, click).await;
        assert!(bob.modal().is_none());
    }
    assert!(fixture.admitted(ALICE, SCOPE).await);
    let kinds = fixture.kinds().await;
    assert_eq!(kinds.last().map(String::as_str), Some("activated"));
}
