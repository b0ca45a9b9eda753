//! How the app under test is reached: by posts to it, or over the sockets it opens.

use axum::http::Uri;

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
pub struct BadAddress(String);

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

impl Sim {
    /// Says where the app is, such as `http://127.0.0.1:8080`; deliveries go to the paths of the
    /// manifest's URLs under it, or to [`Paths::default`] if there is no manifest.
    pub fn connect(&self, app_base_url: impl AsRef<str>) {
        self.reach(app_base_url.as_ref(), None);
    }

    /// Says where the app is, with paths of its own.
    pub fn connect_at(&self, app_base_url: impl AsRef<str>, paths: Paths) {
        self.reach(app_base_url.as_ref(), Some(paths));
    }

    /// Says where the app is, as somebody wrote it down: an address alone is for
    /// [`connect`](Self::connect); where it has a path, as of Bolt's `/slack/events`, everything
    /// goes there.
    ///
    /// # Errors
    ///
    /// If that is not the address of a server without TLS.
    pub fn connect_to(&self, address: &str) -> Result<(), BadAddress> {
        let bad = || BadAddress(address.to_owned());
        let uri: Uri = address.trim().parse().map_err(|_| bad())?;
        let authority = uri.authority().ok_or_else(bad)?;
        if uri.scheme_str() != Some("http") || uri.query().is_some() {
            return Err(bad());
        }
        let paths = match uri.path() {
            "/" => None,
            path => Some(Paths::all_at(path)),
        };
        self.reach(&format!("http://{authority}"), paths);
        Ok(())
    }

    fn reach(&self, base: &str, paths: Option<Paths>) {
        let base = base.trim_end_matches('/').to_owned();
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
