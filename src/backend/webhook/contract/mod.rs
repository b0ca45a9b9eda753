//! The example receivers of `docs/protocol/examples` as web services, as somebody would run them.

mod sending;
mod signed;

use std::{
    fs,
    io::{BufRead, BufReader},
    marker::PhantomData,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use hmac::{Hmac, KeyInit, Mac};
use keylend::{
    backend::Backend,
    clock::{Clock, SystemClock},
    domain::Time,
};
use reqwest::header::HeaderValue;
use rustix::process::{Pid, Signal, kill_process};
use secrecy::SecretString;
use serde_json::{Value, json};
use sha2::Sha256;
use tempfile::TempDir;

use crate::{
    protocol::Receiver,
    receiver::{SCRIPT, access, end_of, grant_by_hand},
    subject::{Calls as _, NAME, Order, Subject, build, order},
};

/// Runs every rule for receivers that are reached over a network.
macro_rules! signed {
    ($example:ty) => {
        #[tokio::test]
        async fn a_call_that_keylend_did_not_sign_just_now_is_refused() {
            super::signed::a_call_that_keylend_did_not_sign_just_now_is_refused::<$example>().await;
        }

        #[tokio::test]
        async fn an_order_that_is_too_large_is_not_read() {
            super::signed::an_order_that_is_too_large_is_not_read::<$example>().await;
        }
    };
}

mod python {
    use super::{Python, Service};
    contract!(Service<Python>);
    protocol!(Service<Python>);
    signed!(Python);
}

mod python_slow {
    use super::{Service, SlowPython};
    contract!(Service<SlowPython>);
    protocol!(Service<SlowPython>);
}

mod node {
    use super::{Node, Service};
    contract!(Service<Node>);
    protocol!(Service<Node>);
    signed!(Node);
}

mod node_slow {
    use super::{Service, SlowNode};
    contract!(Service<SlowNode>);
    protocol!(Service<SlowNode>);
}

const SECRET: &str = "shared-with-the-service";

/// One of the examples as a web service.
trait Example: Send + Sync {
    /// The program and what comes before the options.
    const COMMAND: &[&str];
    /// How many seconds later it carries orders out.
    const SLOW: Option<&str> = None;
}

/// In Python, done when it answers.
struct Python;
/// In Python, answering 202.
struct SlowPython;
/// In Node, done when it answers.
struct Node;
/// In Node, answering 202.
struct SlowNode;

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
struct Service<E> {
    folder: TempDir,
    address: String,
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
    fn webhook(&self, secret: &str, limit: &str) -> Arc<dyn Backend> {
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

impl<E: Example> Receiver for Service<E> {
    const REFUSED: i32 = 422;
    const UNSUPPORTED: i32 = 501;

    fn state(&self) -> PathBuf {
        self.folder.path().to_owned()
    }

    async fn tell(&self, body: Vec<u8>) -> (i32, String) {
        let timestamp = SystemClock.now().timestamp();
        let signature = sign(SECRET, timestamp, &body);
        self.post(body, &timestamp.to_string(), &signature).await
    }
}

impl<E> Service<E> {
    async fn post(&self, body: Vec<u8>, timestamp: &str, signature: &str) -> (i32, String) {
        let request = reqwest::Client::new().post(format!("http://{}/", self.address));
        let signature = HeaderValue::from_bytes(signature.as_bytes()).expect("a header");
        let request = request
            .header("Keylend-Timestamp", timestamp)
            .header("Keylend-Signature", signature);
        let answer = request.body(body).send().await.expect("an answer");
        let code = i32::from(answer.status().as_u16());
        (code, answer.text().await.expect("a text"))
    }
}

fn sign(secret: &str, timestamp: i64, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("a key");
    mac.update(&[format!("v1:{timestamp}:").as_bytes(), body].concat());
    format!("v1={}", hex::encode(mac.finalize().into_bytes()))
}
