//! The buttons of cards and of App Homes.

use super::{
    approve, approve_shorter, break_glass, credentials, deny, done, extend,
    form::{self, Prefill},
    question, request_again, sign_off, withdraw,
};
use crate::{
    domain::{Attempted, AttemptedOn},
    slack::{
        interaction::{Interaction, Outcome, Shown, concerns},
        view::{answer, card::action},
    },
};

/// Does what the button with this action id and value stands for. Only a full member may press it.
pub(in crate::slack) async fn press(
    interaction: &Interaction,
    pressed: &str,
    value: &str,
) -> Outcome {
    if pressed == action::REQUEST {
        // It checks membership itself: a modal has to be open within three seconds.
        return form::open(interaction, Prefill::default()).await;
    }
    let broker = &interaction.slack.broker;
    let shown = Shown::read(value);
    let on = shown.map(attempted_on);
    let intent = &interaction.intent;
    broker
        .member_trying(intent, Some(attempted(pressed)), on)
        .await?;
    if let Some(Shown { id, .. }) = shown {
        concerns(id);
    }
    match (pressed, shown) {
        (action::APPROVE, Some(shown)) => approve::run(interaction, shown).await,
        (action::APPROVE_SHORTER, Some(shown)) => approve_shorter::ask(interaction, shown).await,
        (action::DENY, Some(shown)) => deny::ask_why(interaction, shown).await,
        (action::WITHDRAW, Some(shown)) => withdraw::run(interaction, shown.id).await,
        (action::DONE, Some(shown)) => done::run(interaction, shown.id).await,
        (action::EXTEND, Some(shown)) => extend::ask(interaction, shown).await,
        (action::WITHDRAW_EXTENSION, Some(shown)) => extend::withdraw(interaction, shown.id).await,
        (action::CREDENTIALS, Some(shown)) => credentials::show(interaction, shown.id).await,
        (action::BREAK_GLASS, Some(shown)) => break_glass::run(interaction, shown).await,
        (action::SIGN_OFF, Some(shown)) => sign_off::ask(interaction, shown).await,
        (action::ASK_QUESTION, Some(shown)) => question::ask(interaction, shown).await,
        (action::ANSWER_QUESTION, Some(shown)) => question::answer(interaction, shown).await,
        (action::REQUEST_AGAIN, Some(shown)) => request_again::open(interaction, shown.id).await,
        _ => Ok(Some(answer::UNKNOWN_BUTTON.to_owned())),
    }
}

/// What somebody tries who presses the button with this action id.
pub(in crate::slack) fn attempted(pressed: &str) -> Attempted {
    match pressed {
        action::REQUEST | action::REQUEST_AGAIN => Attempted::Request,
        action::APPROVE | action::APPROVE_SHORTER => Attempted::Approve,
        action::DENY => Attempted::Deny,
        action::WITHDRAW | action::WITHDRAW_EXTENSION => Attempted::Withdraw,
        action::DONE => Attempted::Done,
        action::EXTEND => Attempted::Extend,
        action::CREDENTIALS => Attempted::ShowCredentials,
        action::BREAK_GLASS => Attempted::BreakGlass,
        action::SIGN_OFF => Attempted::Review,
        action::ASK_QUESTION => Attempted::AskQuestion,
        action::ANSWER_QUESTION => Attempted::AnswerQuestion,
        _ => Attempted::Other,
    }
}

/// The request that a button or a form is shown for.
pub(in crate::slack) fn attempted_on(shown: Shown) -> AttemptedOn {
    AttemptedOn::Request {
        id: shown.id,
        scope: None,
    }
}
