//! Where the app is, and over what it is reached.

use axum::http::Uri;

use super::Sim;
use crate::{
    app::{App, BadAddress, Paths},
    socket::envelope::DisconnectReason,
    state::State,
};

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

    /// How many connections the app has open.
    pub fn connections(&self) -> usize {
        self.inner.read(|state| state.sockets.connections())
    }

    /// Says that a clock of the caller's was moved: what is due by now is done. With the machine's
    /// clock, and after any other change of the workspace, nobody need say so.
    pub fn clock_moved(&self) {
        self.inner.change(|_, _| ());
    }

    /// Ends every connection as Slack would for this reason. After a warning they live for ten
    /// seconds more of the simulator's clock, or until they are told another reason.
    pub fn disconnect(&self, reason: DisconnectReason) {
        let tell = |state: &mut State, _| state.sockets.disconnect(reason);
        self.inner.change(tell);
    }

    /// What the app said over its connections that it should not have: junk, binary messages,
    /// acknowledgements that nobody waits for.
    pub fn socket_complaints(&self) -> Vec<String> {
        self.inner.read(|state| state.sockets.complaints())
    }
}
