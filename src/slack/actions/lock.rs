//! The red button, and lifting it.

use super::line::Named;
use crate::slack::interaction::{Interaction, Outcome};
use crate::{domain::LockTarget, slack::view::answer};

pub(super) async fn lock(interaction: &Interaction, what: Named, reason: &str) -> Outcome {
    let target = match target(what, "/jit lock everything, scope or @person, then why") {
        Ok(target) => target,
        Err(told) => return Ok(Some(told)),
    };
    if reason.is_empty() {
        return Ok(Some(answer::LOCK_NEEDS_REASON.to_owned()));
    }
    let by = &interaction.caller.user;
    let locked = interaction
        .slack
        .broker
        .lock(by, target.clone(), reason)
        .await?;
    Ok(Some(answer::locked(&target, locked)))
}

pub(super) async fn unlock(interaction: &Interaction, what: Named) -> Outcome {
    let target = match target(what, "/jit unlock everything, scope or @person") {
        Ok(target) => target,
        Err(told) => return Ok(Some(told)),
    };
    let by = &interaction.caller.user;
    let was_locked = interaction.slack.broker.unlock(by, target.clone()).await?;
    Ok(Some(answer::unlocked(&target, was_locked)))
}

fn target(what: Named, usage: &str) -> Result<LockTarget, String> {
    match what {
        Named::Everything => Ok(LockTarget::Everything),
        Named::Scope(scope) => Ok(LockTarget::Scope(scope)),
        Named::Person(person) => Ok(LockTarget::Person(person)),
        Named::Unknown { written, like } => Err(answer::no_such(&written, &like)),
        Named::Nothing | Named::Request(_) => Err(answer::usage(usage)),
    }
}
