//! Slack's rate limits, per method: off unless the workspace asks for them.
//!
//! Tiers are docs.slack.dev, apis/web-api/rate-limits: calls a minute, here over a sliding minute of
//! the simulator's clock. `chat.postMessage` may speak once a second in a channel, with bursts.

use std::collections::{HashMap, VecDeque};

use chrono::{DateTime, TimeDelta, Utc};

use crate::web_api::catalogue::{Tier, method as method_named};

/// What is tolerated at once of what is meant to be done one at a time.
const BURST: usize = 5;

/// Calls let through, by what they are counted under.
#[derive(Debug, Default)]
pub(crate) struct Rates(HashMap<String, VecDeque<DateTime<Utc>>>);

impl Rates {
    /// Lets a call through and counts it, or says how many seconds to wait.
    pub(crate) fn admit(
        &mut self,
        method: &str,
        channel: &str,
        now: DateTime<Utc>,
    ) -> Result<(), u64> {
        let limits = limits(method, channel);
        for (key, most, span) in &limits {
            let past = self.0.entry(key.clone()).or_default();
            past.retain(|at| now - *at < *span);
            if past.len() >= *most {
                let oldest = past.front().copied().unwrap_or(now);
                let left = (oldest + *span - now).num_milliseconds();
                return Err(left.max(1).unsigned_abs().div_ceil(1000));
            }
        }
        for (key, ..) in limits {
            self.0.entry(key).or_default().push_back(now);
        }
        Ok(())
    }
}

/// What a call is counted under, how many are let through, and in which span.
fn limits(method: &str, channel: &str) -> Vec<(String, usize, TimeDelta)> {
    let minute = TimeDelta::minutes(1);
    let most = match method_named(method).map(|method| method.tier) {
        Some(Tier::One) => BURST,
        Some(Tier::Two) => 20,
        Some(Tier::Three) => 50,
        Some(Tier::Four) => 100,
        Some(Tier::Speaking) => {
            let in_channel = (format!("{method} {channel}"), BURST, TimeDelta::seconds(5));
            return vec![in_channel, (method.to_owned(), 300, minute)];
        }
        Some(Tier::Hundreds) | None => return Vec::new(),
    };
    vec![(method.to_owned(), most, minute)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_channel_takes_a_burst_then_one_message_a_second() {
        let mut rates = Rates::default();
        let start = DateTime::<Utc>::from_timestamp(1_755_000_000, 0).unwrap();
        let at = |seconds: i64| start + TimeDelta::seconds(seconds);
        for _ in 0..5 {
            assert_eq!(rates.admit("chat.postMessage", "C0DBA", at(0)), Ok(()));
        }
        assert_eq!(rates.admit("chat.postMessage", "C0DBA", at(2)), Err(3));
        assert_eq!(rates.admit("chat.postMessage", "C0OTHER", at(2)), Ok(()));
        assert_eq!(rates.admit("chat.postMessage", "C0DBA", at(5)), Ok(()));
    }

    #[test]
    fn tiers_are_counted_over_a_minute() {
        let mut rates = Rates::default();
        let start = DateTime::<Utc>::from_timestamp(1_755_000_000, 0).unwrap();
        for _ in 0..20 {
            assert_eq!(rates.admit("usergroups.list", "", start), Ok(()));
        }
        assert_eq!(rates.admit("usergroups.list", "", start), Err(60));
        assert_eq!(rates.admit("users.info", "", start), Ok(()));
        for (method, most) in [
            ("apps.connections.open", 5),
            ("chat.update", 50),
            ("views.open", 100),
        ] {
            let admitted = (0..200).take_while(|_| rates.admit(method, "", start).is_ok());
            assert_eq!(admitted.count(), most, "{method}");
        }
        assert!((0..200).all(|_| rates.admit("auth.test", "", start).is_ok()));
    }
}
