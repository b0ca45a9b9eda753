//! The schemas of the protocol, as they are published.

use std::sync::LazyLock;

use jsonschema::Validator;
use serde_json::{Value, json};

use crate::subject::NAME;

/// A schema, and what it says of documents.
pub(crate) struct Schema {
    document: Value,
    validator: Validator,
}

/// What Keylend sends.
pub(crate) static ORDER: LazyLock<Schema> =
    LazyLock::new(|| Schema::new(include_str!("../../docs/protocol/order.schema.json")));

/// What a receiver answers to `status`.
pub(crate) static ANSWER: LazyLock<Schema> =
    LazyLock::new(|| Schema::new(include_str!("../../docs/protocol/answer.schema.json")));

/// What a receiver may answer to `grant`.
pub(crate) static GRANTED: LazyLock<Schema> =
    LazyLock::new(|| Schema::new(include_str!("../../docs/protocol/granted.schema.json")));

/// What a receiver answers to `diagnose`.
pub(crate) static DIAGNOSIS: LazyLock<Schema> =
    LazyLock::new(|| Schema::new(include_str!("../../docs/protocol/diagnosis.schema.json")));

/// What a receiver answers to `inventory`.
pub(crate) static INVENTORY: LazyLock<Schema> =
    LazyLock::new(|| Schema::new(include_str!("../../docs/protocol/inventory.schema.json")));

impl Schema {
    fn new(text: &str) -> Self {
        let document: Value = serde_json::from_str(text).expect("JSON");
        jsonschema::draft202012::meta::validate(&document).expect("a schema");
        let options = jsonschema::draft202012::options().should_validate_formats(true);
        let validator = options.build(&document).expect("a schema");
        Self {
            document,
            validator,
        }
    }

    pub(crate) fn allows(&self, document: &Value) -> bool {
        self.validator.is_valid(document)
    }

    /// Stops unless the document follows the schema and has no field that the schema does not name.
    pub(crate) fn check(&self, document: &Value) {
        if let Err(error) = self.validator.validate(document) {
            panic!("{error}, at `{}` in {document}", error.instance_path());
        }
        named(&self.document, document);
    }
}

/// Everything in the document is described, except for what is in `params`.
fn named(schema: &Value, document: &Value) {
    if let Some(items) = document.as_array() {
        items.iter().for_each(|item| named(&schema["items"], item));
    }
    let (Some(fields), Some(properties)) = (document.as_object(), schema["properties"].as_object())
    else {
        return;
    };
    for (name, value) in fields {
        let property = properties.get(name);
        let property = property.unwrap_or_else(|| panic!("no schema names the field `{name}`"));
        assert!(property["description"].is_string(), "{name} is described");
        named(property, value);
    }
}

/// An order that follows the schema, for tests that change it.
pub(crate) fn order() -> Value {
    json!({
        "version": 1,
        "action": "grant",
        "backend": NAME,
        "idempotency_key": "4ghxw8d2m7ka/jit_4ghxw8d2m7ka_0/grant/2099-11-02T10:00:00.000Z",
        "request": "4ghxw8d2m7ka",
        "generation": 4,
        "scope": "wiki:edit",
        "requester": {
            "slack_id": "U0ALICE",
            "email": "alice@example.com",
            "username": "alice",
        },
        "handle": "jit_4ghxw8d2m7ka_0",
        "entitlement": "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae",
        "params": {"space": "handbook"},
        "expires_at": "2099-11-02T10:00:00.000Z",
    })
}

/// Asks for a diagnosis.
pub(crate) fn diagnose() -> Value {
    json!({
        "version": 1,
        "action": "diagnose",
        "backend": NAME,
        "layers": [{"space": "handbook"}],
    })
}

/// Asks for an inventory.
pub(crate) fn inventory() -> Value {
    json!({
        "version": 1,
        "action": "inventory",
        "backend": NAME,
        "params": {"space": "handbook"},
    })
}

/// The order with another value of one field; without the field if that is null.
pub(crate) fn with(field: &str, value: Value) -> Value {
    changed(order(), field, value)
}

