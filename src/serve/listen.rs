//! Where connections come in: as many as there are places, and nobody waits for ever.
//!
//! Whoever keeps a connection without being worked for gives way to a newcomer, and is closed when
//! their time is over: idle connections, slow heads, slow bodies and readers that do not read can
//! therefore be as many as they like. HTTP/1.1 alone is spoken, since each connection then stands
//! for one question at a time; the proxy in front speaks HTTP/2 to whoever wants it.

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

/// Connections that the kernel keeps until they are taken, where it allows as many. They are taken
/// faster than they can be made; one that finds no room tries again only after a second.
const BACKLOG: u32 = 4096;

/// Files that are not connections: the store's, those to Slack and to the targets.
const OTHER_FILES: u64 = 256;

/// One in so many places is kept free, so that whoever comes need not wait until another has gone.
const SPARE: u32 = 16;

/// How often connections are held against their time.
const LOOK: Duration = Duration::from_millis(500);

/// How long to wait before looking anew for a connection that could give way: all are worked for.
const BUSY: Duration = Duration::from_millis(10);

/// How long to wait after no connection could be taken, since there was no file left for it.
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

/// Takes connections and answers what they ask.
pub(super) struct Listen {
    listener: TcpListener,
    front: Arc<AuthGate>,
    places: Arc<ConnectionTable>,
    free: Arc<Semaphore>,
    spare: usize,
    proxies: Arc<Proxies>,
    notices: Arc<RejectionLog>,
}

impl Listen {
    /// Has as many places as `server` says and the process may open files for.
    pub(super) fn new(
        listener: TcpListener,
        front: AuthGate,
        server: &config::Server,
        proxies: Arc<Proxies>,
        notices: Arc<RejectionLog>,
    ) -> Self {
        let all = affordable(server.max_connections);
        let each = server.max_connections_per_address.min(all);
        Self {
            listener,
            front: Arc::new(front),
            places: Arc::new(ConnectionTable::new(all, each, notices.clone())),
            free: Arc::new(Semaphore::new(all as usize)),
            spare: (all / SPARE).max(1) as usize,
            proxies,
            notices,
        }
    }

    /// Runs until `shutdown`. What is under way then goes on, each as one of `tasks`.
    pub(super) async fn run(self, tasks: TaskTracker, shutdown: CancellationToken) {
        let mut look = interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let taking = async {
            loop {
                let (stream, peer) = self.next().await;
                if let Some(seat) = self.seat(peer).await {
                    let front = self.front.clone();
                    let stop = shutdown.clone();
                    tasks.spawn(connection::serve(stream, peer, seat, front, stop));
                }
            }
        };
        let looking = async {
            loop {
                look.tick().await;
                self.places.close_overdue(Instant::now());
            }
        };
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = taking => {}
            () = looking => {}
        }
        self.places.close_unasked();
    }

    /// The next connection.
    async fn next(&self) -> (TcpStream, Peer) {
        loop {
            match self.listener.accept().await {
                Ok((stream, peer)) => return (stream, Peer::of(peer)),
                Err(error) if is_of_one_connection(&error) => {}
                Err(error) => {
                    self.notices.note(Rejection::Full, None, &error);
                    self.places.give_way(1);
                    sleep(NO_FILE).await;
                }
            }
        }
    }

    /// A place for a newcomer. Nothing if their address holds all that it may, and each is being
    /// worked for.
    async fn seat(&self, peer: Peer) -> Option<Arc<Connection>> {
        let among = (!self.proxies.trust(peer)).then(|| peer.network());
        if !among.is_none_or(|address| self.places.give_way_at(address)) {
            let why = "the address holds all the connections that it may, and each is busy";
            self.notices.note(Rejection::Full, Some(peer), &why);
            return None;
        }
        let permit = self.permit().await;
        Some(ConnectionTable::take(&self.places, peer, among, permit))
    }

    async fn permit(&self) -> OwnedSemaphorePermit {
        loop {
            let free = self.free.available_permits();
            self.places.give_way(self.spare.saturating_sub(free));
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
            connections = held,
            files,
            "fewer connections are held than configured: the process may not open more files"
        );
    }
    held
}

/// Whether only the connection that was to be taken is gone.
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
    )
}
