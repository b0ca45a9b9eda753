//! Promises 3 and 4 when ten thousand grants end at once.

use super::setup::{Storm, engineer};

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_grants_that_end_in_one_second_are_each_revoked_once() {
    const GRANTS: usize = 10_000;
    let storm = Storm::setup(GRANTS, &[("console", "db-prod:write")]).await;
    let fixture = &storm.fixture;
    assert_eq!(fixture.console.holders(), GRANTS);

    fixture.advance_minutes(30);

    for number in (0..GRANTS).step_by(GRANTS / 50) {
        let email = format!("{}@example.com", engineer(number));
        assert!(
            !fixture.admitted_anywhere(&email, "db-prod:write").await,
            "{email}"
        );
    }
    storm.logged("ended", GRANTS).await;
    assert_eq!(fixture.console.holders(), 0);
    assert_eq!(
        fixture.console.orders("revoke"),
        GRANTS,
        "by one replica each"
    );
    assert_eq!(storm.entries("ended").await, GRANTS);
    assert_eq!(storm.entries("layer_revoked").await, GRANTS);
    assert_eq!(storm.entries("layer_revoke_failed").await, 0);
}
