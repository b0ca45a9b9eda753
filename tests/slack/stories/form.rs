//! The form: opened by a bare or incomplete command, with what was understood filled in.

use slack_sim::Submission;

use crate::support::fixture::{ALICE, Fixture, SCOPE};

#[tokio::test]
async fn a_bare_command_opens_the_form_and_the_form_makes_a_request() {
    let fixture = Fixture::start().await;
    let alice = fixture.alice();
    fixture.jit(ALICE, "").await;
    fixture.sim.wait_until(|_| alice.modal()).await;

    let found = alice.suggest("scope", "prod wri").await;
    assert_eq!(found[0].1, SCOPE, "{found:?}");
    alice.select("scope", SCOPE).await;
    let form = fixture
        .sim
        .wait_until(|_| alice.modal().filter(|form| form.says("dba")))
        .await;
    assert!(
        form.says("1h"),
        "the limit is on the form: {}",
        form.all_text()
    );
    alice.fill("duration", "duration", "45m");
    alice.fill("ticket", "ticket", "INC-77");
    alice.fill("reason", "reason", "slow queries");
    assert!(
        matches!(alice.submit().await, Submission::Closed),
        "the form closes"
    );
    fixture
        .sim
        .wait_until(|sim| {
            sim.messages("C0DBA")
                .into_iter()
                .find(|card| card.says("slow queries"))
        })
        .await;
}

#[tokio::test]
async fn an_incomplete_line_opens_the_form_with_what_was_understood() {
    let fixture = Fixture::start().await;
    let alice = fixture.alice();
    fixture
        .jit(ALICE, "request db-prod:write 45m slow queries")
        .await;
    let form = fixture.sim.wait_until(|_| alice.modal()).await;
    let filled = form.json().to_string();
    for words in [SCOPE, "45m", "slow queries"] {
        assert!(filled.contains(words), "{words} is missing in {filled}");
    }
}

#[tokio::test]
async fn a_mistake_comes_back_on_its_field_in_a_sentence() {
    let fixture = Fixture::start().await;
    let alice = fixture.alice();
    fixture
        .jit(ALICE, "request db-prod:write slow queries")
        .await;
    fixture.sim.wait_until(|_| alice.modal()).await;
    alice.fill("duration", "duration", "2h");
    alice.fill("ticket", "ticket", "INC-77");
    let Submission::Errors(errors) = alice.submit().await else {
        panic!("2h is too long")
    };
    assert!(errors["duration"].contains("1h"), "{errors:?}");
    alice.fill("duration", "duration", "soon");
    let Submission::Errors(errors) = alice.submit().await else {
        panic!("not a duration")
    };
    assert!(errors["duration"].contains("30m"), "{errors:?}");
    alice.fill("duration", "duration", "30m");
    alice.fill("ticket", "ticket", "4211");
    let Submission::Errors(errors) = alice.submit().await else {
        panic!("not a ticket")
    };
    let said = "db-prod:write takes a ticket such as INC-4211, or a link to it.";
    assert_eq!(errors["ticket"], said);
    assert!(fixture.kinds().await.is_empty());
    alice.fill("ticket", "ticket", "INC-77");
    assert!(matches!(alice.submit().await, Submission::Closed));
}

#[tokio::test]
async fn a_form_submitted_twice_is_one_request() {
    let fixture = Fixture::start().await;
    let alice = fixture.alice();
    fixture
        .jit(ALICE, "request db-prod:write slow queries")
        .await;
    fixture.sim.wait_until(|_| alice.modal()).await;
    alice.fill("ticket", "ticket", "INC-9");
    alice.submit().await;
    let submission = fixture
        .sim
        .deliveries()
        .into_iter()
        .rfind(|delivery| delivery.sent.contains("view_submission"))
        .unwrap();
    fixture.sim.redeliver(&submission, &[]).await;
    fixture.told(ALICE, SCOPE).await;
    let requested = fixture
        .kinds()
        .await
        .iter()
        .filter(|kind| *kind == "requested")
        .count();
    assert_eq!(requested, 1);
}

#[tokio::test]
async fn the_form_says_what_is_pending_already() {
    let fixture = Fixture::start().await;
    let alice = fixture.alice();
    fixture.asked("request db-prod:write 30m INC-9 fix").await;
    fixture
        .jit(ALICE, "request db-prod:write slow queries")
        .await;
    fixture.sim.wait_until(|_| alice.modal()).await;
    alice.fill("ticket", "ticket", "INC-9");
    let Submission::Errors(errors) = alice.submit().await else {
        panic!("the same ticket is the same request")
    };
    assert!(errors["scope"].contains("/jit withdraw "), "{errors:?}");
    alice.fill("ticket", "ticket", "INC-10");
    assert!(matches!(alice.submit().await, Submission::Closed));
}

#[tokio::test]
async fn ten_thousand_scopes_are_searched() {
    let many: String = (0..10_000)
        .map(|number| {
            format!(
                r#"
[scopes."svc-{number:05}:deploy"]
title = "Service {number:05}, deploy"
risk = "low"
default_duration = "30m"
max_duration = "1h"
requesters = ["engineers"]
approvers = ["dba"]
approval_channel = "C0DBA"
reason = "optional"
layers = [{{ backend = "bastion", role = "svc" }}]
"#
            )
        })
        .collect();
    let fixture = Fixture::with(|config| format!("{config}{many}"), "").await;
    let alice = fixture.alice();
    fixture.jit(ALICE, "").await;
    fixture.sim.wait_until(|_| alice.modal()).await;
    assert_eq!(alice.suggest("scope", "svc").await.len(), 100);
    let found = alice.suggest("scope", "07777 deploy").await;
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].1, "svc-07777:deploy");
}
