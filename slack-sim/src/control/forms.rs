//! Submitting and closing modals, and opening the app.

use axum::Json;
use serde::Deserialize;

use super::{
    entries::Values,
    keyboard::Keyboard,
    refused::{Body, Refused},
};
use crate::{
    delivery::Delivery,
    modal::Submission,
    wire::{Fate, Outcome, Submitted},
};

/// The answer to whatever the app is told.
pub(super) type Done = Result<Json<Outcome>, Refused>;

/// What came of a delivery, or of what the app did not have to be told.
pub(super) fn outcome(delivery: Option<&Delivery>) -> Done {
    let error = delivery.and_then(Delivery::failure);
    Ok(Json(Outcome {
        ok: error.is_none(),
        status: delivery.map_or(200, |delivery| delivery.status),
        error: error.map(str::to_owned),
    }))
}

/// What Slack says under a form whose submission came to nothing.
const TROUBLE: &str = "We had some trouble connecting. Try again?";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Filled {
    view_id: String,
    #[serde(default)]
    values: Values,
}

pub(super) async fn submission(
    keyboard: Keyboard,
    Body(filled): Body<Filled>,
) -> Result<Json<Submitted>, Refused> {
    let view = keyboard.filled(&filled.view_id, &filled.values)?;
    if !view.json()["submit"].is_object() {
        let message = "this view has no submit button";
        return Err(Refused::impossible("not_submittable", message));
    }
    let unfinished = view.unfinished();
    let submission = match unfinished.is_empty() {
        true => keyboard.0.submit_view(&view, |_| {}).await,
        false => Submission::Errors(unfinished),
    };
    let (outcome, errors, message) = match submission {
        Submission::Closed => (Fate::Closed, None, None),
        Submission::Errors(errors) => (Fate::Errors, Some(errors), None),
        Submission::Updated(_) => (Fate::Updated, None, None),
        Submission::Pushed(_) => (Fate::Pushed, None, None),
        Submission::Cleared => (Fate::Cleared, None, None),
        Submission::Invalid(why) => {
            tracing::warn!(%why, "the app's answer to a submission is not one that Slack takes");
            (Fate::Invalid, None, Some(TROUBLE))
        }
        Submission::Http { .. } => (Fate::Failed, None, Some(TROUBLE)),
    };
    Ok(Json(Submitted {
        outcome,
        errors: errors.unwrap_or_default(),
        message: message.map(str::to_owned),
    }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Closing {
    view_id: String,
}

pub(super) async fn closing(keyboard: Keyboard, Body(closing): Body<Closing>) -> Done {
    let view = keyboard.inner().read(|state| {
        let modals = state.modals.get(keyboard.id());
        let mut modals = modals.into_iter().flatten();
        modals.find(|view| view.id() == closing.view_id).cloned()
    });
    let id = closing.view_id;
    let view = view.ok_or_else(|| Refused::not_there(format!("they have no modal {id} open")))?;
    outcome(keyboard.0.close_view(&view).await.as_ref())
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Tab {
    Home,
    Messages,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Opening {
    tab: Tab,
}

pub(super) async fn home(keyboard: Keyboard, Body(opening): Body<Opening>) -> Done {
    let tab = match opening.tab {
        Tab::Home => "home",
        Tab::Messages => "messages",
    };
    outcome(keyboard.0.open_app(tab).await.as_ref())
}
