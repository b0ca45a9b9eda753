//! Saying no, with a reason: the button opens a form, the form denies.

use super::form_outcome::FormOutcome;
use crate::{
    broker::Intent,
    slack::{
        Slack,
        caller::Caller,
        inbound::View,
        interaction::{Interaction, Outcome, Shown, log_error},
        view::{
            modal_deny,
            refusal::{self, field},
        },
    },
};

/// Asks why, if this person could deny it now.
pub(super) async fn ask_why(interaction: &Interaction, shown: Shown) -> Outcome {
    let Shown { id, revision } = shown;
    let intent = &interaction.intent;
    let request = interaction
        .slack
        .broker
        .may_deny(intent, id, revision)
        .await?;
    // What is denied is what the button was shown for, whatever changes meanwhile.
    let view = modal_deny::deny(&request, &shown.to_string());
    Ok(interaction.show(view).await)
}

/// Denies, or says why not.
pub(super) async fn submitted(
    slack: &Slack,
    intent: &Intent,
    caller: &Caller,
    shown: Shown,
    view: &View,
) -> FormOutcome {
    let Shown { id, revision } = shown;
    let reason = view.value(field::REASON).unwrap_or_default().trim();
    if reason.is_empty() {
        return FormOutcome::invalid(field::REASON, "Add a reason. The requester reads it.");
    }
    match slack.broker.deny(intent, id, revision, reason).await {
        Ok(_) => FormOutcome::done("The request is denied.".to_owned()),
        Err(error) => {
            log_error(caller, &error);
            FormOutcome::refused(refusal::sentence(&error))
        }
    }
}
