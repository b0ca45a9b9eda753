//! How often an address may fail to prove who it is: twenty times at once, then every three seconds.
//!
//! It says who is beyond that, and turns nobody away itself: behind one address may be a forger and
//! Slack. The table is bounded; when it is full, whoever failed least is forgotten, so that the
//! worst are remembered however many addresses there are.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// How many failures are let pass at once.
const BURST: u32 = 20;

/// How long until one more is let pass.
const EACH: Duration = Duration::from_secs(3);

/// Addresses that are remembered.
const ADDRESSES: usize = 4096;

/// Who failed, and until when it counts: a failure adds [`EACH`] to it.
#[derive(Default)]
pub(super) struct Throttle(Mutex<HashMap<IpAddr, Instant>>);

impl Throttle {
    /// How long an address has to wait for its next try; nothing if it need not.
    pub(super) fn wait(&self, address: IpAddr, now: Instant) -> Option<Duration> {
        let table = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let left = table.get(&address)?.saturating_duration_since(now);
        let over = (left + EACH).checked_sub(EACH * BURST);
        over.filter(|over| !over.is_zero())
    }

    /// Notes that an address did not prove who it is.
    pub(super) fn failed(&self, address: IpAddr, now: Instant) {
        let mut table = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if table.len() >= ADDRESSES && !table.contains_key(&address) {
            table.retain(|_, until| *until > now);
            let least = table.iter().min_by_key(|(_, until)| **until);
            if table.len() >= ADDRESSES
                && let Some(least) = least.map(|(address, _)| *address)
            {
                table.remove(&least);
            }
        }
        let until = table.entry(address).or_insert(now);
        *until = ((*until).max(now) + EACH).min(now + EACH * BURST);
    }
}
