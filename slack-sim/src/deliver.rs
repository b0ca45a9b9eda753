//! Getting a delivery to the app and an answer from it, by whichever transport the app uses.
//!
//! Slack listens for three seconds; so does this. An answer that comes later changes nothing, but
//! the app is not interrupted while it makes one: what it does late, it really does. Faults that
//! were asked for happen here, between Slack and the app.

mod http;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};
use tokio::sync::watch;

use crate::{
    app::{App, Paths},
    delivery::{Delivery, DeliveryKind, Outgoing},
    faults::DeliveryFault,
    post::Answer,
    sim::Inner,
    socket::envelope,
    state::State,
};

/// How long an app has before its user sees `operation_timeout`, in real time.
pub(crate) const PATIENCE: Duration = Duration::from_secs(3);
/// How long the app may go on with an answer that nobody waits for any more.
const GIVE_UP: Duration = Duration::from_secs(10);
/// How long a delivery is held back for another to overtake it.
const LONGEST_HOLD: Duration = Duration::from_secs(60);

/// The way one delivery takes.
enum Route {
    Http { path: String, uri: String },
    Socket { envelope_id: String, text: String },
    Nowhere(&'static str),
}

/// A fault that a delivery meets, and every healing since.
type Met = (DeliveryFault, watch::Receiver<u64>);

impl Inner {
    /// Delivers, waits for the answer, and records both.
    pub(crate) async fn deliver(self: &Arc<Self>, outgoing: Outgoing) -> Delivery {
        // Before the fault is taken: a healing in between is not to be missed.
        let heals = self.heals();
        let fault = self.change(|state, _| state.faults.take_delivery(outgoing.kind));
        let fault = fault.map(|fault| (fault, heals));
        if let Some((DeliveryFault::Duplicate, _)) = fault {
            let twice = tokio::join!(
                self.attempt(outgoing.clone(), None, true),
                self.attempt(outgoing, None, false),
            );
            return twice.0;
        }
        self.attempt(outgoing, fault, true).await
    }

    async fn attempt(
        self: &Arc<Self>,
        outgoing: Outgoing,
        fault: Option<Met>,
        may_be_retried: bool,
    ) -> Delivery {
        let at = (self.clock)();
        let (number, route) = self.change(|state, _| (state.number(), state.route(&outgoing)));
        let mut delivery = Delivery::before(&outgoing, at);
        match &route {
            Route::Http { path, .. } => delivery.path.clone_from(path),
            Route::Socket { envelope_id, text } => {
                delivery.envelope_id = Some(envelope_id.clone());
                delivery.sent.clone_from(text);
            }
            Route::Nowhere(_) => {}
        }
        let is_reachable = !matches!(route, Route::Nowhere(_));
        let started = Instant::now();
        let going = tokio::spawn({
            let (inner, outgoing) = (self.clone(), outgoing.clone());
            async move { inner.exchange(number, route, fault, &outgoing, at).await }
        });
        let answer = tokio::time::timeout(PATIENCE, going).await;
        let answer = match answer {
            Ok(Ok(answer)) => answer,
            Ok(Err(panic)) => Err(panic.to_string()),
            Err(_) => Err(format!("no answer within {PATIENCE:?}")),
        };
        delivery.timed_out = started.elapsed() >= PATIENCE;
        let mut no_retry = !may_be_retried || !is_reachable;
        match answer {
            Ok(answer) => {
                delivery.status = answer.status;
                delivery.content_type = answer.content_type;
                delivery.body = answer.body;
                delivery.error = answer.complaint;
                no_retry |= answer.no_retry;
            }
            Err(error) => delivery.error = Some(error),
        }
        self.change(|state, now| {
            if !no_retry {
                state.retry_later(outgoing, &delivery, now);
            }
            if let (true, Some(id)) = (delivery.timed_out, &delivery.envelope_id) {
                // The person has been told so: an acknowledgement from now on comes too late.
                state.sockets.forget(id);
            }
            state.record_delivery(delivery.clone());
        });
        delivery
    }

