//! Reading and completing Block Kit: elements, texts, and what is filled in.

use serde_json::{Map, Value, json};

use crate::mistake::Mistake;

use crate::entities;

/// An interactive element and the block that holds it.
pub(crate) struct Found<'a> {
    pub(crate) block: &'a Value,
    pub(crate) element: &'a Value,
}

impl Found<'_> {
    pub(crate) fn block_id(&self) -> &str {
        text(self.block, "block_id")
    }
    pub(crate) fn action_id(&self) -> &str {
        text(self.element, "action_id")
    }
    pub(crate) fn kind(&self) -> &str {
        text(self.element, "type")
    }
    pub(crate) fn is_input(&self) -> bool {
        text(self.block, "type") == "input"
    }
}

/// The string at `key`, or nothing.
pub(crate) fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// The entries of an array, or none.
pub(crate) fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// Every interactive element, in order.
pub(crate) fn elements(blocks: &Value) -> Vec<Found<'_>> {
    let mut found = Vec::new();
    for block in list(blocks) {
        let held: &[Value] = match text(block, "type") {
            "actions" => list(&block["elements"]),
            "section" => block.get("accessory").map_or(&[], std::slice::from_ref),
            "input" => block.get("element").map_or(&[], std::slice::from_ref),
            _ => &[],
        };
        for element in held {
            if element.get("action_id").is_some() {
                found.push(Found { block, element });
            }
        }
    }
    found
}

/// The first element with this `action_id`, and this `value` if one is asked for.
pub(crate) fn find<'a>(
    blocks: &'a Value,
    action_id: &str,
    value: Option<&str>,
) -> Option<Found<'a>> {
    elements(blocks).into_iter().find(|found| {
        found.action_id() == action_id
            && value.is_none_or(|value| text(found.element, "value") == value)
    })
}

/// The element with this `action_id` in this block.
pub(crate) fn find_in<'a>(
    blocks: &'a Value,
    block_id: &str,
    action_id: &str,
) -> Result<Found<'a>, Mistake> {
    let mut all = elements(blocks).into_iter();
    all.find(|found| found.block_id() == block_id && found.action_id() == action_id)
        .ok_or_else(|| Mistake::NotThere(format!("there is no {action_id:?} in {block_id:?}")))
}

/// The `action_id` of every interactive element.
pub(crate) fn action_ids(blocks: &Value) -> Vec<String> {
    elements(blocks)
        .iter()
        .map(|found| found.action_id().to_owned())
        .collect()
}

/// Every text in a block, a view or an array of blocks, in reading order.
pub(crate) fn collect_text(value: &Value, into: &mut Vec<String>) {
    const READING_ORDER: [&str; 12] = [
        "title",
        "label",
        "text",
        "fields",
        "elements",
        "accessory",
        "element",
        "options",
        "option_groups",
        "placeholder",
        "hint",
        "blocks",
    ];
    match value {
        Value::Array(all) => all.iter().for_each(|one| collect_text(one, into)),
        Value::Object(fields) => {
            for key in READING_ORDER {
                match fields.get(key) {
                    Some(Value::String(line)) if key == "text" => into.push(line.clone()),
                    Some(inner) => collect_text(inner, into),
                    None => {}
                }
            }
        }
        _ => {}
    }
}

/// Completes blocks as Slack does: missing ids are invented, inputs and text objects get their
/// defaults, and texts have their special characters escaped.
pub(crate) fn complete(blocks: &mut Value, mut invent: impl FnMut() -> String) {
    let Some(all) = blocks.as_array_mut() else {
        *blocks = json!([]);
        return;
    };
    for block in all {
        if text(block, "block_id").is_empty() {
            block["block_id"] = json!(invent());
        }
        let kind = text(block, "type").to_owned();
        if let ("input", Some(fields)) = (kind.as_str(), block.as_object_mut()) {
            for flag in ["optional", "dispatch_action"] {
                fields.entry(flag).or_insert(json!(false));
            }
        }
        let mut held: Vec<&mut Value> = match kind.as_str() {
            "actions" => block
                .get_mut("elements")
                .and_then(Value::as_array_mut)
                .map(|all| all.iter_mut().collect())
                .unwrap_or_default(),
            "section" => block.get_mut("accessory").into_iter().collect(),
            "input" => block.get_mut("element").into_iter().collect(),
            _ => Vec::new(),
        };
        for element in &mut held {
            if text(element, "action_id").is_empty() && text(element, "type") != "image" {
                element["action_id"] = json!(invent());
            }
        }
        complete_texts(block);
    }
}

