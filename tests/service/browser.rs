//! The demo as a visitor meets it: one address, opened in a real browser.
//!
//! The story is played by `browser/story.mjs` in Debian's Chromium, on the page alone: what it
//! cannot see or reach by its name and role, a person could not either. It leaves pictures, which
//! `docs/pictures.sh` keeps for the documentation.

use std::{
    env,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

/// The demo as `cargo run --example demo` starts it, ended with the test.
struct Demo {
    process: Child,
    address: String,
}

impl Demo {
    fn start() -> Self {
        // Cargo builds the examples with the tests, unless it is told to build one test alone.
        let tests = env::current_exe().unwrap();
        let program = tests.ancestors().nth(2).unwrap().join("examples/demo");
        let mut process = Command::new(&program)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| {
                let program = program.display();
                panic!("{program}: {error}: run cargo build --workspace --examples")
            });
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let address = lines
            .map_while(Result::ok)
            .find_map(|line| {
                let (_, address) = line.split_once("Open ")?;
                Some(address.split_whitespace().next()?.to_owned())
            })
            .expect("the demo prints its address");
        Self { process, address }
    }

    /// Presses Ctrl-C; whether it ended well.
    fn interrupt(mut self) -> bool {
        let interrupted = Command::new("kill")
            .args(["-INT", &self.process.id().to_string()])
            .status();
        assert!(interrupted.unwrap().success());
        self.process.wait().unwrap().success()
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        // It has ended already where the test interrupted it.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// Where the validators are that `./test.sh` installs.
fn validators() -> PathBuf {
    let default = || Path::new(env!("CARGO_MANIFEST_DIR")).join("target/validators");
    env::var_os("KEYLEND_VALIDATORS").map_or_else(default, PathBuf::from)
}

#[test]
fn a_visitor_plays_the_story_in_a_browser() {
    let modules = validators().join("node_modules");
    assert!(
        modules.join("playwright-core").is_dir(),
        "playwright-core is not in {}: run ./test.sh, which installs it",
        modules.display()
    );
    let pictures = env::var_os("KEYLEND_PICTURES").map_or_else(
        || Path::new(env!("CARGO_TARGET_TMPDIR")).join("pictures"),
        PathBuf::from,
    );
    let demo = Demo::start();
    let story = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/service/browser/story.mjs");
    let told = Command::new("node")
        .arg(story)
        .arg(&demo.address)
        .arg(&modules)
        .arg(&pictures)
        .status()
        .expect("node is there: run ./test.sh, which installs it");
    assert!(told.success(), "the story ended with {told}");
    for picture in ["demo.png", "approval.png", "request.png", "home.png"] {
        let bytes = std::fs::read(pictures.join(picture)).unwrap();
        assert!(bytes.starts_with(b"\x89PNG"), "{picture} is a picture");
    }
    assert!(demo.interrupt(), "Ctrl-C ends the demo well");
}
