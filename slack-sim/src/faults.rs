//! Slack having a bad day: answers and deliveries that are wrong, late, twice, or never come.

use std::{collections::BTreeMap, time::Duration};

use crate::delivery::DeliveryKind;

/// What goes wrong with a Web API call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// 429 with `Retry-After`; the call has no effect.
    RateLimited {
        /// The header's value, seconds.
        retry_after_secs: u64,
    },
    /// This HTTP status with a body that is not JSON; the call has no effect.
    Status(u16),
    /// 200 with `ok: false` and this error; the call has no effect.
    Error(String),
    /// No answer until [`Sim::heal`](crate::Sim::heal), after which the call is carried out. A
    /// caller that hangs up first has caused no effect.
    Hang,
    /// The call is carried out and answered after this much real time, or after
    /// [`Sim::heal`](crate::Sim::heal). A caller that hangs up first has caused no effect.
    Slow(Duration),
    /// The connection is closed without an answer; the call has no effect.
    Drop,
    /// The call is carried out, then the connection is closed without an answer.
    LoseAnswer,
}

impl Fault {
    /// 200 with `ok: false` and this error.
    pub fn error(name: impl Into<String>) -> Self {
        Self::Error(name.into())
    }
}

/// What goes wrong with a delivery to the app.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryFault {
    /// It is made twice at once; the second answer changes nothing.
    Duplicate,
    /// The connection breaks in the middle of it: over HTTP within the body, over a socket in
    /// place of the envelope. No answer comes.
    Drop,
    /// It reaches the app this much later, in real time. Slack's three seconds run meanwhile.
    Delay(Duration),
    /// It is held back until a delivery that began later has been made, until
    /// [`Sim::heal`](crate::Sim::heal), or for a minute. Slack's three seconds run meanwhile, so that
    /// whoever waits for it before doing something else has waited in vain. One is held at a time.
    Reorder,
}

/// The faults to come.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    /// By method; `*` stands for every method.
    calls: BTreeMap<String, Vec<(Fault, usize)>>,
    deliveries: Vec<(Option<DeliveryKind>, DeliveryFault, usize)>,
    /// Whether a delivery is held back for another to overtake it.
    is_holding: bool,
}

impl Faults {
    pub(crate) fn add(&mut self, method: &str, fault: Fault, times: usize) {
        let queue = self.calls.entry(method.to_owned()).or_default();
        queue.push((fault, times));
    }

    pub(crate) fn add_delivery(
        &mut self,
        kind: Option<DeliveryKind>,
        fault: DeliveryFault,
        times: usize,
    ) {
        self.deliveries.push((kind, fault, times));
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Takes the fault that this call meets; those set first are met first.
    pub(crate) fn take(&mut self, method: &str) -> Option<Fault> {
        for key in [method, "*"] {
            let Some(queue) = self.calls.get_mut(key) else {
                continue;
            };
            queue.retain(|(_, left)| *left > 0);
            if let Some((fault, left)) = queue.first_mut() {
                *left -= 1;
                return Some(fault.clone());
            }
        }
        None
    }

    /// Takes the fault that a delivery of this kind meets; those set first are met first.
    pub(crate) fn take_delivery(&mut self, kind: Option<DeliveryKind>) -> Option<DeliveryFault> {
        self.deliveries.retain(|(_, _, left)| *left > 0);
        let is_holding = self.is_holding;
        let mut all = self.deliveries.iter_mut();
        let (_, fault, left) = all.find(|(meant, fault, _)| {
            let may_be_held = *fault != DeliveryFault::Reorder || !is_holding;
            may_be_held && (meant.is_none() || *meant == kind)
        })?;
        *left -= 1;
        self.is_holding |= *fault == DeliveryFault::Reorder;
        Some(*fault)
    }

    /// What was held back goes now.
    pub(crate) fn let_go(&mut self) {
        self.is_holding = false;
    }
}
