//! How Keylend asks web services over HTTP: who is on call, whether a ticket is open, what a target's webhook
//! answers. Redirects are not followed.

use std::time::Duration;

use reqwest::{Client, ClientBuilder, RequestBuilder, StatusCode, redirect::Policy};
use url::Url;

/// A client for the server of `url` whose questions take no longer than `timeout`.
pub(crate) fn client(url: &Url, timeout: Duration) -> ClientBuilder {
    // The process has one TLS provider; whoever comes first installs it, and it is always ring.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = Client::builder()
        .user_agent(concat!("keylend/", env!("CARGO_PKG_VERSION")))
        .redirect(Policy::none())
        .timeout(timeout);
    match url.scheme() {
        // Sent in clear, it must not leave by a proxy.
        "http" => builder.no_proxy(),
        _ => builder,
    }
}

/// Whom Keylend asks for facts, and how that is told.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Source {
    /// Whose answer it is, within a sentence.
    pub(crate) name: &'static str,
    /// What is said if it lets nobody in who asks like this.
    pub(crate) refused: &'static str,
    /// The longest answer that is read, in bytes.
    pub(crate) longest: usize,
}

impl Source {
    /// The body of its answer; nothing if it answers that there is no such thing.
    ///
    /// # Errors
    ///
    /// Why there is no answer, as a sentence without the address, which may be a secret.
    pub(crate) async fn ask(self, request: RequestBuilder) -> Result<Option<Vec<u8>>, String> {
        let name = self.name;
        let silence = |error| self.silence(&error);
        let mut response = request.send().await.map_err(silence)?;
        match response.status() {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND => return Ok(None),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                return Err(self.refused.to_owned());
            }
            status => return Err(self.answered(status)),
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(silence)? {
            if body.len() + chunk.len() > self.longest {
                return Err(format!("the answer of {name} is too long"));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Some(body))
    }

    /// That this status is no answer.
    pub(crate) fn answered(self, status: StatusCode) -> String {
        format!("{} answered with status {}", self.name, status.as_u16())
    }

    /// That its answer came too late.
    pub(crate) fn late(self) -> String {
        format!("{} did not answer in time", self.name)
    }

    /// No answer, or half of one.
    fn silence(self, error: &reqwest::Error) -> String {
        match error {
            error if error.is_timeout() => self.late(),
            error if error.is_connect() => format!("{} cannot be reached", self.name),
            _ => format!("the connection to {} broke off", self.name),
        }
    }
}
