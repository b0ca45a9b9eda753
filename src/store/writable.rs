//! What a store can write.

/// What a store can write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Writable {
    /// Everything.
    Everything,
    /// The disk is full, and the space that was kept for this case is in use: what ends, denies and
    /// locks, and what Slack shows. Nobody can request or approve anything.
    EndsOnly,
    /// Nothing.
    Nothing,
}
