//! Slack's limits: what is at the limit is taken, what is one beyond is refused with Slack's name
//! and a pointer to the place.

mod blocks;
mod messages;
mod samples;
mod shapes;
mod views;

use serde_json::{Value, json};
use slack_sim::Sim;

use crate::common::{Hand, workspace};

pub(crate) async fn start() -> Sim {
    Sim::start_with_clock(workspace(), Hand::new().clock()).await
}

pub(crate) fn x(length: usize) -> String {
    "x".repeat(length)
}

pub(crate) fn plain(length: usize) -> Value {
    json!({"type": "plain_text", "text": x(length)})
}

pub(crate) fn mrkdwn(length: usize) -> Value {
    json!({"type": "mrkdwn", "text": x(length)})
}

pub(crate) fn several(count: usize, one: impl Fn(usize) -> Value) -> Value {
    (0..count).map(one).collect()
}

pub(crate) fn option(index: usize) -> Value {
    json!({"text": plain(1), "value": format!("v{index}")})
}

pub(crate) fn button(change: Value) -> Value {
    let mut button = json!({"type": "button", "text": plain(1), "action_id": "a"});
    for (key, value) in change.as_object().unwrap() {
        button[key] = value.clone();
    }
    json!([{"type": "actions", "elements": [button]}])
}

pub(crate) fn confirmed(part: &str, text: Value) -> Value {
    let mut confirm = json!({
        "title": plain(1), "text": plain(1), "confirm": plain(1), "deny": plain(1),
    });
    confirm[part] = text;
    button(json!({"confirm": confirm}))
}

pub(crate) fn select(options: Value) -> Value {
    json!([{"type": "actions", "elements": [
        {"type": "static_select", "action_id": "a", "options": options},
    ]}])
}

pub(crate) fn filled(element: Value) -> Value {
    json!([{"type": "input", "label": plain(1), "element": element}])
}

/// Something with a limit: blocks of a size, the most of it, and where it is counted.
pub(crate) type Row = (fn(usize) -> Value, usize, &'static str);

/// Whether the answer has this name, and points to this place.
pub(crate) fn refused(answer: &Value, error: &str, pointer: &str) {
    assert_eq!(answer["error"], error, "{pointer}: {answer}");
    let messages = answer["response_metadata"]["messages"].as_array().unwrap();
    let place = format!("[json-pointer:{pointer}]");
    let points = |message: &Value| message.as_str().unwrap().ends_with(&place);
    assert!(messages.iter().any(points), "{pointer}: {messages:?}");
    assert!(
        messages
            .iter()
            .all(|one| one.as_str().unwrap().starts_with("[ERROR] "))
    );
}
