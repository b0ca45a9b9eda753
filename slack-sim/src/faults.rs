//! Slack having a bad day: answers that are wrong, late, or never come.

use std::collections::BTreeMap;

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

/// The faults to come, by method; `*` stands for every method.
#[derive(Debug, Default)]
pub(crate) struct Faults(BTreeMap<String, Vec<(Fault, usize)>>);

impl Faults {
    pub(crate) fn add(&mut self, method: &str, fault: Fault, times: usize) {
        self.0
            .entry(method.to_owned())
            .or_default()
            .push((fault, times));
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// Takes the fault that this call meets; those set first are met first.
    pub(crate) fn take(&mut self, method: &str) -> Option<Fault> {
        for key in [method, "*"] {
            let Some(queue) = self.0.get_mut(key) else {
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
}
