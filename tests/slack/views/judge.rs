//! Slack's own libraries as judges, run as `./test.sh` runs them on everything that was sent.
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
    let (accepted, said) = judge(bodies);
    assert!(accepted, "{said}");
}

#[test]
fn slacks_own_libraries_refuse_what_is_wrong() {
    if shared(VALIDATOR).is_none() {
        return;
    }
    let empty = json!({"type": "header", "text": {"type": "plain_text", "text": ""}});
    let unknown = json!({"type": "sticker"});
    let (accepted, said) = judge(&[json!({"text": "wrong", "blocks": [empty, unknown]})]);
    assert!(!accepted, "{said}");
    for judge in ["rules", "sdk", "tsc"] {
        assert!(said.contains(&format!("hold.py: {judge} ")), "{said}");
    }
}

/// Whether the judges accept it, and what they say.
fn judge(bodies: &[Value]) -> (bool, String) {
    let folder = tempfile::tempdir().unwrap();
    for body in bodies {
        sent::write(folder.path(), "a view", body);
    }
    let checkout = Path::new(env!("CARGO_MANIFEST_DIR"));
    let judges = env::var_os("KEYLEND_JUDGES").map(PathBuf::from);
    let judges = judges.unwrap_or_else(|| checkout.join("target/judges"));
    let python = judges.join("venv/bin/python");
    let is_there = python.exists();
    assert!(is_there, "{} is missing: run ./test.sh", python.display());
    let output = Command::new(python)
        .arg(checkout.join("tests/judges/hold.py"))
        .arg(folder.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    (output.status.success(), said)
}
