//! Asking for more time: what still fits, how much, and why.

use slack_sim::{Message, Submission, View};

use crate::support::fixture::{ALICE, APPROVALS, BOB, DAVE, Fixture, Has, REQUEST, SCOPE};

/// Alice presses the button on her grant; the answer is the form.
async fn form(fixture: &Fixture) -> View {
    let grant = fixture.grants(ALICE).pop().unwrap();
    fixture.alice().click(&grant, "extend").await;
    fixture.in_time(|_| fixture.alice().modal()).await
}

async fn submit(fixture: &Fixture, duration: &str, reason: &str) -> Submission {
    fixture.alice().fill("duration", "duration", duration);
    fixture.alice().fill("reason", "reason", reason);
    fixture.alice().submit().await
}

/// The card that asks for more time, once it says `words`.
async fn card(fixture: &Fixture, words: &str) -> Message {
    fixture
        .in_time(|sim| {
            let cards = sim.messages(APPROVALS).into_iter();
            cards
                .filter(|card| card.says("More time"))
                .find(|card| card.says(words))
        })
        .await
}

#[tokio::test]
async fn the_form_proposes_what_still_fits_and_the_approver_sees_why() {
    let fixture = Fixture::start().await;
    fixture.granted("request db-prod:write 40m INC-1 fix").await;
    let form = form(&fixture).await;
    // Of an hour, 40 minutes are left.
    assert!(form.says("up to *20m* more"), "{}", form.all_text());
    assert!(form.json().to_string().contains(r#""initial_value":"20m""#));
    for (typed, said) in [
        ("60", "“60” isn't clear."),
        ("30m", "at most 20m"),
        ("until 02:10", "already lasts that long or longer"),
    ] {
        let Submission::Errors(errors) = submit(&fixture, typed, "slow index").await else {
            panic!("{typed} was accepted");
        };
        assert!(errors["duration"].contains(said), "{errors:?}");
    }
    assert!(matches!(
        submit(&fixture, "until 02:55", "slow index").await,
        Submission::Closed
    ));
    let card = card(&fixture, "slow index").await;
    assert!(card.says("15m"), "{}", card.all_text());
    fixture.audited("requested 15m more").await;
    fixture.bob().click(&card, "approve").await;
    fixture.until_logged("extended", 1).await;
}

#[tokio::test]
async fn no_form_opens_where_nothing_fits_or_the_grant_is_not_theirs() {
    let fixture = Fixture::start().await;
    fixture.granted("request db-prod:write 1h INC-1 fix").await;
    let grant = fixture.grants(ALICE).pop().unwrap();
    fixture.alice().click(&grant, "extend").await;
    fixture
        .told(ALICE, "You can't extend `db-prod:write` yet")
        .await;
    assert!(fixture.alice().modal().is_none());
    fixture.person(DAVE).click(&grant, "extend").await;
    fixture.answered(DAVE, "Only the requester").await;
}

#[tokio::test]
async fn a_pending_question_for_more_time_is_listed_changed_and_withdrawn() {
    let fixture = Fixture::start().await;
    fixture.granted(REQUEST).await;
    fixture.jit(ALICE, "extend 10m slow index").await;
    let first = card(&fixture, "slow index").await;
    let status = fixture.answer(ALICE, "status").await;
    let listed = "10m more pending approval in";
    assert!(status.says(listed), "{}", status.all_text());

    // The same again is the same question.
    fixture.jit(ALICE, "extend 10m slow index").await;
    fixture.answered(ALICE, "You already requested this.").await;

    let form = form(&fixture).await;
    assert!(form.json().to_string().contains("slow index"));
    assert!(matches!(
        submit(&fixture, "15m", "slower index").await,
        Submission::Closed
    ));
    card(&fixture, "slower index").await;
    // What was shown before is not approved any more.
    fixture.bob().click(&first, "approve").await;
    fixture.answered(BOB, "The request has changed").await;

    fixture.jit(ALICE, "withdraw").await;
    let said = "Your request for more time for `db-prod:write` is withdrawn.";
    fixture.answered(ALICE, said).await;
    card(&fixture, "Withdrawn").await;
    let status = fixture.answer(ALICE, "status").await;
    assert!(!status.says("more pending"), "{}", status.all_text());
    assert!(fixture.admitted(ALICE, SCOPE).await);
    let kinds = fixture.kinds().await;
    let about: Vec<_> = kinds
        .iter()
        .filter(|kind| kind.starts_with("ext"))
        .collect();
    assert_eq!(
        about,
        [
            "extension_requested",
            "extension_withdrawn",
            "extension_requested",
            "extension_withdrawn"
        ]
    );
}

#[tokio::test]
async fn the_button_withdraws_only_the_question_for_more_time() {
    let fixture = Fixture::start().await;
    fixture.granted(REQUEST).await;
    fixture.jit(ALICE, "extend 10m slow index").await;
    let grant = fixture
        .in_time(|sim| {
            let mut dm = sim.dm(ALICE).into_iter();
            dm.rfind(|message| message.has("withdraw_extension"))
        })
        .await;
    fixture
        .person(DAVE)
        .click(&grant, "withdraw_extension")
        .await;
    fixture.answered(DAVE, "Only the requester").await;
    fixture.alice().click(&grant, "withdraw_extension").await;
    card(&fixture, "Withdrawn").await;
    assert!(fixture.admitted(ALICE, SCOPE).await);
}
