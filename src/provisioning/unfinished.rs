//! Why a step could not be finished.

use crate::{broker::Error, domain::Time};

/// Why a piece of work could not be finished now; it is due again.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unfinished {
    /// Grants that it waits for are not gone yet.
    #[error("it waits for other grants to end")]
    Waits,
    /// A target is still working on it, and is to be asked at this moment.
    #[error("its target is still working on it")]
    Pending(Time),
    /// The broker could not commit, or the store not answer.
    #[error(transparent)]
    Broker(#[from] Error),
}
