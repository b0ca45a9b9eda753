//! Asking back: one button opens the form in which an approver asks the requester, another the form in which the
//! requester answers.

use super::form_outcome::FormOutcome;
use crate::{
    broker::{Error, Intent},
    domain::{Refusal, Request},
    slack::{
        Slack,
        caller::Caller,
        inbound::View,
        interaction::{Interaction, Outcome, Shown, log_error},
        view::{
            question,
            refusal::{self, field},
        },
    },
};

/// Asks for the question, if this person could ask one now.
pub(super) async fn ask(interaction: &Interaction, shown: Shown) -> Outcome {
    let Shown { id, revision } = shown;
    let broker = &interaction.slack.broker;
    let intent = &interaction.intent;
    let request = broker.may_ask_question(intent, id, revision).await?;
    let view = question::ask(&request, &shown.to_string());
    Ok(interaction.show(view).await)
}

/// Asks the requester, or says why not.
pub(super) async fn asked(
    slack: &Slack,
    intent: &Intent,
    caller: &Caller,
    shown: Shown,
    view: &View,
) -> FormOutcome {
    let Shown { id, revision } = shown;
    let text = view.value(field::REASON).unwrap_or_default();
    let asked = slack.broker.ask_question(intent, id, revision, text).await;
    outcome(
        caller,
        asked,
        "Keylend sends your question to the requester.",
    )
}

/// Asks for the answer, if this person could answer now. What was shown is the question's number, in place of a
/// revision.
pub(super) async fn answer(interaction: &Interaction, shown: Shown) -> Outcome {
    let Shown {
        id,
        revision: number,
    } = shown;
    let broker = &interaction.slack.broker;
    let intent = &interaction.intent;
    let request = broker.may_answer_question(intent, id, number).await?;
    let asked = request.question(number).ok_or(Refusal::NoOpenQuestion)?;
    let view = question::answer(&request, asked, &shown.to_string());
    Ok(interaction.show(view).await)
}

/// Answers the question, or says why not.
pub(super) async fn answered(
    slack: &Slack,
    intent: &Intent,
    caller: &Caller,
    shown: Shown,
    view: &View,
) -> FormOutcome {
    let Shown {
        id,
        revision: number,
    } = shown;
    let text = view.value(field::REASON).unwrap_or_default();
    let answered = slack.broker.answer_question(intent, id, number, text).await;
    outcome(
        caller,
        answered,
        "Keylend sends your answer to the approvers.",
    )
}

fn outcome(caller: &Caller, done: Result<Request, Error>, told: &str) -> FormOutcome {
    match done {
        Ok(_) => FormOutcome::done(told.to_owned()),
        Err(error) => {
            log_error(caller, &error);
            match error {
                Error::Refused(Refusal::TextLength) => {
                    FormOutcome::invalid(field::REASON, &refusal::plain_sentence(&error))
                }
                _ => FormOutcome::refused(refusal::sentence(&error)),
            }
        }
    }
}
