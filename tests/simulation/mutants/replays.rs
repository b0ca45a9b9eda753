//! A delivery is carried out again when it comes again. Breaks promise 6: one effect for one intention,
//! replayed on any replica.

use keylend::{domain::DeliveryKey, store::Delivered};

use super::Mutant;

#[derive(Clone, Copy)]
pub(super) enum Replays {
    /// No commit says which delivery it is for.
    Always,
    /// Each replica calls a delivery something else.
    OnOtherReplicas,
}

impl Mutant for Replays {
    fn delivered(&self, replica: &str, delivered: Option<Delivered>) -> Option<Delivered> {
        match self {
            Self::Always => None,
            Self::OnOtherReplicas => delivered.map(|delivered| {
                let seed = format!("{replica} {}", delivered.key.as_str());
                let key = DeliveryKey::derive(seed.as_bytes());
                Delivered { key, ..delivered }
            }),
        }
    }
}
