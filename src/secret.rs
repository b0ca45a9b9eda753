//! Secrets of the configuration: named, never written inline.

use std::{borrow::Cow, env, fmt, fs, io, path::PathBuf};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer, de};
use zeroize::Zeroizing;

/// Where a secret is: `{ env = "NAME" }` or `{ file = "path" }`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Secret {
    /// An environment variable.
    Env(String),
    /// A file; white space around its text does not count.
    File(PathBuf),
}

/// What is said of anything that does not name a secret's place, and nothing else: what stands
/// there may be the secret.
pub const ADVICE: &str = "do not write the secret into this file; write where it is: \
    `{ env = \"NAME\" }` or `{ file = \"PATH\" }`";

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Place {
            Env(Env),
            File(File),
        }
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Env {
            env: String,
        }
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct File {
            file: PathBuf,
        }
        match Place::deserialize(deserializer) {
            Ok(Place::Env(Env { env })) => Ok(Self::Env(env)),
            Ok(Place::File(File { file })) => Ok(Self::File(file)),
            Err(_) => Err(de::Error::custom(ADVICE)),
        }
    }
}

impl JsonSchema for Secret {
    fn schema_name() -> Cow<'static, str> {
        "Secret".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let place = |key: &str, description: &str| {
            json_schema!({
                "type": "object",
                "properties": { key: { "description": description, "type": "string" } },
                "required": [key],
                "additionalProperties": false,
            })
        };
        json_schema!({
            "title": "secret",
            "oneOf": [
                place("env", "An environment variable of Keylend's process."),
                place(
                    "file",
                    "A file that Keylend can read. A relative path is looked up from the folder in which \
                     Keylend is started.",
                ),
            ],
        })
    }
}

/// The secret is not where the configuration says.
#[derive(Debug, thiserror::Error)]
pub enum MissingSecret {
    /// The variable is not set.
    #[error("the environment variable `{0}` is not set")]
    Env(String),
    /// The variable is set, and there is nothing in it.
    #[error("the environment variable `{0}` is empty")]
    EmptyEnv(String),
    /// The variable is not UTF-8.
    #[error("the environment variable `{0}` is not UTF-8 text")]
    EnvNotText(String),
    /// The file cannot be read.
    #[error("the file `{0}` cannot be read: {1}")]
    File(String, io::Error),
    /// The file is not UTF-8.
    #[error("the file `{0}` is not UTF-8 text")]
    FileNotText(String),
    /// The file is empty.
    #[error("the file `{0}` is empty")]
    Empty(String),
}

impl Secret {
    /// Fetches the secret.
    ///
    /// # Errors
    ///
    /// If it is not there, or empty. The error names the place, never the text.
    pub fn read(&self) -> Result<SecretString, MissingSecret> {
        match self {
            Self::Env(name) => match env::var(name) {
                Ok(text) if text.trim().is_empty() => Err(MissingSecret::EmptyEnv(name.clone())),
                Ok(text) => Ok(text.trim().into()),
                Err(env::VarError::NotPresent) => Err(MissingSecret::Env(name.clone())),
                Err(env::VarError::NotUnicode(_)) => Err(MissingSecret::EnvNotText(name.clone())),
            },
            Self::File(path) => {
                let shown = path.display().to_string();
                let text = match fs::read_to_string(path) {
                    Ok(text) => Zeroizing::new(text),
                    Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                        return Err(MissingSecret::FileNotText(shown));
                    }
                    Err(error) => return Err(MissingSecret::File(shown, error)),
                };
                match text.trim() {
                    "" => Err(MissingSecret::Empty(shown)),
                    text => Ok(text.into()),
                }
            }
        }
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(f, "environment variable `{name}`"),
            Self::File(path) => write!(f, "file `{}`", path.display()),
        }
    }
}

/// Whether the text stands where somebody was to put a secret of their own: `xoxb-…`, `<token>`,
/// `changeme`.
pub fn is_placeholder(text: &SecretString) -> bool {
    const WORDS: [&str; 7] = [
        "changeme",
        "change-me",
        "change_me",
        "example",
        "placeholder",
        "xxxx",
        "your",
    ];
    let text = text.expose_secret();
    let lower = Zeroizing::new(text.to_ascii_lowercase());
    text.contains(['…', '<', '>'])
        || text.contains("...")
        || WORDS.iter().any(|word| lower.contains(word))
}

/// The 32 bytes of a key that is written as 64 hexadecimal digits or as base64; nothing of any other
/// text.
pub fn key_bytes(text: &SecretString) -> Option<Zeroizing<Vec<u8>>> {
    use base64::Engine as _;

    let text = text.expose_secret().trim();
    let bytes = hex::decode(text)
        .or_else(|_| base64::engine::general_purpose::STANDARD.decode(text))
        .map(Zeroizing::new);
    bytes.ok().filter(|bytes| bytes.len() == 32)
}

/// A password, a certificate, a file or an address, for its requester alone.
#[derive(Debug, Clone)]
pub struct SecretField {
    /// What it is, for people: `Password`. Nothing secret.
    pub label: String,
    /// The text itself.
    pub value: SecretString,
}
