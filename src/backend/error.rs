//! Why a target did not do what it was asked, or cannot be asked anything.

use std::{error::Error, time::Duration};

use crate::secret::MissingSecret;

/// Why a target did not do what it was asked. Messages go into the log and to the requester:
/// nothing secret in them.
#[derive(Debug, thiserror::Error)]
pub enum BackendError {
    /// It may work later: no connection, a time-out, a server that is overloaded.
    #[error(transparent)]
    Retry(Failure),
    /// It will not work however often it is tried: no such role, no right to give it.
    #[error(transparent)]
    Fail(Failure),
    /// It has taken the order and is still at work: the access counts neither as there nor as gone.
    #[error("the target is still working on it")]
    Pending {
        /// How long to wait before its status is asked, if it says.
        retry_after: Option<Duration>,
    },
    /// It refused the order because it has received one with a greater
    /// [`generation`](super::LayerRequest::generation).
    #[error("{0}")]
    Superseded(String),
}

/// What went wrong.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    message: String,
    /// How long the target wants to be left alone, if it says.
    pub retry_after: Option<Duration>,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl Failure {
    /// A failure with what caused it, for diagnosis.
    pub fn because(message: String, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self {
            source: Some(source.into()),
            ..Self::from(message)
        }
    }
}

impl From<String> for Failure {
    fn from(message: String) -> Self {
        Self {
            message,
            retry_after: None,
            source: None,
        }
    }
}

impl From<&str> for Failure {
    fn from(message: &str) -> Self {
        Self::from(message.to_owned())
    }
}

/// A layer's parameter is missing, unknown or of the wrong kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct InvalidParam {
    /// The parameter; nothing where one is missing.
    pub key: Option<String>,
    /// What is wrong and what would be right.
    pub message: String,
}

/// A target cannot be made ready.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct BuildError {
    message: String,
    /// The key of the target's configuration that it is about.
    pub key: Option<&'static str>,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl BuildError {
    /// What is wrong, without the text of a secret, and what caused it.
    pub(super) fn because(
        message: String,
        source: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        Self {
            source: Some(source.into()),
            ..Self::from(message)
        }
    }

    /// The same, about this key.
    pub(super) fn of(self, key: &'static str) -> Self {
        Self {
            key: Some(key),
            ..self
        }
    }
}

impl From<String> for BuildError {
    fn from(message: String) -> Self {
        Self {
            message,
            key: None,
            source: None,
        }
    }
}

impl From<MissingSecret> for BuildError {
    fn from(missing: MissingSecret) -> Self {
        Self::because(missing.to_string(), missing)
    }
}
