//! Submitted forms. Slack waits three seconds for an answer and shows mistakes only in that answer,
//! so the work is waited for that long; what takes longer goes on, and is told by direct message.

use std::{sync::Arc, time::Duration};

use serde_json::json;
use tokio::sync::OwnedSemaphorePermit;
use tracing::Instrument as _;

use super::{
    approve_shorter, buttons, deny, end_access, extend, form, form_outcome::FormOutcome, question,
    sign_off,
};
use crate::{
    broker::Intent,
    domain::{Attempted, AttemptedOn},
    slack::{
        Slack,
        caller::Caller,
        inbound::View,
        ingress::Answer,
        interaction::{self, Shown, concerns},
        view::modal::{self, callback},
    },
};

/// How long the work is waited for; the rest of the three seconds is for the network.
const PATIENCE: Duration = Duration::from_millis(2500);

/// Does what a form asks for.
pub(in crate::slack) async fn receive(
    slack: Arc<Slack>,
    permit: OwnedSemaphorePermit,
    caller: Caller,
    intent: Intent,
    view: View,
) -> Answer {
    let user = caller.user.clone();
    let working = slack.clone();
    let work = async move {
        let outcome = submitted(&working, &caller, &intent, &view).await;
        drop(permit);
        outcome
    };
    let mut work = slack.tasks.spawn(work.instrument(interaction::span()));
    match tokio::time::timeout(PATIENCE, &mut work).await {
        Ok(Ok(outcome)) => outcome.answer,
        Ok(Err(error)) => {
            tracing::error!(%error, "the handler of a form panicked");
            FormOutcome::refused(BROKEN.to_owned()).answer
        }
        Err(_) => {
            let telling = slack.clone();
            slack.tasks.spawn(async move {
                let told = work
                    .await
                    .map_or(BROKEN.to_owned(), |outcome| outcome.message);
                if let Err(error) = telling.client.tell(&user, &told).await {
                    tracing::warn!(%error, slack.user = %user, "failed to send the result of a form");
                }
            });
            Answer::Show(json!({ "response_action": "update", "view": modal::working() }))
        }
    }
}

/// What somebody tries who submits this form, and on what.
pub(in crate::slack) fn attempted(view: &View) -> (Attempted, Option<AttemptedOn>) {
    let tried = match view.callback_id.as_str() {
        callback::REQUEST => Attempted::Request,
        callback::APPROVE_SHORTER => Attempted::Approve,
        callback::DENY => Attempted::Deny,
        callback::EXTEND => Attempted::Extend,
        callback::SIGN_OFF => Attempted::Review,
        callback::ASK_QUESTION => Attempted::AskQuestion,
        callback::ANSWER_QUESTION => Attempted::AnswerQuestion,
        callback::END => return end_access::attempted(view),
        _ => Attempted::Other,
    };
    let shown = Shown::read(&view.private_metadata);
    (tried, shown.map(buttons::attempted_on))
}

const BROKEN: &str = "Something went wrong inside Keylend. `/jit status` shows what was done.";

async fn submitted(slack: &Slack, caller: &Caller, intent: &Intent, view: &View) -> FormOutcome {
    match view.callback_id.as_str() {
        callback::REQUEST => form::submitted(slack, caller, view).await,
        callback::END => end_access::submitted(slack, intent, caller, view).await,
        form @ (callback::APPROVE_SHORTER
        | callback::DENY
        | callback::EXTEND
        | callback::SIGN_OFF
        | callback::ASK_QUESTION
        | callback::ANSWER_QUESTION) => {
            let Some(shown) = Shown::read(&view.private_metadata) else {
                let told = "This form names no request. Nothing changed. Open it again.";
                return FormOutcome::refused(told.to_owned());
            };
            concerns(shown.id);
            match form {
                callback::APPROVE_SHORTER => {
                    approve_shorter::submitted(slack, intent, caller, shown, view).await
                }
                callback::SIGN_OFF => sign_off::submitted(slack, intent, caller, shown, view).await,
                callback::ASK_QUESTION => question::asked(slack, intent, caller, shown, view).await,
                callback::ANSWER_QUESTION => {
                    question::answered(slack, intent, caller, shown, view).await
                }
                callback::DENY => deny::submitted(slack, intent, caller, shown, view).await,
                _ => extend::submitted(slack, intent, caller, shown.id, view).await,
            }
        }
        other => {
            tracing::debug!(slack.callback = other, "ignored a submission");
            FormOutcome::done(String::new())
        }
    }
}
