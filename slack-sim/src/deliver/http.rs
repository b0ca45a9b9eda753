//! Signed HTTP posts to the app.

use axum::body::Bytes;
use chrono::{DateTime, Utc};
use http_body_util::{BodyExt, Full, Limited};
use hyper::Request;
use tokio::{io::AsyncWriteExt, net::TcpStream};

use crate::{
    delivery::{Outgoing, Retry},
    post::{Answer, Signing, signature},
    sim::Inner,
};

/// The largest answer that is read from an app.
const MOST_ANSWERED: usize = 1024 * 1024;

impl Inner {
    /// Signs, posts, and reads the answer.
    pub(super) async fn post(
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
    pub(super) async fn break_off(
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
