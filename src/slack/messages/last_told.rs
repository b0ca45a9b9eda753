//! When approvers were told last, so that many requests make few messages.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use chrono::TimeDelta;

use crate::domain::{ChannelId, Time};

/// The shortest time between two messages to one channel or person.
const PAUSE: TimeDelta = TimeDelta::seconds(30);

/// When each channel and each person was told last. A replica that takes over knows nothing of it, and
/// tells them once sooner.
#[derive(Default)]
pub(super) struct LastTold(Mutex<HashMap<ChannelId, Time>>);

impl LastTold {
    /// When the channel may be told again; nothing if now.
    pub(super) fn opens(&self, channel: &ChannelId, now: Time) -> Option<Time> {
        let told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let opens = *told.get(channel)? + PAUSE;
        (now < opens).then_some(opens)
    }

    /// It was told at `now`.
    pub(super) fn note(&self, channel: &ChannelId, now: Time) {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        told.retain(|_, at| now - *at < PAUSE);
        told.insert(channel.clone(), now);
    }
}
