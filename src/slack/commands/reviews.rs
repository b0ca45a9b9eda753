//! Lists what was taken by break-glass and is open for review.

use super::command::{Call, Command};
use crate::slack::{interaction::Outcome, view::review};

pub(super) const COMMAND: Command = Command {
    name: "reviews",
    usage: "",
    help: "lists uses of break-glass that are open for review.",
    run: |call| Box::pin(run(call)),
};

async fn run(call: Call<'_>) -> Outcome {
    let interaction = call.interaction;
    let slack = &interaction.slack;
    let caller = &interaction.caller.user;
    let reviews = slack.broker.open_reviews(caller).await?;
    Ok(Some(review::list(&reviews, slack.clock.now())))
}
