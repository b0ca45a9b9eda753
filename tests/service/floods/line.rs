//! A line to the service that says exactly what a test wants, and no more.

use std::{net::SocketAddr, time::Duration};

use keylend::domain::Time;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    time::timeout,
};

use crate::support::fixture::Fixture;

/// Longer than the service gives anybody.
const PATIENCE: Duration = Duration::from_secs(30);

pub struct Line(TcpStream);

impl Line {
    pub async fn open(fixture: &Fixture) -> Self {
        Self::from("127.0.0.1", fixture).await
    }

    /// From another of this machine's addresses.
    pub async fn from(source: &str, fixture: &Fixture) -> Self {
        let address: SocketAddr = fixture
            .url("")
            .trim_start_matches("http://")
            .parse()
            .unwrap();
        let socket = TcpSocket::new_v4().unwrap();
        socket
            .bind(SocketAddr::new(source.parse().unwrap(), 0))
            .unwrap();
        let connection = timeout(PATIENCE, socket.connect(address)).await;
        Self(connection.expect("the service takes connections").unwrap())
    }

    pub async fn many(fixture: &Fixture, count: usize) -> Vec<Self> {
        let mut lines = Vec::with_capacity(count);
        for _ in 0..count {
            lines.push(Self::open(fixture).await);
        }
        lines
    }

    /// Says something; whether the other end still takes it.
    pub async fn say(&mut self, text: impl AsRef<[u8]>) -> bool {
        self.0.write_all(text.as_ref()).await.is_ok()
    }

    /// The next answer: its status, its head and its body.
    pub async fn hear(&mut self) -> (u16, String, String) {
        timeout(PATIENCE, self.answer())
            .await
            .expect("the service answers")
    }

    async fn answer(&mut self) -> (u16, String, String) {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(self.0.read_u8().await.expect("the answer has a head"));
        }
        let head = String::from_utf8(head).unwrap().to_lowercase();
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "))
            .map_or(0, |length| length.parse().unwrap());
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).await.unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, head, String::from_utf8(body).unwrap())
    }

    /// Waits until the other end has closed.
    pub async fn closed(&mut self) {
        let mut rest = Vec::new();
        // Cut off or ended: both are closed.
        let _ = timeout(PATIENCE, self.0.read_to_end(&mut rest))
            .await
            .expect("the service closes");
    }

    /// Whether the other end has kept the line, asked for a page that is for everybody.
    pub async fn is_open(&mut self) -> bool {
        self.say("GET /healthz HTTP/1.1\r\nhost: k\r\n\r\n").await
            && timeout(PATIENCE, self.0.read_u8())
                .await
                .is_ok_and(|read| read.is_ok())
    }
}

/// A head that could be Slack's, were the body signed.
pub fn plausible_head(now: Time, length: usize) -> String {
    format!(
        "POST /slack/commands HTTP/1.1\r\nhost: k\r\ncontent-length: {length}\r\n\
         content-type: application/x-www-form-urlencoded\r\n\
         x-slack-request-timestamp: {}\r\nx-slack-signature: v0={}\r\n",
        now.timestamp(),
        "0f".repeat(32)
    )
}
