//! A request as decisions begin with it.

use crate::domain::Request;

/// A request as it was loaded.
#[derive(Debug, Clone)]
pub(crate) struct Loaded {
    /// What the log says. Where not all of its entries count, what Keylend's own make, or the table says.
    pub request: Request,
    /// The number of the log's last entry about it, up to which the log says the same; nothing if
    /// not all of its entries count: then the request can only end.
    pub logged: Option<u64>,
}
