//! One connection, from `hello` to its end.
//!
//! It holds the simulator weakly: when the last [`Sim`](crate::Sim) is dropped, its queue closes and
//! so does the connection. Everything that waits has a limit; a client that does not read, or is
//! not heard of for half a minute, is let go.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use axum::extract::ws::{Message, WebSocket};
use chrono::{DateTime, TimeDelta, Utc};
use tokio::{
    sync::watch,
    time::{Instant, MissedTickBehavior, interval_at, timeout},
};

use super::{
    envelope::{self, DisconnectReason},
    hub::{Joined, Order},
};
use crate::{
    clock::{Clock, reach},
    sim::Inner,
};

/// How often the server pings.
const PING_EVERY: Duration = Duration::from_secs(10);
/// How long a client may be silent: it answers pings if it lives.
const SILENCE: Duration = Duration::from_secs(30);
/// How long one message may take to be written.
const WRITE_PATIENCE: Duration = Duration::from_secs(5);
/// How long a client has to answer the closing of a connection.
const CLOSE_PATIENCE: Duration = Duration::from_secs(1);
/// How long a connection lives after a warning.
const NOTICE: TimeDelta = TimeDelta::seconds(10);
/// How long Slack says that a connection lives; here it lives until it is told to end.
const USUAL_LIFE_SECS: i64 = 18_060;
/// How long a connection lives with `debug_reconnects`.
const DEBUG_LIFE: TimeDelta = TimeDelta::seconds(360);

/// How a connection came to its end.
enum End {
    /// The client went away or stopped reading, or the connection is to break.
    Gone,
    /// One side says that it closes, and the other has yet to answer.
    Closed,
}

struct Connection {
    socket: WebSocket,
    joined: Joined,
    sim: Weak<Inner>,
    clock: Clock,
    changes: watch::Receiver<u64>,
    /// When it is warned, and when it ends.
    warned_at: Option<DateTime<Utc>>,
    ends_at: Option<DateTime<Utc>>,
    heard_at: Instant,
}

/// Serves a client whose ticket was good.
pub(super) async fn serve(mut socket: WebSocket, sim: Weak<Inner>, debug_reconnects: bool) {
    let Some(inner) = sim.upgrade() else {
        return;
    };
    let joined = inner.change(|state, _| state.join());
    let joined = match joined {
        Ok(joined) => joined,
        Err(reason) => {
            let refusal = envelope::disconnect(reason).to_string();
            if say(&mut socket, Message::text(refusal)).await.is_ok() {
                close(socket).await;
            }
            return;
        }
    };
    let id = joined.id;
    let now = (inner.clock)();
    let lifetime_secs = match debug_reconnects {
        true => DEBUG_LIFE.num_seconds(),
        false => USUAL_LIFE_SECS,
    };
    let app_id = inner.read(|state| state.workspace.app_id.clone());
    let hello = envelope::hello(&app_id, joined.connections, lifetime_secs);
    let connection = Connection {
        socket,
        joined,
        sim: sim.clone(),
        clock: inner.clock.clone(),
        changes: inner.changes(),
        warned_at: debug_reconnects.then(|| now + DEBUG_LIFE - NOTICE),
        ends_at: debug_reconnects.then(|| now + DEBUG_LIFE),
        heard_at: Instant::now(),
    };
    drop(inner);
    connection.run(hello.to_string()).await;
    with(&sim, |inner| {
        inner.change(|state, _| state.sockets.leave(id))
    });
}

impl Connection {
    async fn run(mut self, hello: String) {
        let end = match say(&mut self.socket, Message::text(hello)).await {
            Ok(()) => self.converse().await.unwrap_or_else(|end| end),
            Err(end) => end,
        };
        if matches!(end, End::Closed) {
            close(self.socket).await;
        }
    }

    /// Says and hears until there is an end to it.
    async fn converse(&mut self) -> Result<End, End> {
        let mut pings = interval_at(Instant::now() + PING_EVERY, PING_EVERY);
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let next = self.warned_at.or(self.ends_at);
            tokio::select! {
                order = self.joined.orders.recv() => match order {
                    Some(Order::Say(text)) => say(&mut self.socket, Message::text(text)).await?,
                    Some(Order::Disconnect(reason)) => self.disconnect(reason).await?,
                    Some(Order::Break) => return Ok(End::Gone),
                    None => return Ok(End::Closed),
                },
                message = self.socket.recv() => match message {
                    Some(Ok(message)) => self.hear(&message)?,
                    Some(Err(error)) => {
                        let complaint = format!("a connection broke: {error}");
                        with(&self.sim, |inner| {
                            inner.change(|state, _| state.sockets.complain(complaint));
                        });
                        return Ok(End::Gone);
                    }
                    None => return Ok(End::Gone),
                },
                _ = pings.tick() => {
                    if self.heard_at.elapsed() > SILENCE {
                        return Ok(End::Gone);
                    }
                    let ping = Message::Ping("Ping from applink-local".into());
                    say(&mut self.socket, ping).await?;
                }
                () = reach(&self.clock, &mut self.changes, next) => match self.warned_at.take() {
                    Some(_) => {
                        let warning = envelope::disconnect(DisconnectReason::Warning).to_string();
                        say(&mut self.socket, Message::text(warning)).await?;
                    }
                    None => self.disconnect(DisconnectReason::RefreshRequested).await?,
                },
            }
        }
    }

    /// Tells the client why it ends; a warning leaves it ten seconds of the simulator's clock.
    async fn disconnect(&mut self, reason: DisconnectReason) -> Result<(), End> {
        let text = envelope::disconnect(reason).to_string();
        say(&mut self.socket, Message::text(text)).await?;
        if reason != DisconnectReason::Warning {
            return Err(End::Closed);
        }
        let notice = (self.clock)() + NOTICE;
        self.warned_at = None;
        self.ends_at = Some(self.ends_at.map_or(notice, |ends_at| ends_at.min(notice)));
        Ok(())
    }

    fn hear(&mut self, message: &Message) -> Result<(), End> {
        self.heard_at = Instant::now();
        match message {
            Message::Text(text) => with(&self.sim, |inner| {
                inner.change(|state, _| state.sockets.hear(text));
            }),
            Message::Binary(_) => with(&self.sim, |inner| {
                inner.change(|state, _| state.sockets.complain("a binary message".to_owned()));
            }),
            Message::Ping(_) | Message::Pong(_) => {}
            Message::Close(_) => return Err(End::Closed),
        }
        Ok(())
    }
}

/// Does something with the simulator if it is still there.
fn with(sim: &Weak<Inner>, act: impl FnOnce(&Arc<Inner>)) {
    if let Some(inner) = sim.upgrade() {
        act(&inner);
    }
}

async fn say(socket: &mut WebSocket, message: Message) -> Result<(), End> {
    match timeout(WRITE_PATIENCE, socket.send(message)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) | Err(_) => Err(End::Gone),
    }
}

/// Closes politely: says so, and reads until both have said so. A client that said so first is
/// answered by the reading; sending is refused then.
async fn close(mut socket: WebSocket) {
    let closing = async {
        drop(socket.send(Message::Close(None)).await);
        while let Some(Ok(_)) = socket.recv().await {}
    };
    // A client that does not answer is let go without.
    drop(timeout(CLOSE_PATIENCE, closing).await);
}
