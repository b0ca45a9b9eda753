//! The requester requests more time.

use crate::{
    domain::{RequestId, Span},
    slack::{
        interaction::{Interaction, Outcome},
        view::answer,
    },
};

/// Requests `more` time, or the scope's default duration.
pub(in crate::slack) async fn run(
    interaction: &Interaction,
    id: RequestId,
    more: Option<Span>,
) -> Outcome {
    let intent = &interaction.intent;
    let request = interaction.slack.broker.extend(intent, id, more).await?;
    Ok(Some(answer::extension_requested(&request)))
}
