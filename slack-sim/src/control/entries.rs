//! What people enter, held against what the element takes: a choice is one that it offers, and a
//! payload never holds an object that somebody made up.

use std::collections::BTreeMap;

use chrono::{NaiveDate, NaiveTime};
use serde_json::{Value, json};

use super::refused::Refused;
use crate::{
    blocks::{self, Found},
    state::State,
    view::View,
};

/// What is filled in, by `block_id` and `action_id`.
pub(super) type Values = BTreeMap<String, BTreeMap<String, Value>>;

/// Fills in a view.
pub(super) fn fill(state: &State, view: &mut View, values: &Values) -> Result<(), Refused> {
    for (block_id, entries) in values {
        for (action_id, entry) in entries {
            let found = blocks::find_in(view.blocks(), block_id, action_id)?;
            let entry = taken(state, &found, view.values(), entry)?;
            view.enter(Some(block_id), action_id, &entry, &[])?;
        }
    }
    Ok(())
}

/// The state value of an element after `entry`, where `held` was filled in before.
pub(super) fn entered(
    state: &State,
    found: &Found<'_>,
    held: &Value,
    entry: &Value,
) -> Result<Value, Refused> {
    let entry = taken(state, found, held, entry)?;
    let entered = blocks::entered(found.element, &entry, &[]);
    entered.map_err(|error| Refused::senseless("holds_no_value", error))
}

/// Whether something can be chosen or written in an element, so that using it says what.
pub(super) fn holds_value(found: &Found<'_>) -> bool {
    found.kind() == "overflow" || blocks::value_fields(found.kind()).is_some()
}

/// The entry as the element takes it: options whole, as the app gave them.
fn taken(state: &State, found: &Found<'_>, held: &Value, entry: &Value) -> Result<Value, Refused> {
    let field = match found.kind() {
        "overflow" => "selected_option",
        kind => blocks::value_fields(kind).map_or("", |(field, _)| field),
    };
    let wrong = |what: &str| {
        let message = format!("{:?} takes {what}", found.action_id());
        Err(Refused::senseless("invalid_entry", message))
    };
    let option = |entry: &Value| {
        let value = entry.as_str().unwrap_or(blocks::text(entry, "value"));
        let mut offered = offered(state, found, held).into_iter();
        let option = offered.find(|option| blocks::text(option, "value") == value);
        option.ok_or_else(|| unknown(found, value))
    };
    let id = |entry: &Value| {
        let id = entry.as_str().unwrap_or_default();
        let workspace = &state.workspace;
        let is_known = match field {
            "selected_user" | "selected_users" => workspace.people.contains_key(id),
            _ => workspace.channels.contains_key(id) || state.dm_owner(id).is_some(),
        };
        match is_known {
            true => Ok(json!(id)),
            false => Err(unknown(found, id)),
        }
    };
    let several = |one: &dyn Fn(&Value) -> Result<Value, Refused>| match entry {
        Value::Array(all) => all.iter().map(one).collect(),
        entry => Ok(json!([one(entry)?])),
    };
    match (field, entry) {
        (_, Value::Null) => Ok(Value::Null),
        ("selected_option", entry) => option(entry),
        ("selected_options", _) => several(&option),
        ("selected_user" | "selected_conversation" | "selected_channel", entry) => id(entry),
        ("selected_users" | "selected_conversations" | "selected_channels", _) => several(&id),
        ("selected_date", Value::String(date)) => match NaiveDate::parse_from_str(date, "%F") {
            Ok(_) => Ok(entry.clone()),
            Err(_) => wrong("a date such as 2026-01-31"),
        },
        ("selected_time", Value::String(time)) => match NaiveTime::parse_from_str(time, "%R") {
            Ok(_) => Ok(entry.clone()),
            Err(_) => wrong("a time such as 09:30"),
        },
        ("selected_date_time", Value::Number(seconds)) if seconds.is_u64() => Ok(entry.clone()),
        ("selected_date_time", _) => wrong("whole seconds since the epoch"),
        ("rich_text_value", Value::Object(_)) => Ok(entry.clone()),
        ("rich_text_value", _) => wrong("a rich_text object"),
        // An input that was emptied holds nothing.
        (_, Value::String(text)) if text.is_empty() => Ok(Value::Null),
        (_, Value::String(_)) => Ok(entry.clone()),
        _ => wrong("text"),
    }
}

/// The options that somebody can choose: those of the element, those that were suggested, and what
/// is chosen already.
fn offered(state: &State, found: &Found<'_>, held: &Value) -> Vec<Value> {
    let mut all = blocks::options(found.element);
    all.extend(state.offered_for(found.action_id()));
    let held = &held[found.block_id()][found.action_id()];
    for (holder, one, several) in [
        (found.element, "initial_option", "initial_options"),
        (held, "selected_option", "selected_options"),
    ] {
        all.extend(holder.get(one).cloned());
        all.extend_from_slice(blocks::list(&holder[several]));
    }
    all
}

fn unknown(found: &Found<'_>, choice: &str) -> Refused {
    let message = format!("{:?} has no choice {choice:?}", found.action_id());
    Refused::impossible("no_such_choice", message)
}
