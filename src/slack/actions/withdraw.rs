//! Taking a request back before it is decided. The card shows it.

use crate::domain::RequestId;
use crate::slack::interaction::{Interaction, Outcome};

pub(super) async fn run(interaction: &Interaction, id: RequestId) -> Outcome {
    interaction
        .slack
        .broker
        .withdraw(&interaction.caller.user, id)
        .await?;
    Ok(None)
}
