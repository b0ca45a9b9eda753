//! What a scope is, and who decides on it.

use super::line::Named;
use crate::slack::interaction::{Interaction, Outcome};
use crate::{domain::Refusal, slack::view::answer};

pub(super) async fn run(interaction: &Interaction, what: Named) -> Outcome {
    let broker = &interaction.slack.broker;
    Ok(Some(match what {
        Named::Scope(id) => {
            let scope = broker.catalogue().get(&id);
            let scope = scope.ok_or_else(|| Refusal::NoSuchScope(id.clone()))?;
            // Names are a courtesy; without them the groups are named all the same.
            let approvers = broker.approvers(scope).await.ok();
            answer::explain(scope, approvers.as_ref())
        }
        Named::Unknown { written, like } => answer::no_such(&written, &like),
        _ => answer::usage("/jit explain scope"),
    }))
}
