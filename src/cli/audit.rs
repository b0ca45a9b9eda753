//! `keylend audit`: verifies, exports and queries the log.
//!
//! Reads a store, also while a service writes to it, or an export, and changes neither. Auditors need neither
//! the secrets nor the policies; only `key` does. With a configuration whose `secrets.key` can be read, the
//! authentication codes are checked too.

use std::{
    fmt,
    fs::{File, OpenOptions},
    io::{BufWriter, Read as _, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context as _, ensure};
use chrono::{DateTime, NaiveDateTime};
use clap::{Args, Subcommand, ValueEnum};

use super::address::{address_in, configuration, key_in};
use crate::{
    audit::{
        Difference, digest,
        export::{self, ExportError, export},
        log::{Fault, Log},
        table,
        tables::verify_store,
        verify::{Head, Known, verify},
        who::{Whose, who},
    },
    checkpoint::{Checkpoint, VerifierKey, checkpoints},
    clock::{Clock as _, SystemClock},
    config::Secrets,
    domain::{ScopeId, Time, maxima},
    sanitize::escaped_json,
    store::{Address, Broken, StoreKey, Why},
};

/// The subcommands of `keylend audit`.
#[derive(Debug, Subcommand)]
pub enum Audit {
    /// Verify that the log is intact and that the store's tables match it.
    ///
    /// Prints the verified range and the head of the log. Save the head where people who can write
    /// to the store cannot change it. Pass it with --head next time to detect a truncated or
    /// rewritten log. If Keylend signs the log, pass its checkpoints with --checkpoint instead.
    ///
    /// Exits with 1 if the log or the tables are wrong, or if the log could not be verified.
    Verify {
        /// The log to verify.
        #[command(flatten)]
        source: Source,
        /// A head that you saved before. The log has to contain it.
        #[arg(long, value_name = "SEQ:HASH")]
        head: Option<Head>,
        /// For a partial export: the head that you saved for the entry before its first one.
        #[arg(long, value_name = "SEQ:HASH", requires = "file")]
        after: Option<Head>,
        /// A file of checkpoints that the log has to match: a copy of `log.checkpoint_file`, or the messages
        /// that Keylend posted in the audit channel. You can pass this option several times.
        #[arg(long, value_name = "FILE", requires = "key", conflicts_with = "after")]
        checkpoint: Vec<PathBuf>,
        /// The key of the checkpoints, as `keylend audit key` prints it. After you changed the key, pass
        /// this option twice, with both keys.
        #[arg(long, value_name = "KEY", requires = "checkpoint")]
        key: Vec<VerifierKey>,
    },
    /// Print the public key that verifies the checkpoints that Keylend signs.
    ///
    /// Give it to the people who verify the log. It is not a secret, but they have to get it from you, and
    /// not from the store or the audit channel.
    Key {
        /// The configuration, which names `log.signing_key`.
        #[arg(long, value_name = "FILE", default_value = "keylend.toml")]
        config: PathBuf,
    },
    /// Write the log as JSON lines, which anybody can verify, or as CSV, to read.
    ///
    /// Exits with 1 if the log cannot be read to its end.
    Export {
        /// The log to export.
        #[command(flatten)]
        source: Source,
        /// The format.
        #[arg(long, value_enum)]
        format: export::Format,
        /// The first entry to write.
        #[arg(long, value_name = "SEQ", default_value_t = 1)]
        from: u64,
        /// The file to write. Only its owner can read it. Default: standard output.
        #[arg(long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Show who could use a scope at a given time, or what access a person had.
    ///
    /// Includes grants that were being revoked at that time. Exits with 1 if the log is broken.
    Who {
        /// The log to read.
        #[command(flatten)]
        source: Source,
        /// The scope or the person.
        #[command(flatten)]
        whose: WhoseArgs,
        /// The time: RFC 3339, or `YYYY-MM-DD HH:MM[:SS]` in UTC. Default: now.
        #[arg(long, value_name = "TIME", value_parser = moment)]
        at: Option<Time>,
        /// The format of the answer.
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// Print what happened in a week, as the weekly digest in the audit channel does.
    ///
    /// Exits with 1 if the log is broken.
    Digest {
        /// The configuration, which names the store and the longest duration of each scope.
        #[arg(long, value_name = "FILE", default_value = "keylend.toml")]
        config: PathBuf,
        /// The end of the week: RFC 3339, or `YYYY-MM-DD HH:MM[:SS]` in UTC. Default: now.
        #[arg(long, value_name = "TIME", value_parser = moment)]
        until: Option<Time>,
    },
}

/// The source of a log.
#[derive(Debug, Args)]
#[group(multiple = false)]
pub struct Source {
    /// The configuration, which names the store.
    #[arg(long, value_name = "FILE", default_value = "keylend.toml")]
    config: PathBuf,
    /// The store itself, such as sqlite:///var/lib/keylend/keylend.db.
    #[arg(long, value_name = "URL")]
    store: Option<Address>,
    /// An export in JSON lines.
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
}

/// The scope or the person that `audit who` is about.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct WhoseArgs {
    /// A scope, such as db-prod:write.
    #[arg(long)]
    scope: Option<ScopeId>,
    /// A person: a Slack id or an email address.
    #[arg(long)]
    person: Option<String>,
}

/// The format of an answer.
#[derive(Debug, Clone, Copy, Default, ValueEnum)]
pub enum Format {
    /// A table.
    #[default]
    Text,
    /// A JSON array.
    Json,
}

impl Audit {
    /// Runs the subcommand, and writes its answer to `out`. The exit code is 1 if the log is broken or could
    /// not be verified.
    ///
    /// # Errors
    ///
    /// If the log cannot be opened, or `out` cannot be written to.
    pub async fn run(self, out: &mut (dyn Write + Send)) -> anyhow::Result<ExitCode> {
        match self {
            Self::Verify {
                source,
                head,
                after,
                checkpoint,
                key,
            } => {
                let checkpoints = read_checkpoints(&checkpoint, &key)?;
                let matching = matching(&checkpoints);
                let known = Known {
                    after,
                    head,
                    checkpoints,
                };
                match &source.file {
                    Some(_) => match verify(source.open(0).await?, known).await {
                        Ok(whole) => {
                            writeln!(out, "{whole}{matching}")?;
                            if whole.missing_texts > 0 {
                                return Ok(ExitCode::FAILURE);
                            }
                            Ok(ExitCode::SUCCESS)
                        }
                        Err(fault) => broken(&fault, out),
                    },
                    None => {
                        let says_empty = known.head.as_ref().is_some_and(|head| head.seq == 0);
                        let codes = source.codes();
                        let address = source.address()?;
                        match verify_with_tables(&address, &codes, known, out).await? {
                            (_, Some(0)) if !says_empty => {
                                writeln!(out, "{EMPTY}")?;
                                Ok(ExitCode::FAILURE)
                            }
                            (code, Some(_)) if !matching.is_empty() => {
                                writeln!(out, "{}", matching.trim_start())?;
                                Ok(code)
                            }
                            (code, _) => Ok(code),
                        }
                    }
                }
            }
            Self::Key { config } => {
                let config = configuration(&config, Secrets::Unchecked)?;
                let log = config.log.context(
                    "the configuration has no log.signing_key, so Keylend does not sign the log",
                )?;
                let key = log.key().context("failed to read log.signing_key")?;
                writeln!(out, "{}", key.verifier())?;
                Ok(ExitCode::SUCCESS)
            }
            Self::Export {
                source,
                format,
                from,
                output,
            } => {
                let log = source.open(from.saturating_sub(1)).await?;
                let mut file;
                let out: &mut (dyn Write + Send) = match output {
                    Some(path) => {
                        file = private(&path).with_context(|| cannot_write(&path))?;
                        &mut file
                    }
                    None => out,
                };
                match export(log, format, &mut BufWriter::new(out)).await {
                    Ok(_) => Ok(ExitCode::SUCCESS),
                    Err(ExportError::Write(error)) => Err(error.into()),
                    Err(ExportError::Log(fault)) => Err(fault.into()),
                }
            }
            Self::Who {
                source,
                whose,
                at,
                format,
            } => {
                let at = at.unwrap_or_else(|| SystemClock.now());
                let holdings = match who(source.open(0).await?, &whose.into(), at).await {
                    Ok(holdings) => holdings,
                    Err(fault) => return broken(&fault, out),
                };
                match format {
                    Format::Text => table::write(&holdings, out)?,
                    Format::Json => {
                        let json = serde_json::to_string_pretty(&holdings)?;
                        writeln!(out, "{}", escaped_json(&json))?;
                    }
                }
                Ok(ExitCode::SUCCESS)
            }
            Self::Digest { config, until } => {
                let until = until.unwrap_or_else(|| SystemClock.now());
                let catalogue = configuration(&config, Secrets::Unchecked)?.catalogue;
                let source = Source {
                    config,
                    store: None,
                    file: None,
                };
                let log = source.open(0).await?;
                match digest::digest(log, until, &maxima(&catalogue)).await {
                    Ok(week) => digest::write(&week, out)?,
                    Err(fault) => return broken(&fault, out),
                }
                Ok(ExitCode::SUCCESS)
            }
        }
    }
}

/// The longest file of checkpoints that is read, in bytes: more than a hundred years of one an hour.
const LONGEST: u64 = 256 * 1024 * 1024;

/// The checkpoints in these files. Each has to be signed by one of `keys`.
fn read_checkpoints(files: &[PathBuf], keys: &[VerifierKey]) -> anyhow::Result<Vec<Checkpoint>> {
    let mut all = Vec::new();
    for file in files {
        let shown = file.display();
        let mut text = String::new();
        let read = File::open(file)
            .and_then(|file| file.take(LONGEST + 1).read_to_string(&mut text))
            .with_context(|| format!("failed to read `{shown}`"))?;
        ensure!(
            read as u64 <= LONGEST,
            "`{shown}` is longer than {LONGEST} bytes, so it is not a file of checkpoints"
        );
        let before = all.len();
        for checkpoint in checkpoints(&text, keys) {
            all.push(checkpoint.with_context(|| format!("failed to verify `{shown}`"))?);
        }
        ensure!(all.len() > before, "`{shown}` has no checkpoints");
    }
    Ok(all)
}

/// A line on the checkpoints that a log matches. Empty if there are none.
fn matching(checkpoints: &[Checkpoint]) -> String {
    let last = checkpoints.iter().map(|checkpoint| checkpoint.size).max();
    match (checkpoints.len(), last) {
        (_, None) => String::new(),
        (1, Some(last)) => format!("\nmatches the checkpoint of {last} entries"),
        (count, Some(last)) => format!("\nmatches {count} checkpoints, the last of {last} entries"),
    }
}

/// The answer for an empty log without `--head`: a new log and one that somebody emptied look the same.
const EMPTY: &str = "not verified: the log has no entries. If this store is new, pass \
                     --head 0:0000000000000000000000000000000000000000000000000000000000000000. If it \
                     was used before, somebody emptied it: restore it from a backup.";

/// Verifies a store's log, and that its tables match it. Returns the exit code and, if the log is intact,
/// how many entries it has.
pub(super) async fn verify_with_tables(
    address: &Address,
    codes: &Codes,
    known: Known,
    out: &mut (dyn Write + Send),
) -> anyhow::Result<(ExitCode, Option<u64>)> {
    let opened = address.view(codes.key()).await;
    let view = opened.with_context(|| format!("failed to open the store `{address}`"))?;
    let (mut differences, mut written) = (0_u64, Ok(()));
    let mut report = |difference: Difference| {
        differences += 1;
        if written.is_ok() {
            written = writeln!(out, "{difference}");
        }
    };
    let verified = verify_store(view, known, &mut report).await;
    written?;
    match verified {
        Err(fault) => Ok((broken(&fault, out)?, None)),
        Ok(whole) if differences == 0 => {
            writeln!(out, "{whole}{codes}")?;
            let code = match whole.missing_texts {
                0 => ExitCode::SUCCESS,
                _ => ExitCode::FAILURE,
            };
            Ok((code, Some(whole.entries)))
        }
        Ok(whole) => {
            writeln!(
                out,
                "differences between the tables and the log: {differences}. Somebody changed the \
                 tables, or Keylend has a bug.\nThe log is intact. Stop the service, keep a copy of \
                 the store, and find out who can write to it.\n{whole}{codes}"
            )?;
            Ok((ExitCode::FAILURE, Some(whole.entries)))
        }
    }
}

/// Whether the authentication codes of a log are checked. Shown, it is a line of its own.
pub(super) enum Codes {
    /// They are.
    Checked(StoreKey),
    /// They are not, since the key cannot be read, for this reason.
    NoKey(anyhow::Error),
    /// They are not: no configuration says where the key is.
    NotAsked,
}

impl Codes {
    /// By the key that this configuration names.
    pub(super) fn of(config: &Path) -> Self {
        key_in(config).map_or_else(Self::NoKey, Self::Checked)
    }

    /// The key, if they are checked.
    pub(super) fn key(&self) -> Option<&StoreKey> {
        match self {
            Self::Checked(key) => Some(key),
            Self::NoKey(_) | Self::NotAsked => None,
        }
    }
}

impl fmt::Display for Codes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Checked(_) => f.write_str("\nauthentication codes: valid"),
            Self::NoKey(error) => write!(f, "\nauthentication codes: not checked ({error:#})"),
            Self::NotAsked => Ok(()),
        }
    }
}

