//! One call of the Web API: its time limit, its turn after a 429, and its failure in our words.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use chrono::TimeDelta;
use hyper_rustls::HttpsConnectorBuilder;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use slack_morphism::{
    SlackApiToken, SlackApiTokenValue, SlackClientApiCallContext, SlackClientHttpConnector,
    errors::SlackClientError,
    hyper_tokio::{SlackClientHyperConnector, SlackClientHyperHttpsConnector},
};
use url::Url;

use super::SlackError;
use crate::{clock::Clock, domain::Time};

/// How long one call may take.
const TIME_LIMIT: Duration = Duration::from_secs(10);

/// How long to stay away from a method whose 429 does not say.
const UNSAID: Duration = Duration::from_secs(30);

/// The longest time that a call waits for its turn; beyond it, it fails instead.
const LONGEST_WAIT: TimeDelta = TimeDelta::minutes(5);

/// Whether a call waits for its turn while Slack asks to be left alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Patience {
    /// Somebody is looking at a screen: fail at once.
    FailsFast,
    /// Nobody is: wait until Slack takes calls again.
    Waits,
}

/// The machine has no root certificates to check Slack's with.
#[derive(Debug, thiserror::Error)]
#[error("failed to read the machine's root certificates: {0}")]
pub struct NoRootCertificates(std::io::Error);

/// An answer of which nothing is needed but that it is one.
#[derive(Deserialize)]
pub(super) struct Done {}

/// Slack's Web API.
pub(super) struct Api {
    connector: SlackClientHyperHttpsConnector,
    token: SlackApiToken,
    own: url::Origin,
    clock: Arc<dyn Clock>,
    gates: Gates,
}

