//! The form in which an approver chooses a shorter time.

use serde_json::{Value, json};

use super::{
    modal::{TITLE, callback, plain, section},
    refusal::field,
    text,
};
use crate::domain::{Request, Span};

/// The longest duration that is typed, in characters.
const LONGEST_WORD: usize = 100;

/// The input with the durations to choose from.
pub const CHOICE: &str = "choice";

/// The form. `choices` are shorter than what is asked for, longest last, and not empty; `carried` names the
/// request and the revision that was on show.
pub fn shorter(request: &Request, choices: &[Span], carried: &str) -> Value {
    let (who, what) = (
        text::person(&request.requester),
        text::code(&request.terms.scope),
    );
    let asked = request.asked_duration();
    let question = match request.extension {
        Some(_) => format!("{who} requests *{asked}* more of {what}."),
        None => format!("{who} requests {what} for *{asked}*."),
    };
    let option = |span: &Span| {
        let text = span.to_string();
        json!({ "text": plain(&text, 75), "value": text })
    };
    let options: Vec<Value> = choices.iter().map(option).collect();
    json!({
        "type": "modal",
        "callback_id": callback::APPROVE_SHORTER,
        "title": plain("Approve shorter", TITLE),
        "submit": plain("Approve", TITLE),
        "close": plain("Cancel", TITLE),
        "private_metadata": carried,
        "blocks": [
            section(&question),
            {
                "type": "input",
                "block_id": CHOICE,
                "label": plain("Approve for", 2000),
                "optional": true,
                "element": {
                    "type": "static_select",
                    "action_id": CHOICE,
                    "options": options,
                },
            },
            {
                "type": "input",
                "block_id": field::DURATION,
                "label": plain("Or another duration", 2000),
                "hint": plain("Such as 20m or half an hour. It replaces the choice above.", 2000),
                "optional": true,
                "element": {
                    "type": "plain_text_input",
                    "action_id": field::DURATION,
                    "max_length": LONGEST_WORD,
                },
            },
        ],
    })
}
