//! What a request asks for.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{Environment, LayerSpec, Risk, Scope, ScopeId, Span};

/// What is asked for, and what an approver agrees to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Terms {
    /// What.
    pub scope: ScopeId,
    /// What people call it.
    pub title: String,
    /// Where it belongs.
    pub environment: Option<Environment>,
    /// How much harm it can do.
    pub risk: Risk,
    /// For how long.
    pub duration: Span,
    /// Why, in the requester's words; may be empty.
    pub reason: String,
    /// Under which ticket.
    pub ticket: Option<String>,
    /// What is granted in the targets.
    pub layers: Vec<LayerSpec>,
    /// The longest that the access may go on working after it ended.
    pub residual: Span,
    /// Whether it can end before its time: nothing in it ends by a time limit alone.
    pub ends_early: bool,
    /// Whether it may reach more than its targets' data.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dangerous: bool,
}

impl Terms {
    /// The terms that `scope` gives today to what these terms ask for: the catalogue's words and
    /// layers, and no longer a time than it allows.
    #[must_use]
    pub fn revised(&self, scope: &Scope) -> Self {
        Self {
            title: scope.title.clone(),
            environment: scope.environment.clone(),
            risk: scope.risk,
            duration: self.duration.min(scope.max_duration),
            layers: scope.layers.clone(),
            residual: scope.residual,
            ends_early: scope.ends_early,
            dangerous: scope.dangerous,
            ..self.clone()
        }
    }

    /// What is asked for a scope for, as a digest: the ticket or, without one, the reason. Asked for the same
    /// purpose, it is the same request.
    pub fn purpose(ticket: Option<&str>, reason: &str) -> String {
        let purpose = match ticket {
            Some(ticket) => format!("ticket:{ticket}"),
            None => format!("reason:{}", reason.trim()),
        };
        hex::encode(Sha256::digest(purpose))
    }

    /// Whether an approver who was shown the other terms would decide on something else.
    pub(super) fn differ_from(&self, other: &Self) -> bool {
        Self {
            duration: other.duration,
            ..self.clone()
        } != *other
    }
}
