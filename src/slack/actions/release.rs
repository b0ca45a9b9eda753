//! Releasing a login.

use crate::slack::interaction::{Interaction, Outcome};
use crate::{domain::Username, slack::view::answer};

pub(super) async fn run(interaction: &Interaction, name: &str, reason: &str) -> Outcome {
    if name.is_empty() || reason.is_empty() {
        return Ok(Some(answer::usage("/jit release LOGIN REASON")));
    }
    let name = Username::new(name);
    let by = &interaction.caller.user;
    interaction
        .slack
        .broker
        .release_name(by, &name, reason)
        .await?;
    Ok(Some(answer::released(&name)))
}
