//! Promise 1: Nobody approves their own request, and nobody approves without authority for that scope,
//! checked on the server at the moment of the click, on fresh facts about the person. No policy
//! that an operator writes can switch this off.

use std::time::Duration;

use slack_sim::{Fault, Kind, Message, Person};

use crate::support::fixture::{
    ALICE, APPROVALS, BOB, CAROL, DAVE, Fixture, GUEST, Has, REQUEST, SCOPE, SECURITY, STRANGER,
};

/// A click was refused: said privately, the card stays, nobody has access.
async fn refused(fixture: &Fixture, who: &str, card: &Message, words: &str) {
    fixture.person(who).click(card, "approve").await;
    fixture.answered(who, words).await;
    let shown = fixture.sim.message(&card.channel, &card.ts).unwrap();
    assert!(
        shown.has("approve"),
        "the card is gone after a refused click"
    );
    assert!(!fixture.admitted("alice@example.com", SCOPE).await);
    assert_eq!(fixture.console.orders("grant"), 0);
}

#[tokio::test]
async fn the_requester_is_refused_with_the_rule_s_reason() {
    let fixture = Fixture::start().await;
    let card = fixture.asked(REQUEST).await;
    refused(&fixture, ALICE, &card, "no-self-approval").await;
}

#[tokio::test]
async fn an_approver_who_asks_cannot_approve_either() {
    let fixture = Fixture::start().await;
    fixture.jit(BOB, REQUEST).await;
    let card = fixture.open_card().await;
    refused(&fixture, BOB, &card, "no-self-approval").await;
}

#[tokio::test]
async fn a_person_outside_the_approver_group_is_refused() {
    let fixture = Fixture::start().await;
    let card = fixture.asked(REQUEST).await;
    refused(&fixture, DAVE, &card, "approver-group").await;
}

#[tokio::test]
async fn guests_and_external_users_in_the_approver_group_are_refused() {
    let fixture = Fixture::start().await;
    fixture
        .sim
        .set_group("S0DBA", [BOB, CAROL, GUEST, STRANGER]);
    let card = fixture.asked(REQUEST).await;
    refused(&fixture, GUEST, &card, "full members").await;
    // The card was posted before the channel was shared.
    fixture.share(APPROVALS, true);
    refused(&fixture, STRANGER, &card, "workspace").await;
}

#[tokio::test]
async fn a_person_who_left_the_group_a_minute_ago_is_refused() {
    let fixture = Fixture::start().await;
    let card = fixture.asked(REQUEST).await;
    fixture.sim.set_group("S0DBA", [CAROL]);
    fixture.clock.advance(Duration::from_secs(61));
    refused(&fixture, BOB, &card, "approver-group").await;
}

#[tokio::test]
async fn a_user_change_event_takes_effect_immediately() {
    let fixture = Fixture::start().await;
    let card = fixture.asked(REQUEST).await;
    // Known and fresh: Bob was looked at a moment ago.
    fixture.person(BOB).click(&card, "deny").await;
    fixture.sim.wait_until(|sim| sim.person(BOB).modal()).await;
    fixture.sim.set_group("S0DBA", [CAROL]);
    fixture.sim.send_group_change("S0DBA", &[], &[BOB]).await;
    refused(&fixture, BOB, &card, "approver-group").await;
}

#[tokio::test]
async fn a_deactivated_person_is_refused() {
    let fixture = Fixture::start().await;
    let card = fixture.asked(REQUEST).await;
    fixture
        .sim
        .update_person(BOB, |bob| bob.kind = Kind::Deactivated);
    fixture.clock.advance(Duration::from_secs(61));
    refused(&fixture, BOB, &card, "full members").await;
}

#[tokio::test]
async fn missing_facts_mean_no() {
    let fixture = Fixture::start().await;
    let card = fixture.asked(REQUEST).await;
    fixture.clock.advance(Duration::from_secs(61));
    fixture.sim.fault("users.info", Fault::Status(500), 1000);
    refused(&fixture, BOB, &card, "Slack").await;
}

#[tokio::test]
async fn a_requester_who_is_no_longer_allowed_receives_nothing() {
    let fixture = Fixture::start().await;
    let card = fixture.asked(REQUEST).await;
    fixture.sim.set_group("S0ENG", [DAVE]);
    fixture.clock.advance(Duration::from_secs(61));
    refused(&fixture, BOB, &card, "requester-group").await;
}

#[tokio::test]
async fn no_operator_policy_allows_self_approval() {
    let policy = r#"
        @id("engineers-approve")
        permit (principal in Group::"engineers", action == Action::"approve", resource);
    "#;
    let fixture = Fixture::with(str::to_owned, policy).await;
    let card = fixture.asked(REQUEST).await;
    refused(&fixture, ALICE, &card, "no-self-approval").await;
    refused(&fixture, GUEST, &card, "full members").await;
    fixture.person(DAVE).click(&card, "approve").await;
    fixture.shows(&card, "engineers-approve").await;
}

