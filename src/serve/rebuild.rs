//! Computing a store's tables from its log. Its messages are those that are open, posted anew.

use crate::{
    slack::messages::CURSORS,
    store::{
        Address, StoreKey,
        rebuild::{self, RebuildError},
    },
};

/// Computes all tables of `to` from the log in `from`, which was verified, and whose codes are
/// valid under `key`. Answers what the owner of
/// the new database has to do, if Keylend may not do it.
///
/// # Errors
///
/// See [`rebuild::rebuild`].
pub async fn rebuild(
    from: &Address,
    to: &Address,
    key: &StoreKey,
) -> Result<Option<String>, RebuildError> {
    rebuild::rebuild(from, to, key, &CURSORS).await
}
