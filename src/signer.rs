//! Signing the head of the log: when a hundred entries came since the last checkpoint, and when one
//! waits for an hour.
//!
//! The replica that has claimed it reads the log from its first entry on, verifies the chain, and keeps
//! the tree over the entries as a few hashes. It never reads an entry twice: what somebody rewrites
//! behind its back is not what it signs. Each checkpoint is appended to a file and posted in the audit
//! channel. Only then is it noted in the store how far the log was signed, so a crash repeats a
//! checkpoint and loses none.
//!
//! While a checkpoint cannot be posted, a later one takes its place: it covers the same entries. On a
//! log that is broken, or that does not match what this machine's file says was signed, nothing is
//! signed, and an alert is raised.

use std::{
    convert::Infallible,
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::{
    alerts::Alerts,
    audit::log::{Fault, Log},
    checkpoint::{Checkpoint, SigningKey, Tree, checkpoints},
    clock::{Clock, Entropy, until_any},
    domain::{ChannelId, Span, Time, backoff},
    slack::{
        client::{Client, Message, SlackError},
        view::line::checkpoint_line,
    },
    store::{Chain, Documents, RawEntry, Store, WorkClaims, work_alone},
};

/// What is claimed by the replica that signs.
const CLAIM: &str = "checkpoints";

/// How far the log was signed and posted.
const CURSOR: &str = "checkpoints";

/// How long to wait before the claim is asked for again.
const PAUSE: Duration = Duration::from_secs(1);

/// So many entries that are not signed are signed at once.
const ENTRIES: u64 = 100;

/// So long an entry waits at most until it is signed.
const LONGEST: Duration = Duration::from_secs(3600);

/// How long to wait before something is tried again: at first, and at most.
const RETRY: (Span, Span) = (Span::seconds(1), Span::minutes(5));

/// What is raised while nothing is signed.
const NOT_SIGNED: &str = "log_not_signed";

/// What is raised while the file cannot be written.
const NOT_FILED: &str = "checkpoint_file";

/// So much of the file is looked through for the last checkpoint, in bytes.
const TAIL: u64 = 64 * 1024;

/// The dependencies of a [`Signer`].
pub struct Parts {
    /// The log.
    pub store: Arc<dyn Store>,
    /// The claims that decide which replica signs.
    pub claims: Arc<dyn WorkClaims>,
    /// The store of the cursor: the last entry that was signed.
    pub documents: Arc<dyn Documents>,
    /// The key.
    pub key: SigningKey,
    /// The file that checkpoints are appended to (`log.checkpoint_file`), if any.
    pub file: Option<PathBuf>,
    /// The way to Slack.
    pub client: Client,
    /// The Slack channel that checkpoints are posted in.
    pub audit_channel: ChannelId,
    /// The alerts that it raises.
    pub alerts: Arc<Alerts>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
}

/// The task that signs the head of the log and publishes checkpoints.
pub struct Signer(Parts);

/// The log as far as it was read.
struct Read {
    log: Log,
    chain: Chain,
    tree: Tree,
    /// What this machine's file says was signed last.
    filed: Option<Checkpoint>,
    /// The last entry that is signed.
    signed: u64,
    /// When the first one that is not was written.
    unsigned_since: Option<Time>,
}

/// A checkpoint that is not where it belongs yet.
struct Pending {
    size: u64,
    note: String,
    is_filed: bool,
    is_posted: bool,
    failures: u32,
    retry_at: Time,
}

impl Signer {
    /// Signs with `parts.key`.
    pub fn new(parts: Parts) -> Self {
        Self(parts)
    }

    /// Signs whenever no other replica does, until `shutdown`.
    pub async fn run(self, shutdown: CancellationToken) {
        shutdown.run_until_cancelled(self.take_turns()).await;
    }

    async fn take_turns(&self) {
        let Parts { claims, alerts, .. } = &self.0;
        loop {
            if work_alone(&**claims, CLAIM, self.sign_what_is_whole()).await {
                alerts.clear(NOT_SIGNED);
                alerts.clear(NOT_FILED);
            }
            sleep(PAUSE).await;
        }
    }

    /// Signs for as long as the log is what it was, and looks again later when it is not.
    async fn sign_what_is_whole(&self) {
        let Parts { alerts, clock, .. } = &self.0;
        loop {
            let Err(fault) = self.sign().await;
            tracing::error!(
                error = %fault,
                "failed to verify the log; signing stops: run `keylend audit verify --checkpoint`"
            );
            let text = format!(
                "Keylend stopped signing the log: {fault}. Keep the store as it is, and compare it with \
                 the checkpoints: run `keylend audit verify --checkpoint`."
            );
            alerts.raise(NOT_SIGNED, text);
            clock.until(clock.now() + self.after(u32::MAX)).await;
        }
    }

    /// Signs the log as it grows, until something is wrong with it.
    async fn sign(&self) -> Result<Infallible, Fault> {
        let Parts { store, clock, .. } = &self.0;
        let mut head = store.head();
        let mut read = Read {
            filed: self.last_in_file().await,
            signed: self.cursor().await,
            log: Log::in_store(store.clone(), 0),
            chain: Chain::default(),
            tree: Tree::default(),
            unsigned_since: None,
        };
        self.read_on(&mut read).await?;
        read.has_what_was_signed()?;
        self.0.alerts.clear(NOT_SIGNED);
        let mut pending: Option<Pending> = None;
        loop {
            let now = clock.now();
            if read.is_due(now) {
                pending = Some(self.sign_head(&mut read, now));
            }
            if let Some(unsent) = pending.as_mut().filter(|it| it.retry_at <= now)
                && self.hand_out(unsent).await
            {
                pending = None;
            }
            // The first entry that is not signed has to be read for its date, the others when they
            // are signed.
            let wanted = match read.unsigned_since {
                None => read.signed + 1,
                Some(_) => read.signed + ENTRIES,
            };
            let grown = async {
                if head.wait_for(|head| *head >= wanted).await.is_err() {
                    // The store is closed.
                    std::future::pending::<()>().await;
                }
            };
            let due = read.unsigned_since.map(|since| since + LONGEST);
            let next = due
                .into_iter()
                .chain(pending.as_ref().map(|it| it.retry_at));
            let moment = until_any(clock.as_ref(), next.min());
            tokio::select! {
                () = grown => {}
                () = moment => {}
            }
            self.read_on(&mut read).await?;
        }
    }

    /// Reads up to the end of the log. While the store does not answer, it is asked again.
    async fn read_on(&self, read: &mut Read) -> Result<(), Fault> {
        let clock = &self.0.clock;
        let (mut ends, mut failures) = (0, 0);
        // A page that was read ahead may be older than the entries behind it: its end is not the log's.
        while ends < 2 {
            match read.log.next().await {
                Ok(Some(entry)) => {
                    (ends, failures) = (0, 0);
                    read.add(&entry, clock.now())?;
                }
                Ok(None) => ends += 1,
                Err(Fault::NoAnswer { seq, why }) => {
                    failures += 1;
                    tracing::warn!(
                        seq,
                        error = why,
                        "failed to read the log to sign it; Keylend retries"
                    );
                    clock.until(clock.now() + self.after(failures)).await;
                }
                Err(fault) => return Err(fault),
            }
        }
        Ok(())
    }

    fn sign_head(&self, read: &mut Read, now: Time) -> Pending {
        let checkpoint = Checkpoint {
            size: read.tree.size(),
            root: read.tree.root(),
        };
        read.signed = checkpoint.size;
        read.unsigned_since = None;
        Pending {
            size: checkpoint.size,
            note: checkpoint.sign(&self.0.key),
            is_filed: false,
            is_posted: false,
            failures: 0,
            retry_at: now,
        }
    }

    /// Writes a checkpoint to the file and posts it. Returns whether both are done. If not, the caller tries
    /// again later.
    async fn hand_out(&self, pending: &mut Pending) -> bool {
        let Parts {
            documents,
            file,
            client,
            audit_channel,
            alerts,
            clock,
            ..
        } = &self.0;
        let mut wait = Duration::ZERO;
        if let (Some(path), false) = (file, pending.is_filed) {
            match append(path.clone(), pending.note.clone()).await {
                Ok(()) => {
                    pending.is_filed = true;
                    alerts.clear(NOT_FILED);
                }
                Err(error) => {
                    tracing::warn!(%error, "failed to write a checkpoint to its file; Keylend retries");
                    let path = path.display();
                    let text = format!(
                        "Keylend can't write the checkpoint file {path}: {error}. It keeps retrying, and \
                         still posts checkpoints. Check the path, its permissions and the disk."
                    );
                    alerts.raise(NOT_FILED, text);
                }
            }
        }
        if !pending.is_posted {
            let message = Message::text(checkpoint_line(pending.size, &pending.note));
            match client.post(audit_channel, None, &message).await {
                Ok(_) => pending.is_posted = true,
                Err(error) => {
                    // Why the channel takes no messages, its feed says.
                    tracing::warn!(
                        %error, size = pending.size,
                        "failed to post a checkpoint; Keylend retries"
                    );
                    if let SlackError::RateLimited { retry_after } = error {
                        wait = retry_after;
                    }
                }
            }
        }
        if pending.is_posted && (pending.is_filed || file.is_none()) {
            match documents.move_cursor(CURSOR, pending.size).await {
                Ok(()) => return true,
                Err(error) => {
                    tracing::warn!(
                        %error,
                        "failed to store the position of the signer; Keylend retries"
                    );
                }
            }
        }
        pending.failures = pending.failures.saturating_add(1);
        pending.retry_at = clock.now() + self.after(pending.failures).max(wait);
        false
    }

    /// The last entry that was signed, from the store. If somebody changed the number there, Keylend signs
    /// more than it needs to, or raises an alert.
    async fn cursor(&self) -> u64 {
        let Parts {
            documents, clock, ..
        } = &self.0;
        let mut failures = 0;
        loop {
            match documents.cursor(CURSOR).await {
                Ok(signed) => return signed,
                Err(error) => {
                    tracing::warn!(
                        %error,
                        "failed to read the position of the signer; Keylend retries"
                    );
                }
            }
            failures += 1;
            clock.until(clock.now() + self.after(failures)).await;
        }
    }

    /// The last checkpoint in this machine's file that was signed with this key.
    async fn last_in_file(&self) -> Option<Checkpoint> {
        let path = self.0.file.clone()?;
        let key = [self.0.key.verifier()];
        let tail = tokio::task::spawn_blocking(move || tail(&path)).await;
        let tail = match tail.map_err(io::Error::other).flatten() {
            Ok(tail) => tail,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
            Err(error) => {
                tracing::warn!(%error, "failed to read the checkpoint file; the log is not compared with it");
                return None;
            }
        };
        // What else is in there, others verify.
        checkpoints(&tail, &key)
            .filter_map(Result::ok)
            .max_by_key(|checkpoint| checkpoint.size)
    }

    fn after(&self, failures: u32) -> Duration {
        backoff(failures, RETRY.0, RETRY.1, self.0.entropy.byte())
    }
}

impl Read {
    /// Adds the log's next entry.
    fn add(&mut self, entry: &RawEntry, now: Time) -> Result<(), Fault> {
        self.chain.check(entry)?;
        self.tree.add(&entry.leaf());
        if self.unsigned_since.is_none() && entry.seq > self.signed {
            // Written by a clock that is ahead, it does not wait longer.
            self.unsigned_since = Some(entry.at.parse().map_or(now, |at: Time| at.min(now)));
        }
        match self.filed {
            Some(filed) if filed.size == self.tree.size() && filed.root != self.tree.root() => {
                Err(Fault::NotAsSigned {
                    first: 1,
                    last: filed.size,
                })
            }
            _ => Ok(()),
        }
    }

    /// Checks that the log, which was read to its end, reaches as far as it did.
    fn has_what_was_signed(&self) -> Result<(), Fault> {
        let filed = self.filed.map_or(0, |filed| filed.size);
        let signed = self.signed.max(filed);
        match self.tree.size() {
            last if last < signed => Err(Fault::CutOffBehind { signed, last }),
            _ => Ok(()),
        }
    }

    fn is_due(&self, now: Time) -> bool {
        let unsigned = self.tree.size() - self.signed;
        let has_waited = |since: Time| since + LONGEST <= now;
        unsigned >= ENTRIES || self.unsigned_since.is_some_and(has_waited)
    }
}

/// Appends a checkpoint to the file, which only its owner may read if it is new, and has the disk keep
/// it.
async fn append(path: PathBuf, note: String) -> io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt as _;

    let append = move || {
        let mut options = std::fs::OpenOptions::new();
        options.read(true).append(true).create(true).mode(0o600);
        let mut file = options.open(&path)?;
        let end = file.seek(SeekFrom::End(0))?;
        let mut last = [b'\n'];
        if end > 0 {
            file.seek(SeekFrom::End(-1))?;
            file.read_exact(&mut last)?;
        }
        // What a crash left unfinished does not become a part of this one.
        let between = match (end, last) {
            (0, _) => "",
            (_, [b'\n']) => "\n",
            _ => "\n\n",
        };
        file.write_all(format!("{between}{note}").as_bytes())?;
        file.sync_all()?;
        let folder = path.parent().filter(|folder| *folder != Path::new(""));
        if end == 0 {
            // Its name too.
            std::fs::File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
        }
        Ok(())
    };
    let appended = tokio::task::spawn_blocking(append).await;
    appended.map_err(io::Error::other)?
}

/// The end of a file.
fn tail(path: &Path) -> io::Result<String> {
    let mut file = std::fs::File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL)))?;
    let mut tail = Vec::new();
    file.take(TAIL).read_to_end(&mut tail)?;
    Ok(String::from_utf8_lossy(&tail).into_owned())
}
