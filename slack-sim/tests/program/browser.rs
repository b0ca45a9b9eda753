//! The page in a real browser: every block, every element and every turn of a modal, with an app
//! behind them that says what reached it.
//!
//! `browser/gallery.mjs` is both the visitor and the app: it speaks to the simulator as any app
//! does, and finds everything on the page by the name and role that a screen reader reads.

use std::{
    env,
    path::{Path, PathBuf},
    time::Duration,
};

use slack_sim::{Channel, Person, Sim, Workspace};
use tokio::{process::Command, time::timeout};

/// How long all of it may take, on a machine that is busy with other tests.
const PATIENCE: Duration = Duration::from_secs(240);

#[tokio::test(flavor = "multi_thread")]
async fn everything_that_an_app_sends_is_shown_and_can_be_used() {
    let checkout = Path::new(env!("CARGO_MANIFEST_DIR"));
    let validators = env::var_os("KEYLEND_VALIDATORS").map(PathBuf::from);
    let validators = validators.unwrap_or_else(|| checkout.join("../target/validators"));
    let modules = validators.join("node_modules");
    assert!(
        modules.join("playwright-core").is_dir(),
        "playwright-core is not in {}: run ./test.sh, which installs it",
        modules.display()
    );
    let sim = Sim::start(
        Workspace::new()
            .person(
                Person::member("U0ALICE", "alice")
                    .real_name("Alice Example")
                    .tz("Europe/Berlin"),
            )
            .person(Person::member("U0BOB", "bob").real_name("Bob Example"))
            .group("S0LEADS", "leads", ["U0BOB"])
            .channel(Channel::new("C0GENERAL", "general", ["U0ALICE", "U0BOB"])),
    )
    .await;
    let output = Command::new("node")
        .arg(checkout.join("tests/program/browser/gallery.mjs"))
        .args([sim.address(), sim.bot_token()])
        .arg(&modules)
        .kill_on_drop(true)
        .output();
    let output = timeout(PATIENCE, output).await.expect("it comes to an end");
    let output = output.expect("Node is not installed: run ./test.sh, which installs Node");
    let said = String::from_utf8_lossy(&output.stdout);
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}{complained}");
}
