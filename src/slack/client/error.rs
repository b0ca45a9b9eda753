//! Why Slack did not do what it was asked.

use std::time::Duration;

/// Why Slack did not do what it was asked. Contains no token and nothing that people wrote.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SlackError {
    /// The method is not to be called before this has passed.
    #[error("slack asks to wait {} s", .retry_after.as_secs())]
    RateLimited {
        /// How long.
        retry_after: Duration,
    },
    /// Slack said no; the code is Slack's, such as `channel_not_found`.
    #[error("slack refused: {0}")]
    Refused(String),
    /// No answer, or not one of Slack's.
    #[error("slack is unavailable: {0}")]
    Unavailable(String),
}

/// Refusals that say nothing of the message: the same call may succeed later, by itself or when
/// somebody has mended the installation.
const PASSING: &[&str] = &[
    "access_denied",
    "account_inactive",
    "accesslimited",
    "enterprise_is_restricted",
    "fatal_error",
    "internal_error",
    "invalid_auth",
    "missing_scope",
    "not_authed",
    "org_login_required",
    "ratelimited",
    "rate_limited",
    "message_limit_exceeded",
    "request_timeout",
    "service_unavailable",
    "team_access_not_granted",
    "team_added_to_org",
    "token_expired",
    "token_revoked",
];

impl SlackError {
    /// Whether the same call will fail again however often it is tried. A refusal that is not
    /// known to pass is permanent: what waits behind it must not wait for ever.
    pub fn is_permanent(&self) -> bool {
        match self {
            Self::Refused(code) => !PASSING.contains(&code.as_str()),
            Self::RateLimited { .. } | Self::Unavailable(_) => false,
        }
    }
}
