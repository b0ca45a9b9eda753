//! The control API: the simulator in the hands of a page or of a test in another process.
//!
//! It shows one person what that person sees, and does what they could do, no more: whoever wants
//! to forge is in process and has an [`Actor`](crate::Actor). It also moves the clock and breaks
//! things. It owns no state; nothing that arrives here can stop the simulator.
//!
//! | call | what it is |
//! |---|---|
//! | `GET /control/workspace` | people, groups, channels, commands, what the page shows |
//! | `GET /control/people/{id}/sees` | messages, modals and App Home of one person |
//! | `GET /control/changes?after=N` | waits until something has changed since version N, at most 25 s |
//! | `POST /control/people/{id}/command`, `messages` | `{channel, text}`, and `thread_ts` of messages |
//! | `POST /control/people/{id}/actions` | `{in, block_id, action_id, value?, values?}` |
//! | `POST /control/people/{id}/suggestions` | `{in, block_id, action_id, typed}` |
//! | `POST /control/people/{id}/submissions` | `{view_id, values}` |
//! | `POST /control/people/{id}/closings` | `{view_id}` |
//! | `POST /control/people/{id}/home` | `{tab}`: `home` or `messages` |
//! | `GET`, `POST /control/clock` | the time; `{advance: "27m"}` moves it |
//! | `POST`, `DELETE /control/faults` | breaks calls or deliveries; mends everything |
//! | `GET /control/calls`, `deliveries` | what the app called, what it was sent |
//! | `POST /control/app` | `{url}`: where the app is |
//!
//! `in` is `{channel, ts}` of a message or `{view_id}`; `value` is what is chosen, and `values`
//! what else is filled in by then, by `block_id` and `action_id`. A refusal is
//! `{"error": NAME, "message": SENTENCE}`.

mod act;
mod guard;
mod operate;
mod sees;

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{DefaultBodyLimit, FromRequest, Request, rejection::JsonRejection},
    http::StatusCode,
    middleware,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::{mistake::Mistake, sim::Inner};

pub(crate) use guard::only_from_here;

/// The largest body that is read.
const MOST_BYTES: usize = 1024 * 1024;

/// The routes under `/control`.
pub(crate) fn router(inner: Arc<Inner>) -> Router {
    let person = Router::new()
        .route("/sees", get(sees::sees))
        .route("/command", post(act::command))
        .route("/messages", post(act::message))
        .route("/actions", post(act::action))
        .route("/suggestions", post(act::suggestion))
        .route("/submissions", post(act::submission))
        .route("/closings", post(act::closing))
        .route("/home", post(act::home));
    Router::new()
        .route("/workspace", get(sees::workspace))
        .route("/changes", get(sees::changes))
        .nest("/people/{person}", person)
        .route("/clock", get(operate::time).post(operate::advance))
        .route("/faults", post(operate::break_it).delete(operate::heal))
        .route("/calls", get(operate::calls))
        .route("/deliveries", get(operate::deliveries))
        .route("/app", post(operate::connect))
        .fallback(|| async { Refused::not_there("there is no such call") })
        .method_not_allowed_fallback(|| async {
            Refused::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "method_not_allowed",
                "this call is made with another method",
            )
        })
        .layer(DefaultBodyLimit::max(MOST_BYTES))
        .layer(middleware::from_fn_with_state(
            inner.base.clone(),
            only_from_here,
        ))
        .with_state(inner)
}

/// A refusal of the control API.
#[derive(Debug)]
struct Refused {
    status: StatusCode,
    name: &'static str,
    message: String,
}

impl Refused {
    fn new(status: StatusCode, name: &'static str, message: impl Into<String>) -> Self {
        let message = message.into();
        Self {
            status,
            name,
            message,
        }
    }

    fn not_there(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", message)
    }

    fn impossible(name: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, name, message)
    }
}

impl From<Mistake> for Refused {
    fn from(mistake: Mistake) -> Self {
        match mistake {
            Mistake::NotThere(message) => Self::not_there(message),
            Mistake::Impossible(message) => Self::impossible("impossible", message),
        }
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let body = json!({"error": self.name, "message": self.message});
        (self.status, Json(body)).into_response()
    }
}

/// A JSON body, or a refusal in this API's form.
struct Body<T>(T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Refused;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refused> {
        match Json::from_request(request, state).await {
            Ok(Json(body)) => Ok(Self(body)),
            Err(rejection) => {
                let name = match rejection {
                    JsonRejection::MissingJsonContentType(_) => "invalid_content_type",
                    JsonRejection::BytesRejection(_) => "body_too_large",
                    _ => "invalid_json",
                };
                Err(Refused::new(
                    rejection.status(),
                    name,
                    rejection.body_text(),
                ))
            }
        }
    }
}
