//! A request as decisions begin with it.

use crate::domain::Request;

/// A request as it was loaded.
#[derive(Debug, Clone)]
pub(crate) struct Loaded {
    /// What the log says, or the table where the log says nothing.
    pub request: Request,
    /// The number of the log's last entry about it, up to which the log says the same; nothing if it
    /// says nothing that can be read.
    pub logged: Option<u64>,
}
