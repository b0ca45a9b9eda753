//! Signing off what was taken by break-glass: the button opens a form that asks for a note.

use super::form_outcome::FormOutcome;
use crate::{
    broker::Intent,
    slack::{
        Slack,
        caller::Caller,
        inbound::View,
        interaction::{Interaction, Outcome, Shown, log_error},
        view::{
            refusal::{self, field},
            review,
        },
    },
};

/// Asks for a note, if this person could sign off now.
pub(super) async fn ask(interaction: &Interaction, shown: Shown) -> Outcome {
    let broker = &interaction.slack.broker;
    let request = broker.may_sign_off(&interaction.intent, shown.id).await?;
    let view = review::sign_off(&request, &shown.to_string());
    Ok(interaction.show(view).await)
}

/// Signs off, or says why not.
pub(super) async fn submitted(
    slack: &Slack,
    intent: &Intent,
    caller: &Caller,
    shown: Shown,
    view: &View,
) -> FormOutcome {
    let note = view.value(field::REASON).unwrap_or_default().trim();
    if note.is_empty() {
        return FormOutcome::invalid(field::REASON, "Add a note. Say what you checked.");
    }
    match slack.broker.sign_off(intent, shown.id, note).await {
        Ok(request) => FormOutcome::done(review::signed_off(&request)),
        Err(error) => {
            log_error(caller, &error);
            FormOutcome::refused(refusal::sentence(&error))
        }
    }
}
