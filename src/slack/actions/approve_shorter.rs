//! Saying yes to less time than what is asked for: the button opens a form, the form approves.

use super::{extend, form_outcome::FormOutcome, how_long};
use crate::{
    broker::{Error, Intent},
    domain::{Refusal, Span},
    slack::{
        Slack,
        arguments::{HowLong, length},
        caller::Caller,
        inbound::View,
        interaction::{Interaction, Outcome, Shown, log_error},
        view::{
            answer, modal_shorter,
            refusal::{self, field},
        },
    },
};

/// Asks for how long, if this person could approve it now.
pub(super) async fn ask(interaction: &Interaction, shown: Shown) -> Outcome {
    let Shown { id, revision } = shown;
    let broker = &interaction.slack.broker;
    let intent = &interaction.intent;
    let request = broker.may_approve_shorter(intent, id, revision).await?;
    let choices = broker.shorter_durations(&request);
    if choices.is_empty() {
        return Ok(Some(answer::nothing_shorter(&request)));
    }
    // What is approved is what the button was shown for, whatever changes meanwhile.
    let view = modal_shorter::shorter(&request, &choices, &shown.to_string());
    Ok(interaction.show(view).await)
}

/// Approves for the time that was chosen, or says why not.
pub(super) async fn submitted(
    slack: &Slack,
    intent: &Intent,
    caller: &Caller,
    shown: Shown,
    view: &View,
) -> FormOutcome {
    let Shown { id, revision } = shown;
    let filled = |name| view.value(name).unwrap_or_default().trim();
    let typed = match filled(field::DURATION) {
        "" => filled(modal_shorter::CHOICE),
        typed => typed,
    };
    if typed.is_empty() {
        return FormOutcome::invalid(modal_shorter::CHOICE, "Choose a duration, or type one.");
    }
    let Some(how_long) = length::whole(typed) else {
        return FormOutcome::invalid(field::DURATION, &refusal::not_a_duration(typed));
    };
    let error = match span(slack, caller, shown, how_long).await {
        Ok(Ok(at_most)) => {
            let approving = slack
                .broker
                .approve_for(intent, id, revision, Some(at_most));
            match approving.await {
                Ok(_) => return FormOutcome::done(format!("You approved it for {at_most}.")),
                Err(error) => error,
            }
        }
        Ok(Err(told)) => return FormOutcome::invalid(field::DURATION, &told),
        Err(error) => error,
    };
    log_error(caller, &error);
    match &error {
        Error::Refused(Refusal::TooShort { min, .. }) => {
            FormOutcome::invalid(field::DURATION, &format!("Choose at least {min}."))
        }
        Error::Refused(Refusal::LongerThanAsked { .. }) => {
            FormOutcome::invalid(field::DURATION, &refusal::plain_sentence(&error))
        }
        _ => FormOutcome::refused(refusal::sentence(&error)),
    }
}

/// How long that is; or what they are told if it is not clear, in plain text.
async fn span(
    slack: &Slack,
    caller: &Caller,
    shown: Shown,
    how_long: HowLong,
) -> Result<Result<Span, String>, Error> {
    let request = slack.broker.request(shown.id).await?;
    match request.extension {
        Some(_) => extend::span(slack, caller, shown.id, how_long).await,
        None => Ok(how_long::from_now(slack, &caller.user, how_long).await),
    }
}
