//! Pressing, choosing and searching in what is before a person's eyes. The payload comes from what
//! the simulator holds, never from whoever calls.

use axum::Json;
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

use super::{
    entries::{Values, entered, holds_value},
    forms::{Done, outcome},
    keyboard::{Keyboard, Place, Surface},
    refused::{Body, Refused},
};
use crate::{blocks, web_api::replace_view};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Use {
    r#in: Place,
    block_id: String,
    action_id: String,
    /// Null is a choice too: that of nothing.
    #[serde(default, deserialize_with = "given")]
    value: Option<Value>,
    #[serde(default)]
    values: Values,
}

fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

pub(super) async fn action(keyboard: Keyboard, Body(used): Body<Use>) -> Done {
    let mut surface = keyboard.surface(&used.r#in, &used.values)?;
    let payload = keyboard.inner().change(|state, now| {
        let blocks = surface.blocks().clone();
        let found = blocks::find_in(&blocks, &used.block_id, &used.action_id)?;
        if found.is_input() && found.block["dispatch_action"] != json!(true) {
            let message = "the app hears of this when the form is submitted";
            return Err(Refused::impossible("tells_nobody", message));
        }
        let held = match &surface {
            Surface::Message(message) => blocks::state_values(&message.blocks, &Value::Null),
            Surface::View(view) => view.values().clone(),
        };
        let chosen = match (&used.value, holds_value(&found)) {
            (None, false) => None,
            (Some(value), true) => Some(entered(state, &found, &held, value)?),
            (None, true) => {
                let message = "say what is chosen: this is not a button";
                return Err(Refused::senseless("value_missing", message));
            }
            (Some(_), false) => {
                let message = "a button is pressed without a value of the caller's";
                return Err(Refused::senseless("holds_no_value", message));
            }
        };
        let action = state.action(&found, None, chosen.as_ref(), now);
        Ok(match &mut surface {
            Surface::Message(message) => {
                let base = &keyboard.inner().base;
                let mut payload = state.message_action(base, keyboard.id(), message, action, now);
                for (block_id, entries) in &used.values {
                    for (action_id, entry) in entries {
                        let found = blocks::find_in(&blocks, block_id, action_id)?;
                        payload["state"]["values"][block_id][action_id] =
                            entered(state, &found, &held, entry)?;
                    }
                }
                payload
            }
            Surface::View(view) => {
                if let Some(chosen) = chosen.filter(|_| found.kind() != "overflow") {
                    view.json["state"]["values"][&used.block_id][&used.action_id] = chosen;
                    replace_view(state, keyboard.id(), view.clone());
                }
                state.view_action(keyboard.id(), view, action, now)
            }
        })
    })?;
    outcome(Some(&keyboard.0.interact(payload).await))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Search {
    r#in: Place,
    block_id: String,
    action_id: String,
    typed: String,
}

pub(super) async fn suggestion(
    keyboard: Keyboard,
    Body(search): Body<Search>,
) -> Result<Json<Value>, Refused> {
    let surface = keyboard.surface(&search.r#in, &Values::new())?;
    let found = blocks::find_in(surface.blocks(), &search.block_id, &search.action_id)?;
    if !found.kind().ends_with("external_select") {
        let message = format!("one does not search in a {}", found.kind());
        return Err(Refused::impossible("nothing_to_search", message));
    }
    let payload = keyboard.inner().read(|state| match &surface {
        Surface::View(view) => state.suggestion(keyboard.id(), view, &found, &search.typed),
        Surface::Message(message) => {
            state.message_suggestion(keyboard.id(), message, &found, &search.typed)
        }
    });
    let delivery = keyboard.0.search(&search.action_id, payload).await;
    if !delivery.is_ok() {
        let Json(outcome) = outcome(Some(&delivery))?;
        return Ok(Json(json!(outcome)));
    }
    let answer = delivery.json();
    Ok(Json(match answer.get("option_groups") {
        Some(groups) => json!({"option_groups": groups}),
        None => json!({"options": blocks::list(&answer["options"])}),
    }))
}
