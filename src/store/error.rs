//! Why the store did not do something.

/// Why a commit did not happen; nothing of it is in the store.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// Somebody else was faster: load again and decide again.
    #[error("somebody else was faster")]
    Conflict,
    /// Something was committed for the same delivery before.
    #[error("it was delivered before, and done then")]
    AlreadyDone,
    /// The store does not answer, or cannot write.
    #[error(transparent)]
    Unavailable(#[from] StoreError),
}

/// The store does not answer, cannot write, or holds what this program does not understand.
#[derive(Debug, thiserror::Error)]
#[error("{doing}: {source}")]
pub struct StoreError {
    /// What was being done, as a fragment that ends "failed to …".
    pub doing: &'static str,
    /// What the database said.
    pub source: Box<dyn std::error::Error + Send + Sync>,
}

impl StoreError {
    /// Whether the database answered, with a row that has other values than this program writes.
    pub fn is_bad_row(&self) -> bool {
        matches!(
            self.source.downcast_ref(),
            Some(sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_))
        )
    }
}
