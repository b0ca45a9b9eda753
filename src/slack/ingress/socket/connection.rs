//! One connection, from `hello` to its end.
//!
//! Reading never waits for an answer that is being made: each envelope is worked on in a task of
//! its own, of which there is a bounded number. What is not taken, or breaks, is not acknowledged,
//! so that Slack delivers it again or tells whoever acted. What is delivered twice is received
//! twice: that one intention has one effect is seen to by the broker, as it is over HTTP.

use std::{sync::Arc, time::Duration};

use futures_util::{SinkExt, StreamExt};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::{OwnedSemaphorePermit, Semaphore, mpsc},
    time::{Instant, MissedTickBehavior, interval, timeout},
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{self, Message},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    super::{Answer, Receive},
    envelope::{Envelope, Reason, Said},
    opening::in_our_words,
    pool::{ConnectionPool, Seat},
};
use crate::metrics::Metrics;

/// How often it is looked whether Slack is still there; after as long a silence it is pinged.
const LOOK: Duration = Duration::from_secs(10);

/// After how long a silence a connection is given up: Slack pings, and answers pings.
const SILENCE: Duration = Duration::from_secs(30);

/// How long one message may take to be written.
const WRITING: Duration = Duration::from_secs(5);

/// How long Slack listens for an acknowledgement; an answer that takes longer is worth nothing.
const ANSWERING: Duration = Duration::from_secs(3);

/// How long a connection that Slack takes out of use may live on; Slack ends it after ten seconds.
const DRAINING: Duration = Duration::from_secs(30);

/// How long Slack may take to close in turn.
const CLOSING: Duration = Duration::from_secs(1);

/// What all connections share.
pub(super) struct Shared {
    pub(super) receive: Arc<dyn Receive>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) pool: Arc<ConnectionPool>,
    /// One permit for each envelope that may be worked on at once.
    pub(super) room: Arc<Semaphore>,
    pub(super) tasks: TaskTracker,
    pub(super) shutdown: CancellationToken,
}

/// Why a connection did not end well.
#[derive(Debug, thiserror::Error)]
enum Broken {
    #[error("nothing was heard for {} s", SILENCE.as_secs())]
    Silent,
    #[error("it takes nothing")]
    Stalled,
    #[error("{}", in_our_words(.0))]
    Failed(#[from] tungstenite::Error),
}

/// One connection that is ready.
pub(super) struct SocketConnection<S> {
    shared: Arc<Shared>,
    stream: WebSocketStream<S>,
    seat: Seat,
    acknowledgements: mpsc::Receiver<String>,
    /// What is worked on for this connection.
    under_way: TaskTracker,
    /// Held until another connection is to take its place.
    place: Option<OwnedSemaphorePermit>,
    heard_at: Instant,
    taken_out_at: Option<Instant>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> SocketConnection<S> {
    pub(super) fn new(
        shared: Arc<Shared>,
        stream: WebSocketStream<S>,
        place: OwnedSemaphorePermit,
    ) -> Self {
        let (seat, acknowledgements) = shared.pool.join();
        Self {
            shared,
            stream,
            seat,
            acknowledgements,
            under_way: TaskTracker::new(),
            place: Some(place),
            heard_at: Instant::now(),
            taken_out_at: None,
        }
    }

    /// Converses until the end.
    pub(super) async fn run(mut self) {
        match self.converse().await {
            Ok(()) => tracing::debug!("a Socket Mode connection ended"),
            Err(why) if self.taken_out_at.is_some() => {
                tracing::debug!(error = %why, "a Socket Mode connection ended");
            }
            Err(why) => {
                tracing::warn!(
                    error = %why,
                    "a Socket Mode connection failed; Keylend opens another"
                );
            }
        }
        // In this order: the next connection is opened when the pool knows that this one ended.
        self.seat.leave(self.acknowledgements);
        drop(self.place);
    }

    async fn converse(&mut self) -> Result<(), Broken> {
        let shared = self.shared.clone();
        let mut looks = interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                // In this order: however much comes in, the rest is not kept waiting.
                biased;
                () = shared.shutdown.cancelled() => return self.close().await,
                _ = looks.tick() => {
                    if self.taken_out_at.is_some_and(|at| at.elapsed() > DRAINING) {
                        return self.close().await;
                    }
                    match self.heard_at.elapsed() {
                        silence if silence > SILENCE => return Err(Broken::Silent),
                        silence if silence >= LOOK => {
                            self.say(Message::Ping("keylend".into())).await?;
                        }
                        _ => {}
                    }
                }
                Some(text) = self.acknowledgements.recv() => self.say(Message::text(text)).await?,
                message = self.stream.next() => match message {
                    Some(message) => self.hear(&message?),
                    None => return Ok(()),
                },
            }
        }
    }

