//! The demo as a visitor meets it: one address, opened in a real browser.
//!
//! `browser/story.mjs` plays it on a large screen with a PostgreSQL, and `browser/tour.mjs` plays the
//! tour on a phone without one, in Debian's Chromium and on the page alone: what they cannot see or
//! reach by its name and role, a person could not either. The story leaves pictures, which
//! `docs/pictures.sh` keeps for the documentation.

use std::{
    env,
    fs::{self, Permissions},
    io::{BufRead, BufReader},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use tempfile::TempDir;

/// The demo as `cargo run --example demo` starts it, ended with the test.
struct Demo {
    process: Child,
    /// What it says up to its address.
    said: String,
    address: String,
    /// Where it keeps its temporary folders.
    temporary: TempDir,
}

impl Demo {
    /// Starts it, with the PostgreSQL in `postgres` instead of this machine's.
    fn start(postgres: Option<&Path>) -> Self {
        // Cargo builds the examples with the tests, unless it is told to build one test alone.
        let tests = env::current_exe().unwrap();
        let program = tests.ancestors().nth(2).unwrap().join("examples/demo");
        let temporary = tempfile::tempdir().unwrap();
        // As in /tmp: as root, the demo runs PostgreSQL as somebody else, who removes its folder.
        fs::set_permissions(temporary.path(), Permissions::from_mode(0o1777)).unwrap();
        let mut command = Command::new(&program);
        command
            .env("TMPDIR", temporary.path())
            .stdout(Stdio::piped());
        if let Some(postgres) = postgres {
            command.env("POSTGRES_BIN", postgres);
        }
        let mut process = command.spawn().unwrap_or_else(|error| {
            let program = program.display();
            panic!("{program}: {error}: run cargo build --workspace --examples")
        });
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let mut said = String::new();
        let address = lines
            .map_while(Result::ok)
            .find_map(|line| {
                said.push_str(&line);
                said.push('\n');
                let (_, address) = line.split_once("Open ")?;
                Some(address.split_whitespace().next()?.to_owned())
            })
            .expect("the demo prints its address");
        Self {
            process,
            said,
            address,
            temporary,
        }
    }

    /// Plays a story in a browser, which leaves its pictures in `pictures`.
    fn play(&self, story: &str, pictures: &Path) {
        let modules = validators().join("node_modules");
        assert!(
            modules.join("playwright-core").is_dir(),
            "playwright-core is not in {}: run ./test.sh, which installs it",
            modules.display()
        );
        let stories = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/service/browser");
        let told = Command::new("node")
            .arg(stories.join(story))
            .arg(&self.address)
            .arg(&modules)
            .arg(pictures)
            .status()
            .expect("node is there: run ./test.sh, which installs it");
        assert!(told.success(), "the story ended with {told}");
    }

    /// The folder of its PostgreSQL, while there is one.
    fn postgres(&self) -> Option<PathBuf> {
        let folders = fs::read_dir(self.temporary.path()).unwrap();
        let mut folders = folders.map(|folder| folder.unwrap().path());
        folders.find(|folder| folder.to_string_lossy().contains("keylend-demo-postgres-"))
    }

    /// Presses Ctrl-C: it ends well, and leaves nothing behind.
    fn interrupt(mut self) {
        let interrupted = Command::new("kill")
            .args(["-INT", &self.process.id().to_string()])
            .status();
        assert!(interrupted.unwrap().success());
        assert!(self.process.wait().unwrap().success());
        let left: Vec<_> = fs::read_dir(self.temporary.path()).unwrap().collect();
        assert!(left.is_empty(), "{left:?}");
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

/// Where a story's pictures go that the documentation does not show.
fn scratch() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("pictures")
}

#[test]
fn a_visitor_plays_the_story_in_a_browser() {
    let pictures = env::var_os("KEYLEND_PICTURES").map_or_else(scratch, PathBuf::from);
    let demo = Demo::start(None);
    assert!(
        demo.said.contains("db-prod is a real PostgreSQL"),
        "{}: run ./test.sh, which installs PostgreSQL",
        demo.said
    );
    demo.play("story.mjs", &pictures);
    for picture in ["demo.png", "approval.png", "request.png", "home.png"] {
        let bytes = fs::read(pictures.join(picture)).unwrap();
        assert!(bytes.starts_with(b"\x89PNG"), "{picture} is a picture");
    }
    demo.interrupt();
}

#[test]
fn the_tour_is_played_on_a_phone_where_there_is_no_database() {
    let nothing = tempfile::tempdir().unwrap();
    let demo = Demo::start(Some(nothing.path()));
    assert!(demo.said.contains("simulates the target db-prod"));
    assert!(demo.said.contains("sudo apt install postgresql"));
    assert_eq!(demo.postgres(), None);
    demo.play("tour.mjs", &scratch());
    demo.interrupt();
}

#[test]
fn a_demo_that_is_killed_leaves_no_database_behind() {
    let mut demo = Demo::start(None);
    let folder = demo.postgres().expect("the demo runs a PostgreSQL");
    demo.process.kill().unwrap();
    let gone = Command::new("timeout")
        .args([
            "60",
            "sh",
            "-c",
            "while [ -e \"$1\" ]; do sleep 0.1; done",
            "sh",
        ])
        .arg(&folder)
        .status();
    assert!(gone.unwrap().success(), "{} stays", folder.display());
}
