//! Submitted forms. Slack waits three seconds for an answer and shows mistakes only in that answer,
//! so the work is waited for that long; what takes longer goes on, and is told by direct message.

use std::{sync::Arc, time::Duration};

use serde_json::json;
use tokio::sync::OwnedSemaphorePermit;

use super::{deny, form};
use crate::slack::{
    Slack,
    caller::Caller,
    inbound::View,
    ingress::Answer,
    view::{
        modal::{self, callback},
        text,
    },
};

/// How long the work is waited for; the rest of the three seconds is for the network.
const PATIENCE: Duration = Duration::from_millis(2500);

/// What came of a form: for the form, and in words for whoever no longer has it before them.
pub(super) struct Filed {
    pub(super) answer: Answer,
    told: String,
}

/// It is done, and the form closes.
pub(super) fn done(told: String) -> Filed {
    let answer = Answer::Received;
    Filed { answer, told }
}

/// A field is wrong, and the form stays. `sentence` is plain text.
pub(super) fn wrong(field: &str, sentence: &str) -> Filed {
    let errors = json!({ field: sentence });
    Filed {
        answer: Answer::Show(json!({ "response_action": "errors", "errors": errors })),
        told: format!("Nothing was done. {}", text::escape(sentence, 1000)),
    }
}

/// It cannot be done whatever is typed: what is said takes the form's place, in `mrkdwn`.
pub(super) fn refused(sentence: String) -> Filed {
    let notice = modal::notice("Not done", &sentence);
    Filed {
        answer: Answer::Show(json!({ "response_action": "update", "view": notice })),
        told: sentence,
    }
}

/// Does what a form asks for.
pub(super) async fn receive(
    slack: Arc<Slack>,
    permit: OwnedSemaphorePermit,
    caller: Caller,
    view: View,
) -> Answer {
    let user = caller.user.clone();
    let working = slack.clone();
    let mut work = slack.tasks.spawn(async move {
        let filed = file(&working, &caller, &view).await;
        drop(permit);
        filed
    });
    match tokio::time::timeout(PATIENCE, &mut work).await {
        Ok(Ok(filed)) => filed.answer,
        Ok(Err(error)) => {
            tracing::error!(%error, "a form was not worked through");
            refused(BROKEN.to_owned()).answer
        }
        Err(_) => {
            let telling = slack.clone();
            slack.tasks.spawn(async move {
                let told = work.await.map_or(BROKEN.to_owned(), |filed| filed.told);
                if let Err(error) = telling.client.tell(&user, &told).await {
                    tracing::warn!(%error, slack.user = %user, "an outcome did not arrive");
                }
            });
            Answer::Show(json!({ "response_action": "update", "view": modal::working() }))
        }
    }
}

const BROKEN: &str = "Something went wrong inside Keylend. `/jit status` shows what was done.";

async fn file(slack: &Slack, caller: &Caller, view: &View) -> Filed {
    match view.callback_id.as_str() {
        callback::REQUEST => form::submitted(slack, caller, view).await,
        callback::DENY => deny::submitted(slack, caller, view).await,
        other => {
            tracing::debug!(slack.callback = other, "ignored a submission");
            done(String::new())
        }
    }
}
