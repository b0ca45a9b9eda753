//! Starting the simulator.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, OnceLock},
};

use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use tokio::{net::TcpListener, sync::watch};

use super::{Inner, Server, Sim};
use crate::{
    clock::{Clock, system_clock},
    retries, server,
    state::State,
    workspace::Workspace,
};

/// Why the simulator cannot start.
#[derive(Debug, thiserror::Error)]
pub enum CannotStart {
    /// Others than this machine could reach it there.
    #[error("{0} is not a loopback address")]
    NotLoopback(SocketAddr),
    /// Nothing can listen there.
    #[error("failed to listen on {address}")]
    Bind {
        /// Where.
        address: SocketAddr,
        /// Why not.
        source: io::Error,
    },
}

impl Sim {
    /// Starts on a free port of 127.0.0.1, with the machine's clock.
    ///
    /// # Panics
    /// If no port can be bound.
    pub async fn start(workspace: Workspace) -> Self {
        Self::start_with_clock(workspace, system_clock()).await
    }

    /// Starts on a free port of 127.0.0.1, with a clock of the caller's.
    ///
    /// # Panics
    /// If no port can be bound.
    pub async fn start_with_clock(workspace: Workspace, clock: Clock) -> Self {
        let started = Self::start_at(workspace, clock, (Ipv4Addr::LOCALHOST, 0).into()).await;
        #[expect(clippy::expect_used, reason = "documented: a test driver fails loudly")]
        started.expect("a free port on 127.0.0.1")
    }

    /// Starts at an address of the caller's, which must be a loopback one: whoever reaches the
    /// simulator can act as anybody in it.
    ///
    /// # Errors
    ///
    /// Where the address is not a loopback one or cannot be bound.
    pub async fn start_at(
        workspace: Workspace,
        clock: Clock,
        address: SocketAddr,
    ) -> Result<Self, CannotStart> {
        if !address.ip().is_loopback() {
            return Err(CannotStart::NotLoopback(address));
        }
        let unbound = |source| CannotStart::Bind { address, source };
        let listener = TcpListener::bind(address).await.map_err(unbound)?;
        let address = listener.local_addr().map_err(unbound)?;
        // A fresh connection for every delivery, as if each came from another of Slack's machines.
        let client = Client::builder(TokioExecutor::new())
            .pool_max_idle_per_host(0)
            .build_http();
        let mut state = State::new(workspace);
        state.sockets.authority = address.to_string();
        let inner = Arc::new(Inner {
            state: Mutex::new(state),
            version: watch::Sender::new(0),
            healed: watch::Sender::new(0),
            clock,
            mover: OnceLock::new(),
            page: Mutex::default(),
            base: format!("http://{address}"),
            port: address.port(),
            client,
        });
        let serving = server::serve(listener, inner.clone());
        let retrying = retries::run(inner.clone());
        let task = tokio::spawn(async { tokio::join!(serving, retrying) });
        Ok(Self {
            inner,
            _server: Some(Arc::new(Server(task.abort_handle()))),
        })
    }
}
