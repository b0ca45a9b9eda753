//! Asking for access, in one line or by the form.

use super::{incident::Origin, line::Draft};
use crate::slack::interaction::{Interaction, Outcome};
use crate::{
    broker::Ask,
    domain::{AskKey, ChannelId, Refusal, Request, ScopeId},
    slack::{
        Slack,
        caller::Caller,
        view::{alert, answer},
    },
};

/// Asks for what was typed in one line.
pub(super) async fn typed(
    interaction: &Interaction,
    scope: ScopeId,
    draft: Draft,
    origin: Option<Origin>,
) -> Outcome {
    // No two commands share a trigger, and a redelivered one has its first.
    let Some(named_once) = interaction
        .trigger_id
        .as_ref()
        .or(interaction.response_url.as_ref())
    else {
        return Ok(Some(answer::UNNAMED.to_owned()));
    };
    let caller = &interaction.caller;
    let ask = Ask {
        key: key(caller, named_once),
        by: caller.user.clone(),
        scope,
        duration: draft.duration,
        ticket: draft.ticket,
        reason: draft.reason,
        mirrors: Vec::new(),
    };
    let (request, notes) =
        mirrored(&interaction.slack, ask, origin.as_ref(), &draft.channels).await?;
    Ok(Some(answer::asked(&request, &notes)))
}

/// The key that belongs to what Slack names only once in the caller's workspace.
pub(super) fn key(caller: &Caller, named_once: &str) -> AskKey {
    AskKey::derive(&format!("{}/{named_once}", caller.team))
}

/// Asks, and has the incident channels among `origin` and `mentioned` follow the request. Answers
/// what is to be said of those that may be one and could not be asked.
pub(super) async fn mirrored(
    slack: &Slack,
    mut ask: Ask,
    origin: Option<&Origin>,
    mentioned: &[ChannelId],
) -> Result<(Request, Vec<String>), Refusal> {
    let mirrors = slack
        .incidents
        .mirrors(&slack.client, origin, mentioned)
        .await;
    ask.mirrors = mirrors.channels;
    let request = slack.broker.ask(ask).await?;
    let mut notes: Vec<String> = mirrors.unnamed.iter().map(answer::not_mirrored).collect();
    let channel = &request.approval_channel;
    let alerts = slack.broker.alerts().raised();
    if request.awaits_decision() && alerts.contains_key(&alert::channel_name(channel)) {
        notes.push(answer::not_reached(channel));
    }
    Ok((request, notes))
}
