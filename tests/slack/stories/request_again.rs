//! Asking again for what was asked for before: from the message of a request that is over, and from the Home.

use slack_sim::{Message, Submission, View};

use crate::support::fixture::{ALICE, DAVE, Fixture, Has, REQUEST, SCOPE, STRANGER};

/// Alice has withdrawn a request; her message of it, with the button that asks again.
async fn withdrawn(fixture: &Fixture, line: &str) -> Message {
    fixture.asked(line).await;
    fixture.jit(ALICE, "withdraw").await;
    over(fixture).await
}

async fn over(fixture: &Fixture) -> Message {
    fixture
        .in_time(|sim| {
            let mut told = sim.dm(ALICE).into_iter();
            told.find(|message| message.has("request_again"))
        })
        .await
}

/// What stands in a field of the form when it opens.
fn filled(form: &View, field: &str) -> String {
    let blocks = form.blocks().as_array().unwrap().iter();
    let mut inputs = blocks.filter(|block| block["block_id"] == field);
    let element = &inputs.next().unwrap()["element"];
    let chosen = element["initial_option"]["value"].as_str();
    let typed = element["initial_value"].as_str();
    chosen.or(typed).unwrap_or_default().to_owned()
}

#[tokio::test]
async fn a_request_that_is_over_fills_the_form_and_nothing_is_requested_before_it_is_submitted() {
    let fixture = Fixture::start().await;
    let alice = fixture.alice();
    let message = withdrawn(&fixture, REQUEST).await;
    alice.click(&message, "request_again").await;
    let form = fixture.in_time(|_| alice.modal()).await;
    for (field, before) in [
        ("scope", SCOPE),
        ("duration", "30m"),
        ("ticket", "INC-4211"),
        ("reason", "writes are failing"),
    ] {
        assert_eq!(filled(&form, field), before, "{}", form.json());
    }
    assert_eq!(fixture.kinds().await, ["requested", "withdrawn"]);

    assert!(matches!(alice.submit().await, Submission::Closed));
    let kinds = fixture.until_logged("requested", 2).await;
    assert_eq!(kinds, ["requested", "withdrawn", "requested"]);
}

#[tokio::test]
async fn access_that_ended_and_a_request_that_was_denied_are_asked_for_again() {
    let fixture = Fixture::start().await;
    let grant = fixture.granted(REQUEST).await;
    assert!(!grant.has("request_again"), "it is not over yet");
    fixture.alice().click(&grant, "done").await;
    fixture.ended(1).await;
    over(&fixture).await;

    let fixture = Fixture::start().await;
    let card = fixture.asked(REQUEST).await;
    let carol = fixture.carol();
    carol.click(&card, "deny").await;
    fixture.in_time(|_| carol.modal()).await;
    carol.fill("reason", "reason", "use the replica");
    carol.submit().await;
    let message = over(&fixture).await;
    fixture.alice().click(&message, "request_again").await;
    let form = fixture.in_time(|_| fixture.alice().modal()).await;
    assert_eq!(filled(&form, "ticket"), "INC-4211");
}

#[tokio::test]
async fn the_home_asks_again_for_each_past_request() {
    let fixture = Fixture::start().await;
    let alice = fixture.alice();
    withdrawn(&fixture, "request db-prod:write 45m INC-77 slow queries").await;
    alice.open_home().await;
    fixture
        .in_time(|sim| sim.home(ALICE).filter(|home| home.says("Past requests")))
        .await;
    alice.press_home("request_again").await;
    let form = fixture.in_time(|_| alice.modal()).await;
    assert_eq!(filled(&form, "duration"), "45m");
    assert_eq!(filled(&form, "reason"), "slow queries");
}

#[tokio::test]
async fn nobody_else_sees_what_somebody_asked_for() {
    let fixture = Fixture::start().await;
    let message = withdrawn(&fixture, REQUEST).await;
    let dave = fixture.person(DAVE);
    dave.click(&message, "request_again").await;
    fixture.answered(DAVE, "requester").await;
    let stella = fixture.person(STRANGER);
    stella.click(&message, "request_again").await;
    fixture.answered(STRANGER, "workspace").await;
    assert!(dave.modal().is_none() && stella.modal().is_none());
    assert_eq!(fixture.kinds().await, ["requested", "withdrawn"]);
}

#[tokio::test]
async fn a_scope_that_has_left_the_catalogue_is_named_and_no_other_is_chosen() {
    let mut fixture = Fixture::start().await;
    let message = withdrawn(&fixture, REQUEST).await;
    fixture.stop().await;
    let renamed = |config: &str| config.replace("\"db-prod:write\"", "\"db-prod:write-all\"");
    fixture.reconfigure(renamed);
    fixture.boot().await;
    fixture.alice().click(&message, "request_again").await;
    let form = fixture.in_time(|_| fixture.alice().modal()).await;
    assert!(form.says("Keylend can't find “db-prod:write”"));
    assert_eq!(filled(&form, "scope"), "");
    assert_eq!(filled(&form, "ticket"), "INC-4211");
}

#[tokio::test]
async fn a_duration_that_the_scope_no_longer_allows_is_cut_to_what_it_does() {
    let mut fixture = Fixture::start().await;
    let message = withdrawn(&fixture, "request db-prod:write 45m INC-77 slow queries").await;
    fixture.stop().await;
    fixture.reconfigure(|config| {
        config
            .replace("max_duration = \"1h\"", "max_duration = \"20m\"")
            .replace("default_duration = \"30m\"", "default_duration = \"10m\"")
    });
    fixture.boot().await;
    fixture.alice().click(&message, "request_again").await;
    let form = fixture.in_time(|_| fixture.alice().modal()).await;
    assert_eq!(filled(&form, "duration"), "20m");
}
