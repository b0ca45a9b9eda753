//! A way to the server that stops at each message of Keylend's until the test lets it go on.

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy},
    net::{TcpListener, TcpStream, tcp::OwnedReadHalf, tcp::OwnedWriteHalf},
    sync::{mpsc, oneshot},
};

use crate::part::Part;

pub(crate) struct Relay {
    pub(crate) port: u16,
    messages: mpsc::Receiver<oneshot::Sender<()>>,
}

impl Relay {
    pub(crate) async fn to(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let (sender, messages) = mpsc::channel(1);
        tokio::spawn(async move {
            while let Ok((keylend, _)) = listener.accept().await {
                let server = TcpStream::connect(("127.0.0.1", server))
                    .await
                    .expect("the server runs");
                let (mut answers, questions) = server.into_split();
                let (reader, mut writer) = keylend.into_split();
                tokio::spawn(async move { copy(&mut answers, &mut writer).await });
                tokio::spawn(forward(reader, questions, sender.clone()));
            }
        });
        Self { port, messages }
    }

    /// Where Keylend reaches the server of `part` through this.
    pub(crate) fn url(&self, part: &Part) -> String {
        let server = part.postgres();
        let direct = server.url_for(&format!("{}_keylend", part.name), "keylends");
        direct.replace(&format!(":{}/", server.port()), &format!(":{}/", self.port))
    }

    /// The next message; it goes on when the sender is used or dropped.
    pub(crate) async fn next(&mut self) -> oneshot::Sender<()> {
        self.messages.recv().await.expect("the relay runs")
    }
}

async fn forward(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    messages: mpsc::Sender<oneshot::Sender<()>>,
) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        let (go_on, may_go_on) = oneshot::channel();
        if messages.send(go_on).await.is_ok() {
            drop(may_go_on.await);
        }
        if to.write_all(&buffer[..length]).await.is_err() {
            return;
        }
    }
}
