//! What must hold whatever arrives: one module for each thing that Keylend reads from outside.
//!
//! Each has one function, `holds`, which takes any bytes and panics if its rule is broken. The fuzz
//! targets call it with what the fuzzer thinks of; `tests/core/fuzz_corpus.rs` with what was found
//! before. They go through the crate's public doors alone, and hold what they answer against a
//! second reading of the same bytes.

pub mod checkpoint;
pub mod command;
pub mod config;
pub mod event;
pub mod interaction;
pub mod line;
pub mod log;
pub mod names;
pub mod signature;
pub mod span;
pub mod text;

use serde_json::Value;

/// Fields of what Slack sends that are arrays.
const LISTS: [&str; 14] = [
    "actions",
    "added_users",
    "attachments",
    "authorizations",
    "blocks",
    "elements",
    "errors",
    "option_groups",
    "options",
    "previous_names",
    "removed_users",
    "response_urls",
    "selected_options",
    "users",
];

/// Reads JSON from Slack a second time. Nothing where a second reading proves nothing: text that
/// nobody asks for need not be Unicode, and an array in the place of an object, which Slack never
/// sends, is read by the order of its fields.
fn read_again(json: &[u8]) -> Option<Value> {
    fn is_named(value: &Value) -> bool {
        match value {
            Value::Object(fields) => fields.iter().all(|(name, value)| match value {
                Value::Array(items) => LISTS.contains(&name.as_str()) && items.iter().all(is_named),
                value => is_named(value),
            }),
            Value::Array(_) => false,
            _ => true,
        }
    }
    let value: Value = serde_json::from_slice(json).ok()?;
    (value.is_object() && is_named(&value)).then_some(value)
}

/// Takes any bytes; panics if a rule is broken.
pub type Holds = fn(&[u8]);

/// Every target by its name, which is also its corpus's.
pub const TARGETS: [(&str, Holds); 11] = [
    ("checkpoint", checkpoint::holds),
    ("command", command::holds),
    ("config", config::holds),
    ("event", event::holds),
    ("interaction", interaction::holds),
    ("line", line::holds),
    ("log", log::holds),
    ("names", names::holds),
    ("signature", signature::holds),
    ("span", span::holds),
    ("text", text::holds),
];
