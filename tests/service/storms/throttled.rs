//! Promises 3, 4 and 10 when Slack says for a minute that it has had enough.

use std::{collections::BTreeSet, time::Duration};

use slack_sim::{Fault, Message};

use crate::support::fixture::{ALICE, AUDIT, BOB, DAVE, Fixture, REQUEST};

/// What is called to say something. What is asked about people goes on: decisions need it.
const SAYING: [&str; 4] = [
    "chat.postMessage",
    "chat.postEphemeral",
    "chat.update",
    "views.publish",
];

#[tokio::test]
async fn rate_limits_of_slack_delay_messages_but_not_access() {
    let fixture = Fixture::start().await;
    fixture.granted(REQUEST).await;
    fixture.jit(DAVE, "request db-prod:read 10m look").await;
    let card = fixture.open_card().await;
    let said = fixture.sim.messages(AUDIT).len();
    let enough = Fault::RateLimited {
        retry_after_secs: 60,
    };
    for method in SAYING {
        fixture.sim.fault(method, enough.clone(), usize::MAX);
    }

    fixture.advance_minutes(30);
    fixture.person(BOB).click(&card, "approve").await;

    // The clock stands: neither waits for Slack.
    logged(&fixture, "ended", 1).await;
    logged(&fixture, "activated", 2).await;
    assert!(!fixture.console.admits("alice"));
    assert!(fixture.bastion.admits("dave"));
    assert!(!fixture.admitted("alice@example.com", "db-prod:write").await);
    assert_eq!(fixture.sim.messages(AUDIT).len(), said);

    fixture.sim.heal();
    fixture.clock.advance(Duration::from_secs(60));
    fixture.told(ALICE, "`db-prod:write` has ended:").await;
    fixture.told(DAVE, "`db-prod:read`").await;
    fixture.shows(&card, "Approved by").await;
    fixture.audited("ended").await;
    let lines = fixture.sim.messages(AUDIT);
    let lines = lines.iter().map(Message::all_text).collect::<Vec<_>>();
    let once: BTreeSet<_> = lines.iter().collect();
    assert_eq!(once.len(), lines.len(), "{lines:#?}");
}

/// Waits until the log has so many entries of this kind.
async fn logged(fixture: &Fixture, kind: &str, enough: usize) {
    let coming = async {
        while fixture
            .kinds()
            .await
            .iter()
            .filter(|it| *it == kind)
            .count()
            < enough
        {
            // A round trip through the service gives it its share of the machine.
            fixture.page("/healthz").await;
        }
    };
    let come = tokio::time::timeout(Duration::from_secs(30), coming).await;
    come.unwrap_or_else(|_| panic!("{kind}: fewer than {enough}"));
}
