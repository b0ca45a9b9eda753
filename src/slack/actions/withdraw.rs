//! The requester withdraws a request before it is decided. The card shows it.

use crate::{
    domain::RequestId,
    slack::interaction::{Interaction, Outcome},
};

pub(super) async fn run(interaction: &Interaction, id: RequestId) -> Outcome {
    let intent = &interaction.intent;
    interaction.slack.broker.withdraw(intent, id).await?;
    Ok(None)
}
