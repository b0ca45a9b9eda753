//! Connection admission: every newcomer gets a connection, and nobody keeps one for ever.
//!
//! A connection that waits for its client gives way to a newcomer when there are too many, and is
//! closed when its time is over. Only HTTP/1.1 is spoken, so that a connection is one request at a
//! time; the proxy in front speaks HTTP/2 to clients.
//!
//! Libraries do what they can: Tokio's semaphore counts connections, hyper bounds heads and ends
//! idle connections at a shutdown, the kernel ends those that take no answers, tower-http bounds
//! bodies, and [`AuthGate`] bounds the time of a request. hyper's `header_read_timeout`, the
//! semaphore and tower-http's deadlines alone pass 13 of the 19 tests in `tests/service/floods`.
//! What remains here is for the others:
//!
//! | rule | with the libraries alone |
//! |---|---|
//! | a genuine command is answered while 400 idle, slow-headed or slow-bodied clients want 32 connections | Slack shows `operation_timeout` after 3 s if newcomers queue, and `dispatch_failed` at once if they are refused; with eviction each test takes 0.2 s |
//! | an address cannot push out another | an address takes all connections: no library counts them by address |
//! | bodies that are arriving share 16 MiB | 24 MiB stay for 5 s, the time limit of a body; a semaphore of bytes would make Slack wait for them |
//! | a slow head ends after 10 s, an idle connection after 75 s | hyper has one timer for both, and load balancers keep idle connections for 60 s |
//! | an answer that is not taken ends the connection | nothing ends it within 60 s: hyper does not limit writes, and asks for a body's next frame, which tower-http limits, only when it could write the last |

mod connection;
mod table;

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use rustix::process::{Resource, getrlimit};
use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, MissedTickBehavior, interval, sleep, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use self::table::{Connection, ConnectionTable};
use super::{
    address::{Peer, Proxies},
    auth_gate::AuthGate,
    rejection_log::RejectionLog,
};
use crate::{config, metrics::Rejection};

/// Connections that the kernel keeps until they are accepted, where it allows as many. They are
/// accepted faster than they can be made; one that finds no room tries again only after a second.
const BACKLOG: u32 = 4096;

/// Files that are not connections: the store's, those to Slack and to the targets.
const OTHER_FILES: u64 = 256;

/// One in so many connections is kept free, so that newcomers need not wait until another has closed.
const SPARE: u32 = 16;

/// How often deadlines are checked.
const CHECK: Duration = Duration::from_millis(500);

/// How long to wait before the next look for a connection that can give way: all are worked for.
const BUSY: Duration = Duration::from_millis(10);

/// How long to wait when the process has no file left for a connection.
const NO_FILE: Duration = Duration::from_millis(100);

/// Listens on `address`.
pub(super) fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    // A restart need not wait for the connections of before.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Accepts connections and answers their requests.
pub(super) struct Listen {
    listener: TcpListener,
    gate: Arc<AuthGate>,
    table: Arc<ConnectionTable>,
    free: Arc<Semaphore>,
    spare: usize,
    proxies: Arc<Proxies>,
    rejections: Arc<RejectionLog>,
}

impl Listen {
    /// Holds as many connections as `server` says and the process may open files for.
    pub(super) fn new(
        listener: TcpListener,
        gate: AuthGate,
        server: &config::Server,
        proxies: Arc<Proxies>,
        rejections: Arc<RejectionLog>,
    ) -> Self {
        let limit = affordable(server.max_connections);
        let per_network = server.max_connections_per_address.min(limit);
        let table = ConnectionTable::new(per_network as usize, rejections.clone());
        Self {
            listener,
            gate: Arc::new(gate),
            table: Arc::new(table),
            free: Arc::new(Semaphore::new(limit as usize)),
            spare: (limit / SPARE).max(1) as usize,
            proxies,
            rejections,
        }
    }

    /// Runs until `shutdown`. Requests that are under way then go on, each as one of `tasks`.
    pub(super) async fn run(self, tasks: TaskTracker, shutdown: CancellationToken) {
        let accepting = async {
            loop {
                let (stream, peer) = self.accept().await;
                if let Some(connection) = self.admit(peer).await {
                    let gate = self.gate.clone();
                    let stop = shutdown.clone();
                    tasks.spawn(connection::serve(stream, connection, gate, stop));
                }
            }
        };
        let mut checks = interval(CHECK);
        checks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let checking = async {
            loop {
                checks.tick().await;
                self.table.close_overdue(Instant::now());
            }
        };
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = accepting => {}
            () = checking => {}
        }
    }

    async fn accept(&self) -> (TcpStream, Peer) {
        loop {
            match self.listener.accept().await {
                Ok((stream, peer)) => return (stream, Peer::of(peer)),
                Err(error) if is_of_one_connection(&error) => {}
                Err(error) => {
                    self.rejections.note(Rejection::Full, None, &error);
                    self.table.evict(1);
                    sleep(NO_FILE).await;
                }
            }
        }
    }

    /// Makes room for a newcomer. Nothing if their network has all the connections that it may, and
    /// each is worked for.
    async fn admit(&self, peer: Peer) -> Option<Arc<Connection>> {
        let network = (!self.proxies.trust(peer)).then(|| peer.network());
        if !network.is_none_or(|network| self.table.make_room_for(network)) {
            let why = "the address holds all the connections that it may, and each is busy";
            self.rejections.note(Rejection::Full, Some(peer), &why);
            return None;
        }
        let permit = self.permit().await;
        Some(ConnectionTable::add(&self.table, peer, network, permit))
    }

    async fn permit(&self) -> OwnedSemaphorePermit {
        loop {
            let free = self.free.available_permits();
            self.table.evict(self.spare.saturating_sub(free));
            if let Ok(Ok(permit)) = timeout(BUSY, self.free.clone().acquire_owned()).await {
                return permit;
            }
        }
    }
}

/// As many of `wanted` connections as there can be files for.
fn affordable(wanted: u32) -> u32 {
    let Some(files) = getrlimit(Resource::Nofile).current else {
        return wanted;
    };
    let room = files.saturating_sub(OTHER_FILES).max(files / 4);
    let held = wanted.min(u32::try_from(room).unwrap_or(u32::MAX));
    if held < wanted {
        tracing::info!(
            server.max_connections = wanted,
            server.connections = held,
            files,
            "the limit on open files allows fewer connections than configured: raise LimitNOFILE"
        );
    }
    held
}

/// Whether only the connection that was to be accepted is gone.
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
    )
}
