//! Which connections there are, how long each may wait, and which gives way.
//!
//! One rule: of the connections that wait for their client, the one whose last step is longest ago
//! gives way. Coming, having sent a request and having been answered are steps; sending a few more
//! bytes is none, so that nobody stays young by being slow, and a client that asks promptly is
//! answered before it could give way. Connections that have carried something proven give way last,
//! as long as they leave half of the connections to others. Bodies that are arriving share a bound
//! of memory by the same rule.
//!
//! Every question is a scan of the table: it has some thousand rows at most, and a scan of them
//! costs less than accepting a connection.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{sync::OwnedSemaphorePermit, time::Instant};
use tokio_util::sync::CancellationToken;

use crate::{
    metrics::Rejection,
    serve::{address::Peer, rejection_log::RejectionLog},
};

/// How long a head may take, and how long a client may take nothing of an answer.
pub(super) const STEP: Duration = Duration::from_secs(10);

/// How long a connection is kept for the next request. Load balancers let go after 60 seconds, and
/// must be the first to.
const IDLE: Duration = Duration::from_secs(75);

/// What bodies that are arriving may hold in memory, in bytes, all together.
const BODIES: usize = 16 * 1024 * 1024;

/// All connections.
pub(super) struct ConnectionTable {
    per_network: usize,
    rejections: Arc<RejectionLog>,
    rows: Mutex<Rows>,
}

#[derive(Default)]
struct Rows {
    steps: u64,
    by_id: HashMap<u64, Row>,
}

struct Row {
    peer: Peer,
    /// Where it counts; nothing for a trusted proxy.
    network: Option<IpAddr>,
    stage: Stage,
    /// The number of its last step.
    step: u64,
    proven: bool,
    close: CancellationToken,
}

/// What is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// The first byte of a request.
    Idle { until: Instant },
    /// The rest of its head.
    Head { until: Instant },
    /// The rest of its body, of which so many bytes are here. Its time is the request's.
    Body { bytes: usize },
    /// Keylend itself.
    Work,
    /// That the connection closes.
    Closing,
}

impl ConnectionTable {
    pub(super) fn new(per_network: usize, rejections: Arc<RejectionLog>) -> Self {
        Self {
            per_network,
            rejections,
            rows: Mutex::default(),
        }
    }

    /// Adds a newcomer, who counts among those of `network`.
    pub(super) fn add(
        table: &Arc<Self>,
        peer: Peer,
        network: Option<IpAddr>,
        permit: OwnedSemaphorePermit,
    ) -> Arc<Connection> {
        let close = CancellationToken::new();
        let mut rows = table.rows();
        rows.steps += 1;
        let id = rows.steps;
        let row = Row {
            peer,
            network,
            stage: Stage::Idle {
                until: Instant::now() + STEP,
            },
            step: id,
            proven: false,
            close: close.clone(),
        };
        rows.by_id.insert(id, row);
        table.rejections.connections(rows.by_id.len());
        Arc::new(Connection {
            id,
            peer,
            table: table.clone(),
            close,
            _permit: permit,
        })
    }

    /// Makes a connection give way, if one can and fewer than `wanted` are closing.
    pub(super) fn evict(&self, wanted: usize) {
        let mut rows = self.rows();
        if rows.count(|row| row.stage == Stage::Closing) >= wanted {
            return;
        }
        // Newcomers would push each other out if the proven had nearly all.
        let proven = rows.count(|row| row.proven && row.is_waiting());
        let of_proven = proven > rows.by_id.len() / 2;
        let next = rows.next(|row| row.proven == of_proven);
        let evicted = next.or_else(|| rows.next(|_| true));
        let evicted = evicted.and_then(|id| rows.close(id));
        drop(rows);
        self.note(
            Rejection::Evicted,
            evicted,
            "there were too many connections",
        );
    }

    /// Makes room for one more connection of `network`; no if each that it has is worked for.
    pub(super) fn make_room_for(&self, network: IpAddr) -> bool {
        let mut rows = self.rows();
        let is_of_it = |row: &Row| row.network == Some(network);
        if rows.count(|row| is_of_it(row) && row.stage != Stage::Closing) < self.per_network {
            return true;
        }
        let evicted = rows.next(is_of_it).and_then(|id| rows.close(id));
        drop(rows);
        let why = "the address had all the connections that it may";
        self.note(Rejection::Evicted, evicted, why);
        evicted.is_some()
    }

    /// Closes those whose time is over.
    pub(super) fn close_overdue(&self, now: Instant) {
        let mut slow = Vec::new();
        for row in self.rows().by_id.values_mut() {
            match row.stage {
                Stage::Head { until } if until <= now => slow.push(row.peer),
                Stage::Idle { until } if until <= now => {}
                _ => continue,
            }
            row.close();
        }
        for peer in slow {
            let why = "the head did not arrive in time";
            self.note(Rejection::Slow, Some(peer), why);
        }
    }

