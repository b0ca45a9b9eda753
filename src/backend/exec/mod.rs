//! A program on this machine: the way to every target that has a command-line tool.
//!
//! `docs/protocol.md` says what the program reads and what it may answer. It is started once a call,
//! without a shell, and reads one JSON document, the same as a [`webhook`](super::webhook) receives,
//! from its standard input. It ends with 0 when it has done or taken the order, with 75
//! (`EX_TEMPFAIL`) when trying again makes sense, with 76 when it has received a newer order, with 64 when
//! it does not know the action, and with anything else when trying again does not help; the last line of its standard error is the reason
//! that people see.
//!
//! It sees nothing of Keylend's environment but `PATH`, what `env` sets and what `pass_env` names,
//! and runs in `/`. Nor can it read Keylend's memory, or the variables that Keylend was started with,
//! unless Keylend runs as root. Past its time limit it is killed with everything that it started, unless that
//! left its process group, and the call is tried again.

mod process;

use std::{
    collections::BTreeMap, env, fs, io, os::unix::fs::PermissionsExt as _, path::PathBuf, sync::Arc,
};

use async_trait::async_trait;
use schemars::JsonSchema;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::json;
use zeroize::Zeroizing;

use self::process::{Finished, Limits};
use super::{
    Backend, BackendError, BuildError, InvalidParam,
    kind::BackendKind,
    protocol::{ANSWER_LIMIT, Order, Receiver, Transport},
    timeout::Timeout,
};
use crate::{
    clock::Clock,
    domain::{BackendName, Length, Params, RevocationMode, Span},
    sanitize::excerpt,
    secret::{MissingSecret, Secret},
};

/// `[backends.NAME.exec]`. A layer's parameters are passed on as they stand.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The program.
    #[schemars(title = "absolute path", example = &"/usr/local/bin/bastion-access")]
    pub program: Program,
    /// Its arguments.
    #[serde(default)]
    #[schemars(title = "list of texts", example = json!(["--cluster", "eu-1"]))]
    pub args: Vec<String>,
    /// How long it may run. No call takes longer than 60 s. If the work takes longer, the program has to exit
    /// at once and report that it is pending in its status.
    #[serde(default = "default_timeout")]
    #[schemars(example = &"45s")]
    #[schemars(extend("default" = "30s"))]
    pub timeout: Timeout,
    /// Variables that the program sees, in addition to `PATH`. Put no secrets here: see `pass_env`.
    #[serde(default)]
    #[schemars(title = "table of texts", example = json!({ "REGION": "eu" }))]
    pub env: BTreeMap<String, String>,
    /// Variables of Keylend's own environment that the program sees. Each has to be set when Keylend starts.
    #[serde(default)]
    #[schemars(title = "list of names", example = json!(["BASTION_TOKEN"]))]
    pub pass_env: Vec<String>,
    /// How the access ends.
    #[serde(default)]
    #[schemars(example = &"call_and_time_limit")]
    pub revocation: RevocationMode,
    /// How long an order may still take effect after Keylend killed the program.
    #[serde(default)]
    #[schemars(example = &"30s")]
    pub late_effects: Length,
    /// The longest that access may keep working after the program said that it is gone.
    #[serde(default)]
    #[schemars(example = &"15m")]
    pub residual: Length,
}

const fn default_timeout() -> Timeout {
    Timeout::seconds(30)
}

/// The full path of a program.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "PathBuf")]
pub struct Program(PathBuf);

/// The path is not a full one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is not the full path of a program, such as `/usr/local/bin/vpn-access`", .0.display())]
pub struct InvalidProgram(PathBuf);

impl TryFrom<PathBuf> for Program {
    type Error = InvalidProgram;

    fn try_from(path: PathBuf) -> Result<Self, Self::Error> {
        if path.is_absolute() {
            Ok(Self(path))
        } else {
            Err(InvalidProgram(path))
        }
    }
}