#[tokio::test]
async fn a_rule_that_cannot_be_evaluated_means_no() {
    let policy = r#"
        @id("broken")
        @reason("This rule breaks.")
        forbid (principal, action == Action::"approve", resource)
        when { context.duration * 9223372036854775807 > 0 };
    "#;
    let fixture = Fixture::with(str::to_owned, policy).await;
    let card = fixture.asked(REQUEST).await;
    refused(&fixture, BOB, &card, "rule").await;
}

#[tokio::test]
async fn two_approvals_are_two_people() {
    let fixture = Fixture::start().await;
    let card = fixture
        .asked("request db-prod:admin 15m restore a table")
        .await;
    fixture.bob().click(&card, "approve").await;
    let card = fixture.shows(&card, "1 of 2").await;
    fixture.bob().click(&card, "approve").await;
    fixture.answered(BOB, "already approved").await;
    assert!(!fixture.admitted(ALICE, "db-prod:admin").await);
    fixture.carol().click(&card, "approve").await;
    fixture.told(ALICE, "db-prod:admin").await;
    fixture
        .sim
        .wait_until(|_| fixture.grants(ALICE).pop())
        .await;
    assert!(fixture.admitted(ALICE, "db-prod:admin").await);
}

/// A second account of somebody, in the approver group.
async fn second_account(fixture: &Fixture, id: &str, name: &str, email: &str) {
    fixture.sim.add_person(Person {
        email: email.to_owned(),
        ..Person::member(id, name)
    });
    fixture.sim.set_group("S0DBA", [BOB, CAROL, id]);
}

#[tokio::test]
async fn a_second_id_with_the_requester_s_address_is_refused() {
    let fixture = Fixture::start().await;
    second_account(&fixture, "W0ALICE", "alice-2", "Alice@Example.com").await;
    let card = fixture.asked(REQUEST).await;
    refused(&fixture, "W0ALICE", &card, "own request").await;
}

#[tokio::test]
async fn an_address_that_changed_between_asking_and_approving_still_counts() {
    let fixture = Fixture::start().await;
    second_account(&fixture, "W0ALICE", "alice-2", "alice-2@example.com").await;
    let card = fixture.asked(REQUEST).await;
    // The requester's address moves to the account that is to approve.
    fixture.sim.update_person(ALICE, |alice| {
        alice.email = "alice-1@example.com".to_owned();
    });
    fixture.sim.update_person("W0ALICE", |second| {
        second.email = "alice@example.com".to_owned();
    });
    fixture.clock.advance(Duration::from_secs(61));
    refused(&fixture, "W0ALICE", &card, "own request").await;
    // Or the account's address moves to the requester.
    fixture.sim.update_person(ALICE, |alice| {
        alice.email = "alice-2@example.com".to_owned();
    });
    fixture.sim.update_person("W0ALICE", |second| {
        second.email = "alice-2@example.com".to_owned();
    });
    fixture.clock.advance(Duration::from_secs(61));
    refused(&fixture, "W0ALICE", &card, "own request").await;
}

#[tokio::test]
async fn two_ids_of_one_entry_in_people_are_one_person() {
    let people = "[people.alice]\nslack_ids = [\"U0ALICE\", \"W0ALICE\"]\n";
    let fixture = Fixture::with(|config| people.to_owned() + config, "").await;
    second_account(&fixture, "W0ALICE", "other", "other@example.com").await;
    let card = fixture.asked(REQUEST).await;
    refused(&fixture, "W0ALICE", &card, "own request").await;
}

#[tokio::test]
async fn two_ids_of_one_approver_are_one_approval() {
    let fixture = Fixture::start().await;
    second_account(&fixture, "W0BOB", "bob-2", "bob@example.com").await;
    let card = fixture
        .asked("request db-prod:admin 15m restore a table")
        .await;
    fixture.bob().click(&card, "approve").await;
    let card = fixture.shows(&card, "1 of 2").await;
    fixture.person("W0BOB").click(&card, "approve").await;
    fixture.answered("W0BOB", "already approved").await;
    assert!(!fixture.admitted(ALICE, "db-prod:admin").await);
}

#[tokio::test]
async fn a_person_without_a_confirmed_address_cannot_decide() {
    let fixture = Fixture::start().await;
    fixture
        .sim
        .update_person(BOB, |bob| bob.is_email_confirmed = Some(false));
    let card = fixture.asked(REQUEST).await;
    refused(&fixture, BOB, &card, "Confirm your address").await;
}

