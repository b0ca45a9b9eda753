//! `[log]`.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::{
    Secrets,
    document::{Document, at},
};
use crate::{
    checkpoint::{InvalidKey, SigningKey},
    secret::{MissingSecret, Secret},
};

/// `[log]`: how the log's head is signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// `signing_key`: the key that signs checkpoints: 32 bytes as 64 hexadecimal digits or as base64,
    /// such as `openssl rand -hex 32` gives.
    pub signing_key: Secret,
    /// `origin`: what the log is called in its checkpoints, such as `keylend.example.com/log`.
    pub origin: String,
    /// `checkpoint_file`: where checkpoints are appended, beside being posted. Default nowhere.
    pub checkpoint_file: Option<PathBuf>,
}

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum NoKey {
    /// The secret is not where the configuration says.
    #[error(transparent)]
    Missing(#[from] MissingSecret),
    /// It is not a key.
    #[error(transparent)]
    Invalid(#[from] InvalidKey),
}

impl Log {
    /// The key that signs.
    ///
    /// # Errors
    ///
    /// If the secret is not there, or is not a key.
    pub fn key(&self) -> Result<SigningKey, NoKey> {
        Ok(SigningKey::new(&self.origin, &self.signing_key.read()?)?)
    }
}

#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Raw {
    /// The key that signs the log every 100 entries, and at least once an hour while there are new ones.
    #[schemars(title = "secret, 32 bytes", example = json!({ "env": "KEYLEND_LOG_KEY" }))]
    signing_key: Option<Secret>,
    /// The name of the log in its checkpoints, and of the key. ASCII letters, digits and `.`, `_`, `-`, `/`,
    /// `:`.
    #[schemars(example = &"keylend.example.com/log")]
    #[schemars(extend("x-default" = "required with `signing_key`"))]
    origin: Option<String>,
    /// A file to which checkpoints are appended, in addition to the audit channel. Each replica has a file of
    /// its own.
    #[schemars(title = "path", example = &"/var/lib/keylend/checkpoints")]
    checkpoint_file: Option<PathBuf>,
}

/// The outer answer is nothing if the section is wrong, the inner one if nothing is signed.
pub(super) fn read(document: &mut Document<'_>, secrets: Secrets) -> Option<Option<Log>> {
    let raw: Raw = document.optional("log")?;
    let Some(signing_key) = raw.signing_key else {
        for (key, is_there) in [
            ("origin", raw.origin.is_some()),
            ("checkpoint_file", raw.checkpoint_file.is_some()),
        ] {
            if is_there {
                let problem =
                    format!("nothing is signed without `signing_key`: add it, or remove `{key}`");
                document.problem(at!["log", key], problem);
            }
        }
        return Some(None);
    };
    let Some(origin) = raw.origin else {
        let problem = "`origin` is missing, which names the log in its checkpoints: add one, such as \
                       `origin = \"keylend.example.com/log\"`";
        document.problem(at!["log", "signing_key"], problem);
        return None;
    };
    if let Err(invalid) = SigningKey::check_name(&origin) {
        document.problem(at!["log", "origin"], invalid.to_string());
        return None;
    }
    let log = Log {
        signing_key,
        origin,
        checkpoint_file: raw.checkpoint_file,
    };
    if secrets == Secrets::Checked
        && let Err(problem) = log.key()
    {
        document.problem(at!["log", "signing_key"], problem.to_string());
    }
    Some(Some(log))
}