    fn hear(&mut self, message: &Message) {
        self.heard_at = Instant::now();
        let text = match message {
            Message::Text(text) => text,
            Message::Binary(_) => {
                tracing::warn!("ignored a binary message from Slack");
                return;
            }
            // Pings are answered, and a closing is answered in kind, by the library.
            Message::Ping(_) | Message::Pong(_) | Message::Close(_) | Message::Frame(_) => return,
        };
        match Said::parse(text) {
            Ok(Said::Envelope(envelope)) => self.take(envelope),
            Ok(Said::Disconnect(reason)) => self.taken_out(reason),
            Ok(Said::Hello { .. } | Said::Unknown) => {}
            // The error stays out of the log: it may quote the text.
            Err(_) => tracing::warn!("failed to read a Socket Mode message"),
        }
    }

    /// Slack takes the connection out of use: another takes its place while this one drains.
    fn taken_out(&mut self, reason: Reason) {
        tracing::info!(
            slack.reason = ?reason,
            "Slack is closing a Socket Mode connection; Keylend opens another"
        );
        if reason == Reason::SwitchedOff {
            self.shared.pool.switched_off();
        }
        self.taken_out_at.get_or_insert_with(Instant::now);
        self.place = None;
    }

    /// Has an envelope worked on, and acknowledged with what comes of it.
    fn take(&self, envelope: Envelope) {
        if let Some(reason) = &envelope.retry {
            tracing::info!(slack.retry_reason = reason, "Slack repeats a delivery");
        }
        let Ok(permit) = self.shared.room.clone().try_acquire_owned() else {
            tracing::warn!("too many deliveries at once; rejected one, and Slack repeats it");
            return;
        };
        let (receive, metrics) = (self.shared.receive.clone(), self.shared.metrics.clone());
        let acknowledge = self.seat.voice();
        let taken_at = Instant::now();
        let work = async move {
            let answering = answer(&envelope, receive);
            let Ok(answer) = timeout(ANSWERING, answering).await else {
                tracing::warn!("failed to process a delivery in time; Slack repeats it");
                return;
            };
            let shown = match answer {
                Some(Answer::Received) => None,
                Some(Answer::Show(shown)) => Some(shown),
                Some(Answer::Busy) | None => return,
            };
            if acknowledge(envelope.acknowledgement(shown)) {
                metrics.acknowledged(taken_at.elapsed());
            } else {
                tracing::warn!(
                    "failed to acknowledge a delivery: no connection is open; Slack repeats it"
                );
            }
            drop(permit);
        };
        // A task of its own: if it panics, the connection goes on.
        self.shared.tasks.spawn(self.under_way.track_future(work));
    }

    /// Lets what is under way be acknowledged, then closes. What comes meanwhile is not taken:
    /// Slack delivers it over another connection.
    async fn close(&mut self) -> Result<(), Broken> {
        self.under_way.close();
        let under_way = self.under_way.clone();
        let mut finished = std::pin::pin!(timeout(ANSWERING, under_way.wait()));
        loop {
            tokio::select! {
                biased;
                Some(text) = self.acknowledgements.recv() => self.say(Message::text(text)).await?,
                _ = &mut finished => break,
            }
        }
        while let Ok(text) = self.acknowledgements.try_recv() {
            self.say(Message::text(text)).await?;
        }
        let stream = &mut self.stream;
        let closing = async {
            stream.close(None).await?;
            while let Some(heard) = stream.next().await {
                heard?;
            }
            Ok(())
        };
        // Slack need not answer: the connection ends here either way.
        timeout(CLOSING, closing).await.unwrap_or(Ok(()))
    }

