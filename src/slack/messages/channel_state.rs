//! What is known of channels that Slack does not let Keylend write to.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use crate::{
    domain::{ChannelId, Time},
    slack::client::ChannelTrouble,
};

/// The channels in trouble, and those in which a message was dropped.
#[derive(Default)]
pub(super) struct Channels {
    /// Those that Slack lets nobody write to.
    closed: Mutex<HashMap<ChannelId, Closed>>,
    /// The alerts of dropped messages, each with when its time is over.
    pub(super) dropped: Mutex<HashMap<String, Time>>,
    /// The alerts of what Slack refuses the app, each with whether it was a direct message and whether
    /// it is about the token.
    pub(super) refused: Mutex<HashMap<String, (bool, bool)>>,
}

/// A channel that Slack lets nobody write to.
#[derive(Clone, Copy)]
pub(super) struct Closed {
    pub(super) why: ChannelTrouble,
    /// How often in a row.
    pub(super) failures: u32,
    /// When it is tried again.
    pub(super) opens: Time,
}

impl Channels {
    pub(super) fn get(&self, channel: &ChannelId) -> Option<Closed> {
        let closed = self.closed.lock().unwrap_or_else(PoisonError::into_inner);
        closed.get(channel).copied()
    }

    pub(super) fn put(&self, channel: &ChannelId, now: Option<Closed>) -> Option<Closed> {
        let mut closed = self.closed.lock().unwrap_or_else(PoisonError::into_inner);
        match now {
            Some(now) => closed.insert(channel.clone(), now),
            None => closed.remove(channel),
        }
    }
}
