//! The control API: the simulator in the hands of a page or of a test in another process.
//!
//! It shows one person what that person sees, and does what they could do, no more: whoever wants
//! to forge is in process and has an [`Actor`](crate::Actor), which acts by the same code. It also
//! moves the clock and breaks things. It owns no state; nothing that arrives here can stop the
//! simulator.
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
//! `{"error": NAME, "message": SENTENCE}`. To add a call, add its route here, its types to
//! [`wire`](crate::wire) and a method to [`Client`](crate::Client).

mod breaking;
mod directory;
mod entries;
mod forms;
pub(crate) mod guard;
mod keyboard;
mod operating;
mod records;
mod refused;
mod sees;
mod using;
mod writing;

use std::sync::Arc;

use axum::{
    Router, middleware,
    routing::{get, post},
};

use crate::sim::Inner;

use guard::only_from_here;
use refused::Refused;

/// The routes under `/control`.
pub(crate) fn router(inner: Arc<Inner>) -> Router {
    let person = Router::new()
        .route("/sees", get(sees::sees))
        .route("/command", post(writing::command))
        .route("/messages", post(writing::message))
        .route("/actions", post(using::action))
        .route("/suggestions", post(using::suggestion))
        .route("/submissions", post(forms::submission))
        .route("/closings", post(forms::closing))
        .route("/home", post(forms::home));
    Router::new()
        .route("/workspace", get(directory::directory))
        .route("/changes", get(sees::changes))
        .nest("/people/{person}", person)
        .route("/clock", get(operating::time).post(operating::advance))
        .route("/faults", post(breaking::break_it).delete(breaking::heal))
        .route("/calls", get(records::calls))
        .route("/deliveries", get(records::deliveries))
        .route("/app", post(operating::connect))
        .fallback(|| async { Refused::not_there("there is no such call") })
        .method_not_allowed_fallback(|| async { Refused::other_method() })
        .layer(middleware::from_fn_with_state(inner.port, only_from_here))
        .with_state(inner)
}
