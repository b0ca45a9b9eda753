//! The program itself, killed: whatever the instant, the next start does what the last did not.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Output, Stdio},
};

use slack_sim::{Message, Sim};
use tempfile::TempDir;

use crate::support::{
    fixture::{self, ALICE, APPROVALS, BOB, CONFIG, GENERAL, Has, REQUEST},
    sent,
    target::{Mood, Target},
};

/// The program on a folder of its own, and the world around it.
pub(super) struct World {
    pub(super) sim: Sim,
    console: Target,
    folder: TempDir,
    pub(super) program: Option<Child>,
    /// Where it listens.
    pub(super) address: String,
}

impl World {
    pub(super) async fn start() -> Self {
        let sim = Sim::start(fixture::workspace()).await;
        let (console, bastion) = (Target::start().await, Target::start().await);
        let folder = tempfile::tempdir().unwrap();
        fixture::write(folder.path(), CONFIG, "", &sim, &console, &bastion);
        let mut world = Self {
            sim,
            console,
            folder,
            program: None,
            address: String::new(),
        };
        world.boot();
        world
    }

    fn boot(&mut self) {
        let mut program = keylend(self.folder.path(), &["serve"])
            .env("KEYLEND_LOG_FORMAT", "json")
            .env("RUST_LOG", "info")
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(program.stderr.take().unwrap()).lines();
        let address = lines
            .by_ref()
            .map_while(Result::ok)
            .find_map(|line| {
                let line: serde_json::Value = serde_json::from_str(&line).ok()?;
                (line["message"] == "listening").then(|| line["address"].to_string())
            })
            .expect("the program says where it listens");
        // What it says later must not fill the pipe.
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
        self.address = address.trim_matches('"').to_owned();
        self.sim.connect(format!("http://{}", self.address));
        self.program = Some(program);
    }

    fn kill(&mut self) {
        let mut program = self.program.take().unwrap();
        program.kill().unwrap();
        program.wait().unwrap();
    }

    async fn asked(&self) -> Message {
        let alice = self.sim.person(ALICE);
        // Slack shows `operation_timeout` until the program is up; a person tries again.
        while !alice.command(GENERAL, "/jit", REQUEST).await.is_ok() {}
        self.sim
            .wait_until(|sim| {
                sim.messages(APPROVALS)
                    .into_iter()
                    .find(|card| card.has("approve"))
            })
            .await
    }

    async fn granted(&self) -> Message {
        self.sim
            .wait_until(|sim| {
                sim.dm(ALICE)
                    .into_iter()
                    .find(|message| message.has("done"))
            })
            .await
    }

    async fn until_up(&self) {
        while !self
            .sim
            .person(BOB)
            .command(GENERAL, "/jit", "help")
            .await
            .is_ok()
        {}
    }

    async fn ends_well(&self) {
        let grant = self.granted().await;
        assert!(self.console.admits("alice"));
        self.sim.person(ALICE).click(&grant, "done").await;
        self.sim
            .wait_until(|sim| {
                sim.dm(ALICE)
                    .into_iter()
                    .find(|message| message.says("has ended:"))
            })
            .await;
        assert!(!self.console.admits("alice"));
        let verified = run(self.folder.path(), &["audit", "verify"]);
        assert!(verified.status.success(), "{verified:?}");
    }
}

impl Drop for World {
    fn drop(&mut self) {
        sent::keep(&self.sim);
        if let Some(program) = &mut self.program {
            let _ = program.kill();
            let _ = program.wait();
        }
    }
}

fn keylend(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_keylend"));
    command
        .args(arguments)
        .arg("--config")
        .arg(folder.join("keylend.toml"));
    command
}

fn run(folder: &Path, arguments: &[&str]) -> Output {
    keylend(folder, arguments).output().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn between_intent_and_target() {
    let mut world = World::start().await;
    let card = world.asked().await;
    world.console.mood("grant", Mood::Hanging);
    world.sim.person(BOB).click(&card, "approve").await;
    world.console.until_ordered("grant", 1).await;
    world.kill();
    world.console.mood("grant", Mood::Well);
    world.boot();
    world.until_up().await;
    world.ends_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn between_target_and_record() {
    let mut world = World::start().await;
    let card = world.asked().await;
    world.console.mood("status", Mood::Hanging);
    world.sim.person(BOB).click(&card, "approve").await;
    world.console.until_ordered("status", 1).await;
    world.console.mood("grant", Mood::LosingAnswers);
    world.console.mood("status", Mood::Well);
    // The target has done it, and nobody knows.
    world.console.until_admits("alice").await;
    world.kill();
    world.console.mood("grant", Mood::Well);
    world.boot();
    world.until_up().await;
    world.ends_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_the_middle_of_a_revocation() {
    let mut world = World::start().await;
    let card = world.asked().await;
    world.sim.person(BOB).click(&card, "approve").await;
    let grant = world.granted().await;
    world.console.mood("revoke", Mood::Hanging);
    world.sim.person(ALICE).click(&grant, "done").await;
    world.console.until_ordered("revoke", 1).await;
    world.kill();
    world.console.mood("revoke", Mood::Well);
    world.boot();
    world
        .sim
        .wait_until(|sim| {
            sim.dm(ALICE)
                .into_iter()
                .find(|message| message.says("has ended:"))
        })
        .await;
    assert!(!world.console.admits("alice"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_still_has_grants_cannot_be_left_out_of_the_configuration() {
    let mut world = World::start().await;
    let card = world.asked().await;
    world.sim.person(BOB).click(&card, "approve").await;
    world.granted().await;
    world.kill();
    let file = world.folder.path().join("keylend.toml");
    let config = std::fs::read_to_string(&file).unwrap();
    let without = config
        .replace("[backends.console.webhook]", "[backends.other.webhook]")
        .replace("backend = \"console\"", "backend = \"other\"");
    std::fs::write(&file, without).unwrap();
    let started = run(world.folder.path(), &["serve"]);
    assert_eq!(started.status.code(), Some(1));
    let said = String::from_utf8_lossy(&started.stderr);
    assert!(said.contains("backend `console`"), "{said}");

    std::fs::write(&file, config).unwrap();
    world.boot();
    world.until_up().await;
    world.ends_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_program_on_the_same_store_is_refused() {
    let world = World::start().await;
    let second = run(world.folder.path(), &["serve"]);
    assert_eq!(second.status.code(), Some(1));
    let said = String::from_utf8_lossy(&second.stderr);
    assert!(said.contains("keylend.db"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_finishes_what_is_under_way_and_leaves_with_zero() {
    let mut world = World::start().await;
    let card = world.asked().await;
    world.sim.person(BOB).click(&card, "approve").await;
    world.granted().await;
    let mut program = world.program.take().unwrap();
    let id = rustix::process::Pid::from_child(&program);
    rustix::process::kill_process(id, rustix::process::Signal::TERM).unwrap();
    assert!(program.wait().unwrap().success());
}
