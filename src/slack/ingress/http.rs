//! Slack over HTTP: four addresses behind one door.
//!
//! The door reads at most 1 MiB within 5 seconds, nothing if the head alone shows that it is not
//! Slack's, and holds the bytes against the signature before anything in them is parsed. The one
//! exception is Slack's `ssl_check`, which comes unsigned, has no effect, and is answered with
//! nothing. Why something was turned away is left with the answer, for whoever counts and logs it.

use std::{sync::Arc, time::Duration};

use axum::{
    Extension, Json, Router,
    body::Bytes,
    extract::{DefaultBodyLimit, FromRequest, Query, Request, State, rejection::QueryRejection},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::post,
};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::json;
use tower_http::limit::RequestBodyLimitLayer;

use super::{Answer, Delivery, Receive};
use crate::{
    domain::DeliveryKey,
    slack::{
        inbound::{Event, InteractionPayload, SlashCommand},
        signature::{Unsigned, Verifier},
    },
};

/// The largest body, in bytes; a larger one is refused before it is read.
pub const LARGEST_BODY: usize = 1024 * 1024;

/// How long a body may take to arrive.
const READING: Duration = Duration::from_secs(5);

/// The paths that Slack posts to, as `manifest.yml` names them. Whoever posts there has to prove that
/// they are Slack.
pub const PATHS: [&str; 4] = [COMMANDS, INTERACTIONS, OPTIONS, EVENTS];

const COMMANDS: &str = "/slack/commands";
const INTERACTIONS: &str = "/slack/interactions";
const OPTIONS: &str = "/slack/options";
const EVENTS: &str = "/slack/events";

/// The routes for Slack. `receive` gets only what `verifier` takes for Slack's.
pub fn router(verifier: Verifier, receive: Arc<dyn Receive>) -> Router {
    let door = Arc::new(Door { verifier, receive });
    Router::new()
        .route(COMMANDS, post(command).get(ssl_check))
        .route(INTERACTIONS, post(interaction).get(ssl_check))
        .route(OPTIONS, post(interaction).get(ssl_check))
        .route(EVENTS, post(event).get(ssl_check))
        // The layer refuses a longer `Content-Length` at once and cuts a body without one.
        .layer(DefaultBodyLimit::disable())
        .layer(RequestBodyLimitLayer::new(LARGEST_BODY))
        .with_state(door)
}

struct Door {
    verifier: Verifier,
    receive: Arc<dyn Receive>,
}

/// Why something was not let in.
enum Rejection {
    Unread(Response),
    SslCheck,
    Unsigned(Unsigned),
    Unreadable,
}

impl IntoResponse for Rejection {
    fn into_response(self) -> Response {
        match self {
            Self::Unread(response) => response,
            Self::SslCheck => StatusCode::OK.into_response(),
            Self::Unsigned(why) => (StatusCode::UNAUTHORIZED, Extension(why)).into_response(),
            Self::Unreadable => StatusCode::BAD_REQUEST.into_response(),
        }
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        match self {
            Self::Received => StatusCode::OK.into_response(),
            Self::Show(shown) => Json(shown).into_response(),
            Self::Busy => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        }
    }
}

impl Door {
    /// The body, if Slack signed it, and the key of the delivery.
    async fn let_in(&self, request: Request) -> Result<(Bytes, DeliveryKey), Rejection> {
        let path = request.uri().path().to_owned();
        let headers = request.headers().clone();
        let plausible = self.verifier.plausible(&headers);
        if let Err(why) = plausible
            && !SslCheck::may_come(&headers)
        {
            return Err(Rejection::Unsigned(why));
        }
        let reading = Bytes::from_request(request, &());
        let body = match tokio::time::timeout(READING, reading).await {
            Ok(Ok(body)) => body,
            Ok(Err(unread)) => return Err(Rejection::Unread(unread.into_response())),
            Err(_) => {
                let late = StatusCode::REQUEST_TIMEOUT.into_response();
                return Err(Rejection::Unread(late));
            }
        };
        if plausible.is_err() && SslCheck::is_all_of(&body) {
            return Err(Rejection::SslCheck);
        }
        let verified = self.verifier.verify(&headers, &body);
        let key = verified.map_err(Rejection::Unsigned)?;
        if let Some(reason) = headers.get("x-slack-retry-reason") {
            tracing::info!(http.path = path, slack.retry_reason = ?reason, "Slack repeats a delivery");
        }
        Ok((body, key))
    }

