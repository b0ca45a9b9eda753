//! Break-glass for a request that waits: the button takes the access at once, and withdraws the request.

use super::create_request;
use crate::{
    broker::Ask,
    domain::{Refusal, State},
    slack::{
        interaction::{Interaction, Outcome, Shown},
        view::review,
    },
};

/// Takes the access that the request asks for.
pub(super) async fn run(interaction: &Interaction, shown: Shown) -> Outcome {
    let (slack, caller) = (&interaction.slack, &interaction.caller);
    let request = slack.broker.request(shown.id).await?;
    if request.requester != caller.user {
        return Err(Refusal::NotTheRequester.into());
    }
    if !matches!(request.state, State::Pending { .. }) {
        return Err(Refusal::NotDue.into());
    }
    let named_once = format!("break-glass/{}", request.id);
    let granted = slack.broker.break_glass(Ask {
        key: create_request::key(caller, &named_once),
        by: caller.user.clone(),
        scope: request.terms.scope.clone(),
        duration: Some(request.terms.duration),
        ticket: request.terms.ticket.clone(),
        reason: request.terms.reason.clone(),
        mirrors: request.mirrors.clone(),
        starts_at: None,
    });
    let granted = granted.await?;
    let withdrawn = slack.broker.withdraw(&interaction.intent, request.id).await;
    if let Err(error) = withdrawn {
        tracing::info!(%error, "a request that break-glass replaced was not withdrawn");
    }
    Ok(Some(review::used(&granted)))
}
