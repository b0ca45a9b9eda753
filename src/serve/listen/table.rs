//! The places of connections: who holds one, for how long they may, and who gives way.
//!
//! One rule: of those for whom nothing is being done, the one gives way whose last step is longest
//! ago. Coming, having asked and having been answered are steps; sending a few bytes more is none,
//! so nobody stays young by being slow, and whoever asks at once is served before their turn comes.
//! Connections that have carried something proven give way last, as long as they leave half of the
//! places to newcomers. Bodies that are still arriving share one bound of memory by the same rule.

use std::{
    collections::{BTreeMap, HashMap},
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

/// How long a head, a body and the reading of an answer may take, each.
const STEP: Duration = Duration::from_secs(10);

/// How long a connection is kept for the next question. Load balancers let go after 60 seconds, and
/// must be the first to.
const IDLE: Duration = Duration::from_secs(75);

/// What bodies that are still arriving may hold in memory, in bytes, all together.
const BODIES: usize = 16 * 1024 * 1024;

/// Who holds a place.
pub(super) struct ConnectionTable {
    all: usize,
    each: u32,
    notices: Arc<RejectionLog>,
    table: Mutex<Table>,
}

#[derive(Default)]
struct Table {
    steps: u64,
    places: HashMap<u64, Place>,
    /// Who may have to give way, by the number of their last step.
    newcomers: BTreeMap<u64, u64>,
    proven: BTreeMap<u64, u64>,
    by_address: HashMap<IpAddr, u32>,
    /// Bytes of bodies that are still arriving.
    arriving: usize,
    /// ConnectionTable that are about to be free.
    closing: usize,
}

struct Place {
    peer: Peer,
    /// Where it counts; nothing for a trusted proxy.
    among: Option<IpAddr>,
    stage: Stage,
    until: Instant,
    step: u64,
    proven: bool,
    arrived: usize,
    close: CancellationToken,
}

/// What is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// The first byte of a question.
    Idle,
    /// The rest of its head.
    Head,
    /// The rest of its body.
    Body,
    /// Keylend itself.
    Work,
    /// That the answer is taken.
    Answer,
    /// That the connection closes.
    Closed,
}

impl ConnectionTable {
    pub(super) fn new(all: u32, each: u32, notices: Arc<RejectionLog>) -> Self {
        Self {
            all: all as usize,
            each,
            notices,
            table: Mutex::default(),
        }
    }

    /// Gives a newcomer a place. They count among those of the address `among`.
    pub(super) fn take(
        places: &Arc<Self>,
        peer: Peer,
        among: Option<IpAddr>,
        permit: OwnedSemaphorePermit,
    ) -> Arc<Connection> {
        let close = CancellationToken::new();
        let place = Place {
            peer,
            among,
            stage: Stage::Idle,
            until: Instant::now() + STEP,
            step: 0,
            proven: false,
            arrived: 0,
            close: close.clone(),
        };
        let mut table = places.table();
        if let Some(address) = among {
            *table.by_address.entry(address).or_default() += 1;
        }
        table.steps += 1;
        let id = table.steps;
        table.places.insert(id, place);
        table.step(id, Stage::Idle, STEP);
        places.notices.connections(table.places.len());
        Arc::new(Connection {
            id,
            places: places.clone(),
            close,
            _permit: permit,
        })
    }

    /// Makes the one give way whose turn it is, if there is one and fewer than `wanted` places are
    /// about to be free.
    pub(super) fn give_way(&self, wanted: usize) {
        let mut table = self.table();
        if table.closing >= wanted {
            return;
        }
        // Newcomers would push each other out if the proven held nearly all.
        let proven_first = table.proven.len() > self.all / 2;
        let [first, second] = if proven_first {
            [&table.proven, &table.newcomers]
        } else {
            [&table.newcomers, &table.proven]
        };
        let next = first.values().chain(second.values()).next().copied();
        let closed = next.and_then(|id| table.close(id));
        drop(table);
        self.tell(Rejection::Evicted, closed, "there were no places left");
    }

    /// Sees to it that one more of this address can come; no if all of them are being worked for.
    pub(super) fn give_way_at(&self, address: IpAddr) -> bool {
        let mut table = self.table();
        let held = table.by_address.get(&address).copied().unwrap_or(0);
        if held < self.each {
            return true;
        }
        let of_address = |id: &&u64| table.places[*id].among == Some(address);
        let mut waiting = table.newcomers.values().chain(table.proven.values());
        let next = waiting.find(of_address).copied();
        let closed = next.and_then(|id| table.close(id));
        drop(table);
        let why = "the address held all the connections that it may";
        self.tell(Rejection::Evicted, closed, why);
        closed.is_some()
    }

    /// Closes those whose time is over.
    pub(super) fn close_overdue(&self, now: Instant) {
        let mut table = self.table();
        for id in table.find(|place| place.until <= now && place.is_waiting()) {
            let stage = table.places[&id].stage;
            let closed = table.close(id);
            let why = match stage {
                Stage::Head => "the head did not arrive in time",
                Stage::Body => "the body did not arrive in time",
                Stage::Answer => "the answer was not taken in time",
                // Whoever has nothing more to ask is only let go.
                Stage::Idle | Stage::Work | Stage::Closed => continue,
            };
            self.tell(Rejection::Slow, closed, why);
        }
    }

