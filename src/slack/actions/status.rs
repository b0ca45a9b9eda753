//! What somebody holds, and what of theirs waits.

use crate::slack::interaction::{Interaction, Outcome};
use crate::slack::view::answer;

pub(super) async fn run(interaction: &Interaction) -> Outcome {
    let mine = interaction
        .slack
        .broker
        .open_of(&interaction.caller.user)
        .await?;
    Ok(Some(answer::status(&mine, interaction.slack.clock.now())))
}
