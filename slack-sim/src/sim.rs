//! The simulator itself, and reading it.

mod breaking;
mod changing;
mod connecting;
pub(crate) mod starting;

use std::{
    fmt,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::Duration,
};

use axum::body::Bytes;
use chrono::{DateTime, Utc};
use http_body_util::Full;
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use tokio::{sync::watch, task::AbortHandle};

use crate::{
    clock::Clock,
    delivery::Delivery,
    message::Message,
    mistake::Mistake,
    page::Page,
    state::{Call, State},
    view::View,
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

    /// How many events wait to be sent again.
    pub fn retries_waiting(&self) -> usize {
        self.inner.read(|state| state.retries.len())
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
