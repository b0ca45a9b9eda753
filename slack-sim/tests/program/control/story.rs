//! One request from a command to its approval, told by the client alone.

use serde_json::json;
use slack_sim::client::Fate;

use super::Fixture;

#[tokio::test]
async fn a_person_can_do_everything_from_outside() {
    let fixture = Fixture::start().await;
    let alice = fixture.slack.person("U0ALICE");
    let asked = alice.command("C0DBA", "/jit request db").await.unwrap();
    assert!(asked.ok, "{asked:?}");
    alice
        .wait_until(|sees| sees.saying("Asked.").cloned())
        .await
        .unwrap();

    let bob = fixture.slack.person("U0BOB");
    let card = bob
        .wait_until(|sees| sees.saying("asks for it").cloned())
        .await
        .unwrap();
    assert!(bob.sees().await.unwrap().saying("Asked.").is_none());
    assert!(bob.click(&card, "approve").await.unwrap().ok);
    let form = bob.wait_until(|sees| sees.modal().cloned()).await.unwrap();
    assert_eq!(form.title(), "Request access");
    assert!(alice.sees().await.unwrap().modal().is_none());

    let found = bob.suggest(&form, "scope", "db").await.unwrap();
    assert_eq!(found, [("db-prod".to_owned(), "db-prod".to_owned())]);
    assert!(bob.choose(&form, "scope", "db-prod").await.unwrap().ok);
    let unfinished = bob.submit(&form, json!({})).await.unwrap();
    assert_eq!(unfinished.outcome, Fate::Errors);
    assert!(unfinished.errors.contains_key("reason") && !unfinished.errors.contains_key("scope"));

    let short = json!({"reason": {"reason": "no"}});
    let refused = bob.submit(&form, short).await.unwrap();
    assert_eq!(refused.outcome, Fate::Errors);
    assert_eq!(refused.errors["reason"], "Say more than that.");

    let filled = json!({"duration": {"duration": "1h"}, "reason": {"reason": "writes fail"}});
    let submitted = bob.submit(&form, filled).await.unwrap();
    assert_eq!(submitted.outcome, Fate::Closed);
    let sight = alice.sees().await.unwrap();
    let updated = sight.saying("Approved: \"db-prod\" for \"1h\"").unwrap();
    assert_eq!((&updated.ts, updated.edited.is_some()), (&card.ts, true));
    assert!(bob.sees().await.unwrap().modal().is_none());
}

#[tokio::test]
async fn opening_the_home_tells_the_app_which_then_shows_it() {
    let fixture = Fixture::start().await;
    let alice = fixture.slack.person("U0ALICE");
    assert!(alice.sees().await.unwrap().home.is_none());
    assert!(alice.open_home().await.unwrap().ok);
    let home = alice.sees().await.unwrap().home.unwrap();
    assert!(alice.click(&home, "approve").await.unwrap().ok);
    assert!(
        fixture
            .slack
            .person("U0BOB")
            .sees()
            .await
            .unwrap()
            .home
            .is_none()
    );
}

#[tokio::test]
async fn closing_a_modal_tells_the_app_that_asked_to_be_told() {
    let fixture = Fixture::start().await;
    let alice = fixture.slack.person("U0ALICE");
    alice.command("C0DBA", "/jit").await.unwrap();
    let card = alice.sees().await.unwrap().saying("asks for it").cloned();
    alice.click(&card.unwrap(), "approve").await.unwrap();
    let form = alice.sees().await.unwrap().modal().cloned().unwrap();
    assert!(alice.close(&form).await.unwrap().ok);
    assert!(alice.sees().await.unwrap().modal().is_none());
    let last = fixture.slack.deliveries().await.unwrap().pop().unwrap();
    assert_eq!(last.payload["type"], "view_closed");
    assert!(last.payload.get("token").is_none());
}
