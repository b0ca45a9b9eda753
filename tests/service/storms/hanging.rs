//! Promise 4 when one of two targets hangs for a minute.

use std::time::Duration;

use super::setup::{Storm, engineer};
use crate::support::target::Mood;

#[tokio::test(flavor = "multi_thread")]
async fn a_hanging_target_does_not_delay_other_revocations() {
    const ENGINEERS: usize = 300;
    let targets = [("console", "db-prod:write"), ("bastion", "db-prod:read")];
    let storm = Storm::setup(ENGINEERS, &targets).await;
    let fixture = &storm.fixture;
    fixture.console.mood("revoke", Mood::Hanging);

    fixture.advance_minutes(30);

    // The clock stands at the second of the end until the other target has let go of everybody.
    storm.logged("ended", ENGINEERS).await;
    assert_eq!(fixture.bastion.holders(), 0);
    assert_eq!(fixture.console.holders(), ENGINEERS);
    for number in [0, ENGINEERS / 2, ENGINEERS - 1] {
        let email = format!("{}@example.com", engineer(number));
        assert!(
            !fixture.admitted_anywhere(&email, "db-prod:write").await,
            "{email}"
        );
    }

    fixture.clock.advance(Duration::from_secs(60));
    fixture.console.mood("revoke", Mood::Well);
    // What had been given up meanwhile is tried again a little later.
    while storm.entries("ended").await < 2 * ENGINEERS {
        fixture.clock.advance(Duration::from_secs(1));
        fixture.page("/healthz").await;
    }
    assert_eq!(fixture.console.holders(), 0);
    assert_eq!(storm.entries("ended").await, 2 * ENGINEERS);
}
