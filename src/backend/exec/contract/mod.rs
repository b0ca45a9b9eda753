//! The example receiver in Python as a program, as somebody would run it.

mod sending;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
    sync::{Arc, Mutex, PoisonError},
};

use keylend::{backend::Backend, domain::Time};
use secrecy::SecretString;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;

use crate::{
    protocol::Receiver,
    receiver::{SCRIPT, access, end_of, grant_by_hand},
    subject::{Calls as _, NAME, Order, Subject, build, order},
};

mod python {
    use super::Program;
    contract!(Program);
    protocol!(Program);
}

/// The example in Python as a program.
struct Program {
    parent: TempDir,
    backend: Arc<dyn Backend>,
    lock: Mutex<Option<fs::File>>,
}

impl Program {
    fn folder(&self) -> PathBuf {
        self.parent.path().join("state")
    }

    /// What runs it, with its arguments.
    fn command(&self) -> Vec<String> {
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

impl Receiver for Program {
    const REFUSED: i32 = 65;
    const UNSUPPORTED: i32 = 64;

    fn state(&self) -> PathBuf {
        self.folder()
    }

    async fn tell(&self, body: Vec<u8>) -> (i32, String) {
        let words = self.command();
        let mut child = tokio::process::Command::new(&words[0])
            .args(&words[1..])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        let mut stdin = child.stdin.take().expect("it is piped");
        stdin.write_all(&body).await.expect("it reads");
        drop(stdin);
        let output = child.wait_with_output().await.expect("it ends");
        let text = String::from_utf8(output.stdout).expect("text");
        (output.status.code().expect("a code"), text)
    }
}
