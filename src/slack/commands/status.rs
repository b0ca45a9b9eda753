//! Shows what the caller has, and what of theirs is pending.

use super::command::{Call, Command};
use crate::slack::{interaction::Outcome, view::answer};

pub(super) const COMMAND: Command = Command {
    name: "status",
    usage: "",
    help: "shows your access and your pending requests.",
    run: |call| Box::pin(run(call)),
};

async fn run(call: Call<'_>) -> Outcome {
    let slack = &call.interaction.slack;
    let mine = slack.broker.open_of(&call.interaction.caller.user).await?;
    Ok(Some(answer::status(&mine, slack.clock.now())))
}
