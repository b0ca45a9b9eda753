//! A requester, who wants access without an approval, more of it, for longer, or somebody else's.

use futures_util::future::join_all;
use serde_json::{Value, json};
use slack_sim::Submission;

use crate::{
    attempts::{answered, asked, count, granted, kinds_when_all_is_done, logged, second_account},
    support::fixture::{ALICE, BOB, DAVE, Fixture, Has as _, REQUEST, SCOPE, scope},
};

/// Bob may approve what Alice requests, and presses her button for his own.
#[tokio::test]
async fn they_cannot_approve_their_own_request_through_the_card_of_another() {
    let fixture = Fixture::start().await;
    let own = asked(&fixture, BOB, "request db-prod:write 30m INC-1 mine").await;
    let own = own.value_of("approve").unwrap();
    let hers = fixture.asked(REQUEST).await;
    let bob = fixture.bob();
    answered(&fixture, BOB, bob.click_with_value(&hers, "approve", &own)).await;
    assert_eq!(fixture.kinds().await, ["requested"; 2]);
    assert!(!fixture.admitted(BOB, SCOPE).await);
}

#[tokio::test]
async fn they_cannot_withdraw_a_request_and_have_its_access_all_the_same() {
    const ROUNDS: usize = 4;
    let fixture = Fixture::start().await;
    for round in 1..=ROUNDS {
        let line = format!("request db-prod:write 30m INC-{round} race");
        let card = fixture.asked(&line).await;
        let (bob, approved) = (fixture.bob(), count(&fixture, "approved").await);
        tokio::join!(bob.click(&card, "approve"), fixture.jit(ALICE, "withdraw"));
        logged(&fixture, &["approved", "withdrawn"], round).await;
        if count(&fixture, "approved").await > approved {
            logged(&fixture, &["activated"], approved + 1).await;
            fixture.jit(ALICE, "done").await;
            logged(&fixture, &["ended"], approved + 1).await;
        }
        assert!(!fixture.console.admits("alice"));
    }
    let (approved, withdrawn) = (
        count(&fixture, "approved").await,
        count(&fixture, "withdrawn").await,
    );
    assert_eq!(approved + withdrawn, ROUNDS);
    assert_eq!(fixture.console.orders("grant"), approved);
}

#[tokio::test]
async fn they_cannot_have_access_back_by_ending_and_extending_it_at_once() {
    let fixture = Fixture::start().await;
    let grant = fixture.granted(REQUEST).await;
    let extension = asked(&fixture, ALICE, "extend db-prod:write 10m").await;
    let (alice, bob) = (fixture.alice(), fixture.bob());
    tokio::join!(
        bob.click(&extension, "approve"),
        alice.click(&grant, "done"),
        fixture.jit(ALICE, "done"),
    );
    fixture.ended(1).await;
    fixture.advance_minutes(6);
    logged(&fixture, &["layer_absence_confirmed"], 1).await;
    assert!(!fixture.console.admits("alice"));
    assert!(!fixture.admitted(ALICE, SCOPE).await);
    assert_eq!(count(&fixture, "ended").await, 1);
}

/// What a form carries is read from what Slack sends: here it names another person's grant.
#[tokio::test]
async fn they_cannot_extend_the_access_of_somebody_else_with_their_own_form() {
    let fixture = Fixture::start().await;
    let daves = granted(&fixture, DAVE, "request db-prod:write 30m INC-2 fix").await;
    let daves = daves.value_of("extend").unwrap();
    let own = fixture.granted(REQUEST).await;
    let alice = fixture.alice();
    alice.click(&own, "extend").await;
    fixture.in_time(|_| alice.modal()).await;
    alice.fill("duration", "duration", "10m");
    for carried in [daves.as_str(), "", "{}", "....", "0.0"] {
        let submitted = alice
            .submit_altered(|payload| payload["view"]["private_metadata"] = carried.into())
            .await;
        assert!(!matches!(submitted, Submission::Closed), "{carried}");
        alice.close_modal().await;
        alice.click(&own, "extend").await;
        fixture.in_time(|_| alice.modal()).await;
        alice.fill("duration", "duration", "10m");
    }
    assert_eq!(count(&fixture, "extension_requested").await, 0);
}

#[tokio::test]
async fn they_cannot_extend_access_that_has_ended_with_a_form_that_they_opened_before() {
    let mut fixture = Fixture::start().await;
    let grant = fixture.granted(REQUEST).await;
    let alice = fixture.alice();
    alice.click(&grant, "extend").await;
    fixture.in_time(|_| alice.modal()).await;
    alice.fill("duration", "duration", "10m");
    fixture.advance_minutes(30);
    // Before and after the end is recorded.
    alice.submit().await;
    fixture.ended(1).await;
    alice.click(&grant, "extend").await;
    fixture.jit(ALICE, "extend db-prod:write 10m").await;
    let kinds = kinds_when_all_is_done(&mut fixture).await;
    assert!(
        !kinds.contains(&"extension_requested".to_owned()),
        "{kinds:?}"
    );
    assert!(!fixture.admitted(ALICE, SCOPE).await);
}

