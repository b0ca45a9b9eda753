//! What went wrong in a session, and whether trying again makes sense.

use std::borrow::Cow;

use sqlx::postgres::PgDatabaseError;

use super::name::InvalidRoleName;
use crate::{
    backend::{BackendError, Failure},
    sanitize::excerpt,
};

/// Why a session did not do its work.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    /// PostgreSQL, or the way to it.
    #[error("{}", told(.0))]
    Sql(#[from] sqlx::Error),
    /// PostgreSQL, in another database than the URL names.
    #[error("in the database `{database}`: {}", told(.error))]
    In {
        database: String,
        error: sqlx::Error,
    },
    /// No login can have this name, so nothing can be made for it, and nothing is there.
    #[error(transparent)]
    NoSuchName(InvalidRoleName),
    /// Keylend refuses.
    #[error("{0}")]
    Refused(String),
    /// Something is in the way that passes.
    #[error("{0}")]
    Busy(String),
}

impl Error {
    /// The same, and where it happened.
    pub(super) fn within(self, database: &str) -> Self {
        match self {
            Self::Sql(error) => Self::In {
                database: database.to_owned(),
                error,
            },
            error => error,
        }
    }

    /// Whether somebody held a lock for longer than Keylend waits.
    pub(super) fn is_locked(&self) -> bool {
        const LOCK_NOT_AVAILABLE: &str = "55P03";

        self.sqlstate().as_deref() == Some(LOCK_NOT_AVAILABLE)
    }

    /// Whether other work of the same moment was in the way.
    pub(super) fn is_collision(&self) -> bool {
        const COLLISIONS: [&str; 4] = [
            "40001", // serialization failure
            "40P01", // deadlock
            "23505", // two insert one row of a catalogue
            "XX000", // internal error: "tuple concurrently updated", in whatever language
        ];

        self.sqlstate()
            .is_some_and(|state| COLLISIONS.contains(&&*state))
    }

    /// Whether Keylend's login may not do it.
    pub(super) fn is_denied(&self) -> bool {
        const INSUFFICIENT_PRIVILEGE: &str = "42501";

        self.sqlstate().as_deref() == Some(INSUFFICIENT_PRIVILEGE)
    }

    /// Whether something still depends on the role that was to be dropped.
    pub(super) fn is_dependency(&self) -> bool {
        const DEPENDENT_OBJECTS_STILL_EXIST: &str = "2BP01";

        self.sqlstate().as_deref() == Some(DEPENDENT_OBJECTS_STILL_EXIST)
    }

    /// What PostgreSQL calls the error (PostgreSQL, appendix A).
    fn sqlstate(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::Sql(sqlx::Error::Database(error))
            | Self::In {
                error: sqlx::Error::Database(error),
                ..
            } => error.code(),
            _ => None,
        }
    }
}

impl From<Error> for BackendError {
    fn from(error: Error) -> Self {
        let may_pass = match &error {
            Error::Sql(error) | Error::In { error, .. } => may_pass(error),
            Error::Busy(_) => true,
            Error::NoSuchName(_) | Error::Refused(_) => false,
        };
        let failure = Failure::because(error.to_string(), error);
        match may_pass {
            true => Self::Retry(failure),
            false => Self::Fail(failure),
        }
    }
}

fn may_pass(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Database(error) => error.code().is_some_and(|code| state_may_pass(&code)),
        sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::Protocol(_) => true,
        _ => false,
    }
}

/// Whether an error of this SQLSTATE may be gone at the next try (PostgreSQL, appendix A).
fn state_may_pass(sqlstate: &str) -> bool {
    const CLASSES: [&str; 9] = [
        "23", // two sessions insert one row of a catalogue
        "08", // connection exception
        "40", // transaction rollback: serialization failure, deadlock
        "53", // insufficient resources: too many connections, disk full
        "55", // object not in prerequisite state: lock not available, object in use
        "57", // operator intervention: shut-down, cannot connect now, time limit
        "58", // system error
        "72", // snapshot failure
        "XX", // internal error, such as "tuple concurrently updated"
    ];
    /// After a failover, until the address points at the new primary.
    const READ_ONLY: &str = "25006";

    CLASSES.iter().any(|class| sqlstate.starts_with(class)) || sqlstate == READ_ONLY
}

/// The message with its particulars: for a role that cannot be dropped these name the databases
/// that hold its objects.
fn told(error: &sqlx::Error) -> String {
    let told = match error {
        sqlx::Error::Database(error) => {
            let detail = error
                .try_downcast_ref::<PgDatabaseError>()
                .and_then(PgDatabaseError::detail);
            match detail {
                Some(detail) => format!("{}: {detail}", error.message()),
                None => error.message().to_owned(),
            }
        }
        sqlx::Error::Io(error) => format!("PostgreSQL cannot be reached: {error}"),
        error => error.to_string(),
    };
    excerpt(&told)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_passes_is_tried_again_and_what_does_not_is_not() {
        for passing in [
            "08006", "40001", "40P01", "53300", "55P03", "57P01", "57P03", "57014", "25006",
            "XX000", "23505",
        ] {
            assert!(state_may_pass(passing), "{passing}");
        }
        for lasting in ["42501", "42704", "28P01", "3D000", "0LP01", "2BP01"] {
            assert!(!state_may_pass(lasting), "{lasting}");
        }
        let io = sqlx::Error::Io(std::io::ErrorKind::ConnectionRefused.into());
        assert!(matches!(
            BackendError::from(Error::Sql(io)),
            BackendError::Retry(_)
        ));
        assert!(matches!(
            BackendError::from(Error::Refused("no".into())),
            BackendError::Fail(_)
        ));
    }
}
