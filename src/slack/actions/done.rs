//! "I'm done": the requester ends their own access.

use super::{
    line::Named,
    resolve_grant::{self, Which},
};
use crate::slack::interaction::{Interaction, Outcome};
use crate::{domain::RequestId, slack::view::answer};

/// Ends the grant, unless that interrupts another one: then that is said first.
pub(super) async fn run(interaction: &Interaction, id: RequestId) -> Outcome {
    let broker = &interaction.slack.broker;
    let request = broker.request(id).await?;
    // Who it belongs to, the broker says when it ends it.
    if broker.is_theirs(&interaction.caller.user, &request).await? {
        let interrupted = broker.interrupted_by(&request).await?;
        if !interrupted.is_empty() {
            return Ok(Some(answer::interrupts(&request, &interrupted)));
        }
    }
    end(interaction, id).await
}

/// Ends what was named, or the only thing that they hold; with `anyway`, whatever that interrupts.
pub(super) async fn chosen(interaction: &Interaction, what: Named, anyway: bool) -> Outcome {
    match resolve_grant::of_mine(interaction, what, "done").await? {
        Which::This(id) if anyway => end(interaction, id).await,
        Which::This(id) => run(interaction, id).await,
        Which::Unclear(told) => Ok(Some(told)),
    }
}

async fn end(interaction: &Interaction, id: RequestId) -> Outcome {
    let request = interaction
        .slack
        .broker
        .done(&interaction.caller.user, id)
        .await?;
    Ok(Some(answer::done(&request)))
}
