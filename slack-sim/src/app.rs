//! How the app under test is reached: by posts to it, or over the sockets it opens.

/// Where in the app each kind of delivery goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paths {
    /// Slash commands, default `/slack/commands`.
    pub commands: String,
    /// Clicks, submissions and closed views, default `/slack/interactions`.
    pub interactions: String,
    /// Suggestions for `external_select`, default `/slack/options`.
    pub options: String,
    /// Events, default `/slack/events`.
    pub events: String,
}

impl Paths {
    /// Everything at one path, as Bolt takes it at `/slack/events`.
    pub fn all_at(path: impl Into<String>) -> Self {
        let path = path.into();
        Self {
            commands: path.clone(),
            interactions: path.clone(),
            options: path.clone(),
            events: path,
        }
    }
}

impl Default for Paths {
    fn default() -> Self {
        Self {
            commands: "/slack/commands".into(),
            interactions: "/slack/interactions".into(),
            options: "/slack/options".into(),
            events: "/slack/events".into(),
        }
    }
}

/// An address that no app can be at.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an app's address is such as http://127.0.0.1:3000, and {0:?} is not")]
pub struct BadAddress(pub(crate) String);

/// How the app under test is reached.
#[derive(Debug, Clone)]
pub(crate) enum App {
    /// By posts to it.
    Http {
        base: String,
        /// None is where the manifest says.
        paths: Option<Paths>,
    },
    /// Over the connections it opens.
    Socket,
}

/// What has become of the app's installation.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It is installed.
    #[default]
    Installed,
    /// The bot token was revoked, by `auth.revoke`.
    Revoked,
    /// The app was uninstalled.
    Uninstalled,
}
