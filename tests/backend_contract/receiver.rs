//! What the example receivers of `docs/protocol/examples` have in common, as services and as programs.

use std::{fs, path::Path};

use keylend::domain::Time;
use serde_json::{Value, json};

use crate::subject::{Order, unique};

pub(crate) const SCRIPT: &str = "docs/protocol/examples/receiver.py";

/// What is in the target's own file: everybody's access.
pub(crate) fn access(folder: &Path) -> Value {
    let text = fs::read_to_string(folder.join("access.json")).unwrap_or_else(|_| "{}".to_owned());
    serde_json::from_str(&text).expect("JSON")
}

/// Writes a row into the target's own file, past the receiver.
pub(crate) fn grant_by_hand(folder: &Path, order: &Order) -> String {
    let mut access = access(folder);
    access[unique()] = json!({
        "username": order.username,
        "params": order.params,
        "granted_by": "carol",
    });
    let fresh = folder.join("by-hand");
    fs::write(&fresh, access.to_string()).expect("a file in a folder of ours");
    fs::rename(fresh, folder.join("access.json")).expect("a file in a folder of ours");
    order.username.to_string()
}

pub(crate) fn end_of(access: &Value) -> Time {
    let end = access["expires_at"].as_str().expect("the access is there");
    end.parse().expect("RFC 3339")
}
