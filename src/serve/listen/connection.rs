//! One connection: HTTP/1.1 between a socket and the routes. Each step that it takes is told to its
//! place, where its time and its turn to give way are kept.

use std::{
    convert::Infallible,
    io,
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
    task::{Context, Poll},
};

use axum::{
    Error,
    body::{Body, Bytes},
    extract::Request,
};
use hyper::{
    body::{Body as _, Frame, Incoming, SizeHint},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};
use tokio_util::sync::CancellationToken;

use super::table::Connection;
use crate::serve::{
    address::Peer,
    auth_gate::{AuthGate, Proven},
};

/// The longest head, in bytes, and what is read or written at once. Slack's heads have one kilobyte.
const BUFFER: usize = 16 * 1024;

/// Answers what `stream` asks until it closes, its place is needed, or all is answered after
/// `shutdown`.
pub(super) async fn serve(
    stream: TcpStream,
    peer: Peer,
    seat: Arc<Connection>,
    front: Arc<AuthGate>,
    shutdown: CancellationToken,
) {
    // Answers are short: none waits for the next to fill a packet. It only costs time if it fails.
    let _ = stream.set_nodelay(true);
    let answering = Arc::new(Answering::default());
    let wire = Wire {
        stream,
        answering: answering.clone(),
        seat: seat.clone(),
    };
    let answer = service_fn(|request: Request<Incoming>| {
        let front = front.clone();
        let (seat, answering) = (seat.clone(), answering.clone());
        async move {
            let request = request.map(|body| arriving(body, &seat));
            let response = front.answer(peer, request).await;
            seat.answering(response.extensions().get::<Proven>().is_some());
            answering.begin();
            let leaving = |inner| Leaving { inner, answering };
            Ok::<_, Infallible>(response.map(leaving))
        }
    });
    let mut http = http1::Builder::new();
    // Time is kept by the place, which tells a slow head from an idle connection.
    http.header_read_timeout(None).max_buf_size(BUFFER);
    let mut connection = pin!(http.serve_connection(TokioIo::new(wire), answer));
    let mut stopping = false;
    loop {
        tokio::select! {
            biased;
            () = seat.closing() => return,
            // Whoever breaks off or speaks no HTTP is gone; there is nobody to tell.
            _ = connection.as_mut() => return,
            () = shutdown.cancelled(), if !stopping => {
                stopping = true;
                connection.as_mut().graceful_shutdown();
            }
        }
    }
}

fn arriving(body: Incoming, seat: &Arc<Connection>) -> Body {
    if body.is_end_stream() {
        seat.asked();
        return Body::empty();
    }
    seat.asking();
    Body::new(Arriving {
        inner: body,
        seat: seat.clone(),
    })
}

/// A body on its way in.
struct Arriving {
    inner: Incoming,
    seat: Arc<Connection>,
}

impl hyper::body::Body for Arriving {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = std::task::ready!(Pin::new(&mut self.inner).poll_frame(context));
        if let Some(Ok(frame)) = &frame
            && let Some(data) = frame.data_ref()
        {
            self.seat.arrived(data.len());
        }
        if frame.is_none() || self.inner.is_end_stream() {
            self.seat.asked();
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// A body on its way out. It is let go of when all of it is with the wire.
struct Leaving {
    inner: Body,
    answering: Arc<Answering>,
}

impl hyper::body::Body for Leaving {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        Pin::new(&mut self.inner).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

impl Drop for Leaving {
    fn drop(&mut self) {
        self.answering.handed_over();
    }
}

/// How far the answer is: with the routes, with HTTP, or with the kernel.
#[derive(Default)]
struct Answering(AtomicU8);

impl Answering {
    const BEGUN: u8 = 1;
    const HANDED_OVER: u8 = 2;

    fn begin(&self) {
        self.0.store(Self::BEGUN, Ordering::Relaxed);
    }

    fn handed_over(&self) {
        self.0.store(Self::HANDED_OVER, Ordering::Relaxed);
    }

    /// Whether the answer was handed over; said once.
    fn is_over(&self) -> bool {
        let (over, none) = (Self::HANDED_OVER, 0);
        let took = (self.0).compare_exchange(over, none, Ordering::Relaxed, Ordering::Relaxed);
        took.is_ok()
    }
}

/// The socket, which tells its place what comes and when an answer has gone out.
struct Wire {
    stream: TcpStream,
    answering: Arc<Answering>,
    seat: Arc<Connection>,
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if buffer.filled().len() > before {
            self.seat.heard();
        }
        read
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    /// Called only when all that HTTP had to write was written.
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.answering.is_over() {
            self.seat.answered();
        }
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        if self.seat.is_closing() {
            // The kernel is to keep nothing of it either. If it will not, it keeps it for a minute.
            let _ = self.stream.set_zero_linger();
        }
    }
}