    async fn hand_on(&self, delivery: Delivery, key: DeliveryKey) -> Response {
        let answer = Arc::clone(&self.receive).receive(delivery, key).await;
        answer.into_response()
    }
}

async fn command(State(door): State<Arc<Door>>, request: Request) -> Result<Response, Rejection> {
    let (body, key) = door.let_in(request).await?;
    if SslCheck::is_in(&body) {
        return Err(Rejection::SslCheck);
    }
    let command: Option<SlashCommand> = form(&body);
    let command = command.ok_or_else(|| unreadable(()))?;
    Ok(door
        .hand_on(Delivery::Command(Box::new(command)), key)
        .await)
}

async fn interaction(
    State(door): State<Arc<Door>>,
    request: Request,
) -> Result<Response, Rejection> {
    #[derive(Deserialize)]
    struct Form {
        payload: String,
    }
    let (body, key) = door.let_in(request).await?;
    if SslCheck::is_in(&body) {
        return Err(Rejection::SslCheck);
    }
    let Form { payload } = form(&body).ok_or_else(|| unreadable(()))?;
    let interaction = InteractionPayload::parse(&payload).map_err(unreadable)?;
    Ok(door
        .hand_on(Delivery::Interaction(Box::new(interaction)), key)
        .await)
}

async fn event(State(door): State<Arc<Door>>, request: Request) -> Result<Response, Rejection> {
    let (body, key) = door.let_in(request).await?;
    Ok(match Event::parse(&body).map_err(unreadable)? {
        Event::UrlVerification { challenge } => {
            Json(json!({ "challenge": challenge })).into_response()
        }
        event => door.hand_on(Delivery::Event(event), key).await,
    })
}

/// Reads a form. A signature says nothing of the address or the kind of the body, so whoever sees a signed
/// event can send it here. It is JSON, and a form could be read from between the ampersands that people
/// wrote in it.
fn form<T: DeserializeOwned>(body: &[u8]) -> Option<T> {
    let is_json = body.starts_with(b"{");
    (!is_json).then(|| serde_urlencoded::from_bytes(body).ok())?
}

/// Signed, and yet not what Slack documents. The error stays out of the log: it may quote the text.
fn unreadable<E>(_: E) -> Rejection {
    tracing::warn!("failed to read a signed payload");
    Rejection::Unreadable
}

/// Slack's check that the address has a good certificate: a form, or a query.
#[derive(Deserialize)]
struct SslCheck {
    ssl_check: String,
}

impl SslCheck {
    /// The longest body that can be nothing but the check, in bytes: a token and the mark.
    const LONGEST: usize = 256;

    /// Whether the body says that it is short enough to be the check and nothing else.
    fn may_come(headers: &HeaderMap) -> bool {
        let length = headers.get(header::CONTENT_LENGTH);
        let length = length.and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
        length.is_some_and(|length| length <= Self::LONGEST)
    }

    fn is_in(body: &[u8]) -> bool {
        serde_urlencoded::from_bytes(body).is_ok_and(|check: Self| check.ssl_check == "1")
    }

    /// Whether the body is this check and nothing else, so that no signature is asked for.
    fn is_all_of(body: &[u8]) -> bool {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Alone {
            ssl_check: String,
            #[serde(rename = "token")]
            _token: Option<String>,
        }
        body.len() <= Self::LONGEST
            && serde_urlencoded::from_bytes(body).is_ok_and(|check: Alone| check.ssl_check == "1")
    }
}

async fn ssl_check(query: Result<Query<SslCheck>, QueryRejection>) -> StatusCode {
    match query {
        Ok(Query(check)) if check.ssl_check == "1" => StatusCode::OK,
        _ => StatusCode::METHOD_NOT_ALLOWED,
    }
}
