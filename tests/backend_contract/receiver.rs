//! The example receivers of `docs/protocol/examples`, as somebody would run them.

use std::{
    fs,
    io::{BufRead, BufReader},
    marker::PhantomData,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use keylend::{backend::Backend, domain::Time};
use rustix::process::{Pid, Signal, kill_process};
use secrecy::SecretString;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::subject::{Calls as _, Order};
use crate::subject::{NAME, Subject, build, order, unique};

pub(crate) const SECRET: &str = "shared-with-the-service";

/// One of the examples as a web service.
pub(crate) trait Example: Send + Sync {
    /// The program and what comes before the options.
    const COMMAND: &[&str];
    /// How many seconds later it carries orders out.
    const SLOW: Option<&str> = None;
}

/// In Python, done when it answers.
pub(crate) struct Python;
/// In Python, answering 202.
pub(crate) struct SlowPython;
/// In Node, done when it answers.
pub(crate) struct Node;
/// In Node, answering 202.
pub(crate) struct SlowNode;

const SCRIPT: &str = "docs/protocol/examples/receiver.py";

impl Example for Python {
    const COMMAND: &[&str] = &["python3", SCRIPT, "serve"];
}

impl Example for SlowPython {
    const COMMAND: &[&str] = Python::COMMAND;
    const SLOW: Option<&str> = Some("0.2");
}

impl Example for Node {
    const COMMAND: &[&str] = &["node", "docs/protocol/examples/receiver.mjs"];
}

impl Example for SlowNode {
    const COMMAND: &[&str] = Node::COMMAND;
    const SLOW: Option<&str> = Some("0.2");
}

/// A web service that runs, and Keylend's side of it.
pub(crate) struct Service<E> {
    pub(crate) folder: TempDir,
    pub(crate) address: String,
    backend: Arc<dyn Backend>,
    running: Mutex<Option<Running>>,
    example: PhantomData<E>,
}

/// A program that is killed when this is dropped.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl<E: Example> Service<E> {
    fn launch(folder: &Path, port: &str) -> (Running, String) {
        let mut command = Command::new(E::COMMAND[0]);
        command
            .args(&E::COMMAND[1..])
            .args(["--backend", NAME, "--port", port])
            .args(["--folder", &folder.display().to_string()])
            .args(
                E::SLOW
                    .map(|seconds| ["--slow", seconds])
                    .into_iter()
                    .flatten(),
            )
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .env("KEYLEND_WEBHOOK_SECRET", SECRET)
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        let mut running = Running(command.spawn().unwrap_or_else(|error| {
            panic!("{} does not start ({error}): see test.sh", E::COMMAND[0])
        }));
        let mut line = String::new();
        let stdout = running.0.stdout.take().expect("it is piped");
        BufReader::new(stdout)
            .read_line(&mut line)
            .expect("it says where it listens");
        let address = line.trim().strip_prefix("listening on ");
        let address = address.unwrap_or_else(|| panic!("{line:?}")).to_owned();
        (running, address)
    }

    fn running(&self) -> MutexGuard<'_, Option<Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A target of this secret at this service.
    pub(crate) fn webhook(&self, secret: &str, limit: &str) -> Arc<dyn Backend> {
        webhook(self.folder.path(), &self.address, secret, limit)
    }
}

fn webhook(folder: &Path, address: &str, secret: &str, limit: &str) -> Arc<dyn Backend> {
    let file = folder.join("secret");
    fs::write(&file, secret).expect("a file in a folder of ours");
    build(&format!(
        "[webhook]\nurl = 'http://{address}/'\nsecret = {{ file = '{}' }}\ntimeout = '{limit}'",
        file.display()
    ))
}

/// What is in the target's own file: everybody's access.
fn access(folder: &Path) -> Value {
    let text = fs::read_to_string(folder.join("access.json")).unwrap_or_else(|_| "{}".to_owned());
    serde_json::from_str(&text).expect("JSON")
}

