//! `/jit incident`: what is going on.

use slack_sim::Message;

use crate::support::fixture::{ALICE, DAVE, Fixture, INCIDENT, REQUEST, SECURITY};

async fn answer_in_the_incident_channel(fixture: &Fixture, person: &str) -> Message {
    let actor = fixture.person(person);
    let heard = actor.ephemerals().len();
    actor.command(INCIDENT, "/jit", "incident").await;
    fixture
        .in_time(|_| actor.ephemerals().into_iter().nth(heard))
        .await
}

#[tokio::test]
async fn in_an_incident_channel_it_covers_what_was_requested_for_that_incident() {
    let fixture = Fixture::start().await;
    fixture.alice().command(INCIDENT, "/jit", REQUEST).await;
    let card = fixture.open_card().await;
    fixture.bob().click(&card, "approve").await;
    fixture
        .in_time(|_| fixture.grants(ALICE).into_iter().next())
        .await;
    fixture.asked("request db-prod:read 10m look").await;
    let told = answer_in_the_incident_channel(&fixture, DAVE).await;
    let text = told.all_text();
    for words in [
        "Requested for the incident in <#C0INC>:",
        "*Active* (1)",
        "`db-prod:write` of <@U0ALICE> until",
        "approved by <@U0BOB>",
        "*Pending*: none",
    ] {
        assert!(told.says(words), "{words}: {text}");
    }
    for words in ["db-prod:read", "*Locks*"] {
        assert!(!told.says(words), "{words}: {text}");
    }
    let told = answer_in_the_incident_channel(&fixture, SECURITY).await;
    assert!(told.says("*Locks*: none"), "{}", told.all_text());
}

#[tokio::test]
async fn elsewhere_it_covers_everything_for_administrators_and_approvers() {
    let fixture = Fixture::start().await;
    fixture.granted(REQUEST).await;
    fixture.jit(ALICE, "done").await;
    fixture.told(ALICE, "has ended:").await;
    fixture
        .granted("request db-prod:write 30m INC-9 again")
        .await;
    fixture.asked("request db-prod:read 10m look").await;
    fixture.end(SECURITY, "lock @carol 2h a leak").await;
    for person in [SECURITY, "U0BOB"] {
        let told = fixture.answer(person, "incident").await;
        let text = told.all_text();
        for words in [
            "*Active* (1)",
            "*Being revoked*: none",
            "*Stuck: a target failed to revoke it*: none",
            "*Pending* (1)",
            "*Ended within the last hour* (1)",
            "<@U0ALICE> is done",
            "*Locks* (1)",
            "is locked by <@U0SEC> since",
        ] {
            assert!(told.says(words), "{words}: {text}");
        }
    }
    let told = fixture.answer(DAVE, "incident").await;
    let text = told.all_text();
    assert!(told.says("*Active* (1)"), "{text}");
    for words in ["*Pending*", "*Ended", "*Locks*", "db-prod:read"] {
        assert!(!told.says(words), "{words}: {text}");
    }
    fixture.advance_minutes(70);
    let told = fixture.answer(SECURITY, "incident").await;
    assert!(!told.says("<@U0ALICE> is done"), "{}", told.all_text());
}
