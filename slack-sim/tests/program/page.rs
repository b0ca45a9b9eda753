//! The modules of the page, in Node: what texts, blocks and forms become, and how the document is
//! patched. What one does with the page in a browser is another test's.

#![allow(clippy::unwrap_used, reason = "a test fails")]

use std::{fs, path::Path, process::Command};

#[test]
fn the_modules_of_the_page_keep_their_rules() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/program/page");
    let files = fs::read_dir(folder).unwrap();
    let files = files.map(|entry| entry.unwrap().path());
    let tests = files.filter(|path| path.to_string_lossy().ends_with(".test.mjs"));
    let output = Command::new("node").arg("--test").args(tests).output();
    let output = output.expect("Node is not installed: run ./test.sh, which installs Node");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}");
}
