//! Payloads that others recorded of Slack, which lie beside this project or do not.

use std::{collections::BTreeMap, fs};

use serde_json::Value;

use crate::skip::shared;

/// A recorded payload; nothing if the recordings are not there.
pub(crate) fn recorded(file: &str) -> Option<Value> {
    let folder = shared("slack-payloads/inbound")?;
    let text = fs::read_to_string(folder.join(file)).unwrap();
    Some(match file.ends_with(".form") {
        true => {
            let fields: BTreeMap<String, String> = serde_urlencoded::from_str(&text).unwrap();
            serde_json::to_value(fields).unwrap()
        }
        false => serde_json::from_str(&text).unwrap(),
    })
}

/// The type of each field, by pointer; what the app itself says in blocks is left out.
fn types(value: &Value, at: &str, into: &mut BTreeMap<String, &'static str>) {
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    };
    into.insert(at.to_owned(), kind);
    match value {
        Value::Object(fields) => {
            for (key, inner) in fields {
                let is_the_apps = ["blocks", "values", "event", "actions"].contains(&key.as_str());
                if !is_the_apps {
                    types(inner, &format!("{at}/{key}"), into);
                }
            }
        }
        Value::Array(all) => {
            if let Some(first) = all.first() {
                types(first, &format!("{at}/0"), into);
            }
        }
        _ => {}
    }
}

/// Holds a payload against a recorded one: it has every field that was recorded, of the same type,
/// but for those that are absent from it on purpose.
pub(crate) fn hold_against(file: &str, payload: &Value, absent: &[&str]) {
    let Some(recorded) = recorded(file) else {
        return;
    };
    let (mut theirs, mut ours) = (BTreeMap::new(), BTreeMap::new());
    types(&recorded, "", &mut theirs);
    types(payload, "", &mut ours);
    theirs.retain(|at, _| !absent.iter().any(|gone| at.starts_with(gone)));
    for (at, kind) in theirs {
        assert_eq!(ours.get(&at), Some(&kind), "{file} has {kind} at {at}");
    }
}