/// Prints what is wrong with the log, and what to do about it.
fn broken(fault: &Fault, out: &mut (dyn Write + Send)) -> anyhow::Result<ExitCode> {
    match (fault.is_lack_of_evidence(), fault) {
        // The texts of these faults say what to do.
        (true, Fault::Beginning { .. } | Fault::HeadBefore { .. }) => {
            writeln!(out, "not verified: {fault}.")?;
        }
        (true, Fault::NoAnswer { .. } | Fault::Table { .. }) => writeln!(
            out,
            "not verified: {fault}.\nCheck that the store is reachable, then run the command again."
        )?,
        (true, _) => writeln!(
            out,
            "not verified: {fault}.\nIf the file is damaged, export the log again. Pass the head that \
             you saved with --head."
        )?,
        (
            false,
            Fault::Broken(Broken {
                why: Why::Forged, ..
            }),
        ) => writeln!(
            out,
            "the log is broken: {fault}.\nIf you replaced `secrets.key`, run `keylend store rekey`. \
             Otherwise somebody who can write to the store appended the entry: keep the store as it is, and \
             restore it from a backup."
        )?,
        (false, _) => writeln!(
            out,
            "the log is broken: {fault}.\nKeep the store and every export as they are, and compare \
             them from this entry on."
        )?,
    }
    Ok(ExitCode::FAILURE)
}

