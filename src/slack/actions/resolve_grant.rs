//! Which of somebody's own grants a command is about.

use super::line::Named;
use crate::slack::interaction::Interaction;
use crate::{
    domain::{Refusal, Request, RequestId, ScopeId, State},
    slack::view::answer,
};

/// One grant, or what has to be said to find it.
pub(super) enum Which {
    This(RequestId),
    Unclear(String),
}

/// The grant of the caller that `what` names; the only one that they hold if it names none.
/// Whether it is theirs, the broker checks again.
pub(super) async fn of_mine(
    interaction: &Interaction,
    what: Named,
    command: &str,
) -> Result<Which, Refusal> {
    let scope: Option<ScopeId> = match what {
        Named::Request(id) => return Ok(Which::This(id)),
        Named::Scope(scope) => Some(scope),
        Named::Nothing => None,
        Named::Unknown { written, like } => {
            return Ok(Which::Unclear(answer::no_such(&written, &like)));
        }
        Named::Person(_) | Named::Everything => {
            let usage = answer::usage(&format!("/jit {command} [scope]"));
            return Ok(Which::Unclear(usage));
        }
    };
    let mine = interaction
        .slack
        .broker
        .open_of(&interaction.caller.user)
        .await?;
    let mut meant: Vec<Request> = mine
        .into_iter()
        .filter(|request| scope.as_ref().is_none_or(|id| request.terms.scope == *id))
        .filter(|request| matches!(request.state, State::Approved | State::Active { .. }))
        .collect();
    Ok(match meant.len() {
        0 => Which::Unclear(answer::nothing_to(command)),
        1 => Which::This(meant.remove(0).id),
        _ => Which::Unclear(answer::which(
            command,
            &meant,
            interaction.slack.clock.now(),
        )),
    })
}
