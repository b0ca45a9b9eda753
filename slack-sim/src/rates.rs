//! Slack's rate limits, per method: off unless the workspace asks for them.
//!
//! Tiers are docs.slack.dev, apis/web-api/rate-limits: calls a minute, here over a sliding minute of
//! the simulator's clock. `chat.postMessage` may speak once a second in a channel, with bursts.

use std::collections::{HashMap, VecDeque};

use chrono::{DateTime, TimeDelta, Utc};

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
    let most = match method {
        "chat.postMessage" => {
            let in_channel = (format!("{method} {channel}"), 5, TimeDelta::seconds(5));
            return vec![in_channel, (method.to_owned(), 300, minute)];
        }
        "apps.connections.open" => 1,
        "usergroups.list" | "usergroups.users.list" | "users.list" => 20,
        "chat.update" | "conversations.open" | "conversations.info" | "users.lookupByEmail" => 50,
        "api.test" | "auth.test" | "chat.getPermalink" => return Vec::new(),
        _ => 100,
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
    }
}
