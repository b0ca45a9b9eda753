//! The same app on Slack's own frameworks, as processes of their own: see `benches/rivals`.

use std::{
    env,
    net::TcpListener,
    os::unix::process::CommandExt as _,
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process_group};
use slack_sim::Sim;
use tokio::{net::TcpStream, time::sleep};

/// Runs until it is dropped.
pub struct Rival {
    child: Child,
    port: u16,
}

impl Rival {
    /// slack_bolt for Python, behind gunicorn with as many processes as there are cores.
    pub fn python(sim: &Sim) -> Self {
        let gunicorn = folder("KEYLEND_RIVALS", "target/rivals").join("venv/bin/gunicorn");
        let cores = std::thread::available_parallelism().unwrap();
        Self::start(sim, |port| {
            let mut command = Command::new(gunicorn);
            command
                .args(["--workers", &cores.to_string(), "--threads", "8"])
                .args(["--log-level", "error"])
                .args(["--bind", &format!("127.0.0.1:{port}"), "bolt:api"]);
            command
        })
    }

    /// @slack/bolt for Node.
    pub fn node(sim: &Sim) -> Self {
        let modules = folder("KEYLEND_VALIDATORS", "target/validators").join("node_modules");
        Self::start(sim, |port| {
            let mut command = Command::new("node");
            command.arg("bolt.mjs").arg(modules).arg(port.to_string());
            command
        })
    }

    fn start(sim: &Sim, command: impl FnOnce(u16) -> Command) -> Self {
        let port = TcpListener::bind("127.0.0.1:0")
            .and_then(|listener| listener.local_addr())
            .unwrap()
            .port();
        let child = command(port)
            .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/benches/rivals"))
            .env("SLACK_BOT_TOKEN", sim.bot_token())
            .env("SLACK_SIGNING_SECRET", sim.signing_secret())
            .env("SLACK_API_URL", sim.api_url())
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdout(Stdio::null())
            // It may have processes of its own.
            .process_group(0)
            .spawn()
            .expect("benches/run.sh installs what this needs");
        Self { child, port }
    }

    /// Waits until it listens; answers where commands go.
    pub async fn until_ready(&mut self) -> String {
        for _ in 0..2_000 {
            if TcpStream::connect(("127.0.0.1", self.port)).await.is_ok() {
                return format!("http://127.0.0.1:{}/slack/events", self.port);
            }
            sleep(Duration::from_millis(10)).await;
        }
        panic!("it does not listen: {:?}", self.child.try_wait());
    }
}

impl Drop for Rival {
    fn drop(&mut self) {
        let _ = kill_process_group(Pid::from_child(&self.child), Signal::KILL);
        let _ = self.child.wait();
    }
}

fn folder(variable: &str, default: &str) -> PathBuf {
    env::var_os(variable).map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(default),
        PathBuf::from,
    )
}
