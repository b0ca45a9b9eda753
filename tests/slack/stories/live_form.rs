//! The form while it is filled in: it says what becomes of the request, and offers what the person may
//! request.

use std::time::Duration;

use serde_json::{Value, json};
use slack_sim::{Actor, Fault, Submission, View};

use crate::support::fixture::{ALICE, BOB, DAVE, Fixture, SCOPE};

/// A rule approves up to twenty minutes of reading.
const AUTO: &str = r#"
@id("auto-reading")
permit (principal, action == Action::"auto_approve", resource)
when { resource.action == "read" && context.duration <= 1200 };
"#;

/// Only DBAs may request `db-prod:admin`; Bob is one, Alice and Dave are none.
fn admin_for_dbas(config: &str) -> String {
    let engineers = "max_duration = \"30m\"\nrequesters = [\"engineers\"]";
    assert_eq!(config.matches(engineers).count(), 1);
    config.replace(engineers, "max_duration = \"30m\"\nrequesters = [\"dba\"]")
}

async fn opened(fixture: &Fixture, person: &str) -> Actor {
    fixture.jit(person, "").await;
    let actor = fixture.person(person);
    fixture.sim.wait_until(|_| actor.modal()).await;
    actor
}

/// Waits until the form says this.
async fn says(fixture: &Fixture, actor: &Actor, words: &str) -> View {
    fixture
        .sim
        .wait_until(|_| actor.modal().filter(|form| form.says(words)))
        .await
}

/// Searches until exactly these are offered, in this order. On a machine that is busy, everything that matches
/// may be offered instead.
async fn offers(actor: &Actor, typed: &str, scopes: &[&str]) {
    let mut offered = Vec::new();
    for _ in 0..200 {
        let found = actor.suggest("scope", typed).await;
        offered = found.into_iter().map(|(_, id)| id).collect();
        if offered == scopes {
            return;
        }
    }
    panic!("{typed:?} offers {offered:?}");
}

/// A choice that nobody offered.
fn option(scope: &str) -> Value {
    json!({ "text": { "type": "plain_text", "text": scope }, "value": scope })
}

#[tokio::test]
async fn the_form_follows_the_scope_and_the_duration_with_who_is_asked_and_which_rule_approves() {
    let fixture = Fixture::with(|config| config.to_owned(), AUTO).await;
    let alice = opened(&fixture, ALICE).await;
    alice.select("scope", option(SCOPE)).await;
    let form = says(&fixture, &alice, "Needs 1 approval by `dba`").await;
    assert!(!form.says("couldn't check"), "{}", form.all_text());

    alice.select("scope", option("db-prod:read")).await;
    let approved = "The rule `auto-reading` approves this at once, for 10m.";
    let form = says(&fixture, &alice, approved).await;
    assert!(!form.says("Needs 1 approval"), "{}", form.all_text());

    alice.select("duration", "45m").await;
    says(&fixture, &alice, "Needs 1 approval by `dba`").await;
    alice.select("duration", "3h").await;
    let refused = "You can't request this now. The duration can be at most 2h for db-prod:read. You \
                   requested 3h.";
    says(&fixture, &alice, refused).await;
    // It is being typed.
    alice.select("duration", "20").await;
    alice.select("duration", "20m").await;
    says(&fixture, &alice, "approves this at once, for 20m.").await;

    assert!(matches!(alice.submit().await, Submission::Closed));
    let kinds = fixture.until_logged("activated", 1).await;
    assert_eq!(&kinds[..2], ["requested", "approved"], "{kinds:?}");
}

#[tokio::test]
async fn a_form_that_opens_with_a_scope_says_what_becomes_of_it_as_if_a_ticket_were_typed() {
    let rule = r#"
@id("ticketed")
permit (principal, action == Action::"auto_approve", resource == Scope::"db-prod:write")
when { context.ticket == Ticket::"given" };
"#;
    let fixture = Fixture::with(|config| config.to_owned(), rule).await;
    fixture
        .jit(ALICE, "request db-prod:write slow queries")
        .await;
    let alice = fixture.alice();
    let approved = "The rule `ticketed` approves this at once, for 30m.";
    says(&fixture, &alice, approved).await;
}

#[tokio::test]
async fn a_scope_that_somebody_may_not_request_is_not_offered_and_the_form_says_why() {
    let fixture = Fixture::with(admin_for_dbas, "").await;
    let bob = opened(&fixture, BOB).await;
    offers(&bob, "prod adm", &["db-prod:admin"]).await;
    let alice = opened(&fixture, ALICE).await;
    offers(&alice, "prod adm", &[]).await;
    offers(&alice, "", &["db-prod:read", SCOPE, "lab:use"]).await;

    alice.select("scope", option("db-prod:admin")).await;
    let why = "You're not in a group that can request db-prod:admin.";
    says(&fixture, &alice, why).await;
    alice.fill("reason", "reason", "fix");
    let Submission::Errors(errors) = alice.submit().await else {
        panic!("the submission decides");
    };
    assert!(errors["scope"].contains(why), "{errors:?}");
    // Neither is an attempt.
    assert!(fixture.kinds().await.is_empty());
}

#[tokio::test]
async fn a_rule_that_lets_somebody_request_a_scope_has_it_offered() {
    let rule = r#"
@id("tickets-open-doors")
permit (principal, action in [Action::"request", Action::"receive"], resource == Scope::"db-prod:admin")
when { context.ticket == Ticket::"given" };
@id("no-labs")
@reason("The lab is closed.")
forbid (principal in Group::"engineers", action == Action::"request", resource == Scope::"lab:use");
"#;
    let fixture = Fixture::with(admin_for_dbas, rule).await;
    let alice = opened(&fixture, ALICE).await;
    offers(&alice, "", &["db-prod:admin", "db-prod:read", SCOPE]).await;
}

#[tokio::test]
async fn what_somebody_requested_last_is_offered_first() {
    let fixture = Fixture::start().await;
    fixture.asked("request lab:use 10m look").await;
    fixture.answer(ALICE, "withdraw").await;
    fixture.clock.advance(Duration::from_secs(60));
    fixture.asked("request db-prod:write 30m INC-9 fix").await;
    let alice = opened(&fixture, ALICE).await;
    let all = [SCOPE, "lab:use", "db-prod:admin", "db-prod:read"];
    offers(&alice, "", &all).await;
    offers(&alice, "prod", &[SCOPE, "db-prod:admin", "db-prod:read"]).await;
    let dave = opened(&fixture, DAVE).await;
    let all = ["db-prod:admin", "db-prod:read", SCOPE, "lab:use"];
    offers(&dave, "", &all).await;
}

#[tokio::test]
async fn while_slack_does_not_tell_groups_everything_is_offered_and_the_form_says_that_it_cannot_tell()
 {
    let fixture = Fixture::with(admin_for_dbas, "").await;
    let silent = Fault::error("internal_error");
    fixture
        .sim
        .fault("usergroups.users.list", silent, usize::MAX);
    let alice = opened(&fixture, ALICE).await;
    let all = ["db-prod:admin", "db-prod:read", SCOPE, "lab:use"];
    offers(&alice, "", &all).await;
    alice.select("scope", "db-prod:admin").await;
    let form = says(
        &fixture,
        &alice,
        "couldn't check whether you can request this",
    )
    .await;
    assert!(
        form.says("Needs 2 approvals by `dba`"),
        "{}",
        form.all_text()
    );
    alice.fill("reason", "reason", "fix");
    let Submission::Errors(errors) = alice.submit().await else {
        panic!("what is unknown is refused");
    };
    assert!(errors["scope"].contains("dba"), "{errors:?}");
}
