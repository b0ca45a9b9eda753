//! `POST /access/v1/evaluation`: may this person use this scope now?
//!
//! The Access Evaluation API of the OpenID AuthZEN Authorization API 1.0. The resource's id and
//! the action's name make the scope; the subject is a person, by Slack id or verified email. What
//! else the question holds is allowed and not looked at. Every answer but `"decision": true` means
//! no. A no says nothing of what others hold, nor whether the person or the scope exists.

use std::sync::Arc;

use axum::{
    Json,
    body::Bytes,
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, header},
    response::{IntoResponse, Response},
    routing::post,
};
use chrono::SecondsFormat;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::{Deserialize, Serialize};
use tracing::{Instrument as _, Span, field};

use super::{
    problem::Problem,
    state::{Api, CATCH_UP},
    token::bearer,
};
use crate::{
    domain::{RequestId, ScopeId, Time},
    grants::{ActiveGrant, BeingRevoked},
    metrics::Decision,
    routes::{Authentication, Routes},
};

/// The longest body, in bytes.
const MAX_BODY: usize = 64 * 1024;

/// Names a question; the answer carries it back.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

pub(super) fn routes() -> Routes<Arc<Api>> {
    let authentication = Authentication::BearerToken;
    Routes::default().route("/access/v1/evaluation", authentication, post(evaluate))
}

/// What is asked.
#[derive(Deserialize)]
#[serde(expecting = "an object with `subject`, `action` and `resource`")]
struct Question {
    subject: Subject,
    action: Action,
    resource: Resource,
}

#[derive(Deserialize)]
#[serde(expecting = "an object with `type` and `id`")]
struct Subject {
    #[serde(rename = "type")]
    kind: String,
    id: String,
}

#[derive(Deserialize)]
#[serde(expecting = "an object with `name`")]
struct Action {
    name: String,
}

#[derive(Deserialize)]
#[serde(expecting = "an object with `id`")]
struct Resource {
    id: String,
}

/// What is answered.
#[derive(Serialize)]
struct Answer {
    decision: bool,
    context: Context,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Context {
    Granted {
        grant: RequestId,
        expires_at: String,
    },
    Refused {
        reason: &'static str,
        /// Since when the subject's grant is over, while its access is not proven gone.
        #[serde(skip_serializing_if = "Option::is_none")]
        since: Option<String>,
    },
}

impl Answer {
    fn new(held: Option<ActiveGrant>, being_revoked: Option<BeingRevoked>) -> Self {
        let written = |time: Time| time.to_rfc3339_opts(SecondsFormat::Millis, true);
        let context = match (held, being_revoked) {
            (Some(held), _) => Context::Granted {
                grant: held.request,
                expires_at: written(held.expires_at),
            },
            (None, Some(over)) => Context::Refused {
                reason: "being_revoked",
                since: Some(written(over.since)),
            },
            (None, None) => Context::Refused {
                reason: "no_active_grant",
                since: None,
            },
        };
        Self {
            decision: held.is_some(),
            context,
        }
    }
}

/// Carries the request's id back (AuthZEN 1.0, "Request Identification"), and keeps answers out of
/// every cache: a yes is good for the moment.
async fn evaluate(State(api): State<Arc<Api>>, request: Request) -> Response {
    let id = request.headers().get(REQUEST_ID).cloned();
    // Only for diagnosis: gateways ask at every step of everybody.
    let span = tracing::debug_span!("check", request.id = field::Empty, http.request_id = ?id);
    let mut response = match decide(&api, request).instrument(span).await {
        Ok(answer) => Json(answer).into_response(),
        Err(problem) => problem.into_response(),
    };
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(id) = id {
        headers.insert(REQUEST_ID, id);
    }
    response
}

async fn decide(api: &Api, request: Request) -> Result<Answer, Problem> {
    let asker = asker(api, request.headers())?;
    let (subject, scope) = read(request)
        .await
        .inspect_err(|_| api.metrics.checked(Decision::Malformed))?;
    let known = match api.grants.caught_up_within(CATCH_UP).await {
        Ok(known) => known,
        Err(behind) => {
            api.metrics.checked(Decision::Unavailable);
            tracing::warn!(
                api.token = asker,
                log.head = behind.head,
                log.applied = behind.applied,
                "failed to answer a check: this replica is behind the log"
            );
            return Err(Problem::Unavailable);
        }
    };
    // The clock is read after the wait: a grant that ended meanwhile has ended.
    let now = api.clock.now();
    let held = scope
        .as_ref()
        .and_then(|scope| known.check(&subject, scope, now));
    let being_revoked = scope
        .filter(|_| held.is_none())
        .and_then(|scope| known.being_revoked(&subject, &scope, now));
    let decision = if held.is_some() {
        Decision::Yes
    } else {
        Decision::No
    };
    api.metrics.checked(decision);
    if let Some(held) = held {
        Span::current().record("request.id", field::display(held.request));
    }
    tracing::debug!(api.token = asker, check.decision = ?decision, "answered a check");
    Ok(Answer::new(held, being_revoked))
}

/// The name of the asker's token.
fn asker<'a>(api: &'a Api, headers: &HeaderMap) -> Result<&'a str, Problem> {
    if let Some(name) = api.tokens.holder(headers) {
        return Ok(name);
    }
    api.metrics.checked(Decision::Unauthorized);
    Err(match bearer(headers) {
        None => Problem::NoToken,
        Some(_) => Problem::UnknownToken,
    })
}

/// The subject's id and the scope; no scope if there can be none of that name.
async fn read(request: Request) -> Result<(String, Option<ScopeId>), Problem> {
    let question = body(request).await?;
    let question: Question = serde_json::from_slice(&question)
        .map_err(|error| Problem::Malformed(format!("the body is not a question: {error}")))?;
    if question.subject.kind != "user" {
        let only_users = "`subject.type` has to be `user`".to_owned();
        return Err(Problem::Malformed(only_users));
    }
    let scope = format!("{}:{}", question.resource.id, question.action.name);
    Ok((question.subject.id, scope.parse().ok()))
}

async fn body(request: Request) -> Result<Bytes, Problem> {
    let arriving = Limited::new(request.into_body(), MAX_BODY).collect();
    match arriving.await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(Problem::TooLarge),
        Err(_) => Err(Problem::Malformed("the body broke off".to_owned())),
    }
}
