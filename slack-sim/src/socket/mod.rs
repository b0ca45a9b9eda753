//! Socket Mode: the app opens WebSockets, and deliveries come to it in envelopes.
//!
//! | to see | read |
//! |---|---|
//! | the messages | [`envelope`] |
//! | who is connected, what is awaited | [`hub`] |
//! | one connection | [`connection`] |
//!
//! An app is in Socket Mode if its manifest says so, after [`Sim::connect_socket`], or from its
//! first connection on if nobody said where it is. After [`Sim::connect`] it is not: connections
//! are told `link_disabled`, as when somebody switches Socket Mode off.
//!
//! [`Sim::connect`]: crate::Sim::connect
//! [`Sim::connect_socket`]: crate::Sim::connect_socket

mod connection;
pub(crate) mod envelope;
pub(crate) mod hub;

use std::sync::Arc;

use axum::{
    extract::{State as Shared, WebSocketUpgrade},
    http::{StatusCode, Uri},
    response::{IntoResponse, Response},
};
use serde_json::Value;

use envelope::DisconnectReason;

use crate::{
    app::App, deliver::PATIENCE, delivery::Outgoing, post::Answer, sim::Inner, state::State,
};

/// The largest message that is read: an acknowledgement with a view in it is far smaller.
const MOST_BYTES: usize = 1024 * 1024;

/// Lets a client with a good ticket in. `debug_reconnects=true` makes its connection a short one.
pub(crate) async fn link(
    Shared(inner): Shared<Arc<Inner>>,
    uri: Uri,
    upgrade: WebSocketUpgrade,
) -> Response {
    let query = uri.query().unwrap_or_default();
    let query: Vec<(String, String)> = serde_urlencoded::from_str(query).unwrap_or_default();
    let value = |wanted: &str| {
        let found = query.iter().find(|(key, _)| key == wanted);
        found.map_or("", |(_, value)| value.as_str())
    };
    let ticket = value("ticket");
    if !inner.change(|state, now| state.sockets.redeem(ticket, now)) {
        return (
            StatusCode::FORBIDDEN,
            "the ticket is unknown, used or expired",
        )
            .into_response();
    }
    let debug_reconnects = value("debug_reconnects") == "true";
    let sim = Arc::downgrade(&inner);
    upgrade
        .max_message_size(MOST_BYTES)
        .max_frame_size(MOST_BYTES)
        .on_upgrade(move |socket| connection::serve(socket, sim, debug_reconnects))
}

impl State {
    /// Lets a connection in, or says why not.
    fn join(&mut self) -> Result<hub::Joined, DisconnectReason> {
        match self.app.get_or_insert(App::Socket) {
            App::Http { .. } => Err(DisconnectReason::LinkDisabled),
            App::Socket => self.sockets.join(),
        }
    }
}

impl Inner {
    /// Sends an envelope and waits for its acknowledgement, whose payload is the answer.
    pub(crate) async fn acknowledged(
        &self,
        outgoing: &Outgoing,
        envelope_id: String,
        text: String,
    ) -> Result<Answer, String> {
        let sent = self.change(|state, _| state.sockets.send(&envelope_id, &text));
        let acknowledged = tokio::time::timeout(PATIENCE, sent?).await;
        let Ok(Ok(payload)) = acknowledged else {
            self.change(|state, _| state.sockets.forget(&envelope_id));
            return Err(format!("not acknowledged within {PATIENCE:?}"));
        };
        let mut answer = Answer {
            status: 200,
            ..Answer::default()
        };
        let is_empty = payload.is_null() || payload.as_object().is_some_and(|it| it.is_empty());
        if is_empty {
            return Ok(answer);
        }
        let kind = outgoing.kind;
        if !kind.is_some_and(|kind| envelope::accepts_payload(kind, &outgoing.payload)) {
            answer.complaint =
                Some("the acknowledgement has a payload where none is accepted".to_owned());
            return Ok(answer);
        }
        (answer.content_type, answer.body) = match payload {
            Value::String(text) => ("text/plain".to_owned(), text),
            json => ("application/json".to_owned(), json.to_string()),
        };
        Ok(answer)
    }
}