    /// Closes those who have not asked anything yet: there will be no answer.
    pub(super) fn close_unasked(&self) {
        let mut table = self.table();
        for id in table.find(|place| matches!(place.stage, Stage::Idle | Stage::Head)) {
            table.close(id);
        }
    }

    fn tell(&self, reason: Rejection, closed: Option<Peer>, why: &str) {
        if let Some(peer) = closed {
            self.notices.note(reason, Some(peer), &why);
        }
    }

    /// A place is always left in a state that can be gone on from.
    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    /// Notes that a connection is one step further, and has `time` for the next.
    fn step(&mut self, id: u64, stage: Stage, time: Duration) {
        self.stand_back(id);
        self.steps += 1;
        let Some(place) = self.places.get_mut(&id) else {
            return;
        };
        if place.stage == Stage::Closed {
            return;
        }
        place.stage = stage;
        place.step = self.steps;
        place.until = Instant::now() + time;
        if place.is_waiting() {
            let waiting = if place.proven {
                &mut self.proven
            } else {
                &mut self.newcomers
            };
            waiting.insert(place.step, id);
        }
    }

    /// Takes a connection out of the turn, and lets go of what arrived.
    fn stand_back(&mut self, id: u64) {
        if let Some(place) = self.places.get_mut(&id) {
            self.newcomers.remove(&place.step);
            self.proven.remove(&place.step);
            self.arriving -= std::mem::take(&mut place.arrived);
        }
    }

    /// Closes a connection; answers whose it was.
    fn close(&mut self, id: u64) -> Option<Peer> {
        self.stand_back(id);
        let place = self.places.get_mut(&id)?;
        place.stage = Stage::Closed;
        place.close.cancel();
        self.closing += 1;
        let (peer, among) = (place.peer, place.among.take());
        self.uncount(among);
        Some(peer)
    }

    fn uncount(&mut self, among: Option<IpAddr>) {
        if let Some(address) = among
            && let Some(held) = self.by_address.get_mut(&address)
        {
            *held -= 1;
            if *held == 0 {
                self.by_address.remove(&address);
            }
        }
    }

    fn find(&self, wanted: impl Fn(&Place) -> bool) -> Vec<u64> {
        let found = self.places.iter().filter(|(_, place)| wanted(place));
        found.map(|(id, _)| *id).collect()
    }
}

impl Place {
    /// Whether something is waited for that is not Keylend's to do.
    fn is_waiting(&self) -> bool {
        !matches!(self.stage, Stage::Work | Stage::Closed)
    }
}

/// One connection's place, held until the connection is closed.
pub(super) struct Connection {
    id: u64,
    places: Arc<ConnectionTable>,
    close: CancellationToken,
    _permit: OwnedSemaphorePermit,
}

impl Connection {
    /// Waits until the connection has to close.
    pub(super) async fn closing(&self) {
        self.close.cancelled().await;
    }

    /// Whether the connection has to close.
    pub(super) fn is_closing(&self) -> bool {
        self.close.is_cancelled()
    }

    /// Bytes arrived. The first of a head start its time, and take no step.
    pub(super) fn heard(&self) {
        let mut table = self.places.table();
        if let Some(place) = table.places.get_mut(&self.id)
            && place.stage == Stage::Idle
        {
            place.stage = Stage::Head;
            place.until = Instant::now() + STEP;
        }
    }

    /// The head is there, and a body is still to come.
    pub(super) fn asking(&self) {
        self.places.table().step(self.id, Stage::Body, STEP);
    }

    /// So many bytes of the body arrived. If they are too many for all who are sending, the one
    /// gives way whose turn it is.
    pub(super) fn arrived(&self, bytes: usize) {
        let mut table = self.places.table();
        let Some(place) = table.places.get_mut(&self.id) else {
            return;
        };
        if place.stage != Stage::Body {
            return;
        }
        place.arrived += bytes;
        table.arriving += bytes;
        let mut closed = None;
        while table.arriving > BODIES {
            let holds = |id: &&u64| table.places[*id].arrived > 0;
            let mut waiting = table.newcomers.values().chain(table.proven.values());
            let Some(next) = waiting.find(holds).copied() else {
                break;
            };
            closed = table.close(next);
        }
        drop(table);
        let why = "there was no memory left for the body";
        self.places.tell(Rejection::Evicted, closed, why);
    }

    /// The question is there whole.
    pub(super) fn asked(&self) {
        self.places.table().step(self.id, Stage::Work, STEP);
    }

    /// The answer is ready to be taken. It is `proven` if it was given to somebody who proved to
    /// be who they say they are.
    pub(super) fn answering(&self, proven: bool) {
        let mut table = self.places.table();
        table.stand_back(self.id);
        if let Some(place) = table.places.get_mut(&self.id) {
            place.proven |= proven;
        }
        table.step(self.id, Stage::Answer, STEP);
    }

    /// The answer was taken.
    pub(super) fn answered(&self) {
        self.places.table().step(self.id, Stage::Idle, IDLE);
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        let mut table = self.places.table();
        table.stand_back(self.id);
        let Some(place) = table.places.remove(&self.id) else {
            return;
        };
        table.uncount(place.among);
        if place.stage == Stage::Closed {
            table.closing -= 1;
        }
        self.places.notices.connections(table.places.len());
    }
}
