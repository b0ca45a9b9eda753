//! Computing a store's tables from its log, with the messages that the service posts.

use crate::{
    broker::new_cards,
    domain::ChannelId,
    slack::messages::CURSORS,
    store::{
        Address,
        rebuild::{self, Making, RebuildError},
    },
};

/// Computes all tables of `to` from the log in `from`, which was verified. Answers what the owner of
/// the new database has to do, if Keylend may not do it.
///
/// # Errors
///
/// See [`rebuild::rebuild`].
pub async fn rebuild(
    from: &Address,
    to: &Address,
    audit_channel: &ChannelId,
) -> Result<Option<String>, RebuildError> {
    let making = Making {
        cards: &|request, events| new_cards(request, events, audit_channel),
        feeds: &CURSORS,
    };
    rebuild::rebuild(from, to, &making).await
}