/// As [`with`], for any document.
pub(crate) fn changed(mut document: Value, field: &str, value: Value) -> Value {
    match value {
        Value::Null => drop(document.as_object_mut().expect("an object").remove(field)),
        value => document[field] = value,
    }
    document
}

#[test]
fn the_order_schema_refuses_invalid_orders() {
    ORDER.check(&order());
    for (field, value) in [
        ("version", json!(2)),
        ("version", Value::Null),
        ("action", json!("make")),
        ("action", json!("diagnose")),
        ("action", json!("inventory")),
        ("backend", Value::Null),
        ("backend", json!("")),
        ("layers", json!([])),
        ("generation", json!(0)),
        ("generation", json!("4")),
        ("generation", Value::Null),
        ("handle", Value::Null),
        ("entitlement", json!("")),
        ("params", json!("space")),
        ("requester", json!({"slack_id": "U0ALICE"})),
        ("expires_at", json!("2099-11-02")),
        ("expires_at", json!("2099-13-02T10:00:00.000Z")),
        ("idempotency_key", Value::Null),
        ("action", json!("status")),
    ] {
        assert!(
            !ORDER.allows(&with(field, value.clone())),
            "{field}: {value}"
        );
    }
    ORDER.check(&diagnose());
    ORDER.check(&inventory());
    for (document, field, value) in [
        (diagnose(), "layers", Value::Null),
        (diagnose(), "layers", json!({})),
        (diagnose(), "params", json!({})),
        (diagnose(), "backend", Value::Null),
        (diagnose(), "generation", json!(4)),
        (inventory(), "params", Value::Null),
        (inventory(), "layers", json!([])),
        (inventory(), "handle", json!("jit_4ghxw8d2m7ka_0")),
        (inventory(), "idempotency_key", json!("4ghxw8d2m7ka")),
    ] {
        let document = changed(document, field, value);
        assert!(!ORDER.allows(&document), "{document}");
    }
    // Fields may be added under the same version.
    assert!(ORDER.allows(&with("added_later", json!(true))));
}

#[test]
fn the_answer_schema_refuses_invalid_answers() {
    for answer in [
        json!({"present": true}),
        json!({"present": false, "pending": true, "retry_after": 30}),
        json!({"present": false, "note": "fields may be added"}),
        json!({"present": false, "leftovers": [{"what": "a token", "dropped": true}]}),
    ] {
        assert!(ANSWER.allows(&answer), "{answer}");
    }
    for answer in [
        json!({}),
        json!({"pending": true}),
        json!({"present": "yes"}),
        json!({"present": false, "leftovers": ["a token"]}),
        json!({"present": false, "leftovers": [{"dropped": true}]}),
        json!({"present": true, "pending": "yes"}),
        json!({"present": true, "pending": true, "retry_after": "soon"}),
    ] {
        assert!(!ANSWER.allows(&answer), "{answer}");
    }
}

#[test]
fn the_documentation_shows_an_order_and_answers_that_follow_the_schemas() {
    let text = include_str!("../../docs/protocol.md");
    let (mut orders, mut answers, mut granted) = (0, 0, 0);
    let (mut diagnoses, mut inventories) = (0, 0);
    for block in text.split("```json\n").skip(1) {
        let block = block.split("```").next().expect("a block ends");
        let shown: Value = serde_json::from_str(block).expect("JSON");
        if shown.get("action").is_some() {
            ORDER.check(&shown);
            orders += 1;
        } else if shown.get("missing").is_some() {
            DIAGNOSIS.check(&shown);
            diagnoses += 1;
        } else if shown.get("holders").is_some() {
            INVENTORY.check(&shown);
            inventories += 1;
        } else if shown.get("present").is_some() {
            ANSWER.check(&shown);
            answers += 1;
        } else {
            GRANTED.check(&shown);
            granted += 1;
        }
    }
    assert!(orders >= 3 && answers >= 2 && granted >= 1);
    assert!(diagnoses >= 1 && inventories >= 1);
}
