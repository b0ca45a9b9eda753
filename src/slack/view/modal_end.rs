//! The form that shows what ends by a revocation or a lock, and asks why.

use serde_json::{Value, json};

use super::{
    modal::{TITLE, callback, cut, plain, section},
    refusal::field,
};

/// The longest duration, in characters.
const LONGEST_WORD: usize = 100;

/// The longest reason, in characters.
const LONGEST_REASON: usize = 1000;

/// The form. `verb` is what is done, such as `Revoke`; `effect` is what ends by it, in `mrkdwn`; `reason`
/// is what they have typed already; `carried` names what is ended.
pub fn end(verb: &str, effect: &str, reason: &str, carried: &str) -> Value {
    let mut why = json!({
        "type": "plain_text_input",
        "action_id": field::REASON,
        "multiline": true,
        "max_length": LONGEST_REASON,
        "focus_on_load": true,
    });
    if !reason.is_empty() {
        why["initial_value"] = json!(cut(reason, LONGEST_REASON));
    }
    json!({
        "type": "modal",
        "callback_id": callback::END,
        "title": plain(&format!("{verb} access"), TITLE),
        "submit": plain(verb, TITLE),
        "close": plain("Cancel", TITLE),
        "private_metadata": carried,
        "blocks": [
            section(effect),
            {
                "type": "input",
                "block_id": field::REASON,
                "label": plain("Reason", 2000),
                "hint": plain("Everyone whose access ends reads it, and it stays in the log.", 2000),
                "optional": false,
                "element": why,
            },
        ],
    })
}

/// The form of a lock, which also asks for how long. `how_long` is what they have typed of that already.
pub fn lock(effect: &str, how_long: &str, reason: &str, carried: &str) -> Value {
    let mut form = end("Lock", effect, reason, carried);
    let mut element = json!({
        "type": "plain_text_input",
        "action_id": field::DURATION,
        "max_length": LONGEST_WORD,
    });
    if !how_long.is_empty() {
        element["initial_value"] = json!(cut(how_long, LONGEST_WORD));
    }
    let hint =
        "Such as 2h or until 17:00. If you leave it empty, the lock stays until somebody lifts it.";
    let field = json!({
        "type": "input",
        "block_id": field::DURATION,
        "label": plain("For how long", 2000),
        "hint": plain(hint, 2000),
        "optional": true,
        "element": element,
    });
    if let Some(blocks) = form["blocks"].as_array_mut() {
        blocks.insert(1, field);
    }
    form
}
