//! The JSON Schema of the configuration, for editors.
//!
//! It is derived from the types that read the file: it names the keys that they read, with the types, and says
//! which are required. It allows what only `keylend check` finds, such as a group that does not exist.
//!
//! Two keywords are for people. `title` names the type of a value in words, where JSON has no word for it.
//! `x-default` says what happens without a key that has no `default`.

use std::collections::BTreeMap;

use schemars::{
    Schema, SchemaGenerator,
    generate::SchemaSettings,
    json_schema,
    transform::{RecursiveTransform, Transform},
};
use serde_json::{Map, Value};

use super::{
    api::Api, break_glass, groups, identity::Identity, limits, log, people, policy, scopes, server,
    slack, store, tickets, vault::VaultKey, weekly,
};
use crate::backend::BackendConfig;

/// The version of the configuration's format. It moves when a key is gone or means something else; new
/// keys that may be left out do not move it. `docs/formats.md` says what is promised.
pub const VERSION: u32 = 1;

/// How a section is described.
type Describe = fn(&mut SchemaGenerator) -> Schema;

/// What stands at the top of the file: the version, and each section, with its description.
pub(super) const SECTIONS: [(&str, Describe); 18] = [
    ("version", version),
    (
        "server",
        SchemaGenerator::subschema_for::<server::RawServer>,
    ),
    ("store", SchemaGenerator::subschema_for::<store::RawStore>),
    ("log", SchemaGenerator::subschema_for::<log::Raw>),
    ("slack", SchemaGenerator::subschema_for::<slack::Raw>),
    ("api", SchemaGenerator::subschema_for::<Api>),
    ("secrets", SchemaGenerator::subschema_for::<VaultKey>),
    ("identity", SchemaGenerator::subschema_for::<Identity>),
    ("people", named::<people::Raw>),
    ("policy", SchemaGenerator::subschema_for::<policy::Raw>),
    ("digest", SchemaGenerator::subschema_for::<weekly::Raw>),
    ("groups", named::<groups::RawGroup>),
    ("limits", SchemaGenerator::subschema_for::<limits::Raw>),
    (
        "exclusive",
        SchemaGenerator::subschema_for::<Vec<limits::RawExclusive>>,
    ),
    (
        "break_glass",
        SchemaGenerator::subschema_for::<break_glass::Raw>,
    ),
    ("backends", named::<BackendConfig>),
    ("scopes", named::<scopes::Raw>),
    ("tickets", SchemaGenerator::subschema_for::<tickets::Raw>),
];

/// The sections that a file cannot do without.
const REQUIRED: [&str; 3] = ["store", "slack", "secrets"];

/// Describes the configuration as a JSON Schema of draft 2020-12.
pub fn schema() -> Value {
    let settings =
        SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    let mut generator = settings.into_generator();
    let sections = SECTIONS.map(|(name, describe)| {
        let section = describe(&mut generator).to_value();
        (name.to_owned(), section)
    });
    let mut schema = json_schema!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Configuration of Keylend",
        "type": "object",
        "properties": Map::from_iter(sections),
        "required": REQUIRED,
        "additionalProperties": false,
    });
    RecursiveTransform(as_in_toml).transform(&mut schema);
    schema.to_value()
}

fn version(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "title": "integer",
        "description": "The version of the format of this file, at the top of it. Keylend refuses any other \
            version than the one it reads.",
        "const": VERSION,
        "default": VERSION,
        "examples": [VERSION],
    })
}

/// A section whose entries have names that operators choose.
fn named<T: schemars::JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<BTreeMap<String, T>>()
}

/// TOML has no null: a key that may be left out is left out. The lines of a description are one paragraph.
fn as_in_toml(schema: &mut Schema) {
    let Some(schema) = schema.as_object_mut() else {
        return;
    };
    if let Some(Value::String(description)) = schema.get_mut("description") {
        *description = description.replace('\n', " ");
    }
    if schema.get("default").is_some_and(Value::is_null) {
        schema.shift_remove("default");
    }
    if let Some(Value::Array(types)) = schema.get_mut("type") {
        types.retain(|name| name != "null");
        if types.len() == 1 {
            let only = types.remove(0);
            schema.insert("type".to_owned(), only);
        }
    }
    // A type or nothing is that type.
    let is_null = |any: &Value| any["type"] == "null";
    if let Some(Value::Array(any)) = schema.get_mut("anyOf")
        && any.iter().any(is_null)
    {
        any.retain(|any| !is_null(any));
        if any.len() == 1
            && let Value::Object(only) = any.remove(0)
        {
            schema.shift_remove("anyOf");
            for (keyword, value) in only {
                schema.entry(keyword).or_insert(value);
            }
        }
    }
}