/// Bob has approved, and another has to.
async fn approved_by_bob(fixture: &Fixture) -> Message {
    let card = fixture
        .asked("request db-prod:admin 15m restore a table")
        .await;
    fixture.bob().click(&card, "approve").await;
    fixture.shows(&card, "1 of 2").await
}

/// Carol approves too; it is not enough, until Sam does.
async fn bobs_approval_does_not_count(fixture: &Fixture, card: &Message) {
    fixture.carol().click(card, "approve").await;
    fixture.audited("no longer counts").await;
    assert!(!fixture.admitted(ALICE, "db-prod:admin").await);
    assert_eq!(fixture.console.orders("grant"), 0);
    let kinds = fixture.kinds().await;
    assert_eq!(
        kinds[kinds.len() - 2..],
        ["approval_voided", "approval_counted"]
    );
    fixture.person(SECURITY).click(card, "approve").await;
    fixture.in_time(|_| fixture.grants(ALICE).pop()).await;
}

#[tokio::test]
async fn an_approver_who_left_the_group_after_approving_does_not_count() {
    let fixture = Fixture::start().await;
    let card = approved_by_bob(&fixture).await;
    fixture.sim.set_group("S0DBA", [CAROL, SECURITY]);
    fixture.clock.advance(Duration::from_secs(61));
    bobs_approval_does_not_count(&fixture, &card).await;
}

#[tokio::test]
async fn an_approver_who_was_deactivated_after_approving_does_not_count() {
    let fixture = Fixture::start().await;
    fixture.sim.set_group("S0DBA", [BOB, CAROL, SECURITY]);
    let card = approved_by_bob(&fixture).await;
    fixture
        .sim
        .update_person(BOB, |bob| bob.kind = Kind::Deactivated);
    fixture.clock.advance(Duration::from_secs(61));
    bobs_approval_does_not_count(&fixture, &card).await;
}

#[tokio::test]
async fn an_approver_who_became_a_guest_after_approving_does_not_count() {
    let fixture = Fixture::start().await;
    fixture.sim.set_group("S0DBA", [BOB, CAROL, SECURITY]);
    let card = approved_by_bob(&fixture).await;
    fixture.sim.update_person(BOB, |bob| bob.kind = Kind::Guest);
    fixture.clock.advance(Duration::from_secs(61));
    bobs_approval_does_not_count(&fixture, &card).await;
}

#[tokio::test]
async fn an_approver_who_turns_out_to_be_the_requester_does_not_count() {
    let fixture = Fixture::start().await;
    fixture.sim.set_group("S0DBA", [BOB, CAROL, SECURITY]);
    let card = approved_by_bob(&fixture).await;
    fixture.sim.update_person(BOB, |bob| {
        bob.email = "alice@example.com".to_owned();
    });
    fixture.clock.advance(Duration::from_secs(61));
    bobs_approval_does_not_count(&fixture, &card).await;
}

#[tokio::test]
async fn the_last_approval_is_refused_while_nobody_knows_whether_the_first_counts() {
    let fixture = Fixture::start().await;
    let card = approved_by_bob(&fixture).await;
    fixture.clock.advance(Duration::from_secs(61));
    // Carol is known and fresh; what is known of Bob is old.
    fixture.answer(CAROL, "status").await;
    fixture.sim.fault("users.info", Fault::Status(500), 1000);
    fixture.carol().click(&card, "approve").await;
    fixture.answered(CAROL, "may still approve").await;
    assert!(!fixture.admitted(ALICE, "db-prod:admin").await);
    assert!(
        !fixture
            .kinds()
            .await
            .contains(&"approval_voided".to_owned())
    );
    fixture.sim.heal();
    fixture.carol().click(&card, "approve").await;
    fixture.in_time(|_| fixture.grants(ALICE).pop()).await;
}

/// Restarts with another catalogue while a request waits.
async fn changed(fixture: &mut Fixture, from: &str, to: &str) {
    fixture.stop().await;
    fixture.reconfigure(|config| {
        assert!(config.contains(from));
        config.replacen(from, to, 1)
    });
    fixture.boot().await;
}

#[tokio::test]
async fn a_raised_number_of_approvals_applies_to_pending_requests() {
    let mut fixture = Fixture::start().await;
    let card = fixture.asked(REQUEST).await;
    let scope = "approval_channel = \"C0DBA\"\nreason = \"required\"\nticket";
    changed(&mut fixture, scope, &format!("approvals = 2\n{scope}")).await;
    fixture.bob().click(&card, "approve").await;
    let card = fixture.shows(&card, "1 of 2").await;
    assert!(!fixture.admitted(ALICE, SCOPE).await);
    fixture.carol().click(&card, "approve").await;
    fixture.in_time(|_| fixture.grants(ALICE).pop()).await;
}

