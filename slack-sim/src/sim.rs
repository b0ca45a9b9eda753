//! The simulator itself: starting it, and reading it.

mod changing;

use std::{
    fmt, io,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::Duration,
};

use axum::body::Bytes;
use chrono::{DateTime, Utc};
use http_body_util::Full;
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use tokio::{net::TcpListener, sync::watch, task::AbortHandle};

use crate::{
    actor::Actor,
    clock::{Clock, system_clock},
    delivery::Delivery,
    message::Message,
    mistake::Mistake,
    page::Page,
    retries, server,
    state::{Call, State},
    view::View,
    workspace::Workspace,
};

/// A running local Slack. Clones are the same one; it stops when the last of them is dropped.
#[derive(Clone)]
pub struct Sim {
    pub(crate) inner: Arc<Inner>,
    /// None in the hands of the server itself, which must not keep itself alive.
    _server: Option<Arc<Server>>,
}

pub(crate) struct Inner {
    state: Mutex<State>,
    version: watch::Sender<u64>,
    healed: watch::Sender<u64>,
    pub(crate) clock: Clock,
    mover: OnceLock<Mover>,
    page: Mutex<Page>,
    pub(crate) base: String,
    pub(crate) port: u16,
    pub(crate) client: Client<HttpConnector, Full<Bytes>>,
}

/// Moves the caller's clock ahead.
type Mover = Box<dyn Fn(Duration) + Send + Sync>;

impl fmt::Debug for Sim {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Sim({})\n{}", self.inner.base, self.describe())
    }
}

/// Why the simulator cannot start.
#[derive(Debug, thiserror::Error)]
pub enum CannotStart {
    /// Others than this machine could reach it there.
    #[error("{0} is not a loopback address")]
    NotLoopback(SocketAddr),
    /// Nothing can listen there.
    #[error("failed to listen on {address}")]
    Bind {
        /// Where.
        address: SocketAddr,
        /// Why not.
        source: io::Error,
    },
}

struct Server(AbortHandle);

impl Drop for Server {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Inner {
    pub(crate) fn read<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        look(&self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Changes the state and wakes everybody who waits.
    pub(crate) fn change<T>(&self, alter: impl FnOnce(&mut State, DateTime<Utc>) -> T) -> T {
        let now = (self.clock)();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let out = alter(&mut state, now);
        drop(state);
        self.version.send_modify(|version| *version += 1);
        out
    }

    /// Forgets all faults, and wakes whoever waits for that.
    pub(crate) fn heal(&self) {
        self.change(|state, _| state.faults.clear());
        self.healed.send_modify(|count| *count += 1);
    }

    /// Sees every [`Sim::heal`] from now on.
    pub(crate) fn heals(&self) -> watch::Receiver<u64> {
        self.healed.subscribe()
    }

    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.version.subscribe()
    }

    /// The channel of somebody's conversation with the bot, opened if need be; nothing changes if
    /// it is.
    pub(crate) fn open_dm(&self, person: &str) -> Result<String, Mistake> {
        if let Some(open) = self.read(|state| state.dms.get(person).cloned()) {
            return Ok(open);
        }
        self.change(|state, _| match state.person(person) {
            Some(_) => Ok(state.open_dm(person)),
            None => Err(Mistake::NotThere(format!("there is no person {person}"))),
        })
    }

    pub(crate) fn page(&self) -> Page {
        let page = self.page.lock();
        page.unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn time_moves(&self) -> bool {
        self.mover.get().is_some()
    }

    /// Moves the clock, if its owner lets it be moved.
    pub(crate) fn advance(&self, by: Duration) -> bool {
        let Some(mover) = self.mover.get() else {
            return false;
        };
        mover(by);
        // Everything that is shown depends on the time.
        self.change(|_, _| ());
        true
    }
}

impl Sim {
    /// Starts on a free port of 127.0.0.1, with the machine's clock.
    ///
    /// # Panics
    /// If no port can be bound.
    pub async fn start(workspace: Workspace) -> Self {
        Self::start_with_clock(workspace, system_clock()).await
    }

    /// Starts on a free port of 127.0.0.1, with a clock of the caller's.
    ///
    /// # Panics
    /// If no port can be bound.
    pub async fn start_with_clock(workspace: Workspace, clock: Clock) -> Self {
        let started = Self::start_at(workspace, clock, (Ipv4Addr::LOCALHOST, 0).into()).await;
        #[expect(clippy::expect_used, reason = "documented: a test driver fails loudly")]
        started.expect("a free port on 127.0.0.1")
    }

    /// Starts at an address of the caller's, which must be a loopback one: whoever reaches the
    /// simulator can act as anybody in it.
    ///
    /// # Errors
    ///
    /// Where the address is not a loopback one or cannot be bound.
    pub async fn start_at(
        workspace: Workspace,
        clock: Clock,
        address: SocketAddr,
    ) -> Result<Self, CannotStart> {
        if !address.ip().is_loopback() {
            return Err(CannotStart::NotLoopback(address));
        }
        let unbound = |source| CannotStart::Bind { address, source };
        let listener = TcpListener::bind(address).await.map_err(unbound)?;
        let address = listener.local_addr().map_err(unbound)?;
        // A fresh connection for every delivery, as if each came from another of Slack's machines.
        let client = Client::builder(TokioExecutor::new())
            .pool_max_idle_per_host(0)
            .build_http();
        let mut state = State::new(workspace);
        state.sockets.authority = address.to_string();
        let inner = Arc::new(Inner {
            state: Mutex::new(state),
            version: watch::Sender::new(0),
            healed: watch::Sender::new(0),
            clock,
            mover: OnceLock::new(),
            page: Mutex::default(),
            base: format!("http://{address}"),
            port: address.port(),
            client,
        });
        let serving = server::serve(listener, inner.clone());
        let retrying = retries::run(inner.clone());
        let task = tokio::spawn(async { tokio::join!(serving, retrying) });
        Ok(Self {
            inner,
            _server: Some(Arc::new(Server(task.abort_handle()))),
        })
    }

