//! A service that is told over HTTPS: the way to every target that has an API of its own.
//!
//! `docs/protocol.md` says what is sent, how it is signed and what may be answered. The most
//! important part for this side: 202 means that the service is still at work, 409 that it has received
//! a newer order, 501 that it does not know the action; 408, 425, 429, any other 5xx and silence are tried
//! again; any other status outside 2xx ends the granting.
//!
//! Redirects are not followed, and `http://` is refused except to this machine.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use hmac::{Hmac, KeyInit, Mac};
use reqwest::{
    Client, Response, StatusCode,
    header::{CONTENT_TYPE, RETRY_AFTER},
};
use schemars::JsonSchema;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::json;
use sha2::Sha256;
use url::Url;
use zeroize::Zeroizing;

use super::{
    Backend, BackendError, BuildError, Failure, InvalidParam,
    kind::BackendKind,
    protocol::{Order, Receiver, Transport},
    timeout::Timeout,
};
use crate::{
    clock::Clock,
    domain::{BackendName, Length, Params, RevocationMode, Span},
    http_client,
    sanitize::excerpt,
    secret::{Secret, is_placeholder},
    transport::is_protected,
};

/// `[backends.NAME.webhook]`. A layer's parameters are passed on as they stand.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where Keylend posts orders: `https://`, or `http://` to the same machine. Without a user and
    /// password.
    #[schemars(title = "URL", url, example = &"https://vpn.example.com/keylend")]
    pub url: Endpoint,
    /// Signs the orders.
    #[schemars(example = json!({ "env": "VPN_WEBHOOK_SECRET" }))]
    pub secret: Secret,
    /// How long one call may take in all. No call takes longer than 60 s. If the service needs longer, it has
    /// to answer 202.
    #[serde(default = "default_timeout")]
    #[schemars(example = &"20s")]
    #[schemars(extend("default" = "10s"))]
    pub timeout: Timeout,
    /// How the access ends.
    #[serde(default)]
    #[schemars(example = &"call_and_time_limit")]
    pub revocation: RevocationMode,
    /// How long an order may still take effect after Keylend stopped waiting for its answer.
    /// Without it, the service refuses late orders by their `generation`.
    #[serde(default)]
    #[schemars(example = &"30s")]
    pub late_effects: Length,
    /// The longest that access may keep working after the service said that it is gone.
    #[serde(default)]
    #[schemars(example = &"15m")]
    pub residual: Length,
}

const fn default_timeout() -> Timeout {
    Timeout::seconds(10)
}

impl BackendKind for Config {
    fn check_layer(&self, _: &Params) -> Result<(), InvalidParam> {
        Ok(())
    }

    fn revocation_mode(&self, _: &Params) -> RevocationMode {
        self.revocation
    }

    fn residual(&self) -> Span {
        self.residual.0
    }

    fn warnings(&self) -> Vec<(&'static str, String)> {
        let is_placeholder = self.secret.read().is_ok_and(|text| is_placeholder(&text));
        let warning = || {
            let secret = &self.secret;
            let warning = format!(
                "the {secret} holds a placeholder: create a secret with `openssl rand -hex 32`, and give \
                 it to the service"
            );
            ("secret", warning)
        };
        is_placeholder.then(warning).into_iter().collect()
    }

    fn build(
        &self,
        name: &BackendName,
        clock: Arc<dyn Clock>,
    ) -> Result<Arc<dyn Backend>, BuildError> {
        let receiver = Receiver {
            name: name.clone(),
            revocation: self.revocation,
            late_effects: self.late_effects.0,
            transport: Service {
                client: client(&self.url, self.timeout).map_err(no_client)?,
                url: self.url.0.clone(),
                secret: self
                    .secret
                    .read()
                    .map_err(|missing| BuildError::from(missing).of("secret"))?,
                clock,
            },
        };
        Ok(receiver.into_backend())
    }
}

/// An address that may be told who receives what: nobody between can read or change it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
pub struct Endpoint(Url);

/// The text is not such an address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidEndpoint {
    /// It is not a URL.
    #[error(
        "this is not a URL: it must start with `https://`, such as `https://access.example.com/keylend`"
    )]
    NotAUrl,
    /// It is a URL that others on the way can read.
    #[error(
        "the URL must start with `https://`, such as `https://access.example.com/keylend`; `http://` is \
         allowed only to this machine"
    )]
    Unsafe,
    /// It carries a password.
    #[error("remove the user and password from the URL: Keylend signs calls with `secret` instead")]
    Credentials,
}

impl TryFrom<String> for Endpoint {
    type Error = InvalidEndpoint;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let url = Url::parse(&text).map_err(|_| InvalidEndpoint::NotAUrl)?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(InvalidEndpoint::Credentials);
        }
        match url.scheme() {
            "https" | "http" if is_protected(&url) => Ok(Self(url)),
            _ => Err(InvalidEndpoint::Unsafe),
        }
    }
}

/// How long a connection is kept when nothing goes over it. Less than the 5 s after which common
/// servers close one: an order that meets a closing connection counts as a failure.
const IDLE: Duration = Duration::from_secs(4);

/// The client of one target.
fn client(endpoint: &Endpoint, timeout: Timeout) -> Result<Client, reqwest::Error> {
    http_client::client(&endpoint.0, timeout.duration())
        .pool_idle_timeout(IDLE)
        .build()
}

fn no_client(error: reqwest::Error) -> BuildError {
    BuildError::because(format!("the HTTPS client does not start: {error}"), error)
}

