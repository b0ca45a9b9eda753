//! The form that asks for more time.

use serde_json::{Value, json};

use super::{
    modal::{TITLE, callback, plain, section},
    refusal::field,
    text,
};
use crate::domain::{ReasonRule, Request, Scope, Span};

/// The longest duration and reason, in characters.
const LONGEST_WORD: usize = 100;
const LONGEST_REASON: usize = 1000;

/// The form, filled with what is asked for already. At most `fits` more may be asked for. `carried`
/// names the request.
pub fn extend(request: &Request, scope: &Scope, fits: Span, carried: &str) -> Value {
    let what = text::code(&scope.id);
    let ends = request.expires_at.map(text::time);
    let ends = ends.map(|end| format!("Your access to {what} ends {end}. "));
    let said = format!(
        "{}You can request up to *{fits}* more: {what} can last at most {} from now.",
        ends.unwrap_or_default(),
        scope.max_duration
    );
    let asked = request.extension.as_ref();
    let proposed = asked.map_or(scope.default_duration.min(fits), |asked| asked.duration);
    let reason = asked.map_or("", |asked| &asked.reason);
    let mut why = json!({
        "type": "plain_text_input",
        "action_id": field::REASON,
        "multiline": true,
        "max_length": LONGEST_REASON,
    });
    if !reason.is_empty() {
        why["initial_value"] = json!(super::modal::cut(reason, LONGEST_REASON));
    }
    json!({
        "type": "modal",
        "callback_id": callback::EXTEND,
        "title": plain("More time", TITLE),
        "submit": plain("Request", TITLE),
        "close": plain("Cancel", TITLE),
        "private_metadata": carried,
        "blocks": [
            section(&said),
            {
                "type": "input",
                "block_id": field::DURATION,
                "label": plain("How much more", 2000),
                "hint": plain("Such as 30m, half an hour or until 17:00.", 2000),
                "optional": false,
                "element": {
                    "type": "plain_text_input",
                    "action_id": field::DURATION,
                    "max_length": LONGEST_WORD,
                    "initial_value": proposed.to_string(),
                },
            },
            {
                "type": "input",
                "block_id": field::REASON,
                "label": plain("Reason", 2000),
                "hint": plain("Approvers see it, and it stays in the log.", 2000),
                "optional": scope.reason == ReasonRule::Optional,
                "element": why,
            },
        ],
    })
}
