//! The program itself, as its own process.

use std::{
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use super::slack;

/// Runs until it is dropped.
pub struct Program {
    child: Child,
    address: String,
}

impl Program {
    pub fn start(config: &Path) -> Self {
        let child = Command::new(env!("CARGO_BIN_EXE_keylend"))
            .args(["serve", "--config"])
            .arg(config)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self {
            child,
            address: slack::address(config),
        }
    }

    pub async fn until_ready(&mut self) -> String {
        let http = reqwest::Client::new();
        let page = format!("{}/readyz", self.address);
        for _ in 0..40_000 {
            if let Ok(answer) = http.get(&page).send().await
                && answer.status().is_success()
            {
                return self.address.clone();
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!(
            "the program did not become ready: {:?}",
            self.child.try_wait()
        );
    }

    pub fn resident_kb(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status
            .lines()
            .find(|line| line.starts_with("VmRSS:"))
            .unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
