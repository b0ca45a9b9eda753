//! The simulator's time: given by the caller, so that tests can move it by hand.
//!
//! Signatures, trigger expiry and response URL expiry follow this clock. How long an app takes to
//! answer is measured in real time, because the app is a real server.

use std::sync::Arc;

use chrono::{DateTime, Utc};

/// Tells the simulator what time it is.
pub type Clock = Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>;

/// The machine's own time.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place where the simulator reads the machine's time"
)]
pub fn system_clock() -> Clock {
    Arc::new(Utc::now)
}

/// Writes microseconds since the epoch as Slack writes message times: `1755000000.000100`.
pub(crate) fn ts(micros: i64) -> String {
    format!(
        "{}.{:06}",
        micros.div_euclid(1_000_000),
        micros.rem_euclid(1_000_000)
    )
}
