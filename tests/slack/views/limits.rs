//! Slack's limits on a message and on an App Home, <https://docs.slack.dev/reference/block-kit/blocks>, counted in
//! UTF-16, which counts most.

use keylend::slack::client::Message;
use serde_json::{Value, json};

/// What is wrong with `message`; empty if nothing is.
pub(crate) fn passed(message: &Message) -> Vec<String> {
    let mut wrong = Vec::new();
    at_most(&mut wrong, "text", &message.text, 4000);
    if message.text.trim().is_empty() {
        wrong.push("there is no text".to_owned());
    }
    blocks(&mut wrong, &json!(message.blocks), 50);
    wrong
}

/// What is wrong with an App Home; empty if nothing is.
pub(crate) fn passed_by_home(view: &Value) -> Vec<String> {
    let mut wrong = Vec::new();
    at_most(
        &mut wrong,
        "callback_id",
        view["callback_id"].as_str().unwrap(),
        255,
    );
    blocks(&mut wrong, &view["blocks"], 100);
    let size = view.to_string().len();
    if size > 250_000 {
        wrong.push(format!("{size} bytes"));
    }
    wrong
}

pub(crate) fn blocks(wrong: &mut Vec<String>, blocks: &Value, most: usize) {
    let blocks = blocks.as_array().unwrap();
    if blocks.is_empty() || blocks.len() > most {
        wrong.push(format!("{} blocks", blocks.len()));
    }
    for block in blocks {
        match block["type"].as_str().unwrap() {
            "header" => text(wrong, "header", &block["text"], 150),
            "section" => {
                if block["text"].is_object() {
                    text(wrong, "section", &block["text"], 3000);
                }
                items(wrong, "fields", &block["fields"], 10, 2000);
            }
            "context" => items(wrong, "context", &block["elements"], 10, 3000),
            "actions" => {
                let buttons = block["elements"].as_array().unwrap();
                if buttons.is_empty() || buttons.len() > 25 {
                    wrong.push(format!("{} buttons", buttons.len()));
                }
                for button in buttons {
                    text(wrong, "button", &button["text"], 75);
                    at_most(wrong, "value", button["value"].as_str().unwrap(), 2000);
                    at_most(wrong, "id", button["action_id"].as_str().unwrap(), 255);
                }
            }
            // Slack documents no limit: what a section takes is safe.
            "rich_text" => {
                for part in block["elements"].as_array().unwrap() {
                    let elements = part["elements"].as_array().unwrap();
                    for element in elements.iter().filter(|it| it["type"] == "text") {
                        text(wrong, "rich text", element, 3000);
                    }
                    if elements.is_empty() {
                        wrong.push("an empty part".to_owned());
                    }
                }
            }
            other => wrong.push(format!("a block of type {other}")),
        }
    }
}

fn items(wrong: &mut Vec<String>, what: &str, items: &Value, most: usize, longest: usize) {
    let Some(items) = items.as_array() else {
        return;
    };
    if items.is_empty() || items.len() > most {
        wrong.push(format!("{} {what}", items.len()));
    }
    for item in items {
        text(wrong, what, item, longest);
    }
}

fn text(wrong: &mut Vec<String>, what: &str, object: &Value, most: usize) {
    let said = object["text"].as_str().unwrap();
    if said.is_empty() {
        wrong.push(format!("{what} is empty"));
    }
    at_most(wrong, what, said, most);
}

fn at_most(wrong: &mut Vec<String>, what: &str, said: &str, most: usize) {
    let length = said.encode_utf16().count();
    if length > most {
        wrong.push(format!(
            "{what} has {length} characters, {most} are allowed"
        ));
    }
}
