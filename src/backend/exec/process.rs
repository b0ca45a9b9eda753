//! One run of one program, within bounds: its time, its output and everything that it starts.

use std::{io, process::ExitStatus, process::Stdio, time::Duration};

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
    process::{Child, Command},
};
use zeroize::Zeroizing;

use crate::backend::BackendError;

/// What a program may take.
#[derive(Clone, Copy)]
pub(super) struct Limits {
    /// How long it may run.
    pub(super) time: Duration,
    /// How many bytes it may write to its standard output.
    pub(super) output: usize,
}

/// What a program left behind.
pub(super) struct Finished {
    /// How it ended.
    pub(super) status: ExitStatus,
    /// What it wrote to its standard output.
    pub(super) output: Zeroizing<Vec<u8>>,
    /// The last line of its standard error.
    pub(super) last_words: String,
}

/// Starts the program, gives it `input` and waits for its end. When this is dropped, past its time
/// or before, the program's whole process group is killed.
pub(super) async fn run(
    mut command: Command,
    input: &[u8],
    limits: Limits,
) -> Result<Finished, BackendError> {
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true);
    let child = command.spawn().map_err(not_started)?;
    let mut group = Group::of(child);
    match tokio::time::timeout(limits.time, group.finish(input, limits.output)).await {
        Ok(finished) => finished,
        Err(_) => Err(BackendError::Retry(
            format!(
                "the program was still running after {} and was killed",
                humantime::format_duration(limits.time)
            )
            .into(),
        )),
    }
}

fn not_started(error: io::Error) -> BackendError {
    let message = format!("the program does not start: {error}");
    match error.kind() {
        io::ErrorKind::NotFound
        | io::ErrorKind::PermissionDenied
        | io::ErrorKind::InvalidInput
        | io::ErrorKind::ArgumentListTooLong => BackendError::Fail(message.into()),
        _ => BackendError::Retry(message.into()),
    }
}

/// A program and what it starts, killed together on drop.
struct Group {
    child: Child,
    leader: Option<Pid>,
}

impl Group {
    fn of(child: Child) -> Self {
        let leader = child
            .id()
            .and_then(|id| i32::try_from(id).ok())
            .and_then(Pid::from_raw);
        Self { child, leader }
    }

    async fn finish(&mut self, input: &[u8], most: usize) -> Result<Finished, BackendError> {
        const PIPED: &str = "all three streams were asked for";

        let mut stdin = self.child.stdin.take().expect(PIPED);
        let stdout = self.child.stdout.take().expect(PIPED);
        let stderr = self.child.stderr.take().expect(PIPED);
        let feed = async move {
            // A program need not read what it is told.
            let _ = stdin.write_all(input).await;
        };
        let (_, output, last_words) =
            tokio::join!(feed, start_of(stdout, most), last_line_of(stderr));
        // Only now: until it is waited for, its number names no other process.
        let status = self.child.wait().await.map_err(broken)?;
        self.leader = None;
        Ok(Finished {
            status,
            output: output?,
            last_words: last_words.map_err(broken)?,
        })
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(leader) = self.leader {
            // The group may be gone already.
            let _ = kill_process_group(leader, Signal::KILL);
        }
    }
}

fn broken(error: io::Error) -> BackendError {
    BackendError::Retry(format!("the program's streams broke: {error}").into())
}

async fn start_of(
    stream: impl AsyncRead + Unpin,
    limit: usize,
) -> Result<Zeroizing<Vec<u8>>, BackendError> {
    // It may hold secrets, and a buffer that had to grow would leave a copy behind.
    let mut read = Zeroizing::new(Vec::with_capacity(limit + 1));
    let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    stream
        .take(most)
        .read_to_end(&mut read)
        .await
        .map_err(broken)?;
    if read.len() > limit {
        return Err(BackendError::Fail(
            format!("the program wrote more than {limit} bytes").into(),
        ));
    }
    Ok(read)
}

/// Reads to the end and keeps the last line that is not empty, as far as it fits.
async fn last_line_of(mut stream: impl AsyncRead + Unpin) -> io::Result<String> {
    const KEPT: usize = 4 * 1024;

    let mut kept = Vec::new();
    let mut chunk = [0; KEPT];
    loop {
        let count = stream.read(&mut chunk).await?;
        if count == 0 {
            break;
        }
        kept.extend_from_slice(&chunk[..count]);
        kept.drain(..kept.len().saturating_sub(KEPT));
    }
    let text = String::from_utf8_lossy(&kept);
    let last = text.lines().rfind(|line| !line.trim().is_empty());
    Ok(last.unwrap_or_default().to_owned())
}
