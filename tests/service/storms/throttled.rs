//! Promises 3, 4 and 10 when Slack says for a minute that it has had enough.

use std::{collections::BTreeSet, time::Duration};

use slack_sim::{Fault, Message};

use crate::support::stage::{ALICE, AUDIT, BOB, DAVE, REQUEST, Stage};

/// What is called to say something. What is asked about people goes on: decisions need it.
const SAYING: [&str; 4] = [
    "chat.postMessage",
    "chat.postEphemeral",
    "chat.update",
    "views.publish",
];

#[tokio::test]
async fn while_slack_has_had_enough_access_begins_and_ends_and_all_is_said_once_afterwards() {
    let stage = Stage::start().await;
    stage.granted(REQUEST).await;
    stage.jit(DAVE, "request db-prod:read 10m look").await;
    let card = stage.open_card().await;
    let said = stage.sim.messages(AUDIT).len();
    let enough = Fault::RateLimited {
        retry_after_secs: 60,
    };
    for method in SAYING {
        stage.sim.fault(method, enough.clone(), usize::MAX);
    }

    stage.advance_minutes(30);
    stage.person(BOB).click(&card, "approve").await;

    // The clock stands: neither waits for Slack.
    logged(&stage, "ended", 1).await;
    logged(&stage, "activated", 2).await;
    assert!(!stage.console.admits("alice"));
    assert!(stage.bastion.admits("dave"));
    assert!(!stage.admitted("alice@example.com", "db-prod:write").await);
    assert_eq!(stage.sim.messages(AUDIT).len(), said);

    stage.sim.heal();
    stage.clock.advance(Duration::from_secs(60));
    stage.told(ALICE, "`db-prod:write` has ended:").await;
    stage.told(DAVE, "`db-prod:read`").await;
    stage.shows(&card, "Approved by").await;
    stage.audited("ended").await;
    let lines = stage.sim.messages(AUDIT);
    let lines = lines.iter().map(Message::all_text).collect::<Vec<_>>();
    let once: BTreeSet<_> = lines.iter().collect();
    assert_eq!(once.len(), lines.len(), "{lines:#?}");
}

/// Waits until the log has so many entries of this kind.
async fn logged(stage: &Stage, kind: &str, enough: usize) {
    let coming = async {
        while stage.kinds().await.iter().filter(|it| *it == kind).count() < enough {
            // A round trip through the service gives it its share of the machine.
            stage.page("/healthz").await;
        }
    };
    let come = tokio::time::timeout(Duration::from_secs(30), coming).await;
    come.unwrap_or_else(|_| panic!("{kind}: fewer than {enough}"));
}
