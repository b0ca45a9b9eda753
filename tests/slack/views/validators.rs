//! Slack's own libraries as validators, run as `./test.sh` runs them on everything that was sent.
//!
//! Their validator is not part of the project: where it is not at hand, what needs it is skipped.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::{Value, json};

use crate::support::{sent, skip::shared};

/// What `hold.py` runs.
const VALIDATOR: &str = "tools/slack/validate_blocks.py";

/// Has every body judged, as the methods take them.
pub(crate) fn accepts(bodies: &[Value]) {
    if shared(VALIDATOR).is_none() {
        return;
    }
    let (accepted, said) = validate(bodies);
    assert!(accepted, "{said}");
}

#[test]
fn slacks_own_libraries_refuse_what_is_wrong() {
    if shared(VALIDATOR).is_none() {
        return;
    }
    let empty = json!({"type": "header", "text": {"type": "plain_text", "text": ""}});
    let unknown = json!({"type": "sticker"});
    let (accepted, said) = validate(&[json!({"text": "wrong", "blocks": [empty, unknown]})]);
    assert!(!accepted, "{said}");
    for validator in ["rules", "sdk", "tsc"] {
        assert!(said.contains(&format!("hold.py: {validator} ")), "{said}");
    }
}

/// Whether the validators accept it, and what they say.
fn validate(bodies: &[Value]) -> (bool, String) {
    let folder = tempfile::tempdir().unwrap();
    for body in bodies {
        sent::write(folder.path(), "a view", body);
    }
    let checkout = Path::new(env!("CARGO_MANIFEST_DIR"));
    let validators = env::var_os("KEYLEND_VALIDATORS").map(PathBuf::from);
    let validators = validators.unwrap_or_else(|| checkout.join("target/validators"));
    let python = validators.join("venv/bin/python");
    let is_there = python.exists();
    assert!(is_there, "{} is missing: run ./test.sh", python.display());
    let output = Command::new(python)
        .arg(checkout.join("tests/validators/hold.py"))
        .arg(folder.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    (output.status.success(), said)
}
