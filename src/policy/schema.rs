//! The entities, actions and facts that rules can speak of.

use std::sync::LazyLock;

use cedar_policy::{Schema, SchemaFragment};
use serde_json::Value;

const TEXT: &str = include_str!("schema.cedarschema");

pub(super) static SCHEMA: LazyLock<Schema> =
    LazyLock::new(|| TEXT.parse().expect("the schema is valid"));

/// The schema as JSON, which lists what each type has.
static LISTED: LazyLock<Value> = LazyLock::new(|| {
    SchemaFragment::from_cedarschema_str(TEXT)
        .ok()
        .and_then(|(fragment, _)| fragment.to_json_value().ok())
        .expect("the schema is valid")
});

/// Whether this attribute of the `principal`, the `resource` (a scope) or the `context` is a number.
pub(super) fn is_long(of: &str, attribute: &str) -> bool {
    let shape = match of {
        "principal" => &LISTED[""]["entityTypes"]["User"]["shape"],
        "resource" => &LISTED[""]["entityTypes"]["Scope"]["shape"],
        "context" => &LISTED[""]["commonTypes"]["Circumstances"],
        _ => return false,
    };
    shape["attributes"][attribute]["name"] == "Long"
}
