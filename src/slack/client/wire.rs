//! The wire to Slack: carries one call and says how it went, in our words.
//!
//! Turns, time limits and what an answer means are not its business. A failure never contains the
//! token.

use std::{collections::BTreeSet, time::Duration};

use async_trait::async_trait;
use http_body_util::Empty;
use hyper::{
    Request,
    body::Bytes,
    header::{AUTHORIZATION, CONTENT_LENGTH, HeaderValue},
};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::Value;
use slack_morphism::{
    SlackApiToken, SlackApiTokenValue, SlackClientApiCallContext, SlackClientHttpConnector,
    errors::SlackClientError,
    hyper_tokio::{SlackClientHyperConnector, SlackClientHyperHttpsConnector},
};
use url::Url;

use super::error::SlackError;

/// How long to stay away from a method whose 429 does not say.
const UNSAID: Duration = Duration::from_secs(30);

/// What carries calls to Slack and brings the answers: the JSON of one that is `ok`.
#[async_trait]
pub trait Wire: Send + Sync + 'static {
    /// Calls a method with a JSON body.
    ///
    /// # Errors
    ///
    /// If Slack refuses the call, or does not answer.
    async fn post(&self, method: &str, body: &Value) -> Result<Value, SlackError>;

    /// Calls a method with a query.
    ///
    /// # Errors
    ///
    /// If Slack refuses the call, or does not answer.
    async fn get(
        &self,
        method: &str,
        params: &[(&str, Option<String>)],
    ) -> Result<Value, SlackError>;

    /// Posts to a `response_url`, without the token.
    ///
    /// # Errors
    ///
    /// If Slack refuses it, or does not answer.
    async fn respond(&self, url: &Url, body: &Value) -> Result<Value, SlackError>;

    /// The scopes that the token has, as the header `x-oauth-scopes` of an answer lists them; nothing
    /// if it does not.
    ///
    /// # Errors
    ///
    /// If Slack does not answer.
    async fn scopes(&self) -> Result<Option<BTreeSet<String>>, SlackError> {
        Ok(None)
    }
}

/// The machine has no root certificates to check Slack's with.
#[derive(Debug, thiserror::Error)]
#[error("failed to read the machine's root certificates: {0}")]
pub struct NoRootCertificates(std::io::Error);

/// HTTPS to Slack itself.
pub(super) struct Https {
    connector: SlackClientHyperHttpsConnector,
    token: SlackApiToken,
    /// slack-morphism's connector gives no answer's headers.
    plain: Client<HttpsConnector<HttpConnector>, Empty<Bytes>>,
    api_url: String,
}

impl Https {
    pub(super) fn new(api_url: &Url, token: &SecretString) -> Result<Self, NoRootCertificates> {
        let https = HttpsConnectorBuilder::new()
            .with_provider_and_native_roots(rustls::crypto::ring::default_provider())
            .map_err(NoRootCertificates)?
            // The configured address says which; Slack's own is https.
            .https_or_http()
            .enable_all_versions()
            .build();
        let value = SlackApiTokenValue(token.expose_secret().to_owned());
        let api_url = api_url.as_str().trim_end_matches('/').to_owned();
        Ok(Self {
            plain: Client::builder(TokioExecutor::new()).build(https.clone()),
            connector: SlackClientHyperConnector::with_connector(https)
                .with_slack_api_url(&api_url),
            token: SlackApiToken::new(value),
            api_url,
        })
    }

    fn context<'a>(&'a self, span: &'a tracing::Span) -> SlackClientApiCallContext<'a> {
        SlackClientApiCallContext {
            rate_control_params: None,
            token: Some(&self.token),
            tracing_span: span,
            is_sensitive_url: false,
        }
    }
}

#[async_trait]
impl Wire for Https {
    async fn post(&self, method: &str, body: &Value) -> Result<Value, SlackError> {
        let span = tracing::Span::none();
        let answer = self.connector.http_post(method, body, self.context(&span));
        answer.await.map_err(in_our_words)
    }

    async fn get(
        &self,
        method: &str,
        params: &[(&str, Option<String>)],
    ) -> Result<Value, SlackError> {
        let span = tracing::Span::none();
        let params = params.to_vec();
        let answer = self
            .connector
            .http_get(method, &params, self.context(&span));
        answer.await.map_err(in_our_words)
    }

    async fn respond(&self, url: &Url, body: &Value) -> Result<Value, SlackError> {
        let span = tracing::Span::none();
        let context = SlackClientApiCallContext {
            token: None,
            // Whoever knows it may answer in our name.
            is_sensitive_url: true,
            ..self.context(&span)
        };
        let answer = self.connector.http_post_uri(url.clone(), body, context);
        answer.await.map_err(in_our_words)
    }

    async fn scopes(&self) -> Result<Option<BTreeSet<String>>, SlackError> {
        let unavailable = |why: &str| SlackError::Unavailable(why.to_owned());
        let mut bearer = HeaderValue::try_from(format!("Bearer {}", self.token.token_value.0))
            .map_err(|_| unavailable("the token is not one"))?;
        bearer.set_sensitive(true);
        let request = Request::post(format!("{}/auth.test", self.api_url))
            .header(AUTHORIZATION, bearer)
            .header(CONTENT_LENGTH, 0)
            .body(Empty::new())
            .map_err(|_| unavailable("the address is not one"))?;
        let answer = self.plain.request(request).await;
        let answer = answer.map_err(|error| SlackError::Unavailable(chain(&error)))?;
        let scopes = answer.headers().get("x-oauth-scopes");
        let scopes = scopes.and_then(|scopes| scopes.to_str().ok());
        Ok(scopes.map(|scopes| {
            let scopes = scopes.split(',').map(str::trim);
            let scopes = scopes.filter(|scope| !scope.is_empty());
            scopes.map(str::to_owned).collect()
        }))
    }
}

/// slack-morphism's own messages quote the whole answer: only what it means is kept.
fn in_our_words(error: SlackClientError) -> SlackError {
    match error {
        SlackClientError::ApiError(error) => {
            let body = error.http_response_body.as_deref().unwrap_or_default();
            match needed(body).filter(|_| error.code == "missing_scope") {
                Some(scope) => SlackError::MissingScope(scope),
                None => SlackError::Refused(error.code),
            }
        }
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

/// The scope that Slack says is missing, such as `users:read.email`.
fn needed(body: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Missing {
        needed: String,
    }
    let Missing { needed } = serde_json::from_str(body).ok()?;
    let is_scope = |byte: u8| byte.is_ascii_alphanumeric() || b":._-,".contains(&byte);
    ((1..=100).contains(&needed.len()) && needed.bytes().all(is_scope)).then_some(needed)
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
