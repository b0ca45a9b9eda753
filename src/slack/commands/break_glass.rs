//! Takes access at once, without an approval, to be reviewed afterwards.

use super::{
    command::{Call, Command},
    request,
};
use crate::{
    broker::Ask,
    slack::{
        actions::{create_request, how_long, incident::Origin},
        arguments::Wanted,
        interaction::{Outcome, concerns, log_error},
        view::{answer, refusal, review, text},
    },
};

pub(super) const COMMAND: Command = Command {
    name: "break-glass",
    usage: "[scope] [duration] [ticket] [reason]",
    help: "grants access at once, without an approval. Reviewers are told, and two have to sign off.",
    run: |call| Box::pin(run(call)),
};

/// Only a line with everything in it is enough: nobody breaks glass by accident.
async fn run(call: Call<'_>) -> Outcome {
    let interaction = call.interaction;
    let (slack, caller) = (&interaction.slack, &interaction.caller);
    let catalogue = slack.broker.catalogue();
    let draft = request::parse(call.words, catalogue);
    let id = match &draft.scope {
        Wanted::Scope(id) => id.clone(),
        Wanted::Unknown { written, like } => return Ok(Some(answer::no_such(written, like))),
        Wanted::Nothing => return Ok(Some(answer::usage(&call.command.line()))),
    };
    let Some(scope) = catalogue.get(&id) else {
        return Ok(Some(answer::usage(&call.command.line())));
    };
    if draft.start.is_some() {
        return Ok(Some(review::NO_START.to_owned()));
    }
    let duration = match draft.duration {
        Some(duration) if draft.is_complete_for(scope) && !draft.reason.is_empty() => duration,
        _ => return Ok(Some(answer::usage(&call.command.line()))),
    };
    let duration = match how_long::from_now(slack, &caller.user, duration).await {
        Ok(duration) => duration,
        Err(told) => return Ok(Some(text::escape(&told, 1000))),
    };
    // No two commands share a trigger, and a redelivered one has its first.
    let named_once = interaction.trigger_id.as_ref();
    let Some(named_once) = named_once.or(interaction.response_url.as_ref()) else {
        return Ok(Some(answer::UNNAMED.to_owned()));
    };
    let (channel, name) = (&interaction.channel, interaction.channel_name.as_deref());
    let origin = (channel.clone()).and_then(|channel| Origin::of(channel, name));
    let mirrors = slack
        .incidents
        .mirrors(&slack.client, origin.as_ref(), &draft.channels)
        .await;
    let granted = slack.broker.break_glass(Ask {
        key: create_request::key(caller, named_once),
        by: caller.user.clone(),
        scope: id,
        duration: Some(duration),
        ticket: draft.ticket,
        reason: draft.reason,
        mirrors: mirrors.channels,
        starts_at: None,
    });
    match granted.await {
        Ok(request) => {
            concerns(request.id);
            Ok(Some(review::used(&request)))
        }
        Err(error) => {
            log_error(caller, &error);
            Ok(Some(refusal::of_request(&error, scope)))
        }
    }
}
