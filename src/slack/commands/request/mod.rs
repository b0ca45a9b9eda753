//! Requests access, in one line or in the form.

mod draft;
#[cfg(test)]
mod tests;

use super::command::{Call, Command};
use crate::{
    broker::Ask,
    domain::{Catalogue, ScopeId},
    slack::{
        actions::{
            create_request,
            form::{self, Prefill},
            incident::Origin,
        },
        arguments::{Draft, Wanted, Word},
        interaction::{Interaction, Outcome},
        view::answer,
    },
};

pub(super) const COMMAND: Command = Command {
    name: "request",
    usage: "[scope] [duration] [ticket] [reason]",
    help: "requests access. Any order works, and a form asks for what is missing.",
    run: |call| Box::pin(run(call)),
};

/// What is known of the request.
pub fn parse(words: &[Word], catalogue: &Catalogue) -> Draft {
    draft::read(words, catalogue)
}

/// A line with everything in it is a request; one that lacks something opens the form.
async fn run(call: Call<'_>) -> Outcome {
    let interaction = call.interaction;
    let catalogue = interaction.slack.broker.catalogue();
    let draft = parse(call.words, catalogue);
    let (channel, name) = (&interaction.channel, interaction.channel_name.as_deref());
    let origin = (channel.clone()).and_then(|channel| Origin::of(channel, name));
    match &draft.scope {
        Wanted::Scope(id)
            if catalogue
                .get(id)
                .is_some_and(|scope| draft.is_complete_for(scope)) =>
        {
            let id = id.clone();
            create(interaction, id, draft, origin).await
        }
        _ => form::open(interaction, Prefill { draft, origin }).await,
    }
}

async fn create(
    interaction: &Interaction,
    scope: ScopeId,
    draft: Draft,
    origin: Option<Origin>,
) -> Outcome {
    // No two commands share a trigger, and a redelivered one has its first.
    let named_once = interaction.trigger_id.as_ref();
    let Some(named_once) = named_once.or(interaction.response_url.as_ref()) else {
        return Ok(Some(answer::UNNAMED.to_owned()));
    };
    let caller = &interaction.caller;
    let ask = Ask {
        key: create_request::key(caller, named_once),
        by: caller.user.clone(),
        scope,
        duration: draft.duration,
        ticket: draft.ticket,
        reason: draft.reason,
        mirrors: Vec::new(),
    };
    let slack = &interaction.slack;
    let (request, notes) =
        create_request::create(slack, ask, origin.as_ref(), &draft.channels).await?;
    Ok(Some(answer::asked(&request, &notes)))
}
