//! The form that shows what ends by a revocation or a lock, and asks why.

use serde_json::{Value, json};

use super::{
    modal::{TITLE, callback, cut, plain, section},
    refusal::field,
};

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
