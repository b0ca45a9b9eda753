//! What somebody holds, and what of theirs waits.

use super::{Outcome, visit::Visit};
use crate::slack::view::answer;

pub(super) async fn run(visit: &Visit) -> Outcome {
    let mine = visit.slack.broker.open_of(&visit.caller.user).await?;
    Ok(Some(answer::status(&mine, visit.slack.clock.now())))
}