/// One service.
struct Service {
    client: Client,
    url: Url,
    secret: SecretString,
    clock: Arc<dyn Clock>,
}

#[async_trait]
impl Transport for Service {
    async fn send(&self, order: &Order<'_>) -> Result<Zeroizing<Vec<u8>>, BackendError> {
        let body = order.to_json();
        let timestamp = self.clock.now().timestamp().to_string();
        let mut request = self
            .client
            .post(self.url.clone())
            .header(CONTENT_TYPE, "application/json")
            .header("Keylend-Timestamp", &timestamp)
            .header("Keylend-Signature", sign(&self.secret, &timestamp, &body));
        if let Some(key) = &order.idempotency_key {
            request = request.header("Idempotency-Key", key);
        }
        let response = request.body(body).send().await.map_err(silence)?;
        match response.status() {
            StatusCode::ACCEPTED => Err(BackendError::Pending {
                retry_after: retry_after(&response),
            }),
            StatusCode::NOT_IMPLEMENTED => Err(order.unsupported()),
            status if status.is_success() => answer(response, order.answer_limit()).await,
            _ => Err(refusal(response).await),
        }
    }
}

/// The whole body, or nothing of it where nobody reads it: it may be without end.
async fn answer(
    response: Response,
    limit: Option<usize>,
) -> Result<Zeroizing<Vec<u8>>, BackendError> {
    let Some(limit) = limit else {
        return Ok(Zeroizing::default());
    };
    match start_of_body(response, limit).await? {
        (body, true) => Ok(body),
        (_, false) => Err(BackendError::Fail(
            format!("the webhook answered more than {limit} bytes").into(),
        )),
    }
}

/// The header `Retry-After` in seconds. Its other form, a date, is ignored.
fn retry_after(response: &Response) -> Option<Duration> {
    let value = response.headers().get(RETRY_AFTER)?.to_str().ok()?;
    value.parse().ok().map(Duration::from_secs)
}

/// The value of the header `Keylend-Signature`.
fn sign(secret: &SecretString, timestamp: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes())
        .expect("HMAC takes keys of every length");
    mac.update(format!("v1:{timestamp}:").as_bytes());
    mac.update(body);
    format!("v1={}", hex::encode(mac.finalize().into_bytes()))
}

/// No answer, or half of one. The address stays out of the message: its path may be a secret.
fn silence(error: reqwest::Error) -> BackendError {
    let what = match &error {
        error if error.is_timeout() => "did not answer in time",
        error if error.is_connect() => "cannot be reached",
        _ => "broke off",
    };
    let message = format!("the webhook {what}");
    BackendError::Retry(Failure::because(message, error.without_url()))
}

async fn refusal(response: Response) -> BackendError {
    const SHOWN: usize = 2 * 1024;

    let status = response.status();
    let retry_after = retry_after(&response);
    let said = match start_of_body(response, SHOWN).await {
        Ok((body, _)) => excerpt(&String::from_utf8_lossy(&body)),
        Err(_) => String::new(),
    };
    let message = match said.as_str() {
        "" => format!("the webhook answered {status}"),
        said => format!("the webhook answered {status}: {said}"),
    };
    let retry = |message: String| {
        let mut failure = Failure::from(message);
        failure.retry_after = retry_after;
        BackendError::Retry(failure)
    };
    match status {
        StatusCode::CONFLICT => BackendError::Superseded(message),
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY | StatusCode::TOO_MANY_REQUESTS => {
            retry(message)
        }
        status if status.is_server_error() => retry(message),
        _ => BackendError::Fail(message.into()),
    }
}

/// Reads at most `limit` bytes, and says whether that is all.
async fn start_of_body(
    mut response: Response,
    limit: usize,
) -> Result<(Zeroizing<Vec<u8>>, bool), BackendError> {
    // A buffer that had to grow would leave a copy of secrets behind.
    let mut body = Zeroizing::new(Vec::with_capacity(limit));
    while let Some(chunk) = response.chunk().await.map_err(silence)? {
        let room = limit - body.len();
        body.extend_from_slice(&chunk[..chunk.len().min(room)]);
        if chunk.len() > room {
            return Ok((body, false));
        }
    }
    Ok((body, true))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_that_nobody_can_read_on_the_way_are_taken() {
        let endpoint = |text: &str| Endpoint::try_from(text.to_owned());
        for url in [
            "https://access.example.com/keylend",
            "http://127.0.0.1:9000/",
            "http://[::1]:9000/",
            "http://localhost:9000/",
        ] {
            assert!(endpoint(url).is_ok(), "{url}");
        }
        for (url, error) in [
            ("access.example.com", InvalidEndpoint::NotAUrl),
            ("http://access.example.com/", InvalidEndpoint::Unsafe),
            ("http://127.0.0.1.example.com/", InvalidEndpoint::Unsafe),
            ("http://10.0.0.1/", InvalidEndpoint::Unsafe),
            ("ftp://localhost/", InvalidEndpoint::Unsafe),
            (
                "https://keylend:hunter2@access.example.com/",
                InvalidEndpoint::Credentials,
            ),
        ] {
            assert_eq!(endpoint(url), Err(error), "{url}");
        }
    }

    #[test]
    fn the_signature_is_the_one_that_other_tools_compute() {
        // printf 'v1:1762077600:{}' | openssl dgst -sha256 -hmac 'secret'
        assert_eq!(
            sign(&"secret".into(), "1762077600", b"{}"),
            "v1=44dea212f4a3aaabf43f5a64939672eaf83b651add5ba27cd7345dedcf6c1a8a"
        );
    }
}
