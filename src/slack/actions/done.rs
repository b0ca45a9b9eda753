//! The requester ends their own access.

use crate::{
    domain::RequestId,
    slack::{
        interaction::{Interaction, Outcome},
        view::answer,
    },
};

/// Ends the grant. If that interrupts another one, it says so and ends nothing.
pub(in crate::slack) async fn run(interaction: &Interaction, id: RequestId) -> Outcome {
    let broker = &interaction.slack.broker;
    let request = broker.request(id).await?;
    // Whether it is theirs, the broker says when it ends it.
    if broker.is_theirs(&interaction.caller.user, &request).await? {
        let interrupted = broker.interrupted_by(&request).await?;
        if !interrupted.is_empty() {
            return Ok(Some(answer::interrupts(&request, &interrupted)));
        }
    }
    run_anyway(interaction, id).await
}

/// Ends the grant, whatever that interrupts.
pub(in crate::slack) async fn run_anyway(interaction: &Interaction, id: RequestId) -> Outcome {
    let intent = &interaction.intent;
    let request = interaction.slack.broker.done(intent, id).await?;
    Ok(Some(answer::done(&request)))
}
