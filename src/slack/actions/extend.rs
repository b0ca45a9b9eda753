//! The requester requests more time: by a command, or in the form that a button opens.

use super::{create_request::too_few_approvers, form_outcome::FormOutcome, how_long};
use crate::{
    broker::Intent,
    domain::{Refusal, RequestId, Span},
    slack::{
        Slack,
        arguments::{HowLong, length},
        caller::Caller,
        inbound::View,
        interaction::{Interaction, Outcome, Shown, log_error},
        view::{
            answer, modal_extend,
            refusal::{self, field},
            text,
        },
    },
};

/// Requests `more` time, or the scope's default duration.
pub(in crate::slack) async fn run(
    interaction: &Interaction,
    id: RequestId,
    more: Option<HowLong>,
    reason: &str,
) -> Outcome {
    let broker = &interaction.slack.broker;
    let more = match more {
        None => None,
        Some(more) => match span(&interaction.slack, &interaction.caller, id, more).await? {
            Ok(more) => Some(more),
            Err(told) => return Ok(Some(text::escape(&told, 1000))),
        },
    };
    let request = broker.extend(&interaction.intent, id, more, reason).await?;
    let lack = too_few_approvers(&interaction.slack, &request).await;
    Ok(Some(answer::extension_requested(&request, lack.as_ref())))
}

/// Asks how much more, and why.
pub(super) async fn ask(interaction: &Interaction, shown: Shown) -> Outcome {
    let broker = &interaction.slack.broker;
    let request = broker.request(shown.id).await?;
    if !request.is_usable(interaction.slack.clock.now()) {
        let state = request.state.name();
        return Err(Refusal::NotActive { state }.into());
    }
    if !broker.is_theirs(&interaction.caller.user, &request).await? {
        return Err(Refusal::NotTheRequester.into());
    }
    let scope = broker.scope(&request.terms.scope)?;
    let Some(fits) = broker.more_that_fits(&request)? else {
        return Ok(Some(answer::nothing_fits(scope)));
    };
    let carried = Shown {
        id: request.id,
        revision: request.revision,
    };
    let view = modal_extend::extend(&request, scope, fits, &carried.to_string());
    Ok(interaction.show(view).await)
}

/// Requests what the form says, or says which field is wrong.
pub(super) async fn submitted(
    slack: &Slack,
    intent: &Intent,
    caller: &Caller,
    id: RequestId,
    view: &View,
) -> FormOutcome {
    let filled = |name| view.value(name).unwrap_or_default().trim();
    let typed = filled(field::DURATION);
    let Some(more) = length::whole(typed) else {
        return FormOutcome::invalid(field::DURATION, &refusal::not_a_duration(typed));
    };
    let asked = match span(slack, caller, id, more).await {
        Ok(Ok(more)) => {
            let reason = filled(field::REASON);
            let asked = slack.broker.extend(intent, id, Some(more), reason);
            asked.await.map_err(|error| (error, Some(more)))
        }
        Ok(Err(told)) => return FormOutcome::invalid(field::DURATION, &told),
        Err(error) => Err((error, None)),
    };
    let (error, more) = match asked {
        Ok(request) => {
            let lack = too_few_approvers(slack, &request).await;
            let told = answer::extension_requested(&request, lack.as_ref());
            return match lack {
                // They have to read it: nobody else may ever tell them.
                Some(_) => FormOutcome::shown("Request sent", told),
                None => FormOutcome::done(told),
            };
        }
        Err(failed) => failed,
    };
    log_error(caller, &error);
    match &error {
        crate::broker::Error::Refused(
            Refusal::Forbidden(_) | Refusal::TooShort { .. } | Refusal::ExtensionTooLong { .. },
        ) if more.is_some() => {
            let said = refusal::plain_sentence(&error);
            FormOutcome::invalid(field::DURATION, &said)
        }
        _ => FormOutcome::refused(refusal::sentence(&error)),
    }
}

/// Takes the question for more time back. The card shows it.
pub(super) async fn withdraw(interaction: &Interaction, id: RequestId) -> Outcome {
    let intent = &interaction.intent;
    interaction
        .slack
        .broker
        .withdraw_extension(intent, id)
        .await?;
    Ok(None)
}

/// How much more time that is; or what they are told if it is not clear, in plain text.
pub(super) async fn span(
    slack: &Slack,
    caller: &Caller,
    id: RequestId,
    more: HowLong,
) -> Result<Result<Span, String>, crate::broker::Error> {
    let time = match more {
        HowLong::For(span) => return Ok(Ok(span)),
        HowLong::Until(time) => time,
    };
    let end = match how_long::moment(slack, &caller.user, time).await {
        Ok(end) => end,
        Err(told) => return Ok(Err(told)),
    };
    let request = slack.broker.request(id).await?;
    let Some(ends) = request.expires_at else {
        let state = request.state.name();
        return Err(Refusal::NotActive { state }.into());
    };
    let more = (end - ends).num_seconds();
    Ok(match u32::try_from(more) {
        Ok(more) if more > 0 => Ok(Span::seconds(more)),
        _ => Err(refusal::ENDS_LATER.to_owned()),
    })
}
