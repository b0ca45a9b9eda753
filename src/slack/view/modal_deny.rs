//! The form that asks why a request is denied.

use serde_json::{Value, json};

use super::{
    modal::{TITLE, callback, plain, section},
    refusal::field,
    text,
};
use crate::domain::Request;

/// The longest reason, in characters.
const LONGEST_REASON: usize = 1000;

/// The form. `carried` names the request and the revision that was on show.
pub fn deny(request: &Request, carried: &str) -> Value {
    let (who, what) = (
        text::person(&request.requester),
        text::code(&request.terms.scope),
    );
    let duration = request.asked_duration();
    let question = match request.extension {
        Some(_) => format!("{who} requests {duration} more of {what}."),
        None => format!("{who} requests {what} for {duration}."),
    };
    json!({
        "type": "modal",
        "callback_id": callback::DENY,
        "title": plain("Deny request", TITLE),
        "submit": plain("Deny", TITLE),
        "close": plain("Cancel", TITLE),
        "private_metadata": carried,
        "blocks": [
            section(&question),
            {
                "type": "input",
                "block_id": field::REASON,
                "label": plain("Reason for denial", 2000),
                "hint": plain("The requester reads it, and it stays in the log.", 2000),
                "optional": false,
                "element": {
                    "type": "plain_text_input",
                    "action_id": field::REASON,
                    "multiline": true,
                    "max_length": LONGEST_REASON,
                    "focus_on_load": true,
                },
            },
        ],
    })
}
