//! The entries of the log for those who keep how far they have come.

use super::{Origin, RawEntry, Store, StoreError};

/// The log's entries behind `after` up to the last one of about `limit` that Keylend wrote, in order; others
/// may be among them. An entry far ahead that is there for a moment leads nobody past what comes later.
///
/// # Errors
///
/// If the store does not answer.
pub async fn followed(
    store: &dyn Store,
    after: u64,
    limit: u32,
) -> Result<Vec<RawEntry>, StoreError> {
    let mut read = after;
    loop {
        let mut page = store.raw_entries(read, limit).await?;
        let is_last = page.len() < limit as usize;
        read = page.last().map_or(read, |raw| raw.seq);
        while page.last().is_some_and(|raw| raw.origin == Origin::Forged) {
            page.pop();
        }
        if is_last || !page.is_empty() {
            return Ok(page);
        }
    }
}