impl Api {
    pub(super) fn new(
        api_url: &Url,
        token: &SecretString,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, NoRootCertificates> {
        let https = HttpsConnectorBuilder::new()
            .with_provider_and_native_roots(rustls::crypto::ring::default_provider())
            .map_err(NoRootCertificates)?
            // The configured address says which; Slack's own is https.
            .https_or_http()
            .enable_all_versions()
            .build();
        let value = SlackApiTokenValue(token.expose_secret().to_owned());
        Ok(Self {
            connector: SlackClientHyperConnector::with_connector(https)
                .with_slack_api_url(api_url.as_str().trim_end_matches('/')),
            token: SlackApiToken::new(value),
            own: api_url.origin(),
            clock,
            gates: Gates::default(),
        })
    }

    /// Calls `method` with a JSON body.
    pub(super) async fn post<RQ, RS>(
        &self,
        method: &'static str,
        request: &RQ,
        patience: Patience,
    ) -> Result<RS, SlackError>
    where
        RQ: Serialize + Send + Sync,
        RS: DeserializeOwned + Send,
    {
        let span = tracing::Span::none();
        let call = || {
            self.connector
                .http_post(method, request, self.context(&span))
        };
        self.in_turn(method, patience, call).await
    }

    /// Calls `method` with a query: the methods that read take no JSON. Never waits for its turn.
    pub(super) async fn get<RS>(
        &self,
        method: &'static str,
        params: &[(&str, Option<String>)],
    ) -> Result<RS, SlackError>
    where
        RS: DeserializeOwned + Send,
    {
        let span = tracing::Span::none();
        let params = params.to_vec();
        let call = || {
            self.connector
                .http_get(method, &params, self.context(&span))
        };
        self.in_turn(method, Patience::FailsFast, call).await
    }

    /// Posts to a `response_url`, without the token.
    pub(super) async fn respond<RQ>(&self, url: &str, response: &RQ) -> Result<(), SlackError>
    where
        RQ: Serialize + Send + Sync,
    {
        let url = Url::parse(url)
            .ok()
            .filter(|url| self.is_slacks(url))
            .ok_or_else(|| SlackError::Refused("invalid_response_url".to_owned()))?;
        let span = tracing::Span::none();
        let call = || {
            let context = SlackClientApiCallContext {
                token: None,
                // Whoever knows it may answer in our name.
                is_sensitive_url: true,
                ..self.context(&span)
            };
            self.connector.http_post_uri(url.clone(), response, context)
        };
        let Done {} = self
            .in_turn("response_url", Patience::FailsFast, call)
            .await?;
        Ok(())
    }

    fn context<'a>(&'a self, span: &'a tracing::Span) -> SlackClientApiCallContext<'a> {
        SlackClientApiCallContext {
            rate_control_params: None,
            token: Some(&self.token),
            tracing_span: span,
            is_sensitive_url: false,
        }
    }

    /// Whether a payload's URL leads to Slack: a forged one must not make us call others.
    fn is_slacks(&self, url: &Url) -> bool {
        let hooks = ["hooks.slack.com", "hooks.slack-gov.com"];
        let is_hook = url.scheme() == "https"
            && url.port().is_none()
            && url.host_str().is_some_and(|host| hooks.contains(&host));
        is_hook || url.origin() == self.own
    }

    /// Sends one call when its method's turn has come.
    async fn in_turn<RS, F>(
        &self,
        method: &'static str,
        patience: Patience,
        call: impl FnOnce() -> F,
    ) -> Result<RS, SlackError>
    where
        F: Future<Output = Result<RS, SlackClientError>>,
    {
        self.gates.pass(method, patience, &*self.clock).await?;
        let answer = self.in_time(method, call).await;
        if let Err(SlackError::RateLimited { retry_after }) = &answer {
            self.gates.close(method, self.clock.now() + *retry_after);
        }
        answer
    }

    /// Sends one call, within the time limit.
    async fn in_time<RS, F>(&self, to: &str, call: impl FnOnce() -> F) -> Result<RS, SlackError>
    where
        F: Future<Output = Result<RS, SlackClientError>>,
    {
        match tokio::time::timeout(TIME_LIMIT, call()).await {
            Ok(answer) => answer.map_err(in_our_words),
            Err(_) => Err(SlackError::Unavailable(format!(
                "no answer from {to} within {} s",
                TIME_LIMIT.as_secs()
            ))),
        }
    }
}

/// Until when each method is not to be called.
#[derive(Default)]
struct Gates(Mutex<HashMap<&'static str, Time>>);

impl Gates {
    async fn pass(
        &self,
        method: &'static str,
        patience: Patience,
        clock: &dyn Clock,
    ) -> Result<(), SlackError> {
        loop {
            let now = clock.now();
            let Some(opens) = self.opens(method).filter(|opens| now < *opens) else {
                return Ok(());
            };
            let left = opens - now;
            if patience == Patience::FailsFast || left > LONGEST_WAIT {
                let retry_after = left.to_std().unwrap_or_default();
                return Err(SlackError::RateLimited { retry_after });
            }
            clock.until(opens).await;
        }
    }

    fn opens(&self, method: &str) -> Option<Time> {
        let gates = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        gates.get(method).copied()
    }

    /// Of two calls that were refused together, the later moment holds.
    fn close(&self, method: &'static str, until: Time) {
        let mut gates = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let opens = gates.entry(method).or_insert(until);
        *opens = until.max(*opens);
    }
}

/// slack-morphism's own messages quote the whole answer: only what it means is kept.
fn in_our_words(error: SlackClientError) -> SlackError {
    match error {
        SlackClientError::ApiError(error) => SlackError::Refused(error.code),
        SlackClientError::RateLimitError(error) => SlackError::RateLimited {
            retry_after: error.retry_after.unwrap_or(UNSAID),
        },
        SlackClientError::HttpError(error) => {
            let code = error.http_response_body.as_deref().unwrap_or_default();
            if error.status_code.is_client_error() && is_code(code) {
                // Response URLs answer so: `404` and `used_url`.
                SlackError::Refused(code.to_owned())
            } else {
                SlackError::Unavailable(format!("HTTP status {}", error.status_code.as_u16()))
            }
        }
        SlackClientError::HttpProtocolError(error) => SlackError::Unavailable(match error.cause {
            Some(cause) => chain(&*cause),
            None => "the connection failed".to_owned(),
        }),
        SlackClientError::ProtocolError(_) => {
            SlackError::Unavailable("an answer of another shape".to_owned())
        }
        _ => SlackError::Unavailable("the connection failed".to_owned()),
    }
}

/// Whether a body is a bare error code.
fn is_code(body: &str) -> bool {
    (1..=64).contains(&body.len())
        && body
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

/// An error with its causes, in one line.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemClock;

    #[test]
    fn answers_go_to_slack_alone() {
        let url = |text: &str| Url::parse(text).unwrap();
        let own = url("http://127.0.0.1:4000/api/");
        let api = Api::new(&own, &"xoxb-secret".into(), Arc::new(SystemClock)).unwrap();
        for slacks in [
            "https://hooks.slack.com/actions/T0/1/x",
            "https://hooks.slack-gov.com/commands/T0/1/x",
            "http://127.0.0.1:4000/actions/T0/1/x",
        ] {
            assert!(api.is_slacks(&url(slacks)), "{slacks}");
        }
        for foreign in [
            "http://hooks.slack.com/actions/T0/1/x",
            "https://hooks.slack.com:8443/x",
            "https://hooks.slack.com.example.com/x",
            "https://hooks.slack.com@example.com/x",
            "http://127.0.0.1:4001/x",
            "http://169.254.169.254/latest/meta-data",
        ] {
            assert!(!api.is_slacks(&url(foreign)), "{foreign}");
        }
    }
}
