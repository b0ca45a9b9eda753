//! Alerts: conditions that an operator has to look at. `/readyz` lists them as `degraded`, the metrics export
//! them, and the messenger posts them in the audit channel.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use tokio::sync::watch;

/// The names of all alerts, without the part after the colon. docs/operations.md explains each of them.
pub const NAMES: [&str; 27] = [
    "channel_unavailable",
    "chain_broken",
    "checkpoint_file",
    "clock_went_back",
    "clocks_differ",
    "contradicted",
    "group_unavailable",
    "high_water_ahead",
    "leavers_unchecked",
    "lock_missing",
    "log_broken",
    "log_not_signed",
    "message_dropped",
    "messages_changed",
    "nobody_can_approve",
    "repaired",
    "revocation_failing",
    "slack_refuses",
    "slack_scope_missing",
    "slack_unavailable",
    "store_clock_differs",
    "store_disk_full",
    "store_not_writable",
    "tickets_unchecked",
    "too_many_open_files",
    "unexplained_access",
    "wrong_key",
];

/// The alerts that are raised on this replica.
#[derive(Debug, Default)]
pub struct Alerts {
    raised: Mutex<BTreeMap<String, String>>,
    changed: watch::Sender<u64>,
}

impl Alerts {
    /// Raises an alert, or replaces its text. `name` is stable, because machines read it, such as
    /// `group_unavailable:dba`, and begins with one of [`NAMES`]. `text` says what happened, why, and what to
    /// do. It contains no secret.
    pub fn raise(&self, name: impl Into<String>, text: impl Into<String>) {
        let (name, text) = (name.into(), text.into());
        debug_assert!(
            NAMES.contains(&name.split(':').next().unwrap_or_default()),
            "the alert {name} is not in NAMES"
        );
        let before = self.lock().insert(name, text.clone());
        if before.is_none_or(|before| before != text) {
            self.changed.send_modify(|times| *times += 1);
        }
    }

    /// Clears an alert, if it is raised.
    pub fn clear(&self, name: &str) {
        if self.lock().remove(name).is_some() {
            self.changed.send_modify(|times| *times += 1);
        }
    }

    /// The raised alerts: their texts by name.
    pub fn raised(&self) -> BTreeMap<String, String> {
        self.lock().clone()
    }

    /// A receiver that changes whenever an alert is raised, replaced or cleared.
    pub fn changed(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, String>> {
        self.raised.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alert_is_raised_once_and_cleared() {
        let alerts = Alerts::default();
        let changed = alerts.changed();
        alerts.raise("group_unavailable:dba", "Slack does not know the group.");
        alerts.raise("group_unavailable:dba", "Slack does not know the group.");
        assert_eq!(*changed.borrow(), 1);
        assert_eq!(alerts.raised().len(), 1);
        alerts.clear("group_unavailable:dba");
        alerts.clear("group_unavailable:dba");
        assert_eq!(*changed.borrow(), 2);
        assert!(alerts.raised().is_empty());
    }
}
