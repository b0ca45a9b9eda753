//! From nothing to a connection that is ready: `apps.connections.open`, a WebSocket, `hello`.

use std::time::Duration;

use futures_util::StreamExt;
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async_with_config,
    tungstenite::{self, Message, protocol::WebSocketConfig},
};
use url::Url;

use super::{
    super::http::LARGEST_BODY,
    envelope::{Reason, Said},
};
use crate::{
    slack::client::{Client, SlackError},
    transport::is_protected,
};

/// How long the connection may take, TLS and all.
const CONNECTING: Duration = Duration::from_secs(10);

/// How long Slack may take to say `hello`.
const GREETING: Duration = Duration::from_secs(10);

/// A connection to Slack.
pub(super) type Stream = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Why there is no connection. Says nothing of its address, which is a secret.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotOpened {
    #[error("Socket Mode is switched off in the app's settings")]
    SwitchedOff,
    #[error("the app has ten connections, which is all that Slack lets it have")]
    TooMany,
    #[error("apps.connections.open: {0}")]
    NoAddress(#[from] SlackError),
    #[error("apps.connections.open: Slack named an address without TLS")]
    NotSecure,
    #[error("the connection failed: {0}")]
    Failed(String),
    #[error("Slack did not say hello within {} s", GREETING.as_secs())]
    NoHello,
    #[error("Slack ended the connection before it was ready")]
    Rejection,
    #[error("slack.app_token is of the app {theirs}, and slack.bot_token of {ours}")]
    OtherApp { theirs: String, ours: String },
}

impl NotOpened {
    /// How long Slack asked to be left alone.
    pub(super) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::NoAddress(SlackError::RateLimited { retry_after }) => Some(*retry_after),
            _ => None,
        }
    }
}

/// Opens a connection. `app` is the app that the bot token is of, where Slack tells.
pub(super) async fn open(client: &Client, app: Option<&str>) -> Result<Stream, NotOpened> {
    let url = client.open_connection().await?;
    if !is_secure(&url) {
        return Err(NotOpened::NotSecure);
    }
    let limits = WebSocketConfig::default()
        .max_message_size(Some(LARGEST_BODY))
        .max_frame_size(Some(LARGEST_BODY));
    let connecting = connect_async_with_config(url.as_str(), Some(limits), true);
    let mut stream = match timeout(CONNECTING, connecting).await {
        Ok(Ok((stream, _))) => stream,
        Ok(Err(error)) => return Err(NotOpened::Failed(in_our_words(&error))),
        Err(_) => {
            let late = format!("no answer within {} s", CONNECTING.as_secs());
            return Err(NotOpened::Failed(late));
        }
    };
    match timeout(GREETING, greeting(&mut stream)).await {
        Ok(Ok(theirs)) => match (theirs, app) {
            (Some(theirs), Some(ours)) if theirs != ours => Err(NotOpened::OtherApp {
                theirs,
                ours: ours.to_owned(),
            }),
            _ => Ok(stream),
        },
        Ok(Err(why)) => Err(why),
        Err(_) => Err(NotOpened::NoHello),
    }
}

/// Waits for `hello`, and for the app that it names.
async fn greeting(stream: &mut Stream) -> Result<Option<String>, NotOpened> {
    loop {
        match stream.next().await {
            Some(Ok(Message::Text(text))) => match Said::parse(&text) {
                Ok(Said::Hello { app }) => return Ok(app),
                Ok(Said::Disconnect(Reason::SwitchedOff)) => return Err(NotOpened::SwitchedOff),
                Ok(Said::Disconnect(Reason::TooMany)) => return Err(NotOpened::TooMany),
                Ok(Said::Disconnect(Reason::Refresh)) => return Err(NotOpened::Rejection),
                // An envelope before `hello` is not acknowledged: Slack delivers it again.
                Ok(Said::Envelope(_) | Said::Unknown) | Err(_) => {}
            },
            Some(Ok(_)) => {}
            Some(Err(error)) => return Err(NotOpened::Failed(in_our_words(&error))),
            None => return Err(NotOpened::Rejection),
        }
    }
}

/// What is said there is signed by nobody: TLS alone shows that it is Slack's, except on this
/// machine.
fn is_secure(url: &Url) -> bool {
    matches!(url.scheme(), "wss" | "ws") && is_protected(url)
}

/// An error without the address that it may quote.
pub(super) fn in_our_words(error: &tungstenite::Error) -> String {
    match error {
        tungstenite::Error::Url(_) | tungstenite::Error::HttpFormat(_) => {
            "the address cannot be connected to".to_owned()
        }
        error => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_on_this_machine_is_spoken_to_over_tls_alone() {
        let is_secure = |url: &str| is_secure(&Url::parse(url).unwrap());
        for secure in [
            "wss://wss-primary.slack.com/link/?ticket=x",
            "ws://127.0.0.1:4000/link/",
            "ws://[::1]:4000/link/",
            "ws://localhost:4000/link/",
        ] {
            assert!(is_secure(secure), "{secure}");
        }
        for insecure in [
            "ws://wss-primary.slack.com/link/",
            "ws://127.0.0.1.example.com/",
            "ws://169.254.169.254/",
            "http://127.0.0.1:4000/",
            "https://slack.com/",
        ] {
            assert!(!is_secure(insecure), "{insecure}");
        }
    }
}
