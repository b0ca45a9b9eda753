//! The form that asks for access: opened with what was understood, kept in step with the scope that
//! is chosen, and turned into a request.

use std::{collections::BTreeSet, time::Duration};

use serde::{Deserialize, Serialize};

use super::{
    create_request,
    form_outcome::FormOutcome,
    how_long,
    incident::Origin,
    preview::{Filled, preview},
    starts_at::starts_at,
};
use crate::{
    broker::Ask,
    domain::{Attempted, ChannelId, Scope, Span, Time, UserId},
    slack::{
        Slack,
        arguments::{Draft, HowLong, Unclear, Wanted, length, markup, ticket},
        caller::Caller,
        inbound::View,
        interaction::{Interaction, Outcome, log_error},
        view::{
            answer,
            modal_request::{self, Form},
            refusal::{self, field},
            start, text,
        },
    },
};

/// How long facts are waited for before the form is opened: a trigger lives for three seconds.
const PATIENCE: Duration = Duration::from_millis(800);

/// What the form is opened with: a line that lacked something, and where it was typed. Nothing for
/// a button.
#[derive(Default)]
pub(in crate::slack) struct Prefill {
    pub(in crate::slack) draft: Draft,
    pub(in crate::slack) origin: Option<Origin>,
    /// Why the duration is not accepted, in plain text.
    pub(in crate::slack) duration_note: Option<String>,
}

/// What the form carries for us from its opening to its submission.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Carried {
    origin: Option<Origin>,
    channels: Vec<ChannelId>,
    /// What was said about the duration, in plain text.
    #[serde(default)]
    duration_note: Option<String>,
    /// What was said about the start, in plain text.
    #[serde(default)]
    start_note: Option<String>,
    /// What was said about the line, in `mrkdwn`.
    #[serde(default)]
    notice: Option<String>,
}

/// Opens the form with what was understood. Somebody who may not ask at all is told so instead, if
/// that is known in time; if it is not, it is asked again when they submit.
pub(in crate::slack) async fn open(interaction: &Interaction, prefill: Prefill) -> Outcome {
    let Prefill {
        draft,
        origin,
        mut duration_note,
    } = prefill;
    let broker = &interaction.slack.broker;
    let (wanted, notice) = match &draft.scope {
        Wanted::Nothing => (None, None),
        Wanted::Scope(id) => (Some(id), None),
        Wanted::Unknown { written, like } => {
            let only = like.first().filter(|_| like.len() == 1);
            (only, Some(answer::no_such(written, like)))
        }
    };
    let scope = wanted.and_then(|id| broker.catalogue().get(id));
    let filled = Filled {
        duration: draft.duration,
        ticket: draft.ticket.as_deref(),
        origin: origin.as_ref(),
        channels: &draft.channels,
        has_start: draft.start.is_some(),
    };
    let (member, approvers, preview) = tokio::join!(
        tokio::time::timeout(
            PATIENCE,
            broker.member_trying(&interaction.intent, Some(Attempted::Request), None),
        ),
        approvers(&interaction.slack, scope),
        preview(&interaction.slack, &interaction.caller.user, scope, filled),
    );
    if let Ok(Err(error)) = member {
        return Err(error);
    }
    let (mut starts, mut start_note) = (None, None);
    if let Some(written) = draft.start {
        match starts_at(&interaction.slack, &interaction.caller.user, written).await {
            Ok(at) => starts = Some(at),
            Err(note) => start_note = Some(note),
        }
    }
    let mut duration = draft.duration.map(|duration| duration.to_string());
    let mut said = None;
    for unclear in &draft.unclear {
        let sentence = refusal::unclear(unclear);
        match unclear {
            Unclear::Recipient(..) => said = Some(text::escape(&sentence, 1000)),
            Unclear::Duration(written) => {
                duration = Some(written.clone());
                duration_note = Some(sentence);
            }
            Unclear::InReason(_) => duration_note = Some(sentence),
            Unclear::Start(_) => start_note = Some(sentence),
        }
    }
    let notices: Vec<&str> = [&notice, &said]
        .into_iter()
        .flatten()
        .map(String::as_str)
        .collect();
    let notice = (!notices.is_empty()).then(|| notices.join("\n"));
    let carried = Carried {
        origin,
        channels: draft.channels,
        duration_note: duration_note.clone(),
        start_note: start_note.clone(),
        notice: said,
    };
    let form = Form {
        scope,
        approvers,
        preview,
        duration,
        duration_note,
        start: starts,
        start_note,
        ticket: draft.ticket,
        reason: draft.reason,
        notice,
        carried: serde_json::to_string(&carried).unwrap_or_default(),
    };
    Ok(
        match interaction.open(modal_request::request(&form)).await {
            Ok(_) => None,
            Err(told) => Some(told.to_owned()),
        },
    )
}

/// Shows what goes with the scope that was chosen. A form that has moved on meanwhile is left as
/// it is: a later choice is on its way.
pub(in crate::slack) async fn scope_chosen(
    interaction: &Interaction,
    view: &View,
    chosen: &str,
) -> Outcome {
    let slack = &interaction.slack;
    slack.broker.member(&interaction.caller.user).await?;
    if let Some(scope) = scope(slack, chosen) {
        update(interaction, view, scope).await;
    }
    Ok(None)
}

