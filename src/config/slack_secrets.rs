//! Whether a secret of Slack's is the one that it should be.

use secrecy::{ExposeSecret, SecretString};

use crate::secret::{Secret, is_placeholder};

/// A secret of the app.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    BotToken,
    AppToken,
    SigningSecret,
}

/// What was found.
pub(super) enum Finding {
    /// It cannot work.
    Problem(String),
    /// It probably does not work.
    Warning(String),
}

/// The characters of a signing secret. A shorter one was cut off, or was made up and can be guessed.
const SIGNING_SECRET: usize = 32;

/// How secrets of Slack's begin, with what they are.
const PREFIXES: [(&str, &str); 6] = [
    (
        "xoxe",
        "a token of an app with token rotation, which Keylend does not support",
    ),
    ("xoxb-", "a bot token"),
    ("xapp-", "an app-level token"),
    ("xoxp-", "a user token"),
    ("xoxa-", "a workspace token"),
    ("https://hooks.slack.com/", "the URL of an incoming webhook"),
];

impl Kind {
    /// The key that names it in `[slack]`.
    pub(super) fn key(self) -> &'static str {
        match self {
            Self::BotToken => "bot_token",
            Self::AppToken => "app_token",
            Self::SigningSecret => "signing_secret",
        }
    }

    fn prefix(self) -> Option<&'static str> {
        match self {
            Self::BotToken => Some("xoxb-"),
            Self::AppToken => Some("xapp-"),
            Self::SigningSecret => None,
        }
    }

    /// What it is, and where Slack shows it.
    fn wanted(self) -> &'static str {
        match self {
            Self::BotToken => {
                "the bot token, which begins with `xoxb-`: in the app's settings, \"OAuth & Permissions\", \
                 \"Bot User OAuth Token\""
            }
            Self::AppToken => {
                "an app-level token, which begins with `xapp-`: in the app's settings, \"Basic \
                 Information\", \"App-Level Tokens\""
            }
            Self::SigningSecret => {
                "the signing secret, 32 hexadecimal digits: in the app's settings, \"Basic Information\", \
                 \"App Credentials\", \"Signing Secret\""
            }
        }
    }

    /// What is wrong with the text of `secret`, which is not repeated.
    pub(super) fn check(self, secret: &Secret, text: &SecretString) -> Option<Finding> {
        let wanted = self.wanted();
        let said = text.expose_secret();
        if is_placeholder(text) {
            let warning = format!("the {secret} holds a placeholder. Use {wanted}");
            return Some(Finding::Warning(warning));
        }
        let known = PREFIXES.iter().find(|(prefix, _)| said.starts_with(prefix));
        if let Some((prefix, what)) = known
            && Some(*prefix) != self.prefix()
        {
            return Some(Finding::Problem(format!(
                "the {secret} holds {what}. Use {wanted}"
            )));
        }
        if self == Self::SigningSecret && said.len() < SIGNING_SECRET {
            return Some(Finding::Problem(format!(
                "the {secret} holds fewer than {SIGNING_SECRET} characters. Use {wanted}"
            )));
        }
        let is_whole = match self.prefix() {
            Some(prefix) => said.starts_with(prefix),
            None => {
                said.len() == SIGNING_SECRET && said.bytes().all(|byte| byte.is_ascii_hexdigit())
            }
        };
        (!is_whole).then(|| {
            Finding::Warning(format!(
                "the {secret} probably holds something else. Use {wanted}"
            ))
        })
    }
}
