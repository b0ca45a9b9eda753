//! Slack signs a body, and neither the address that it was sent to nor what kind of text it is. Whoever
//! sees a signed body can send it to another address while the signature counts.

use serde_json::json;
use slack_sim::Signing;

use crate::support::fixture::{ALICE, BOB, Fixture, Has, REQUEST, SCOPE};

/// A change of Alice's profile as Slack tells it, with `status` as she wrote it. An ampersand stands
/// for itself in JSON.
fn profile_event(status: &str) -> String {
    json!({
        "token": "a-token",
        "team_id": "T0LOCAL",
        "api_app_id": "A0KEYLEND",
        "type": "event_callback",
        "event": {
            "type": "user_change",
            "user": {
                "id": ALICE,
                "deleted": false,
                "is_bot": false,
                "is_restricted": false,
                "is_ultra_restricted": false,
                "profile": { "status_text": status },
            },
        },
    })
    .to_string()
}

#[tokio::test]
async fn an_event_that_is_sent_to_the_address_of_clicks_is_no_click() {
    let fixture = Fixture::start().await;
    let card = fixture.asked(REQUEST).await;
    let click = json!({
        "type": "block_actions",
        "api_app_id": "A0KEYLEND",
        "team": { "id": "T0LOCAL" },
        "user": { "id": BOB, "team_id": "T0LOCAL" },
        "channel": { "id": card.channel },
        "actions": [{ "action_id": "approve", "value": card.value_of("approve").unwrap() }],
    });
    let click = serde_urlencoded::to_string([("payload", click.to_string())]).unwrap();
    let event = profile_event(&format!("on holiday&{click}&"));
    for path in ["/slack/interactions", "/slack/options"] {
        let answer = fixture
            .sim
            .raw(path, &[], event.as_str(), Signing::Valid)
            .await;
        assert_eq!(answer.status, 400, "{path}: {}", answer.body);
    }
    // Time for a click to be worked through.
    let told = fixture.answer(ALICE, "status").await;
    assert!(told.says(SCOPE), "{}", told.all_text());
    assert!(!fixture.kinds().await.contains(&"approved".to_owned()));
    let shown = fixture.sim.message(&card.channel, &card.ts).unwrap();
    assert!(shown.has("approve"), "{}", shown.all_text());
}

#[tokio::test]
async fn an_event_that_is_sent_to_the_address_of_commands_is_no_command() {
    let fixture = Fixture::start().await;
    let command = [
        ("team_id", "T0LOCAL"),
        ("api_app_id", "A0KEYLEND"),
        ("user_id", BOB),
        ("channel_id", "C0GENERAL"),
        ("trigger_id", "1.2.abc"),
        ("text", REQUEST),
    ];
    let command = serde_urlencoded::to_string(command).unwrap();
    let event = profile_event(&format!("on holiday&{command}&"));
    let answer = fixture
        .sim
        .raw("/slack/commands", &[], event, Signing::Valid)
        .await;
    assert_eq!(answer.status, 400, "{}", answer.body);
    fixture.answer(ALICE, "status").await;
    assert!(fixture.kinds().await.is_empty());
}

/// What Slack says of a profile is still heard.
#[tokio::test]
async fn an_event_is_taken_whatever_people_wrote_into_it() {
    let fixture = Fixture::start().await;
    let event = profile_event("on holiday&payload=%7B%7D&text=status&ssl_check=1&");
    let json = [("content-type", "application/json")];
    let answer = fixture
        .sim
        .raw("/slack/events", &json, event, Signing::Valid)
        .await;
    assert_eq!(answer.status, 200, "{}", answer.body);
}