/// Shows what becomes of the request with the duration that was typed. What is no duration, or none yet,
/// changes nothing.
pub(in crate::slack) async fn duration_typed(interaction: &Interaction, view: &View) -> Outcome {
    let slack = &interaction.slack;
    let Some(scope) = view.value(field::SCOPE).and_then(|id| scope(slack, id)) else {
        return Ok(None);
    };
    let typed = filled(view, field::DURATION);
    if typed.is_some_and(|text| length::whole(text).is_none()) {
        return Ok(None);
    }
    // Nobody is told at every key; whether they are a member is asked again when they submit.
    if slack.broker.member(&interaction.caller.user).await.is_ok() {
        update(interaction, view, scope).await;
    }
    Ok(None)
}

/// Shows the form with this scope and what goes with it. Everything that was typed stays.
async fn update(interaction: &Interaction, view: &View, scope: &Scope) {
    let slack = &interaction.slack;
    let typed = |name| view.value(name).map(str::to_owned);
    let carried: Carried = serde_json::from_str(&view.private_metadata).unwrap_or_default();
    let ticket = filled(view, field::TICKET).map(|text| typed_ticket(scope, text));
    let filled = Filled {
        duration: filled(view, field::DURATION).and_then(length::whole),
        ticket: ticket.as_deref(),
        origin: carried.origin.as_ref(),
        channels: &carried.channels,
        has_start: chosen_start(view).is_some(),
    };
    let (approvers, preview) = tokio::join!(
        approvers(slack, Some(scope)),
        preview(slack, &interaction.caller.user, Some(scope), filled),
    );
    let form = Form {
        scope: Some(scope),
        approvers,
        preview,
        duration: typed(field::DURATION),
        duration_note: carried.duration_note,
        start: chosen_start(view),
        start_note: carried.start_note,
        ticket: typed(field::TICKET),
        reason: typed(field::REASON).unwrap_or_default(),
        notice: carried.notice,
        carried: view.private_metadata.clone(),
    };
    let hash = view.hash.as_deref();
    let updated = slack
        .client
        .update_view(&view.id, hash, modal_request::request(&form))
        .await;
    if let Err(error) = updated {
        tracing::debug!(%error, "failed to update a form");
    }
}

/// Makes a request of the form, or says which field is wrong.
pub(super) async fn submitted(slack: &Slack, caller: &Caller, view: &View) -> FormOutcome {
    let Some(scope) = view.value(field::SCOPE).and_then(|id| scope(slack, id)) else {
        return FormOutcome::invalid(field::SCOPE, "Choose what you need access to.");
    };
    let starts_at = chosen_start(view);
    let duration = match filled(view, field::DURATION) {
        None => None,
        Some(text) => match read_duration(slack, caller, text, starts_at).await {
            Ok(duration) => Some(duration),
            Err(wrong) => return FormOutcome::invalid(field::DURATION, &wrong),
        },
    };
    let carried: Carried = serde_json::from_str(&view.private_metadata).unwrap_or_default();
    let reason = filled(view, field::REASON).unwrap_or_default();
    let mut mentioned = carried.channels;
    mentioned.extend(markup::channels(reason));
    let ask = Ask {
        key: create_request::key(caller, &view.id),
        by: caller.user.clone(),
        scope: scope.id.clone(),
        duration,
        ticket: filled(view, field::TICKET).map(|text| typed_ticket(scope, text)),
        reason: reason.to_owned(),
        mirrors: Vec::new(),
        starts_at,
    };
    let origin = carried.origin.as_ref();
    match create_request::create(slack, ask, origin, &mentioned).await {
        Ok((request, notes)) => {
            let told = answer::asked(&request, &notes);
            match notes.is_empty() {
                true => FormOutcome::done(told),
                false => FormOutcome::shown("Request sent", told),
            }
        }
        Err(error) => {
            log_error(caller, &error);
            let asked = duration.unwrap_or(scope.default_duration);
            let (name, sentence) = refusal::on_field(&error, scope, asked);
            FormOutcome::invalid(name, &sentence)
        }
    }
}

fn scope<'a>(slack: &'a Slack, id: &str) -> Option<&'a Scope> {
    slack.broker.catalogue().get(&id.parse().ok()?)
}

/// What was typed into a field; nothing if that is blank.
fn filled<'a>(view: &'a View, name: &str) -> Option<&'a str> {
    let text = view.value(name).map(str::trim);
    text.filter(|text| !text.is_empty())
}

/// The ticket that was typed, which may be in a link.
fn typed_ticket(scope: &Scope, text: &str) -> String {
    let rule = scope.ticket.as_ref();
    let read = rule.and_then(|rule| ticket(text, &rule.pattern));
    read.unwrap_or_else(|| text.to_owned())
}

/// The start that was chosen; nothing if it was left empty.
fn chosen_start(view: &View) -> Option<Time> {
    Time::from_timestamp(view.date_time(field::START)?, 0)
}

async fn read_duration(
    slack: &Slack,
    caller: &Caller,
    text: &str,
    starts_at: Option<Time>,
) -> Result<Span, String> {
    let how_long = length::whole(text).ok_or_else(|| refusal::not_a_duration(text))?;
    if starts_at.is_some() && matches!(how_long, HowLong::Until(_)) {
        return Err(start::UNTIL_WITH_START.to_owned());
    }
    how_long::from_now(slack, &caller.user, how_long).await
}

/// Who is in the approver groups of `scope`, if that is known in time.
async fn approvers(slack: &Slack, scope: Option<&Scope>) -> Option<BTreeSet<UserId>> {
    let asked = slack.broker.approvers(scope?);
    tokio::time::timeout(PATIENCE, asked).await.ok()?.ok()
}
