//! Who has a scope, and what a person has.

use super::line::Named;
use crate::slack::interaction::{Interaction, Outcome};
use crate::{domain::Refusal, slack::view::answer};

pub(super) async fn run(interaction: &Interaction, what: Named) -> Outcome {
    let slack = &interaction.slack;
    let now = slack.clock.now();
    Ok(Some(match what {
        Named::Scope(id) => {
            let open = slack.broker.open_for(&id).await?;
            let scope = slack.broker.catalogue().get(&id);
            let scope = scope.ok_or_else(|| Refusal::NoSuchScope(id.clone()))?;
            answer::who_has(scope, &open, now)
        }
        Named::Person(person) => {
            let open = slack.broker.open_of(&person).await?;
            answer::what_has(&person, &open, now)
        }
        Named::Unknown { written, like } => answer::no_such(&written, &like),
        Named::Nothing | Named::Request(_) | Named::Everything => {
            answer::usage("/jit who scope or @person")
        }
    }))
}