impl Source {
    /// Opens the log, to be read from the entry after `after` on.
    async fn open(self, after: u64) -> anyhow::Result<Log> {
        if let Some(file) = &self.file {
            let log = Log::in_file(file, after).await;
            return log.with_context(|| format!("failed to read `{}`", file.display()));
        }
        let address = self.address()?;
        let opened = address.open_read_only(self.codes().key()).await;
        let store = opened.with_context(|| format!("failed to open the store `{address}`"))?;
        Ok(Log::in_store(store, after))
    }
}

impl Source {
    /// Whether the authentication codes can be checked.
    fn codes(&self) -> Codes {
        match (&self.store, &self.file) {
            (None, None) => Codes::of(&self.config),
            _ => Codes::NotAsked,
        }
    }

    /// The address of the store.
    fn address(&self) -> anyhow::Result<Address> {
        match &self.store {
            Some(address) => Ok(address.clone()),
            None => address_in(&self.config),
        }
    }
}

impl From<WhoseArgs> for Whose {
    fn from(args: WhoseArgs) -> Self {
        match (args.scope, args.person) {
            (Some(scope), _) => Self::Scope(scope),
            (None, person) => Self::Person(person.unwrap_or_default()),
        }
    }
}

/// Opens a file that only its owner can read, because the log contains addresses and reasons of people. If
/// others can read an existing file, its permissions change before anything is written to it. The
/// permissions of devices and pipes stay as they are.
fn private(path: &Path) -> std::io::Result<File> {
    use std::{
        fs::Permissions,
        os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    };

    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let file = options.open(path)?;
    let metadata = file.metadata()?;
    let mode = metadata.permissions().mode();
    if metadata.is_file() && mode & 0o077 != 0 {
        file.set_permissions(Permissions::from_mode(mode & 0o600))?;
    }
    Ok(file)
}

