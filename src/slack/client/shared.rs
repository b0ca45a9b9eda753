//! Which channels people of another company read (Slack Connect). Nothing is written to those, unless the
//! configuration names them: every post and update asks here first. Slack tells when a channel is shared, but its event may be lost
//! or come to another replica, so what is known is believed for a minute.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::sync::{Notify, futures::Notified};

use crate::{
    clock::Clock,
    domain::{ChannelId, Time},
};

/// How long it is believed what a channel is.
const FRESH: Duration = Duration::from_secs(60);

/// How many channels are kept; beyond it, they are asked for anew.
const KEPT: usize = 1_000;

pub(in crate::slack) struct SharedChannels {
    clock: Arc<dyn Clock>,
    /// When each channel was asked for, and whether it was shared.
    known: Mutex<HashMap<ChannelId, (Time, bool)>>,
    changed: Notify,
}

impl SharedChannels {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        let (known, changed) = (Mutex::default(), Notify::new());
        Self {
            clock,
            known,
            changed,
        }
    }

    /// Whether a channel is shared; nothing if that has to be asked.
    pub(super) fn is_shared(&self, channel: &ChannelId) -> Option<bool> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let (asked, is_shared) = known.get(channel)?;
        // The clock may have gone back since.
        let now = self.clock.now();
        (now >= *asked && now < *asked + FRESH).then_some(*is_shared)
    }

    pub(super) fn learn(&self, channel: &ChannelId, is_shared: bool) {
        let now = self.clock.now();
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= KEPT {
            known.clear();
        }
        known.insert(channel.clone(), (now, is_shared));
    }

    /// Slack says that a channel changed. People share channels of their own as often as they like:
    /// nobody is woken for one that Keylend does not write to.
    pub(in crate::slack) fn forget(&self, channel: &ChannelId) {
        let forgotten = {
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            known.remove(channel)
        };
        if forgotten.is_some() {
            self.changed.notify_waiters();
        }
    }

    /// Waits until something that was known is forgotten, from now on.
    pub(in crate::slack) fn changed(&self) -> Notified<'_> {
        self.changed.notified()
    }
}
