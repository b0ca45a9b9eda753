//! One replica: a process of `keylend serve`, and what it says.

use std::{
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::{sync::watch, time::timeout};

/// How long anything that a replica does by itself may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// A process, which ends with this.
pub struct Replica {
    program: Child,
    pub address: SocketAddr,
    said: watch::Receiver<Vec<Value>>,
}

impl Replica {
    /// Starts one that has met Slack.
    pub async fn start(config: &Path) -> Self {
        let replica = Self::try_start(config).await;
        let replica = replica.unwrap_or_else(|said| panic!("no replica: {said:?}"));
        replica.until_says("connected to Slack").await;
        replica
    }

    /// Starts one, or answers what it said before it gave up.
    pub async fn try_start(config: &Path) -> Result<Self, Vec<Value>> {
        let mut program = Command::new(env!("CARGO_BIN_EXE_keylend"))
            .arg("serve")
            .arg("--config")
            .arg(config)
            .env("KEYLEND_LOG_FORMAT", "json")
            .env("RUST_LOG", "info")
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(program.stderr.take().unwrap()).lines();
        let (saying, mut said) = watch::channel(Vec::new());
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let line = serde_json::from_str(&line).unwrap_or(Value::String(line));
                saying.send_modify(|lines| lines.push(line));
            }
        });
        let found = async {
            let lines = said.wait_for(|lines| lines.iter().any(listens)).await;
            let lines = lines.ok()?;
            let line = lines.iter().find(|line| listens(line))?;
            line["address"].as_str()?.parse().ok()
        };
        let found = timeout(PATIENCE, found).await.ok().flatten();
        match found {
            Some(address) => Ok(Self {
                program,
                address,
                said,
            }),
            None => {
                let _ = program.kill();
                program.wait().unwrap();
                Err(said.borrow().clone())
            }
        }
    }

    /// What it has said so far with this message.
    pub fn says(&self, message: &str) -> Vec<Value> {
        let said = self.said.borrow();
        let same = said.iter().filter(|line| line["message"] == message);
        same.cloned().collect()
    }

    /// Waits until it says this; the line.
    pub async fn until_says(&self, message: &str) -> Value {
        let mut said = self.said.clone();
        let saying = said.wait_for(|lines| lines.iter().any(|line| line["message"] == message));
        let is_said = matches!(timeout(PATIENCE, saying).await, Ok(Ok(_)));
        assert!(is_said, "no {message:?} in {:#?}", self.said.borrow());
        self.says(message).remove(0)
    }

    /// Ends it in the middle of whatever it does.
    pub fn kill(&mut self) {
        self.program.kill().unwrap();
        self.program.wait().unwrap();
    }

    /// Tells it to end.
    pub fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    /// Stops it in its tracks.
    pub fn pause(&self) {
        self.signal(Signal::STOP);
    }

    /// Lets it go on.
    pub fn resume(&self) {
        self.signal(Signal::CONT);
    }

    /// Waits until it has ended.
    pub async fn ended(mut self) -> ExitStatus {
        let ended = tokio::task::spawn_blocking(move || self.program.wait().unwrap());
        timeout(PATIENCE, ended).await.unwrap().unwrap()
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.program), signal).unwrap();
    }
}

impl Drop for Replica {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
        if std::thread::panicking() {
            println!("{} said:", self.address);
            for line in &*self.said.borrow() {
                println!("  {line}");
            }
        }
    }
}

fn listens(line: &Value) -> bool {
    line["message"] == "listening"
}
