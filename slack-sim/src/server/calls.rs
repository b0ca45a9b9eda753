//! What is done with a call: faults, then the token, then the method, then the record of it.

use std::sync::Arc;

use axum::{
    body::Body,
    extract::State,
    http::{HeaderValue, Request, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};
use tokio::sync::watch;

use super::body::read;
use crate::{faults::Fault, sim::Inner, state::Call, web_api};

/// Marks a response that is never sent.
#[derive(Clone)]
pub(super) struct Unsent;

/// Any method of the Web API.
pub(super) async fn web_api(
    State(inner): State<Arc<Inner>>,
    uri: Uri,
    request: Request<Body>,
) -> Response {
    let method = uri.path().strip_prefix("/api/").unwrap_or_default();
    let bearer = bearer(&request);
    let args = match read(request).await {
        Ok(args) => args,
        Err(trouble) => {
            let mut response = ok_json(&trouble.error.to_json());
            *response.status_mut() = trouble.status;
            return response;
        }
    };
    let heals = inner.heals();
    let fault = inner.change(|state, now| {
        let channel = args.text("channel").unwrap_or_default();
        state.arrive(method, channel, now)
    });
    let record = |token_ok, error: Option<&str>| Call {
        method: method.to_owned(),
        args: args.to_json(),
        at: (inner.clock)(),
        token_ok,
        ok: error.is_none(),
        error: error.map(str::to_owned),
    };
    if let Some((name, response)) = fault.as_ref().and_then(instead) {
        let call = record(true, Some(&name));
        inner.change(|state, _| state.record_call(call));
        return response;
    }
    linger(fault.as_ref(), heals).await;
    // An app-level token must come in the header (docs.slack.dev, methods/apps.connections.open).
    let in_body = args.token.as_deref();
    let in_body = in_body.filter(|_| method != "apps.connections.open");
    let token = bearer.as_deref().or(in_body);
    let scopes = inner.read(|state| state.scopes_of(token));
    let answer = inner.change(|state, now| {
        let token_ok = state.knows_token(token);
        let answer = web_api::answer(state, method, token, &args, now);
        let error = answer.as_ref().err().map(|error| error.name);
        state.record_call(record(token_ok, error));
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

/// A post to a response URL.
pub(super) async fn response_url(
    State(inner): State<Arc<Inner>>,
    uri: Uri,
    request: Request<Body>,
) -> Response {
    let args = match read(request).await {
        Ok(args) => args,
        Err(trouble) if trouble.status == StatusCode::OK => {
            return (StatusCode::BAD_REQUEST, "invalid_payload").into_response();
        }
        Err(trouble) => return (trouble.status, trouble.error.name).into_response(),
    };
    let heals = inner.heals();
    let fault = inner.change(|state, _| {
        state.count("response_url");
        state.faults.take("response_url")
    });
    if let Some((_, response)) = fault.as_ref().and_then(instead) {
        return response;
    }
    linger(fault.as_ref(), heals).await;
    let (status, body) = inner.change(|state, now| {
        let (status, body) = state.respond(uri.path(), &args, now);
        state.record_call(Call {
            method: "response_url".to_owned(),
            args: args.to_json(),
            at: now,
            token_ok: true,
            ok: status == 200,
            error: (status != 200).then(|| body.to_owned()),
        });
        (status, body)
    });
    if fault == Some(Fault::LoseAnswer) {
        return unsent();
    }
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, body).into_response()
}

/// Waits as long as the fault says, or until Slack heals.
async fn linger(fault: Option<&Fault>, mut heals: watch::Receiver<u64>) {
    match fault {
        // The sender outlives the call, so the channel cannot be closed.
        Some(Fault::Hang) => drop(heals.changed().await),
        Some(Fault::Slow(pause)) => drop(tokio::time::timeout(*pause, heals.changed()).await),
        _ => {}
    }
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
        Fault::Hang | Fault::Slow(_) | Fault::LoseAnswer => None,
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
