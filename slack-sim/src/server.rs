//! The HTTP side: the Web API and the response URLs, with faults, tokens and recording.
//!
//! The accept loop is our own because a fault may ask for a connection to be closed without an
//! answer, which `axum::serve` has no way to say.

use std::{convert::Infallible, sync::Arc};

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{Path, State},
    http::{HeaderValue, Request, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{any, get, post},
};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinSet};
use tower_service::Service;

use crate::{
    control,
    faults::Fault,
    page,
    sim::Inner,
    socket,
    state::Call,
    web_api::{self, ApiError, Args},
};

/// The largest body that is read.
const MOST_BYTES: usize = 4 * 1024 * 1024;

/// Marks a response that is never sent.
#[derive(Clone)]
struct Unsent;

/// Serves until it is dropped, and its connections with it.
pub(crate) async fn serve(listener: TcpListener, inner: Arc<Inner>) {
    let router = Router::new()
        .route("/api/{method}", any(web_api_call))
        .route("/link/", get(socket::link))
        .route("/commands/{*rest}", post(response_url))
        .route("/actions/{*rest}", post(response_url))
        .with_state(inner.clone())
        .nest("/control", control::router(inner.clone()))
        .merge(page::router(&inner));
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        let Ok((stream, _)) = listener.accept().await else {
            // Out of file descriptors, most likely: let the connections there are finish.
            tokio::task::yield_now().await;
            continue;
        };
        let router = router.clone();
        connections.spawn(async move {
            let service = service_fn(move |request: Request<Incoming>| {
                let mut router = router.clone();
                async move {
                    let answer: Result<Response, Infallible> =
                        router.call(request.map(Body::new)).await;
                    let Ok(response) = answer;
                    match response.extensions().get::<Unsent>() {
                        Some(_) => Err("a fault closes the connection"),
                        None => Ok(response),
                    }
                }
            });
            let connection = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .with_upgrades();
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection to the simulator ended early");
            }
        });
    }
}

async fn web_api_call(
    State(inner): State<Arc<Inner>>,
    Path(method): Path<String>,
    request: Request<Body>,
) -> Response {
    let bearer = bearer(&request);
    let args = match read(request).await {
        Ok(args) => args,
        Err(error) => return ok_json(&error.to_json()),
    };
    let mut heals = inner.heals();
    let fault = inner.change(|state, now| {
        let channel = args.text("channel").unwrap_or_default();
        state.arrive(&method, channel, now)
    });
    let record = |token_ok, error: Option<&str>| Call {
        method: method.clone(),
        args: args.to_json(),
        at: (inner.clock)(),
        token_ok,
        ok: error.is_none(),
        error: error.map(str::to_owned),
    };
    if let Some(fault) = &fault {
        if let Some((name, response)) = instead(fault) {
            let call = record(true, Some(&name));
            inner.change(|state, _| state.calls.push(call));
            return response;
        }
        if *fault == Fault::Hang {
            // The sender lives in `inner`, so the channel cannot be closed.
            drop(heals.changed().await);
        }
    }
    // An app-level token must come in the header (docs.slack.dev, methods/apps.connections.open).
    let in_body = args.token.as_deref();
    let in_body = in_body.filter(|_| method != "apps.connections.open");
    let token = bearer.as_deref().or(in_body);
    let scopes = inner.read(|state| state.scopes_of(token));
    let answer = inner.change(|state, now| {
        let token_ok = state.knows_token(token);
        let answer = web_api::answer(state, &method, token, &args, now);
        let error = answer.as_ref().err().map(|error| error.name);
        state.calls.push(record(token_ok, error));
        answer
    });
    if fault == Some(Fault::LoseAnswer) {
        return unsent();
    }
    let mut response = match answer {
        Ok(mut answer) => {
            answer["ok"] = json!(true);
            ok_json(&answer)
        }
        Err(error) => ok_json(&error.to_json()),
    };
    let scopes = scopes.and_then(|scopes| HeaderValue::try_from(scopes).ok());
    if let Some(scopes) = scopes {
        response.headers_mut().insert("x-oauth-scopes", scopes);
    }
    response
}

async fn response_url(State(inner): State<Arc<Inner>>, request: Request<Body>) -> Response {
    let path = request.uri().path().to_owned();
    let args = match read(request).await {
        Ok(args) => args,
        Err(error) => return (StatusCode::BAD_REQUEST, error.name).into_response(),
    };
    let mut heals = inner.heals();
    let fault = inner.change(|state, _| {
        *state.arrivals.entry("response_url".to_owned()).or_default() += 1;
        state.faults.take("response_url")
    });
    if let Some(fault) = &fault {
        if let Some((_, response)) = instead(fault) {
            return response;
        }
        if *fault == Fault::Hang {
            // The sender lives in `inner`, so the channel cannot be closed.
            drop(heals.changed().await);
        }
    }
    let (status, body) = inner.change(|state, now| state.respond(&path, &args, now));
    if fault == Some(Fault::LoseAnswer) {
        return unsent();
    }
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, body).into_response()
}

/// The answer that takes the place of carrying out the call, and the name it is recorded under.
fn instead(fault: &Fault) -> Option<(String, Response)> {
    match fault {
        Fault::RateLimited { retry_after_secs } => {
            let body = json!({"ok": false, "error": "ratelimited"});
            let mut response = ok_json(&body);
            *response.status_mut() = StatusCode::TOO_MANY_REQUESTS;
            let headers = response.headers_mut();
            headers.insert(header::RETRY_AFTER, (*retry_after_secs).into());
            Some(("ratelimited".into(), response))
        }
        Fault::Status(status) => {
            let code = StatusCode::from_u16(*status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            let response = (code, "upstream trouble").into_response();
            Some((format!("http_{status}"), response))
        }
        Fault::Error(name) => {
            let body = json!({"ok": false, "error": name});
            Some((name.clone(), ok_json(&body)))
        }
        Fault::Drop => Some(("dropped".into(), unsent())),
        Fault::Hang | Fault::LoseAnswer => None,
    }
}

fn unsent() -> Response {
    let mut response = Response::new(Body::empty());
    response.extensions_mut().insert(Unsent);
    response
}

fn ok_json(body: &Value) -> Response {
    let content_type = [(header::CONTENT_TYPE, "application/json; charset=utf-8")];
    (content_type, body.to_string()).into_response()
}

fn bearer(request: &Request<Body>) -> Option<String> {
    let header = request
        .headers()
        .get(header::AUTHORIZATION)?
        .to_str()
        .ok()?;
    header.strip_prefix("Bearer ").map(str::to_owned)
}

async fn read(request: Request<Body>) -> Result<Args, ApiError> {
    let query = request.uri().query().unwrap_or_default().to_owned();
    let content_type = request.headers().get(header::CONTENT_TYPE);
    let content_type = content_type.and_then(|value| value.to_str().ok());
    let content_type = content_type.unwrap_or_default().to_owned();
    let body = to_bytes(request.into_body(), MOST_BYTES).await;
    let body = body.map_err(|_| ApiError::named("request_timeout"))?;
    Args::parse(&query, &content_type, &body)
}
