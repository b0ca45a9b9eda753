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
    /// The app lacks a scope; one of Slack's names, or several with commas between them.
    #[error("the Slack app lacks the scope {0}")]
    MissingScope(String),
    /// People of another company read the channel, so nothing was sent.
    #[error("the channel is shared with another company")]
    SharedChannel,
    /// No answer, or not one of Slack's.
    #[error("slack is unavailable: {0}")]
    Unavailable(String),
}

/// Refusals that are about the channel: every message there is refused until somebody has mended
/// the channel, or what Slack lets the app do in it.
/// <https://docs.slack.dev/reference/methods/chat.postMessage>
const OF_THE_CHANNEL: &[&str] = &[
    "channel_not_found",
    "channel_type_not_supported",
    "ekm_access_denied",
    "external_channel_migrating",
    "is_archived",
    "is_inactive",
    "method_not_supported_for_channel_type",
    "no_permission",
    "not_in_channel",
    "team_access_not_granted",
    "team_not_found",
];

/// Refusals that are about the app or its token: nothing is taken until an administrator of the
/// workspace has mended that.
const OF_THE_INSTALLATION: &[&str] = &[
    "access_denied",
    "account_inactive",
    "accesslimited",
    "enterprise_is_restricted",
    "invalid_auth",
    "messages_tab_disabled",
    "missing_scope",
    "not_authed",
    "org_login_required",
    "team_added_to_org",
    "token_expired",
    "token_revoked",
];

/// Those of them that are about the token alone.
const OF_THE_TOKEN: &[&str] = &[
    "account_inactive",
    "invalid_auth",
    "not_authed",
    "token_expired",
    "token_revoked",
];

/// Refusals that say nothing of the message: the same call may succeed later, by itself.
const PASSING: &[&str] = &[
    "fatal_error",
    "internal_error",
    "message_limit_exceeded",
    "rate_limited",
    "ratelimited",
    "request_timeout",
    "service_unavailable",
];

impl SlackError {
    /// Whether the same call will fail again however often it is tried. A refusal that is not
    /// known to pass is permanent: what waits behind it must not wait for ever.
    pub fn is_permanent(&self) -> bool {
        match self {
            Self::Refused(code) => {
                let passes = PASSING.contains(&code.as_str());
                !(passes || self.is_of_the_channel() || self.is_of_the_installation())
            }
            Self::MissingScope(_)
            | Self::SharedChannel
            | Self::RateLimited { .. }
            | Self::Unavailable(_) => false,
        }
    }

    /// Whether every message in the channel is refused, whatever it says.
    pub fn is_of_the_channel(&self) -> bool {
        match self {
            // Slack adds codes to this family, such as `restricted_action_read_only_channel`.
            Self::Refused(code) => {
                OF_THE_CHANNEL.contains(&code.as_str())
                    || code.starts_with("restricted_action")
                    || code.ends_with("_archived")
            }
            Self::SharedChannel => true,
            Self::MissingScope(_) | Self::RateLimited { .. } | Self::Unavailable(_) => false,
        }
    }

    /// Whether Slack refuses everything of the kind until an administrator does something.
    pub fn is_of_the_installation(&self) -> bool {
        match self {
            Self::MissingScope(_) => true,
            Self::Refused(code) => OF_THE_INSTALLATION.contains(&code.as_str()),
            Self::SharedChannel | Self::RateLimited { .. } | Self::Unavailable(_) => false,
        }
    }

    /// Whether Slack does not take the token: nothing at all is done with it.
    pub fn is_of_the_token(&self) -> bool {
        matches!(self, Self::Refused(code) if OF_THE_TOKEN.contains(&code.as_str()))
    }

    /// Whether a message cannot go into its thread, and may still go into the channel.
    pub fn is_of_the_thread(&self) -> bool {
        let codes = [
            "thread_not_found",
            "cannot_reply_to_message",
            "restricted_action_non_threadable_channel",
            "restricted_action_thread_locked",
        ];
        matches!(self, Self::Refused(code) if codes.contains(&code.as_str()))
    }
}
