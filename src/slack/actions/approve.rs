//! Saying yes: one tap. The card shows what came of it.

use crate::slack::interaction::{Interaction, Outcome, Shown};

pub(super) async fn run(interaction: &Interaction, shown: Shown) -> Outcome {
    let Shown { id, revision } = shown;
    let intent = &interaction.intent;
    interaction
        .slack
        .broker
        .approve(intent, id, revision)
        .await?;
    Ok(None)
}