impl Program {
    /// Why it cannot be started on this machine; nothing if it probably can.
    fn trouble(&self) -> Option<String> {
        let program = self.0.display();
        match fs::metadata(&self.0) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Some(format!(
                "there is no program `{program}` on this machine: install it, or correct its path"
            )),
            // Keylend may not look into its folder here, and may where it runs.
            Err(_) => None,
            Ok(file) if !file.is_file() => Some(format!("`{program}` is not a file")),
            Ok(file) if file.permissions().mode() & 0o111 == 0 => Some(format!(
                "`{program}` is not executable: run `chmod +x {program}`"
            )),
            Ok(_) => None,
        }
    }
}

impl BackendKind for Config {
    fn check_layer(&self, _: &Params) -> Result<(), InvalidParam> {
        Ok(())
    }

    fn revocation_mode(&self, _: &Params) -> RevocationMode {
        self.revocation
    }

    fn residual(&self) -> Span {
        self.residual.0
    }

    fn warnings(&self) -> Vec<(&'static str, String)> {
        let warning = self.program.trouble().map(|trouble| ("program", trouble));
        warning.into_iter().collect()
    }

    fn build(&self, name: &BackendName, _: Arc<dyn Clock>) -> Result<Arc<dyn Backend>, BuildError> {
        let passed = self
            .pass_env
            .iter()
            .map(|name| Ok((name.clone(), Secret::Env(name.clone()).read()?)))
            .collect::<Result<_, MissingSecret>>()
            .map_err(|missing| BuildError::from(missing).of("pass_env"))?;
        let receiver = Receiver {
            name: name.clone(),
            revocation: self.revocation,
            late_effects: self.late_effects.0,
            transport: Runs {
                config: self.clone(),
                passed,
            },
        };
        Ok(receiver.into_backend())
    }
}

/// How the program is started.
struct Runs {
    config: Config,
    passed: Vec<(String, SecretString)>,
}

/// `EX_USAGE` of sysexits.h: the program does not know the action.
const UNSUPPORTED: i32 = 64;

/// `EX_TEMPFAIL` of sysexits.h: "the user is invited to retry".
const TRY_AGAIN: i32 = 75;

/// `EX_PROTOCOL` of sysexits.h: the order came after a newer one.
const SUPERSEDED: i32 = 76;

#[async_trait]
impl Transport for Runs {
    async fn send(&self, order: &Order<'_>) -> Result<Zeroizing<Vec<u8>>, BackendError> {
        let limits = Limits {
            time: self.config.timeout.duration(),
            // What a program writes arrives, also where nobody asked for it.
            output: order.answer_limit().unwrap_or(ANSWER_LIMIT),
        };
        let Finished {
            status,
            output,
            last_words,
        } = process::run(self.command(), &order.to_json(), limits).await?;

        let reason = |how: String| match excerpt(&last_words).as_str() {
            "" => how,
            said => said.to_owned(),
        };
        match status.code() {
            Some(0) => Ok(output),
            Some(TRY_AGAIN) => Err(BackendError::Retry(
                reason("the program asks to be tried again".to_owned()).into(),
            )),
            Some(SUPERSEDED) => Err(BackendError::Superseded(reason(
                "the program has received a newer order".to_owned(),
            ))),
            Some(UNSUPPORTED) => Err(order.unsupported()),
            Some(code) => Err(BackendError::Fail(
                reason(format!("the program ended with {code}")).into(),
            )),
            // Somebody killed it, such as a system short of memory: that passes.
            None => Err(BackendError::Retry(
                reason(format!("the program was stopped ({status})")).into(),
            )),
        }
    }
}

impl Runs {
    fn command(&self) -> tokio::process::Command {
        let mut command = tokio::process::Command::new(&self.config.program.0);
        command.args(&self.config.args).current_dir("/").env_clear();
        if let Some(path) = env::var_os("PATH") {
            command.env("PATH", path);
        }
        for (name, secret) in &self.passed {
            command.env(name, secret.expose_secret());
        }
        command.envs(&self.config.env);
        command
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_named_by_its_full_path() {
        assert!(Program::try_from(PathBuf::from("/usr/bin/true")).is_ok());
        for path in ["true", "./true", ""] {
            assert!(Program::try_from(PathBuf::from(path)).is_err(), "{path}");
        }
    }
}
