//! Signed HTTP deliveries to the app, and what came back.

use std::time::{Duration, Instant};

use axum::body::Bytes;
use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit, Mac};
use http_body_util::{BodyExt, Full};
use hyper::Request;
use serde_json::Value;
use sha2::Sha256;

use crate::sim::Inner;

/// How long an app has before its user sees `operation_timeout`.
const PATIENCE: Duration = Duration::from_secs(3);
/// How long the simulator listens for an answer at all.
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

/// The app under test.
#[derive(Debug, Clone)]
pub(crate) struct App {
    pub(crate) base: String,
    pub(crate) paths: Paths,
}

/// How a delivery is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signing {
    /// As Slack does, with the simulator's time.
    Valid,
    /// With another secret.
    WrongSecret,
    /// Without `X-Slack-Signature` and `X-Slack-Request-Timestamp`.
    Missing,
    /// With the right secret at this time, seconds since the epoch.
    At(i64),
}

/// One request to the app and its answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Delivery {
    /// The path it went to.
    pub path: String,
    /// The body as sent.
    pub sent: String,
    /// The payload as JSON: an interaction's or event's payload, a command's fields; `null` for
    /// raw bodies.
    pub payload: Value,
    /// When, by the simulator's clock.
    pub at: DateTime<Utc>,
    /// The HTTP status; 0 if no answer came.
    pub status: u16,
    /// The answer's `Content-Type`, empty if it had none.
    pub content_type: String,
    /// The answer's body.
    pub body: String,
    /// Whether the app took longer than Slack's three seconds, in real time.
    pub timed_out: bool,
    /// Why no answer came.
    pub error: Option<String>,
    pub(crate) sent_content_type: String,
}

impl Delivery {
    /// The body as JSON; `null` if it is not.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or(Value::Null)
    }

    /// Whether the app answered 200 in time.
    pub fn is_ok(&self) -> bool {
        self.status == 200 && !self.timed_out
    }

    /// Whether the answer says that it is JSON.
    pub(crate) fn is_json(&self) -> bool {
        self.content_type.starts_with("application/json")
    }
}

/// The `X-Slack-Signature` of a body: `v0=` and the hex HMAC-SHA256 over `v0:{timestamp}:{body}`
/// (docs.slack.dev, authentication/verifying-requests-from-slack).
pub fn signature(secret: &str, timestamp: i64, body: &str) -> String {
    // HMAC takes keys of any length, so there is no failure to report.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else {
        return String::new();
    };
    mac.update(format!("v0:{timestamp}:{body}").as_bytes());
    format!("v0={}", hex::encode(mac.finalize().into_bytes()))
}

/// A delivery before it is made.
pub(crate) struct Outgoing {
    pub(crate) path: String,
    pub(crate) content_type: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
    pub(crate) payload: Value,
    pub(crate) signing: Signing,
}

impl Outgoing {
    /// A form as slash commands send it.
    pub(crate) fn form(path: String, fields: &[(&str, String)]) -> Self {
        let payload = fields
            .iter()
            .map(|(key, value)| ((*key).to_owned(), Value::String(value.clone())))
            .collect();
        Self {
            body: serde_urlencoded::to_string(fields).unwrap_or_default(),
            ..Self::new(path, "application/x-www-form-urlencoded", payload)
        }
    }

    /// A form with one field, `payload`, as interactions send it.
    pub(crate) fn interaction(path: String, payload: Value) -> Self {
        let fields = [("payload", payload.to_string())];
        Self {
            body: serde_urlencoded::to_string(fields).unwrap_or_default(),
            ..Self::new(path, "application/x-www-form-urlencoded", payload)
        }
    }

    /// A JSON body, as events have it.
    pub(crate) fn json(path: String, payload: Value) -> Self {
        Self {
            body: payload.to_string(),
            ..Self::new(path, "application/json", payload)
        }
    }

