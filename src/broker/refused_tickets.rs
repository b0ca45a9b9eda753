//! How often somebody may cause a look-up of a ticket in vain, so that they do not use up the tracker's quota.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
};

use crate::{
    domain::{Human, Refusal, Span, Time},
    store::LATELY,
};

/// How many look-ups somebody can cause within an hour with what is not requested then.
const MOST_REFUSED: u32 = 30;

/// Look-ups that are remembered; with more, the oldest is forgotten.
const REMEMBERED: usize = 10_000;

/// Look-ups of the last hour for requests and extensions that were not made.
#[derive(Debug, Default)]
pub(super) struct RefusedTickets(Mutex<VecDeque<(Time, Human)>>);

impl RefusedTickets {
    /// Counts a look-up for `human` as refused until it is [taken back](Self::take_back).
    pub(super) fn begin(&self, human: &Human, now: Time) -> Result<(), Refusal> {
        let mut refused = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        refused.retain(|(at, _)| *at > LATELY.before(now));
        let mut theirs = refused.iter().rev().filter(|(_, of)| of.is(human));
        if let Some((at, _)) = theirs.nth(MOST_REFUSED as usize - 1) {
            return Err(Refusal::TooManyTickets {
                most: MOST_REFUSED,
                wait: Span::between(now, LATELY.after(*at)),
            });
        }
        if refused.len() >= REMEMBERED {
            refused.pop_front();
        }
        refused.push_back((now, human.clone()));
        Ok(())
    }

    /// The last look-up that was counted for `human` was not refused, or asked the tracker nothing.
    pub(super) fn take_back(&self, human: &Human) {
        let mut refused = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(last) = refused.iter().rposition(|(_, of)| of.is(human)) {
            refused.remove(last);
        }
    }
}