    /// The same simulator, as the server sees it.
    pub(crate) fn within(inner: Arc<Inner>) -> Self {
        let _server = None;
        Self { inner, _server }
    }

    /// Where the page is, such as `http://127.0.0.1:40001/`.
    pub fn address(&self) -> String {
        format!("{}/", self.inner.base)
    }

    /// Lets the clock be moved from the page and by the control API: `mover` moves the clock that
    /// the simulator was started with. The first one counts.
    pub fn let_time_be_moved(&self, mover: impl Fn(Duration) + Send + Sync + 'static) {
        self.inner.mover.get_or_init(|| Box::new(mover));
    }

    /// Says what the page shows beside the workspace.
    pub fn furnish(&self, page: Page) {
        let place = self.inner.page.lock();
        *place.unwrap_or_else(PoisonError::into_inner) = page;
        self.inner.change(|_, _| ());
    }

    /// The Web API's base, such as `http://127.0.0.1:40001/api/`.
    pub fn api_url(&self) -> String {
        format!("{}/api/", self.inner.base)
    }

    /// The token that the Web API accepts.
    pub fn bot_token(&self) -> String {
        self.inner.read(|state| state.workspace.bot_token.clone())
    }

    /// The app-level token, which opens Socket Mode connections.
    pub fn app_token(&self) -> String {
        self.inner.read(|state| state.workspace.app_token.clone())
    }

    /// The secret that deliveries are signed with.
    pub fn signing_secret(&self) -> String {
        let secret = |state: &State| state.workspace.signing_secret.clone();
        self.inner.read(secret)
    }

    /// The person with this id, to act as.
    ///
    /// # Panics
    /// If the workspace has no such person.
    pub fn person(&self, id: &str) -> Actor {
        let known: Vec<String> = self
            .inner
            .read(|state| state.workspace.people.keys().cloned().collect());
        let is_known = known.iter().any(|other| other == id);
        assert!(is_known, "there is no person {id}; there are {known:?}");
        Actor::new(self.clone(), id)
    }

    /// All messages of a channel in order, threads and ephemeral ones included.
    pub fn messages(&self, channel: &str) -> Vec<Message> {
        self.matching(|message| message.channel == channel)
    }

    /// The message `ts` and those in its thread.
    pub fn thread(&self, channel: &str, ts: &str) -> Vec<Message> {
        self.matching(|message| {
            let in_thread = message.thread_ts.as_deref() == Some(ts);
            message.channel == channel && (message.ts == ts || in_thread)
        })
    }

    /// The message as it stands now, if it still exists.
    pub fn message(&self, channel: &str, ts: &str) -> Option<Message> {
        self.matching(|message| message.channel == channel && message.ts == ts)
            .pop()
    }

    /// The messages in a person's conversation with the bot.
    pub fn dm(&self, user: &str) -> Vec<Message> {
        match self.inner.read(|state| state.dms.get(user).cloned()) {
            Some(channel) => self.messages(&channel),
            None => Vec::new(),
        }
    }

    /// What was last published to a person's App Home.
    pub fn home(&self, user: &str) -> Option<View> {
        self.inner.read(|state| state.homes.get(user).cloned())
    }

    /// The Web API calls and the posts to response URLs so far, the newest 10,000 of them.
    pub fn calls(&self) -> Vec<Call> {
        let calls = |state: &State| state.calls.iter().cloned().collect();
        self.inner.read(calls)
    }

    /// The calls of one method so far.
    pub fn calls_of(&self, method: &str) -> Vec<Call> {
        let mut calls = self.calls();
        calls.retain(|call| call.method == method);
        calls
    }

    /// How many requests of one method have arrived, those included that hang or were dropped; for
    /// posts to response URLs, the method is `response_url`.
    pub fn arrivals(&self, method: &str) -> usize {
        let count = |state: &State| state.arrivals.get(method).copied();
        self.inner.read(count).unwrap_or_default()
    }

    /// The deliveries to the app so far, the newest 10,000 of them.
    pub fn deliveries(&self) -> Vec<Delivery> {
        let deliveries = |state: &State| state.deliveries.iter().cloned().collect();
        self.inner.read(deliveries)
    }

    /// Everything said, for people: what a failed wait shows.
    pub fn describe(&self) -> String {
        self.inner.read(State::describe)
    }

    pub(crate) fn matching(&self, wanted: impl Fn(&Message) -> bool) -> Vec<Message> {
        self.inner.read(|state| {
            let messages = state.messages.iter();
            messages.filter(|one| wanted(one)).cloned().collect()
        })
    }
}
