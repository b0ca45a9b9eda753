//! Waiting for a database, but not for ever.

use std::{error::Error, future::Future, time::Duration};

use tokio::time::timeout;

use super::StoreError;

/// How long a caller waits for an answer of the store.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// Asks the database, but not for ever.
pub(super) async fn answer<T>(
    doing: &'static str,
    question: impl Future<Output = sqlx::Result<T>>,
) -> Result<T, StoreError> {
    match timeout(PATIENCE, question).await {
        Ok(answer) => answer.map_err(|source| unavailable(doing, source)),
        Err(elapsed) => Err(unavailable(doing, elapsed)),
    }
}

/// The answer that there is none.
pub(super) fn unavailable(
    doing: &'static str,
    source: impl Into<Box<dyn Error + Send + Sync>>,
) -> StoreError {
    StoreError {
        doing,
        source: source.into(),
    }
}
