//! Asking for what cannot be done.

/// Why somebody cannot do what was asked of them, in a sentence. Acting in process panics with it;
/// the control API answers it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Mistake {
    /// There is no such person, message, view or element, or they cannot see it.
    #[error("{0}")]
    NotThere(String),
    /// It is there, and cannot be used like that.
    #[error("{0}")]
    Impossible(String),
}
