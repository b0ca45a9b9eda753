//! Shows what the caller has, and what of theirs is pending. With a name behind it, it is `who`.

use super::{
    command::{Call, Command},
    who,
};
use crate::{
    domain::Catalogue,
    slack::{
        arguments::{Named, Word, named},
        interaction::Outcome,
        view::answer,
    },
};

pub(super) const COMMAND: Command = Command {
    name: "status",
    usage: "",
    help: "shows your access and your pending requests.",
    run: |call| Box::pin(run(call)),
};

/// Whose access is shown, or to what; the caller's own if it names nothing.
pub fn parse(words: &[Word], catalogue: &Catalogue) -> Named {
    named(words, catalogue).0
}

async fn run(call: Call<'_>) -> Outcome {
    let slack = &call.interaction.slack;
    match parse(call.words, slack.broker.catalogue()) {
        Named::Nothing | Named::Me | Named::Everything => {
            let mine = slack.broker.open_of(&call.interaction.caller.user).await?;
            Ok(Some(answer::status(&mine, slack.clock.now())))
        }
        other => who::show(call, other, None).await,
    }
}
