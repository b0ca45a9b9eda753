//! Getting a delivery to the app and an answer from it, by whichever transport the app uses.
//!
//! Slack listens for three seconds; so does this. An answer that comes later changes nothing, but
//! the app is not interrupted while it makes one: what it does late, it really does.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};

use crate::{
    delivery::{Delivery, DeliveryKind, Outgoing},
    post::Answer,
    sim::Inner,
    socket::envelope,
    state::State,
};

/// How long an app has before its user sees `operation_timeout`, in real time.
pub(crate) const PATIENCE: Duration = Duration::from_secs(3);
/// How long the app may go on with an answer that nobody waits for any more.
const GIVE_UP: Duration = Duration::from_secs(10);

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

/// The way one delivery takes.
enum Route {
    Http { path: String, uri: String },
    Socket { envelope_id: String, text: String },
    Nowhere(&'static str),
}

impl Inner {
    /// Delivers, waits for the answer, and records both.
    pub(crate) async fn deliver(self: &Arc<Self>, outgoing: Outgoing) -> Delivery {
        let at = (self.clock)();
        let route = self.change(|state, _| state.route(&outgoing));
        let mut delivery = Delivery {
            kind: outgoing.kind,
            path: String::new(),
            envelope_id: None,
            sent: outgoing.post.body.clone(),
            payload: outgoing.payload.clone(),
            retry: outgoing.retry.as_ref().map_or(0, |retry| retry.number),
            at,
            status: 0,
            content_type: String::new(),
            body: String::new(),
            timed_out: false,
            error: None,
            sent_content_type: outgoing.post.content_type.clone(),
        };
        match &route {
            Route::Http { path, .. } => delivery.path.clone_from(path),
            Route::Socket { envelope_id, text } => {
                delivery.envelope_id = Some(envelope_id.clone());
                delivery.sent.clone_from(text);
            }
            Route::Nowhere(_) => {}
        }
        let started = Instant::now();
        match self.exchange(route, outgoing, at).await {
            Ok(answer) => {
                delivery.status = answer.status;
                delivery.content_type = answer.content_type;
                delivery.body = answer.body;
                delivery.error = answer.complaint;
            }
            Err(error) => delivery.error = Some(error),
        }
        delivery.timed_out = started.elapsed() >= PATIENCE;
        self.change(|state, _| state.deliveries.push(delivery.clone()));
        delivery
    }

    /// What the app answers within Slack's patience.
    async fn exchange(
        self: &Arc<Self>,
        route: Route,
        outgoing: Outgoing,
        at: DateTime<Utc>,
    ) -> Result<Answer, String> {
        let inner = self.clone();
        let going = tokio::spawn(async move {
            let going = async {
                match route {
                    Route::Http { uri, .. } => inner.post(&uri, &outgoing, at).await,
                    Route::Socket { envelope_id, text } => {
                        inner.acknowledged(&outgoing, envelope_id, text).await
                    }
                    Route::Nowhere(why) => Err(why.to_owned()),
                }
            };
            let answer = tokio::time::timeout(GIVE_UP, going).await;
            answer.map_err(|_| format!("no answer within {GIVE_UP:?}"))?
        });
        let answer = tokio::time::timeout(PATIENCE, going).await;
        let answer = answer.map_err(|_| format!("no answer within {PATIENCE:?}"))?;
        answer.map_err(|error| error.to_string())?
    }
}

impl State {
    fn route(&mut self, outgoing: &Outgoing) -> Route {
        match &self.app {
            None => Route::Nowhere("no app is connected: see Sim::connect"),
            Some(App::Http { base, paths }) => {
                let path = match (&outgoing.post.path, outgoing.kind) {
                    (Some(path), _) => path.clone(),
                    (None, Some(DeliveryKind::Commands)) => {
                        let command = outgoing.payload["command"].as_str();
                        let usual = paths.commands.clone();
                        let workspace = &self.workspace;
                        workspace.command_path(command.unwrap_or_default(), usual)
                    }
                    (None, Some(DeliveryKind::Options)) => paths.options.clone(),
                    (None, Some(DeliveryKind::Events)) => paths.events.clone(),
                    (None, Some(DeliveryKind::Interactions) | None) => paths.interactions.clone(),
                };
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
}
