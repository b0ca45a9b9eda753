//! Computing a store's tables from its log. Its messages are those that are open, posted anew.

use crate::{
    slack::messages::CURSORS,
    store::{
        Address,
        rebuild::{self, RebuildError},
    },
};

/// Computes all tables of `to` from the log in `from`, which was verified. Answers what the owner of
/// the new database has to do, if Keylend may not do it.
///
/// # Errors
///
/// See [`rebuild::rebuild`].
pub async fn rebuild(from: &Address, to: &Address) -> Result<Option<String>, RebuildError> {
    rebuild::rebuild(from, to, &CURSORS).await
}
