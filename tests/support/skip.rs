//! What a test needs and a machine may lack. What `./test.sh` installs is not of this kind: a test
//! fails without it.
//!
//! Nextest and libtest cannot skip a test that runs already, so a test that lacks something says so
//! here and passes; `./test.sh` lists and counts what was said. `core::skips` verifies that no test
//! returns early without.

#![allow(dead_code, reason = "a test program uses what it needs of it")]

use std::{
    env,
    fs::OpenOptions,
    io::Write as _,
    path::{Path, PathBuf},
    thread,
};

/// Says why this test, or a part of it, is skipped: on stdout, and as a line of the file that
/// `KEYLEND_SKIPPED` names.
///
/// # Panics
/// If the file cannot be written.
#[expect(clippy::print_stdout, reason = "a test says what it leaves out")]
pub(crate) fn skip(why: &str) {
    println!("skipped: {why}");
    if let Some(file) = env::var_os("KEYLEND_SKIPPED") {
        let test = thread::current().name().unwrap_or("a test").to_owned();
        let mut file = OpenOptions::new().append(true).open(file).unwrap();
        // In one write, since other tests append to the file too.
        file.write_all(format!("{test}: {why}\n").as_bytes())
            .unwrap();
    }
}

/// A file or folder of `../shared`, which lies beside the project on some machines: what others
/// recorded of Slack, and validators. Without it the test is skipped.
pub(crate) fn shared(path: &str) -> Option<PathBuf> {
    // The simulator's tests run one folder deeper.
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .find(|folder| folder.join("Cargo.lock").is_file())
        .unwrap();
    let file = workspace.join("../shared").join(path);
    if !file.exists() {
        skip(&format!("../shared/{path} does not exist"));
        return None;
    }
    Some(file)
}