/// Writes a row into the target's own file, past the receiver.
fn grant_by_hand(folder: &Path, order: &Order) -> String {
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

fn end_of(access: &Value) -> Time {
    let end = access["expires_at"].as_str().expect("the access is there");
    end.parse().expect("RFC 3339")
}

impl<E: Example> Subject for Service<E> {
    const CONFIG: &str =
        "[webhook]\nurl = 'https://access.example.com/'\nsecret = { env = 'UNSET' }";

    async fn start(limit: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (running, address) = Self::launch(folder.path(), "0");
        Self {
            backend: webhook(folder.path(), &address, SECRET, limit),
            folder,
            address,
            running: Mutex::new(Some(running)),
            example: PhantomData,
        }
    }

    fn backend(&self) -> &Arc<dyn Backend> {
        &self.backend
    }

    async fn order(&self, username: &str) -> Order {
        order(username, json!({"space": "handbook", "roles": ["editor"]}))
    }

    fn password(&self, _: &Order) -> Option<SecretString> {
        None
    }

    async fn works(&self, order: &Order) -> bool {
        let entitlement = self.backend.entitlement(order);
        !access(self.folder.path())[entitlement.as_str()].is_null()
    }

    async fn end(&self, order: &Order) -> Option<Time> {
        let entitlement = self.backend.entitlement(order);
        Some(end_of(&access(self.folder.path())[entitlement.as_str()]))
    }

    async fn grant_by_hand(&self, order: &Order) -> String {
        grant_by_hand(self.folder.path(), order)
    }

    async fn stop(&self) {
        drop(self.running().take().expect("it runs"));
    }

    async fn start_again(&self) {
        let port = self.address.rsplit_once(':').expect("a port").1;
        let (running, _) = Self::launch(self.folder.path(), port);
        *self.running() = Some(running);
    }

    fn hang(&self) {
        let running = self.running();
        let child = &running.as_ref().expect("it runs").0;
        let id = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        kill_process(id.expect("an id"), Signal::STOP).expect("it stops");
    }

    fn wrong_params() -> Vec<(Value, Option<&'static str>)> {
        Vec::new()
    }
}

/// The example in Python as a program.
pub(crate) struct Program {
    parent: TempDir,
    backend: Arc<dyn Backend>,
    lock: Mutex<Option<fs::File>>,
}

impl Program {
    pub(crate) fn folder(&self) -> PathBuf {
        self.parent.path().join("state")
    }

    /// What runs it, with its arguments.
    pub(crate) fn command(&self) -> Vec<String> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join(SCRIPT);
        let folder = self.folder();
        [
            "python3",
            &script.display().to_string(),
            "run",
            "--backend",
            NAME,
            "--folder",
            &folder.display().to_string(),
        ]
        .map(str::to_owned)
        .to_vec()
    }
}

impl Subject for Program {
    const CONFIG: &str = "[exec]\nprogram = '/bin/true'";

    async fn start(limit: &str) -> Self {
        let mut program = Self {
            parent: tempfile::tempdir().expect("a temporary folder"),
            backend: build(Self::CONFIG),
            lock: Mutex::default(),
        };
        fs::create_dir(program.folder()).expect("a folder in a folder of ours");
        // By its name, as `PATH` has it.
        let args: Vec<_> = program
            .command()
            .iter()
            .map(|arg| format!("'{arg}'"))
            .collect();
        program.backend = build(&format!(
            "[exec]\nprogram = '/usr/bin/env'\nargs = [{}]\ntimeout = '{limit}'",
            args.join(", ")
        ));
        program
    }

    fn backend(&self) -> &Arc<dyn Backend> {
        &self.backend
    }

    async fn order(&self, username: &str) -> Order {
        order(username, json!({"group": "vpn"}))
    }

    fn password(&self, _: &Order) -> Option<SecretString> {
        None
    }

    async fn works(&self, order: &Order) -> bool {
        let entitlement = self.backend.entitlement(order);
        !access(&self.folder())[entitlement.as_str()].is_null()
    }

    async fn end(&self, order: &Order) -> Option<Time> {
        let entitlement = self.backend.entitlement(order);
        Some(end_of(&access(&self.folder())[entitlement.as_str()]))
    }

    async fn grant_by_hand(&self, order: &Order) -> String {
        grant_by_hand(&self.folder(), order)
    }

    /// Its folder is no folder: the disk is not there.
    async fn stop(&self) {
        fs::rename(self.folder(), self.parent.path().join("away")).expect("it is there");
        fs::write(self.folder(), "").expect("a file in a folder of ours");
    }

    async fn start_again(&self) {
        fs::remove_file(self.folder()).expect("it was down");
        fs::rename(self.parent.path().join("away"), self.folder()).expect("it was away");
    }

    /// Another process has the turn and does not end.
    fn hang(&self) {
        let file = fs::File::create(self.folder().join("turn.lock")).expect("a file of ours");
        file.lock().expect("nobody has it");
        *self.lock.lock().unwrap_or_else(PoisonError::into_inner) = Some(file);
    }

    fn wrong_params() -> Vec<(Value, Option<&'static str>)> {
        Vec::new()
    }
}
