//! What happens when there is more to say than Slack lets be said at once.

use crate::support::fixture::{ALICE, APPROVALS, Fixture, Has, workspace};

#[tokio::test]
async fn a_burst_beyond_slacks_limits_is_said_all_the_same() {
    let fixture = Fixture::of(workspace().rate_limits(true)).await;
    for _ in 0..10 {
        fixture.jit(ALICE, "request db-prod:read 10m look").await;
    }
    // The clock stands, so that the sixth card is one too many.
    fixture
        .sim
        .wait_until(|sim| {
            let mut calls = sim.calls_of("chat.postMessage").into_iter();
            calls.find(|call| call.error.as_deref() == Some("ratelimited"))
        })
        .await;
    let cards = |fixture: &Fixture| {
        let said = fixture.sim.messages(APPROVALS);
        said.iter().filter(|card| card.has("approve")).count()
    };
    fixture
        .in_time(|_| (cards(&fixture) == 10).then_some(()))
        .await;
    let calls = fixture.sim.calls_of("chat.postMessage");
    let said = calls
        .iter()
        .filter(|call| call.ok && call.args["channel"] == APPROVALS);
    assert_eq!(said.count(), 10, "each once");
}
