//! One connection: HTTP/1.1 between a socket and the routes. The table hears of each step, and
//! decides from that when the connection has to close.

use std::{convert::Infallible, error::Error, io, sync::Arc};

use axum::{body::Body, extract::Request};
use http_body_util::BodyExt;
use hyper::{
    body::{Body as _, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio_util::{io::InspectReader, sync::CancellationToken};

use super::table::{Connection, STEP};
use crate::serve::auth_gate::{AuthGate, Proven};

/// The longest head, in bytes, and what is read or written at once. Slack's heads have one kilobyte.
const BUFFER: usize = 16 * 1024;

/// Answers the requests on `stream` until it closes, the table closes it, or the last is answered
/// after `shutdown`.
pub(super) async fn serve(
    stream: TcpStream,
    connection: Arc<Connection>,
    gate: Arc<AuthGate>,
    shutdown: CancellationToken,
) {
    prepare(&stream);
    let stream = InspectReader::new(stream, |_: &[u8]| connection.head_started());
    let answer = service_fn(|request: Request<Incoming>| {
        let (gate, connection) = (&gate, &connection);
        async move {
            let request = request.map(|body| arriving(body, connection));
            let response = gate.answer(connection.peer(), request).await;
            connection.answered(response.extensions().get::<Proven>().is_some());
            Ok::<_, Infallible>(response)
        }
    });
    let mut http = http1::Builder::new();
    // The table keeps the time, since hyper's timer for heads runs between requests too.
    http.header_read_timeout(None).max_buf_size(BUFFER);
    let mut serving = http.serve_connection(TokioIo::new(stream), answer);
    let mut stopping = false;
    loop {
        tokio::select! {
            biased;
            () = connection.closing() => {
                // The kernel is to keep nothing of it either. If it will not, it keeps it for a
                // minute.
                let stream = serving.into_parts().io.into_inner().into_inner();
                let _ = stream.set_zero_linger();
                return;
            }
            served = &mut serving => {
                // A client that breaks off or speaks no HTTP is gone; there is nobody to tell.
                if served.is_err_and(|error| is_timeout(&error)) {
                    connection.answer_not_taken();
                }
                return;
            }
            () = shutdown.cancelled(), if !stopping => {
                stopping = true;
                // hyper closes an idle connection, and waits for the rest of a head. Only this task
                // knows what hyper has read: the bytes may have arrived just now.
                connection.close_head();
                std::pin::Pin::new(&mut serving).graceful_shutdown();
            }
        }
    }
}

/// Neither option is needed for an answer, so that a failure does not matter.
fn prepare(stream: &TcpStream) {
    // Answers are short: none waits for the next to fill a packet.
    let _ = stream.set_nodelay(true);
    // A client that takes nothing of an answer for so long is cut off. Where the kernel cannot do
    // it, such a connection is closed as an idle one.
    #[cfg(target_os = "linux")]
    let _ = rustix::net::sockopt::set_tcp_user_timeout(stream, STEP.as_millis() as u32);
}

fn is_timeout(error: &hyper::Error) -> bool {
    let cause = error.source().and_then(|cause| cause.downcast_ref());
    cause.is_some_and(|cause: &io::Error| cause.kind() == io::ErrorKind::TimedOut)
}

/// The body of a request, of which the table hears what arrives, and when it is whole.
fn arriving(body: Incoming, connection: &Arc<Connection>) -> Body {
    let arriving = Arriving(connection.clone());
    if body.is_end_stream() {
        return Body::empty();
    }
    connection.body_started();
    Body::new(body.map_frame(move |frame| {
        arriving
            .0
            .body_grew(frame.data_ref().map_or(0, |data| data.len()));
        frame
    }))
}

/// Lives as long as a body is read.
struct Arriving(Arc<Connection>);

impl Drop for Arriving {
    fn drop(&mut self) {
        self.0.work_started();
    }
}
