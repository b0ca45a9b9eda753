//! What somebody has to look at now: listed as `degraded` by `/readyz`, counted by metrics and told
//! in the audit channel.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use tokio::sync::watch;

/// The alerts that are raised.
#[derive(Debug, Default)]
pub struct Alerts {
    raised: Mutex<BTreeMap<String, String>>,
    changed: watch::Sender<u64>,
}

impl Alerts {
    /// Raises an alert, or replaces its text. `name` is stable and made for machines, such as
    /// `group_unavailable:dba`; `text` is a sentence for people and holds no secret.
    pub fn raise(&self, name: impl Into<String>, text: impl Into<String>) {
        let (name, text) = (name.into(), text.into());
        let before = self.lock().insert(name, text.clone());
        if before.is_none_or(|before| before != text) {
            self.changed.send_modify(|times| *times += 1);
        }
    }

    /// Clears an alert; nothing happens if it is not raised.
    pub fn clear(&self, name: &str) {
        if self.lock().remove(name).is_some() {
            self.changed.send_modify(|times| *times += 1);
        }
    }

    /// The alerts, by name, with their texts.
    pub fn raised(&self) -> BTreeMap<String, String> {
        self.lock().clone()
    }

    /// Moves whenever an alert is raised, replaced or cleared.
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
