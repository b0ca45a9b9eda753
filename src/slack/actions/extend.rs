//! The requester requests more time.

use super::how_long;
use crate::{
    domain::{RequestId, Span},
    slack::{
        arguments::HowLong,
        interaction::{Interaction, Outcome},
        view::{answer, refusal, text},
    },
};

/// Requests `more` time, or the scope's default duration.
pub(in crate::slack) async fn run(
    interaction: &Interaction,
    id: RequestId,
    more: Option<HowLong>,
) -> Outcome {
    let by = &interaction.caller.user;
    let broker = &interaction.slack.broker;
    let more = match more {
        None => None,
        Some(HowLong::For(span)) => Some(span),
        Some(HowLong::Until(time)) => {
            let end = match how_long::moment(&interaction.slack, by, time).await {
                Ok(end) => end,
                Err(told) => return Ok(Some(text::escape(&told, 1000))),
            };
            // Without an end there is nothing to extend, and the broker says why.
            let ends = broker.request(id).await?.expires_at;
            match ends.map(|ends| (end - ends).num_seconds()) {
                Some(..=0) => return Ok(Some(refusal::ENDS_LATER.to_owned())),
                Some(more) => Some(Span::seconds(u32::try_from(more).unwrap_or(u32::MAX))),
                None => None,
            }
        }
    };
    let request = broker.extend(&interaction.intent, id, more).await?;
    Ok(Some(answer::extension_requested(&request)))
}