#[tokio::test]
async fn they_cannot_see_the_credentials_of_somebody_else_through_their_own_card() {
    let fixture = Fixture::start().await;
    let secret = |value: &str| json!({"secrets": [{"label": "Token", "value": value}]});
    fixture.console.answers(secret("what-dave-alone-may-see"));
    let daves = granted(&fixture, DAVE, "request db-prod:write 30m INC-2 fix").await;
    let daves = daves.value_of("credentials").unwrap();
    fixture.console.answers(secret("what-alice-alone-may-see"));
    let own = fixture.granted(REQUEST).await;
    let alice = fixture.alice();
    let click = alice.click_with_value(&own, "credentials", &daves);
    answered(&fixture, ALICE, click).await;
    assert!(alice.modal().is_none());
    let sent: String = (fixture.sim.calls().iter())
        .map(|call| call.args.to_string())
        .collect();
    assert!(!sent.contains("what-dave-alone-may-see"));
    assert_eq!(count(&fixture, "credential_shown").await, 0);
}

/// Sets what was entered in the elements of a form, whatever their blocks are called.
fn enter(payload: &mut Value, entered: &[(&str, &str)]) {
    let blocks = payload["view"]["state"]["values"].as_object_mut().unwrap();
    for (element, value) in entered {
        for block in blocks.values_mut() {
            let Some(state) = block.get_mut(*element) else {
                continue;
            };
            *state = match *element {
                "scope" => json!({"type": "external_select", "selected_option": {"value": value}}),
                _ => json!({"type": "plain_text_input", "value": value}),
            };
        }
    }
}

#[tokio::test]
async fn they_cannot_request_what_the_form_does_not_offer_them() {
    let vault = scope(
        "vault:open",
        "The vault",
        "backend = \"bastion\", role = \"vault\"",
    )
    .replace(
        "requesters = [\"engineers\"]",
        "requesters = [\"security\"]",
    );
    let fixture = Fixture::with(|config| format!("{config}{vault}"), "").await;
    let alice = fixture.alice();
    fixture.jit(ALICE, "request db-prod:write fix").await;
    fixture.in_time(|_| alice.modal()).await;
    alice.fill("ticket", "ticket", "INC-7");
    for entered in [
        &[("scope", "vault:open"), ("duration", "30m")][..],
        &[("scope", "no:such")],
        &[("duration", "61m")],
        &[("duration", "99999999999h")],
        &[("duration", "-30m")],
        &[("ticket", "INC-7\nINC-8")],
        &[("ticket", "")],
    ] {
        let submitted = alice
            .submit_altered(|payload| enter(payload, entered))
            .await;
        assert!(
            matches!(submitted, Submission::Errors(_)),
            "{entered:?}: {submitted:?}"
        );
    }
    assert!(fixture.kinds().await.is_empty());
    // Nothing else was wrong with the form.
    assert!(matches!(alice.submit().await, Submission::Closed));
}

/// Two accounts, typed lines and a form, all at once.
#[tokio::test]
async fn they_cannot_have_more_requests_pending_with_a_second_account_and_a_hundred_tries() {
    let four = "[limits]\nmax_pending_per_person = 4\nmax_pending_per_scope = 100\n\
                max_requests_per_hour = 200";
    let limits = |config: &str| config.replace("[limits]", four);
    let mut fixture = Fixture::with(limits, "").await;
    let engineers: &[&str] = &[ALICE, DAVE];
    second_account(
        &fixture,
        "W0ALICE",
        "Alice@Example.com",
        &[("S0ENG", engineers)],
    );
    let alice = fixture.alice();
    fixture.jit(ALICE, "").await;
    fixture.in_time(|_| alice.modal()).await;
    alice.suggest("scope", "db-prod:read").await;
    alice.select("scope", "db-prod:read").await;
    let lines: Vec<_> = (0..50)
        .flat_map(|number| {
            let line = format!("request db-prod:read 10m look {number}");
            [(ALICE, line.clone()), ("W0ALICE", line)]
        })
        .collect();
    let typed = join_all(lines.iter().map(|(who, line)| fixture.jit(who, line)));
    tokio::join!(typed, alice.submit_altered(|_| {}));
    let kinds = kinds_when_all_is_done(&mut fixture).await;
    assert!((1..=4).contains(&kinds.len()), "{kinds:?}");
    assert!(kinds.iter().all(|kind| kind == "requested"), "{kinds:?}");
    // What is pending is all of it one person's, under whichever account.
    while count(&fixture, "requested").await < 4 {
        let number = fixture.kinds().await.len();
        fixture
            .asked(&format!("request db-prod:read 10m more {number}"))
            .await;
    }
    for who in [ALICE, "W0ALICE"] {
        fixture.answer(who, "request lab:use 10m one more").await;
    }
    assert_eq!(fixture.kinds().await, ["requested"; 4]);
}

/// The same old button, again and again, on whatever the request has become.
#[tokio::test]
async fn they_cannot_do_anything_with_the_buttons_of_a_request_that_is_over() {
    let mut fixture = Fixture::start().await;
    let card = fixture.asked(REQUEST).await;
    let waiting = fixture
        .in_time(|sim| sim.dm(ALICE).into_iter().find(|told| told.has("withdraw")))
        .await;
    fixture.bob().click(&card, "approve").await;
    let grant = fixture.in_time(|_| fixture.grants(ALICE).pop()).await;
    fixture.alice().click(&grant, "done").await;
    fixture.ended(1).await;
    let before = fixture.kinds().await;
    let alice = fixture.alice();
    for message in [&waiting, &grant] {
        for button in message.buttons() {
            alice.click(message, &button).await;
        }
    }
    // Nor does anybody's approval, given to the old card.
    fixture.carol().click(&card, "approve").await;
    let after = kinds_when_all_is_done(&mut fixture).await;
    assert_eq!(after, before);
    assert!(!fixture.console.admits("alice"));
}
