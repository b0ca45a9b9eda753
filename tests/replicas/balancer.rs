//! A load balancer: each connection goes to the next replica that takes it.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    task::AbortHandle,
};

/// Where Slack sends everything.
pub struct Balancer {
    address: SocketAddr,
    behind: Arc<Mutex<Vec<SocketAddr>>>,
    task: AbortHandle,
}

impl Balancer {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let behind = Arc::<Mutex<Vec<SocketAddr>>>::default();
        let address = listener.local_addr().unwrap();
        let task = tokio::spawn(serve(listener, behind.clone())).abort_handle();
        Self {
            address,
            behind,
            task,
        }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Sends to this replica too.
    pub fn add(&self, replica: SocketAddr) {
        self.behind.lock().unwrap().push(replica);
    }

    /// Sends to this replica alone.
    pub fn only(&self, replica: SocketAddr) {
        *self.behind.lock().unwrap() = vec![replica];
    }

    /// Sends nothing to this replica any more.
    pub fn remove(&self, replica: SocketAddr) {
        self.behind.lock().unwrap().retain(|one| *one != replica);
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(listener: TcpListener, behind: Arc<Mutex<Vec<SocketAddr>>>) {
    loop {
        let (mut caller, _) = listener.accept().await.unwrap();
        let turn = {
            let mut behind = behind.lock().unwrap();
            if !behind.is_empty() {
                behind.rotate_left(1);
            }
            behind.clone()
        };
        tokio::spawn(async move {
            for replica in turn {
                if let Ok(mut connection) = TcpStream::connect(replica).await {
                    // A replica that dies in the middle is an answer that does not come.
                    let _ = copy_bidirectional(&mut caller, &mut connection).await;
                    return;
                }
            }
        });
    }
}
