//! A requester who has their credentials shown again and again.

use serde_json::json;

use crate::support::fixture::{Fixture, REQUEST};

/// How often somebody can need to see them.
const ENOUGH: usize = 50;

/// Each time is an entry of the log and a line in the audit channel.
#[tokio::test]
async fn showing_credentials_again_and_again_does_not_fill_the_log() {
    let fixture = Fixture::start().await;
    fixture.console.answers(json!({
        "secrets": [{ "label": "Token", "value": "s3cr3t-t0ken-of-the-target" }],
    }));
    let grant = fixture.granted(REQUEST).await;
    let alice = fixture.alice();
    for _ in 0..ENOUGH + 10 {
        alice.click(&grant, "credentials").await;
    }
    // Whoever comes behind the clicks comes behind their work.
    let worked_through = async {
        let mut before = usize::MAX;
        loop {
            fixture.answer("U0BOB", "status").await;
            let kinds = fixture.kinds().await;
            let shown = kinds.iter().filter(|kind| *kind == "credential_shown");
            let shown = shown.count();
            if shown == before {
                return shown;
            }
            before = shown;
        }
    };
    let shown = worked_through.await;
    assert!(shown <= ENOUGH, "shown {shown} times");
}
