//! A target is taken for one whose access ends, or whose orders act, in another way than they do. Breaks
//! promise 4: what only a time limit ends is told to be revoked, and "ended" is said of what acts late,
//! which is granted when it is over (promise 6).

use std::sync::Arc;

use keylend::{
    backend::{Backend, BoundLayer},
    domain::{RevocationMode, Span},
};

use super::{
    Mutant,
    changed_target::{Changes, changed},
};

/// What is not known of targets.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Misdeclares {
    /// That some access ends by a time limit alone.
    TimeLimits,
    /// That orders may act late.
    LateEffects,
}

impl Mutant for Misdeclares {
    fn target(&self, target: Arc<dyn Backend>) -> Arc<dyn Backend> {
        changed(target, *self)
    }
}

impl Changes for Misdeclares {
    fn revocation_mode(self, layer: &dyn BoundLayer) -> RevocationMode {
        match self {
            Self::TimeLimits => RevocationMode::Call,
            Self::LateEffects => layer.revocation_mode(),
        }
    }

    fn late_effects(self, layer: &dyn BoundLayer) -> Span {
        match self {
            Self::TimeLimits => layer.late_effects(),
            Self::LateEffects => Span::default(),
        }
    }
}
