//! The way between a store and its server, which can be slow, or break at the worst moment.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::AbortHandle,
    time::sleep,
};

/// Where the connection breaks around the end of a transaction.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Break {
    /// The server does not hear of it.
    BeforeCommit,
    /// The server has done it, and its answer is lost.
    AfterCommit,
}

/// A way to a server. Dropping it takes no more connections.
pub(crate) struct Wire {
    port: u16,
    breaks: Arc<Mutex<Option<Break>>>,
    task: AbortHandle,
}

impl Wire {
    /// To the server's port; every answer comes this much later.
    pub(crate) async fn to(server: u16, delay: Duration) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let breaks = Arc::<Mutex<Option<Break>>>::default();
        let breaking = breaks.clone();
        let task = tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.unwrap();
                let server = TcpStream::connect(("127.0.0.1", server)).await.unwrap();
                for end in [&client, &server] {
                    end.set_nodelay(true).unwrap();
                }
                tokio::spawn(carry(client, server, breaking.clone(), delay));
            }
        });
        Self {
            port,
            breaks,
            task: task.abort_handle(),
        }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Breaks the connection that commits next.
    pub(crate) fn break_next(&self, at: Break) {
        *self.breaks.lock().unwrap() = Some(at);
    }

    /// Whether that has happened.
    pub(crate) fn is_broken(&self) -> bool {
        self.breaks.lock().unwrap().is_none()
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn carry(
    mut client: TcpStream,
    mut server: TcpStream,
    breaks: Arc<Mutex<Option<Break>>>,
    delay: Duration,
) -> std::io::Result<()> {
    const COMMIT: &[u8] = b"COMMIT\0";

    let (mut up, mut down) = (vec![0; 64 * 1024], vec![0; 64 * 1024]);
    loop {
        tokio::select! {
            read = client.read(&mut up) => {
                let sent = &up[..read?];
                let commits = sent.windows(COMMIT.len()).any(|part| part == COMMIT);
                let broken = if commits { breaks.lock().unwrap().take() } else { None };
                if let Some(Break::AfterCommit) = broken {
                    server.write_all(sent).await?;
                    let _ = server.read(&mut down).await?;
                }
                if broken.is_some() || sent.is_empty() {
                    return Ok(());
                }
                server.write_all(sent).await?;
            }
            read = server.read(&mut down) => {
                let read = read?;
                if read == 0 {
                    return Ok(());
                }
                sleep(delay).await;
                client.write_all(&down[..read]).await?;
            }
        }
    }
}