#[tokio::test]
async fn a_lowered_maximum_shortens_pending_requests() {
    let mut fixture = Fixture::start().await;
    let card = fixture.asked(REQUEST).await;
    let lengths = "default_duration = \"30m\"\nmax_duration = \"1h\"";
    let shorter = "default_duration = \"10m\"\nmax_duration = \"10m\"";
    changed(&mut fixture, lengths, shorter).await;
    fixture.bob().click(&card, "approve").await;
    fixture.in_time(|_| fixture.grants(ALICE).pop()).await;
    assert!(fixture.admitted(ALICE, SCOPE).await);
    fixture.advance_minutes(11);
    assert!(!fixture.admitted(ALICE, SCOPE).await);
}

#[tokio::test]
async fn a_click_on_a_card_that_shows_other_layers_than_todays_is_refused() {
    let layers = ("role = \"app_writer\"", "role = \"owner\"");
    an_old_click_does_not_count(layers, "db-prod:write").await;
}

#[tokio::test]
async fn a_click_on_a_card_that_shows_another_title_than_todays_is_refused() {
    let title = ("Production database, write", "Customer database, write");
    an_old_click_does_not_count(title, "Customer database, write").await;
}

#[tokio::test]
async fn a_click_on_a_card_that_shows_another_risk_than_todays_is_refused() {
    let risk = ("risk = \"high\"", "risk = \"critical\"");
    an_old_click_does_not_count(risk, "CRITICAL").await;
}

/// What the card asks for changes while it waits: a click on the old card is refused, and one on
/// the new card, which says `words`, counts.
async fn an_old_click_does_not_count((from, to): (&str, &str), words: &str) {
    let mut fixture = Fixture::start().await;
    let card = fixture.asked(REQUEST).await;
    changed(&mut fixture, from, to).await;
    fixture.bob().click(&card, "approve").await;
    fixture.answered(BOB, "has changed").await;
    assert_eq!(fixture.console.orders("grant"), 0);
    let kinds = fixture.kinds().await;
    assert_eq!(kinds.iter().filter(|kind| *kind == "revised").count(), 1);
    assert!(!kinds.contains(&"approved".to_owned()));
    let card = fixture
        .in_time(|sim| {
            let now = sim.message(&card.channel, &card.ts)?;
            (now.value_of("approve") != card.value_of("approve")).then_some(now)
        })
        .await;
    assert!(card.says(words), "{}", card.all_text());
    fixture.bob().click(&card, "approve").await;
    fixture.in_time(|_| fixture.grants(ALICE).pop()).await;
}

#[tokio::test]
async fn an_extension_is_not_approved_by_another_id_of_its_requester() {
    let fixture = Fixture::start().await;
    second_account(&fixture, "W0ALICE", "alice-2", "alice@example.com").await;
    fixture.sim.set_group("S0ENG", [ALICE, "W0ALICE"]);
    let grant = fixture.granted(REQUEST).await;
    let second = fixture.person("W0ALICE");
    second.click(&grant, "extend").await;
    fixture.in_time(|_| second.modal()).await;
    second.fill("reason", "reason", "still failing");
    second.submit().await;
    let card = fixture.open_card().await;
    // The account that asked for more time is given another address.
    fixture.sim.update_person("W0ALICE", |second| {
        second.email = "alice-2@example.com".to_owned();
    });
    fixture.clock.advance(Duration::from_secs(61));
    fixture.person("W0ALICE").click(&card, "approve").await;
    fixture.answered("W0ALICE", "own request").await;
    assert!(!fixture.kinds().await.contains(&"extended".to_owned()));
}

#[tokio::test]
async fn a_changed_address_does_not_make_two_people() {
    let fixture = Fixture::start().await;
    second_account(&fixture, "W0ALICE", "alice-2", "alice@example.com").await;
    // The log has seen both accounts under one address.
    fixture.granted("request lab:use 10m look").await;
    fixture.jit(ALICE, "done").await;
    fixture.ended(1).await;
    fixture.sim.set_group("S0ENG", [ALICE, "W0ALICE"]);
    fixture.clock.advance(Duration::from_secs(61));
    fixture.jit("W0ALICE", "request lab:use 10m look").await;
    fixture.open_card().await;
    fixture.sim.update_person("W0ALICE", |second| {
        second.email = "alice-2@example.com".to_owned();
    });
    fixture.clock.advance(Duration::from_secs(61));
    let card = fixture.asked(REQUEST).await;
    refused(&fixture, "W0ALICE", &card, "own request").await;
}
