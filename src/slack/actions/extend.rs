//! Asking for more time.

use super::{
    line::Named,
    resolve_grant::{self, Which},
};
use crate::slack::interaction::{Interaction, Outcome};
use crate::{
    domain::{RequestId, Span},
    slack::view::answer,
};

pub(super) async fn run(interaction: &Interaction, id: RequestId, more: Option<Span>) -> Outcome {
    let by = &interaction.caller.user;
    let request = interaction.slack.broker.extend(by, id, more).await?;
    Ok(Some(answer::extension_requested(&request)))
}

/// Asks for more time with what was named, or with the only thing that they hold.
pub(super) async fn chosen(interaction: &Interaction, what: Named, more: Option<Span>) -> Outcome {
    match resolve_grant::of_mine(interaction, what, "extend").await? {
        Which::This(id) => run(interaction, id, more).await,
        Which::Unclear(told) => Ok(Some(told)),
    }
}
