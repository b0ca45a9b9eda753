//! Requests access, in one line or in the form.

mod draft;
#[cfg(test)]
mod tests;

use super::command::{Call, Command};
use crate::{
    broker::Ask,
    domain::{Catalogue, ScopeId, Span, Time},
    slack::{
        actions::{
            create_request,
            form::{self, Prefill},
            how_long,
            incident::Origin,
            starts_at::starts_at,
        },
        arguments::{Draft, HowLong, Unclear, Wanted, Word},
        interaction::{Interaction, Outcome, log_error},
        view::{answer, refusal, start},
    },
};

pub(super) const COMMAND: Command = Command {
    name: "request",
    usage: "[scope] [duration] [--at time] [ticket] [reason]",
    help: "requests access. Any order works, and a form asks for what is missing. `--at` starts it later, \
           such as 22:00 or 2026-12-01 22:00.",
    run: |call| Box::pin(run(call)),
};

/// What is known of the request.
pub fn parse(words: &[Word], catalogue: &Catalogue) -> Draft {
    draft::read(words, catalogue)
}

/// A line with everything in it is a request; one that lacks something, or may be meant in more
/// ways than one, opens the form.
async fn run(call: Call<'_>) -> Outcome {
    let interaction = call.interaction;
    let slack = &interaction.slack;
    let catalogue = slack.broker.catalogue();
    let by = &interaction.caller.user;
    let mut draft = parse(call.words, catalogue);
    draft
        .unclear
        .retain(|unclear| !matches!(unclear, Unclear::Recipient(Some(person), _) if person == by));
    let (channel, name) = (&interaction.channel, interaction.channel_name.as_deref());
    let origin = (channel.clone()).and_then(|channel| Origin::of(channel, name));
    let mut prefill = Prefill {
        draft,
        origin,
        duration_note: None,
    };
    let draft = &prefill.draft;
    if let Wanted::Scope(id) = &draft.scope
        && let Some(scope) = catalogue.get(id)
        && draft.is_complete_for(scope)
    {
        let duration = match draft.duration {
            None => Ok(None),
            Some(HowLong::Until(_)) if draft.start.is_some() => {
                Err(start::UNTIL_WITH_START.to_owned())
            }
            Some(how_long) => how_long::from_now(slack, by, how_long).await.map(Some),
        };
        let start = match draft.start {
            None => Ok(None),
            Some(written) => starts_at(slack, by, written).await.map(Some),
        };
        match (duration, start) {
            (Ok(duration), Ok(start)) => {
                let id = id.clone();
                return create(interaction, id, duration, start, prefill).await;
            }
            (Err(note), _) => prefill.duration_note = Some(note),
            // The form says what is wrong with the start.
            (Ok(_), Err(_)) => {}
        }
    }
    form::open(interaction, prefill).await
}

async fn create(
    interaction: &Interaction,
    scope: ScopeId,
    duration: Option<Span>,
    starts_at: Option<Time>,
    prefill: Prefill,
) -> Outcome {
    let Prefill { draft, origin, .. } = prefill;
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
        duration,
        ticket: draft.ticket,
        reason: draft.reason,
        mirrors: Vec::new(),
        starts_at,
    };
    let slack = &interaction.slack;
    let scope = slack.broker.catalogue().get(&ask.scope);
    match create_request::create(slack, ask, origin.as_ref(), &draft.channels).await {
        Ok((request, notes)) => Ok(Some(answer::asked(&request, &notes))),
        Err(error) => match scope {
            None => Err(error),
            Some(scope) => {
                log_error(caller, &error);
                Ok(Some(refusal::of_request(&error, scope)))
            }
        },
    }
}