    fn note(&self, reason: Rejection, peer: Option<Peer>, why: &str) {
        if let Some(peer) = peer {
            self.rejections.note(reason, Some(peer), &why);
        }
    }

    /// The rows are always left in a state that can be gone on from.
    fn rows(&self) -> MutexGuard<'_, Rows> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Rows {
    fn count(&self, counts: impl Fn(&Row) -> bool) -> usize {
        self.by_id.values().filter(|row| counts(row)).count()
    }

    /// Who gives way next among those who may.
    fn next(&self, may: impl Fn(&Row) -> bool) -> Option<u64> {
        let waiting = self.by_id.iter();
        let waiting = waiting.filter(|(_, row)| row.is_waiting() && may(row));
        let next = waiting.min_by_key(|(_, row)| (row.proven, row.step));
        next.map(|(id, _)| *id)
    }

    /// Closes a connection; answers whose it was.
    fn close(&mut self, id: u64) -> Option<Peer> {
        let row = self.by_id.get_mut(&id)?;
        row.close();
        Some(row.peer)
    }

    fn arriving(&self) -> usize {
        self.by_id.values().map(Row::arrived).sum()
    }
}

impl Row {
    /// Whether the client has the next step to take.
    fn is_waiting(&self) -> bool {
        !matches!(self.stage, Stage::Work | Stage::Closing)
    }

    fn arrived(&self) -> usize {
        match self.stage {
            Stage::Body { bytes } => bytes,
            _ => 0,
        }
    }

    fn close(&mut self) {
        self.stage = Stage::Closing;
        self.close.cancel();
    }
}

/// One connection's row, there until the connection is closed.
pub(super) struct Connection {
    id: u64,
    peer: Peer,
    table: Arc<ConnectionTable>,
    close: CancellationToken,
    _permit: OwnedSemaphorePermit,
}

impl Connection {
    /// The other end.
    pub(super) fn peer(&self) -> Peer {
        self.peer
    }

    /// Waits until the connection has to close.
    pub(super) async fn closing(&self) {
        self.close.cancelled().await;
    }

    /// Bytes arrived. The first of a head start its time, and are no step.
    pub(super) fn head_started(&self) {
        if let Some(row) = self.table.rows().by_id.get_mut(&self.id)
            && matches!(row.stage, Stage::Idle { .. })
        {
            row.stage = Stage::Head {
                until: Instant::now() + STEP,
            };
        }
    }

    /// Closes the connection if only a part of a head is here.
    pub(super) fn close_head(&self) {
        if let Some(row) = self.table.rows().by_id.get_mut(&self.id)
            && matches!(row.stage, Stage::Head { .. })
        {
            row.close();
        }
    }

    /// The head is here, and a body is still to come.
    pub(super) fn body_started(&self) {
        self.step(|_| Stage::Body { bytes: 0 });
    }

    /// So many more bytes of the body are here. If that is too much for all who are sending, those
    /// whose turn it is give way.
    pub(super) fn body_grew(&self, more: usize) {
        let mut rows = self.table.rows();
        if let Some(row) = rows.by_id.get_mut(&self.id)
            && let Stage::Body { bytes } = &mut row.stage
        {
            *bytes += more;
        }
        let mut evicted = Vec::new();
        while rows.arriving() > BODIES
            && let Some(next) = rows.next(|row| row.arrived() > 0)
        {
            evicted.extend(rows.close(next));
        }
        drop(rows);
        for peer in evicted {
            let why = "there was no memory left for the body";
            self.table.note(Rejection::Evicted, Some(peer), why);
        }
    }

    /// The request is here, or as much of it as is read.
    pub(super) fn work_started(&self) {
        self.step(|_| Stage::Work);
    }

    /// The answer is ready. It is `proven` if the client proved who they are.
    pub(super) fn answered(&self, proven: bool) {
        self.step(|row| {
            row.proven |= proven;
            Stage::Idle {
                until: Instant::now() + IDLE,
            }
        });
    }

    /// The client took nothing of an answer for too long.
    pub(super) fn answer_not_taken(&self) {
        let why = "the answer was not taken in time";
        self.table.note(Rejection::Slow, Some(self.peer), why);
    }

    fn step(&self, stage: impl FnOnce(&mut Row) -> Stage) {
        let mut rows = self.table.rows();
        rows.steps += 1;
        let step = rows.steps;
        if let Some(row) = rows.by_id.get_mut(&self.id)
            && row.stage != Stage::Closing
        {
            row.step = step;
            row.stage = stage(row);
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        let mut rows = self.table.rows();
        rows.by_id.remove(&self.id);
        self.table.rejections.connections(rows.by_id.len());
    }
}