fn cannot_write(path: &Path) -> String {
    format!("failed to write `{}`", path.display())
}

/// Parses a time.
fn moment(text: &str) -> Result<Time, String> {
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Ok(time.to_utc());
    }
    ["%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M"]
        .iter()
        .find_map(|format| NaiveDateTime::parse_from_str(text, format).ok())
        .map(|time| time.and_utc())
        .ok_or_else(|| "write 2026-11-21T09:30:00Z, or 2026-11-21 09:30 for UTC".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(fault: &Fault) -> String {
        let mut out = Vec::new();
        assert_eq!(broken(fault, &mut out).unwrap(), ExitCode::FAILURE);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_log_is_called_broken_only_if_that_was_found() {
        let why = || "gone".to_owned();
        let (seq, table) = (7, "due");
        let no_answer = said(&Fault::NoAnswer { seq, why: why() });
        let no_table = said(&Fault::Table { table, why: why() });
        for said in [no_answer, no_table] {
            assert!(said.starts_with("not verified: "), "{said}");
            assert!(said.contains("store is reachable") && !said.contains("export"));
        }
        let partial = said(&Fault::Beginning { first: 20 });
        assert_eq!(partial.lines().count(), 1, "{partial}");
        let unreadable = said(&Fault::Unreadable { seq, why: why() });
        assert!(unreadable.starts_with("the log is broken: entry 7 "));
    }
}
