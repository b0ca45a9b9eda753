//! An app that speaks Socket Mode over a WebSocket client of its own.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use slack_sim::Sim;
use tokio::net::TcpStream;
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{self, Message},
};

use super::post;

/// How long a test waits for what must come.
const CEILING: Duration = Duration::from_secs(20);

/// One connection of the app.
pub(crate) struct Client(WebSocketStream<MaybeTlsStream<TcpStream>>);

/// Calls `apps.connections.open` with this token.
pub(crate) async fn open_url(sim: &Sim, token: &str) -> Value {
    let url = format!("{}apps.connections.open", sim.api_url());
    let kind = "application/x-www-form-urlencoded";
    let answer = post(&url, kind, Some(token), String::new()).await;
    answer.unwrap().json()
}

impl Client {
    /// Connects to a new address, with this added to its query.
    pub(crate) async fn connect(sim: &Sim, query: &str) -> Self {
        let opened = open_url(sim, &sim.app_token()).await;
        let url = format!("{}{query}", opened["url"].as_str().unwrap());
        Self::at(&url).await.unwrap()
    }
    /// Connects and takes the `hello`.
    pub(crate) async fn open(sim: &Sim) -> Self {
        let mut client = Self::connect(sim, "").await;
        assert_eq!(client.next().await["type"], "hello");
        client
    }
    pub(crate) async fn at(url: &str) -> Result<Self, tungstenite::Error> {
        connect_async(url).await.map(|(socket, _)| Self(socket))
    }
    /// The next message that is not a ping.
    pub(crate) async fn next(&mut self) -> Value {
        self.heard().await.expect("a message before the end")
    }
    /// Whether the connection ends without another message.
    pub(crate) async fn ends(&mut self) -> bool {
        self.heard().await.is_none()
    }
    async fn heard(&mut self) -> Option<Value> {
        let next = async {
            loop {
                match self.0.next().await {
                    Some(Ok(Message::Text(text))) => {
                        return Some(serde_json::from_str(&text).unwrap());
                    }
                    Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                    _ => return None,
                }
            }
        };
        tokio::time::timeout(CEILING, next).await.unwrap()
    }
    pub(crate) async fn say(&mut self, text: &str) {
        self.0.send(Message::text(text)).await.unwrap();
    }
    pub(crate) async fn say_bytes(&mut self, bytes: Vec<u8>) {
        self.0.send(Message::binary(bytes)).await.unwrap();
    }
    /// Says that it closes, and is answered.
    pub(crate) async fn close(mut self) {
        self.0.close(None).await.unwrap();
        let answered =
            async { while !matches!(self.0.next().await.unwrap().unwrap(), Message::Close(_)) {} };
        tokio::time::timeout(CEILING, answered).await.unwrap();
    }
    /// Acknowledges an envelope.
    pub(crate) async fn ack(&mut self, envelope: &Value) {
        let ack = json!({"envelope_id": envelope["envelope_id"]});
        self.say(&ack.to_string()).await;
    }
    /// Acknowledges an envelope with an answer.
    pub(crate) async fn answer(&mut self, envelope: &Value, payload: Value) {
        let ack = json!({"envelope_id": envelope["envelope_id"], "payload": payload});
        self.say(&ack.to_string()).await;
    }
}
