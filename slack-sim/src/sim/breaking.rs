//! Asking for faults, and mending everything.

use super::Sim;
use crate::{
    delivery::DeliveryKind,
    faults::{DeliveryFault, Fault},
    state::State,
};

impl Sim {
    /// Makes the next `times` calls of `method` fail; `*` stands for every method and
    /// `response_url` for posts to response URLs. `usize::MAX` lasts until [`heal`](Self::heal).
    pub fn fault(&self, method: &str, fault: Fault, times: usize) {
        let add = |state: &mut State, _| state.faults.add(method, fault, times);
        self.inner.change(add);
    }

    /// Makes the next `times` deliveries of a kind go wrong, or of every kind if none is named.
    /// `usize::MAX` lasts until [`heal`](Self::heal).
    pub fn fault_delivery(&self, kind: Option<DeliveryKind>, fault: DeliveryFault, times: usize) {
        let add = |state: &mut State, _| state.faults.add_delivery(kind, fault, times);
        self.inner.change(add);
    }

    /// Ends all faults; calls that hang and deliveries that are held back are carried out now.
    pub fn heal(&self) {
        self.inner.heal();
    }
}