    /// Carries the delivery to the app and its answer back, however late.
    async fn exchange(
        &self,
        number: u64,
        route: Route,
        fault: Option<Met>,
        outgoing: &Outgoing,
        at: DateTime<Utc>,
    ) -> Result<Answer, String> {
        let is_dropped = matches!(fault, Some((DeliveryFault::Drop, _)));
        match fault {
            Some((DeliveryFault::Delay(delay), _)) => tokio::time::sleep(delay).await,
            Some((DeliveryFault::Reorder, heals)) => self.overtaken(number, heals).await,
            Some((DeliveryFault::Drop | DeliveryFault::Duplicate, _)) | None => {}
        }
        let going = async {
            match route {
                Route::Http { uri, .. } if is_dropped => self.break_off(&uri, outgoing, at).await,
                Route::Http { uri, .. } => self.post(&uri, outgoing, at).await,
                Route::Socket { .. } if is_dropped => {
                    self.change(|state, _| state.sockets.break_off());
                    Err("a fault broke the connection".to_owned())
                }
                Route::Socket { envelope_id, text } => {
                    self.acknowledged(outgoing, envelope_id, text).await
                }
                Route::Nowhere(why) => Err(why.to_owned()),
            }
        };
        let answer = tokio::time::timeout(GIVE_UP, going).await;
        self.change(|state, _| state.last_made = state.last_made.max(number));
        answer.map_err(|_| format!("no answer within {GIVE_UP:?}"))?
    }

    /// Waits until a delivery that began after this one has been made.
    async fn overtaken(&self, number: u64, mut heals: watch::Receiver<u64>) {
        let mut changes = self.changes();
        let overtaken = async {
            while self.read(|state| state.last_made) <= number {
                // The sender lives in `self`, so the channel cannot be closed.
                drop(changes.changed().await);
            }
        };
        tokio::select! {
            () = overtaken => {}
            _ = heals.changed() => {}
            () = tokio::time::sleep(LONGEST_HOLD) => {}
        }
        self.change(|state, _| state.faults.let_go());
    }
}

impl State {
    fn route(&mut self, outgoing: &Outgoing) -> Route {
        if let Some(why) = self.withheld(outgoing) {
            return Route::Nowhere(why);
        }
        match &self.app {
            None => Route::Nowhere("no app is connected: see Sim::connect"),
            Some(App::Http { base, paths }) => {
                let given = outgoing.post.path.clone();
                let path = given.unwrap_or_else(|| self.path(paths.as_ref(), outgoing));
                let uri = format!("{base}{path}");
                Route::Http { path, uri }
            }
            Some(App::Socket) => {
                let Some(kind) = outgoing.kind else {
                    return Route::Nowhere("raw bodies go over HTTP only");
                };
                let id = self.unique(32);
                let envelope_id = envelope::id(&id);
                let text = envelope::wrap(&envelope_id, kind, outgoing).to_string();
                Route::Socket { envelope_id, text }
            }
        }
    }

    /// Where in the app a delivery goes: to the app's own paths, or to where the manifest says,
    /// which may say something else of each slash command.
    fn path(&self, own: Option<&Paths>, outgoing: &Outgoing) -> String {
        let paths = own.cloned().unwrap_or_else(|| self.workspace.paths());
        match outgoing.kind {
            Some(DeliveryKind::Commands) if own.is_none() => {
                let command = outgoing.payload["command"].as_str().unwrap_or_default();
                self.workspace.command_path(command, paths.commands)
            }
            Some(DeliveryKind::Commands) => paths.commands,
            Some(DeliveryKind::Options) => paths.options,
            Some(DeliveryKind::Events) => paths.events,
            Some(DeliveryKind::Interactions) | None => paths.interactions,
        }
    }

    /// Why the manifest keeps this from the app.
    fn withheld(&self, outgoing: &Outgoing) -> Option<&'static str> {
        let manifest = self.workspace.manifest.as_ref()?;
        match outgoing.kind? {
            DeliveryKind::Interactions | DeliveryKind::Options if !manifest.interactivity => {
                Some("the manifest has interactivity switched off")
            }
            DeliveryKind::Options if !manifest.has_options_url() => {
                Some("the manifest has no message_menu_options_url")
            }
            _ => None,
        }
    }
}