/// Completes the text objects within a value.
pub(crate) fn complete_texts(value: &mut Value) {
    match value {
        Value::Array(all) => all.iter_mut().for_each(complete_texts),
        Value::Object(fields) => {
            let (default, escape): (_, fn(&str) -> String) =
                match fields.get("type").and_then(Value::as_str) {
                    Some("plain_text") => (Some(("emoji", true)), entities::escape_plain),
                    Some("mrkdwn") => (Some(("verbatim", false)), entities::escape_mrkdwn),
                    _ => (None, str::to_owned),
                };
            if let Some((key, value)) = default {
                fields.entry(key).or_insert(json!(value));
                if let Some(Value::String(text)) = fields.get_mut("text") {
                    *text = escape(text);
                }
            }
            fields.values_mut().for_each(complete_texts);
        }
        _ => {}
    }
}

/// The field of a state value that holds what is chosen in an element of this type, and the
/// element's field with the initial one. `None` for elements that hold nothing, such as buttons.
pub(crate) fn value_fields(kind: &str) -> Option<(&'static str, &'static str)> {
    Some(match kind {
        "plain_text_input" | "email_text_input" | "url_text_input" | "number_input" => {
            ("value", "initial_value")
        }
        "rich_text_input" => ("rich_text_value", "initial_value"),
        "static_select" | "external_select" | "radio_buttons" => {
            ("selected_option", "initial_option")
        }
        "multi_static_select" | "multi_external_select" | "checkboxes" => {
            ("selected_options", "initial_options")
        }
        "users_select" => ("selected_user", "initial_user"),
        "multi_users_select" => ("selected_users", "initial_users"),
        "conversations_select" => ("selected_conversation", "initial_conversation"),
        "multi_conversations_select" => ("selected_conversations", "initial_conversations"),
        "channels_select" => ("selected_channel", "initial_channel"),
        "multi_channels_select" => ("selected_channels", "initial_channels"),
        "datepicker" => ("selected_date", "initial_date"),
        "timepicker" => ("selected_time", "initial_time"),
        "datetimepicker" => ("selected_date_time", "initial_date_time"),
        _ => return None,
    })
}

/// `state.values` of these blocks: what `before` holds for the same block, action and type,
/// otherwise the initial values.
pub(crate) fn state_values(blocks: &Value, before: &Value) -> Value {
    let mut values = Map::new();
    for found in elements(blocks) {
        let Some((chosen, initial)) = value_fields(found.kind()) else {
            continue;
        };
        let kept = &before[found.block_id()][found.action_id()];
        let value = if text(kept, "type") == found.kind() {
            kept.clone()
        } else {
            let initial = found.element.get(initial).cloned();
            let empty = if chosen.ends_with('s') {
                json!([])
            } else {
                Value::Null
            };
            json!({"type": found.kind(), chosen: initial.unwrap_or(empty)})
        };
        let block = values
            .entry(found.block_id().to_owned())
            .or_insert_with(|| json!({}));
        block[found.action_id()] = value;
    }
    Value::Object(values)
}

/// The state value of an element after a person entered `input`: a string is text, a date, an id
/// or the value of an option, as the element needs it; an object is an option; an array is several.
/// `offered` are options that were suggested for it.
pub(crate) fn entered(element: &Value, input: &Value, offered: &[Value]) -> Result<Value, String> {
    let kind = text(element, "type");
    if kind == "overflow" {
        // It tells what was chosen and forgets it.
        return Ok(json!({"selected_option": option(element, input, offered)?}));
    }
    let Some((chosen, _)) = value_fields(kind) else {
        return Err(format!("a {kind} holds no value"));
    };
    let value = match chosen {
        _ if input.is_null() && chosen.ends_with('s') => json!([]),
        _ if input.is_null() => Value::Null,
        "selected_option" => option(element, input, offered)?,
        "selected_options" => match input {
            Value::Array(all) => Value::Array(
                all.iter()
                    .map(|one| option(element, one, offered))
                    .collect::<Result<_, _>>()?,
            ),
            one => json!([option(element, one, offered)?]),
        },
        _ => input.clone(),
    };
    Ok(json!({"type": kind, chosen: value}))
}

fn option(element: &Value, input: &Value, offered: &[Value]) -> Result<Value, String> {
    let Some(wanted) = input.as_str() else {
        return Ok(input.clone());
    };
    let own = options(element);
    let all = own.iter().chain(offered.iter());
    if let Some(option) = all.clone().find(|option| text(option, "value") == wanted) {
        return Ok(option.clone());
    }
    Err(format!(
        "there is no option {wanted:?}; there are {:?}",
        all.map(|option| text(option, "value")).collect::<Vec<_>>()
    ))
}

/// The options of an element or of an app's answer to a suggestion, groups flattened.
pub(crate) fn options(holder: &Value) -> Vec<Value> {
    let mut all = list(&holder["options"]).to_vec();
    for group in list(&holder["option_groups"]) {
        all.extend_from_slice(list(&group["options"]));
    }
    all
}