    async fn say(&mut self, message: Message) -> Result<(), Broken> {
        match timeout(WRITING, self.stream.send(message)).await {
            Ok(sent) => Ok(sent?),
            Err(_) => Err(Broken::Stalled),
        }
    }
}

/// What comes of an envelope; nothing if it could not be read. One of a kind that we do not know is
/// received, and that is all.
async fn answer(envelope: &Envelope, receive: Arc<dyn Receive>) -> Option<Answer> {
    match envelope.delivery() {
        Ok(Some(delivery)) => Some(receive.receive(delivery, envelope.key()).await),
        Ok(None) => Some(Answer::Received),
        // The error stays out of the log: it may quote the text.
        Err(_) => {
            tracing::warn!("failed to read the payload of a delivery");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;
    use tokio::{
        io::{DuplexStream, duplex},
        sync::watch,
        task::JoinHandle,
    };
    use tokio_tungstenite::tungstenite::protocol::Role;

    use super::*;
    use crate::domain::DeliveryKey;
    use crate::slack::ingress::Delivery;

    struct Nobody;

    #[async_trait]
    impl Receive for Nobody {
        async fn receive(self: Arc<Self>, _: Delivery, _: DeliveryKey) -> Answer {
            Answer::Received
        }
    }

    /// A connection, and Slack's end of it. The clock of these tests moves when all wait.
    async fn link() -> (
        JoinHandle<()>,
        WebSocketStream<DuplexStream>,
        Arc<Semaphore>,
    ) {
        let metrics = Arc::new(Metrics::default());
        let (reach, _) = watch::channel(Ok(()));
        let shared = Shared {
            receive: Arc::new(Nobody),
            pool: Arc::new(ConnectionPool::new(reach, metrics.clone())),
            metrics,
            room: Arc::new(Semaphore::new(1)),
            tasks: TaskTracker::new(),
            shutdown: CancellationToken::new(),
        };
        let (ours, theirs) = duplex(1024);
        let ours = WebSocketStream::from_raw_socket(ours, Role::Client, None).await;
        let theirs = WebSocketStream::from_raw_socket(theirs, Role::Server, None).await;
        let places = Arc::new(Semaphore::new(1));
        let place = places.clone().try_acquire_owned().unwrap();
        let link = SocketConnection::new(Arc::new(shared), ours, place);
        (tokio::spawn(link.run()), theirs, places)
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_on_which_nothing_is_heard_is_given_up() {
        let (running, _theirs, places) = link().await;
        let started = Instant::now();
        running.await.unwrap();
        assert!((SILENCE..SILENCE + 2 * LOOK).contains(&started.elapsed()));
        assert_eq!(places.available_permits(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_quiet_slack_that_answers_pings_is_kept() {
        let (running, mut theirs, places) = link().await;
        let started = Instant::now();
        while started.elapsed() < 10 * SILENCE {
            // Reading answers pings.
            let ping = theirs.next().await.unwrap().unwrap();
            assert!(ping.is_ping(), "{ping}");
        }
        assert!(!running.is_finished());
        assert_eq!(places.available_permits(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_taken_out_of_use_gives_its_place_up_at_once_and_drains() {
        let (running, mut theirs, places) = link().await;
        let started = Instant::now();
        let warning = r#"{"type":"disconnect","reason":"warning"}"#;
        theirs.send(Message::text(warning)).await.unwrap();
        drop(places.acquire().await.unwrap());
        assert!(started.elapsed() < LOOK);
        let closed = async { while !matches!(theirs.next().await, None | Some(Err(_))) {} };
        tokio::join!(closed, async { running.await.unwrap() });
        assert!((DRAINING..DRAINING + 2 * LOOK).contains(&started.elapsed()));
    }
}
