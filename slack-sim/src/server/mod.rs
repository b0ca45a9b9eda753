//! The HTTP side: one loopback port for the Web API, the response URLs, the sockets, the control
//! API and the page.
//!
//! The accept loop is our own because a fault may ask for a connection to be closed without an
//! answer, which `axum::serve` has no way to say. Nothing that comes in over a connection ends
//! more than that connection: heads, bodies and silences have limits.
//!
//! | to see | read |
//! |---|---|
//! | what is done with a call | [`calls`] |
//! | how a request is read | [`body`] |

pub(crate) mod body;
mod calls;
mod page;

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::{
    Router,
    body::Body,
    http::Request,
    response::Response,
    routing::{get, post},
};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
};
use tower_service::Service;

use crate::{control, sim::Inner, socket};

/// How many connections are served at a time; others wait to be accepted.
const MOST_CONNECTIONS: usize = 512;
/// How long a request's head may take, and how long a connection may be idle.
const HEAD_PATIENCE: Duration = Duration::from_secs(30);
/// The largest head that is read.
const MOST_HEAD_BYTES: usize = 64 * 1024;
/// How long to wait when the machine has no more file descriptors to give.
const EXHAUSTED_PAUSE: Duration = Duration::from_millis(50);

/// Serves until it is dropped, and its connections with it.
pub(crate) async fn serve(listener: TcpListener, inner: Arc<Inner>) {
    let router = Router::new()
        .route("/api/{*method}", get(calls::web_api).post(calls::web_api))
        .route("/link/", get(socket::link))
        .route("/commands/{*rest}", post(calls::response_url))
        .route("/actions/{*rest}", post(calls::response_url))
        .with_state(inner.clone())
        .nest("/control", control::router(inner.clone()))
        .merge(page::router(&inner));
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        if connections.len() >= MOST_CONNECTIONS {
            connections.join_next().await;
            continue;
        }
        match listener.accept().await {
            Ok((stream, _)) => {
                connections.spawn(converse(stream, router.clone()));
            }
            Err(error) => {
                tracing::warn!(%error, "the simulator cannot accept a connection");
                tokio::time::sleep(EXHAUSTED_PAUSE).await;
            }
        }
    }
}

/// Serves one connection to its end.
async fn converse(stream: TcpStream, router: Router) {
    let service = service_fn(move |request: Request<Incoming>| {
        let mut router = router.clone();
        async move {
            let answer: Result<Response, Infallible> = router.call(request.map(Body::new)).await;
            let Ok(response) = answer;
            match response.extensions().get::<calls::Unsent>() {
                Some(_) => Err("a fault closes the connection"),
                None => Ok(response),
            }
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_PATIENCE)
        .max_buf_size(MOST_HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    if let Err(error) = connection.await {
        tracing::debug!(%error, "a connection to the simulator ended early");
    }
}
