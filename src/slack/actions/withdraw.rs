//! The requester withdraws a request before it is decided. The card shows it.

use crate::{
    domain::RequestId,
    slack::interaction::{Interaction, Outcome},
};

pub(super) async fn run(interaction: &Interaction, id: RequestId) -> Outcome {
    let by = &interaction.caller.user;
    interaction.slack.broker.withdraw(by, id).await?;
    Ok(None)
}
