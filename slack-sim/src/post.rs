//! Signed HTTP posts to the app.

use axum::body::Bytes;
use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit, Mac};
use http_body_util::{BodyExt, Full, Limited};
use hyper::Request;
use serde_json::Value;
use sha2::Sha256;
use tokio::{io::AsyncWriteExt, net::TcpStream};

use crate::{
    delivery::{Outgoing, Retry},
    sim::Inner,
};

/// The largest answer that is read from an app.
const MOST_ANSWERED: usize = 1024 * 1024;

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

/// What is particular to a delivery over HTTP.
#[derive(Debug, Clone)]
pub(crate) struct Post {
    /// Where it goes, if not where its kind goes.
    pub(crate) path: Option<String>,
    pub(crate) content_type: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
    pub(crate) signing: Signing,
}

impl Post {
    /// A form, as slash commands and interactions are sent.
    pub(crate) fn form(fields: &[(&str, String)]) -> Self {
        let body = serde_urlencoded::to_string(fields).unwrap_or_default();
        Self::new("application/x-www-form-urlencoded", body)
    }

    /// A JSON body, as events are sent.
    pub(crate) fn json(payload: &Value) -> Self {
        Self::new("application/json", payload.to_string())
    }

    fn new(content_type: &str, body: String) -> Self {
        Self {
            path: None,
            content_type: content_type.to_owned(),
            headers: Vec::new(),
            body,
            signing: Signing::Valid,
        }
    }
}

/// What came back, by whichever transport.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) content_type: String,
    pub(crate) body: String,
    /// What was wrong with an answer that counts all the same.
    pub(crate) complaint: Option<String>,
    /// `X-Slack-No-Retry: 1`.
    pub(crate) no_retry: bool,
}

impl Inner {
    /// Signs, posts, and reads the answer.
    pub(crate) async fn post(
        &self,
        uri: &str,
        outgoing: &Outgoing,
        at: DateTime<Utc>,
    ) -> Result<Answer, String> {
        let request = self.request(uri, outgoing, at)?;
        let response = self.client.request(request).await;
        let response = response.map_err(|error| format!("{error:?}"))?;
        let header = |name: &str| {
            let value = response.headers().get(name);
            let value = value.and_then(|value| value.to_str().ok());
            value.unwrap_or_default().to_owned()
        };
        let mut answer = Answer {
            status: response.status().as_u16(),
            content_type: header("content-type"),
            no_retry: header("x-slack-no-retry") == "1",
            ..Answer::default()
        };
        let body = Limited::new(response.into_body(), MOST_ANSWERED);
        let body = body.collect().await;
        let body = body.map_err(|error| error.to_string())?.to_bytes();
        answer.body = String::from_utf8_lossy(&body).into_owned();
        Ok(answer)
    }

    /// Begins a post and breaks the connection in the middle of the body.
    pub(crate) async fn break_off(
        &self,
        uri: &str,
        outgoing: &Outgoing,
        at: DateTime<Utc>,
    ) -> Result<Answer, String> {
        let request = self.request(uri, outgoing, at)?;
        let uri = request.uri();
        let authority = uri.authority().map_or("", |authority| authority.as_str());
        let mut head = format!("POST {} HTTP/1.1\r\nhost: {authority}\r\n", uri.path());
        for (name, value) in request.headers() {
            head += &format!("{name}: {}\r\n", value.to_str().unwrap_or_default());
        }
        let body = outgoing.post.body.as_bytes();
        head += &format!("content-length: {}\r\n\r\n", body.len());
        let begin = async {
            let mut stream = TcpStream::connect(authority).await?;
            stream.write_all(head.as_bytes()).await?;
            stream.write_all(&body[..body.len() / 2]).await?;
            stream.shutdown().await
        };
        match begin.await {
            Ok(()) => Err("a fault broke the connection".to_owned()),
            Err(error) => Err(error.to_string()),
        }
    }

    fn request(
        &self,
        uri: &str,
        outgoing: &Outgoing,
        at: DateTime<Utc>,
    ) -> Result<Request<Full<Bytes>>, String> {
        let Outgoing { retry, post, .. } = outgoing;
        let mut request = Request::post(uri)
            .header("content-type", &post.content_type)
            .header("accept", "application/json,*/*")
            .header("user-agent", "Slackbot 1.0 (+https://api.slack.com/robots)");
        let secret = self.read(|state| state.workspace.signing_secret.clone());
        let signed = match post.signing {
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
                    signature(&secret, timestamp, &post.body),
                );
        }
        if let Some(Retry { number, reason }) = retry {
            request = request.header("x-slack-retry-num", *number);
            if !reason.is_empty() {
                request = request.header("x-slack-retry-reason", reason);
            }
        }
        for (name, value) in &post.headers {
            request = request.header(name, value);
        }
        let body = Full::new(Bytes::from(post.body.clone()));
        request.body(body).map_err(|error| error.to_string())
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