    fn new(path: String, content_type: &str, payload: Value) -> Self {
        Self {
            path,
            content_type: content_type.to_owned(),
            headers: Vec::new(),
            body: String::new(),
            payload,
            signing: Signing::Valid,
        }
    }
}

impl Inner {
    /// The app, which must have been connected.
    pub(crate) fn app(&self) -> App {
        let app = self.read(|state| state.app.clone());
        #[expect(clippy::expect_used, reason = "documented: a test driver fails loudly")]
        app.expect("no app is connected: call Sim::connect with its base URL first")
    }

    /// Signs and posts, waits for the answer, and records both.
    pub(crate) async fn deliver(&self, outgoing: Outgoing) -> Delivery {
        let at = (self.clock)();
        let mut delivery = Delivery {
            path: outgoing.path.clone(),
            sent: outgoing.body.clone(),
            payload: outgoing.payload.clone(),
            at,
            status: 0,
            content_type: String::new(),
            body: String::new(),
            timed_out: false,
            error: None,
            sent_content_type: outgoing.content_type.clone(),
        };
        let started = Instant::now();
        match tokio::time::timeout(GIVE_UP, self.post(outgoing, at)).await {
            Ok(Ok((status, content_type, body))) => {
                delivery.status = status;
                delivery.content_type = content_type;
                delivery.body = body;
            }
            Ok(Err(error)) => delivery.error = Some(error),
            Err(_) => delivery.error = Some(format!("no answer within {GIVE_UP:?}")),
        }
        delivery.timed_out = started.elapsed() > PATIENCE;
        self.change(|state, _| state.deliveries.push(delivery.clone()));
        delivery
    }

    async fn post(
        &self,
        outgoing: Outgoing,
        at: DateTime<Utc>,
    ) -> Result<(u16, String, String), String> {
        let uri = format!("{}{}", self.app().base, outgoing.path);
        let mut request = Request::post(uri)
            .header("content-type", &outgoing.content_type)
            .header("accept", "application/json,*/*")
            .header("user-agent", "Slackbot 1.0 (+https://api.slack.com/robots)");
        let secret = self.read(|state| state.workspace.signing_secret.clone());
        let signed = match outgoing.signing {
            Signing::Valid => Some((secret, at.timestamp())),
            Signing::At(timestamp) => Some((secret, timestamp)),
            Signing::WrongSecret => Some((format!("not {secret}"), at.timestamp())),
            Signing::Missing => None,
        };
        if let Some((secret, timestamp)) = signed {
            request = request
                .header("x-slack-request-timestamp", timestamp)
                .header(
                    "x-slack-signature",
                    signature(&secret, timestamp, &outgoing.body),
                );
        }
        for (name, value) in &outgoing.headers {
            request = request.header(name, value);
        }
        let request = request
            .body(Full::new(Bytes::from(outgoing.body)))
            .map_err(|error| error.to_string())?;
        let response = self.client.request(request).await;
        let response = response.map_err(|error| format!("{error:?}"))?;
        let status = response.status().as_u16();
        let content_type = response.headers().get("content-type");
        let content_type = content_type.and_then(|value| value.to_str().ok());
        let content_type = content_type.unwrap_or_default().to_owned();
        let body = response.into_body().collect().await;
        let body = body.map_err(|error| error.to_string())?.to_bytes();
        let body = String::from_utf8_lossy(&body).into_owned();
        Ok((status, content_type, body))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Computed by hand with OpenSSL:
    /// `printf 'v0:1755000000:a=1&b=two' | openssl dgst -sha256 -hmac sesame`.
    #[test]
    fn the_signature_is_hmac_sha256_over_version_time_and_body() {
        assert_eq!(
            signature("sesame", 1_755_000_000, "a=1&b=two"),
            "v0=48ee00c23b8061bd6056223f066b7e93e22e8dca1fc03b9682422b6a7083030f"
        );
    }
}
