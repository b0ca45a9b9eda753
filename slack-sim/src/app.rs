//! How the app under test is reached: by posts to it, or over the sockets it opens.

use crate::{sim::Sim, socket::DisconnectReason};

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

/// How the app under test is reached.
#[derive(Debug, Clone)]
pub(crate) enum App {
    /// By posts to it.
    Http { base: String, paths: Paths },
    /// Over the connections it opens.
    Socket,
}

impl Sim {
    /// Says where the app is, such as `http://127.0.0.1:8080`; deliveries go to the paths of the
    /// manifest's URLs under it, or to [`Paths::default`] if there is no manifest.
    pub fn connect(&self, app_base_url: impl AsRef<str>) {
        let paths = self.inner.read(|state| state.workspace.paths());
        self.connect_at(app_base_url, paths);
    }

    /// Says where the app is, with paths of its own.
    pub fn connect_at(&self, app_base_url: impl AsRef<str>, paths: Paths) {
        let base = app_base_url.as_ref().trim_end_matches('/').to_owned();
        let app = App::Http { base, paths };
        self.inner.change(|state, _| {
            state.app = Some(app);
            state.sockets.disconnect(DisconnectReason::LinkDisabled);
        });
    }

    /// Says that the app uses Socket Mode. It opens connections with
    /// [`app_token`](Self::app_token).
    pub fn connect_socket(&self) {
        self.inner.change(|state, _| state.app = Some(App::Socket));
    }
}
