//! A store in memory that several replicas share.
//!
//! `tests/store_contract` holds it to the same rules as the real ones. A [`Database`] is what all
//! replicas see; a [`MemoryStore`] is one replica's way to it, with claims that a lease keeps: when
//! a replica is not heard of for [`LEASE`], others may have what it claimed.
//!
//! Every follower of the head has a channel of its own, told in the order in which they came: one
//! channel for all would wake them in an order that Tokio draws by lot.

mod homes;
mod tables;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use async_trait::async_trait;
use keylend::{
    domain::{AskKey, ChannelId, Entitlement, Lane, Lock, Request, RequestId, Time, UserId},
    store::{
        After, Card, Changed, Claim, Claims, Commit, CommitError, Home, Open, OpenPage, Place,
        Published, RawEntry, SealedCredential, Sharing, Snapshot, Store, StoreError, Stuck, Whose,
    },
};
use tokio::sync::watch;

pub(crate) use tables::Tables;

/// How long a replica that is not heard of keeps what it claimed.
pub(crate) const LEASE: Duration = Duration::from_secs(10);

/// What all replicas share.
#[derive(Default)]
pub(crate) struct Database {
    tables: Mutex<Tables>,
    /// Which replica has which claim.
    claims: Mutex<BTreeMap<String, u64>>,
    followers: Mutex<Vec<Follower>>,
}

struct Follower {
    replica: u64,
    of: Followed,
    tell: watch::Sender<u64>,
}

/// What one replica tells the others.
#[derive(Clone, Copy)]
pub(crate) enum News {
    /// The log goes as far as this.
    Head(u64),
    /// Homes were opened or touched.
    Homes,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Followed {
    Head,
    Homes,
}

/// One replica's way to the database.
pub(crate) struct MemoryStore {
    database: Arc<Database>,
    replica: u64,
    claims: Arc<Claims>,
    head: Mutex<u64>,
}

/// The store's answer when it has none.
pub(crate) fn trouble(doing: &'static str, why: &'static str) -> StoreError {
    StoreError {
        doing,
        source: why.into(),
    }
}

impl Database {
    pub(crate) fn tables(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap()
    }

    /// Lets the others have what `replica` claimed.
    pub(crate) fn lapse(&self, replica: u64) {
        let mut claims = self.claims.lock().unwrap();
        claims.retain(|_, holder| *holder != replica);
    }

    /// What a dead replica claimed, nobody lets go of; answers under whom it lapses.
    pub(crate) fn orphan(&self, replica: u64) -> u64 {
        let orphan = u64::MAX - replica;
        let mut claims = self.claims.lock().unwrap();
        for holder in claims.values_mut().filter(|holder| **holder == replica) {
            *holder = orphan;
        }
        orphan
    }

    fn tell(&self, followed: Followed, seq: u64, whom: impl Fn(u64) -> bool) {
        let mut followers = self.followers.lock().unwrap();
        followers.retain(|follower| follower.tell.receiver_count() > 0);
        for follower in followers.iter() {
            if follower.of == followed && whom(follower.replica) {
                follower.tell.send_if_modified(|known| {
                    let news = *known < seq;
                    *known = (*known).max(seq);
                    news
                });
            }
        }
    }
}

impl MemoryStore {
    /// A way to `database` for a replica that nobody was before.
    pub(crate) fn new(database: Arc<Database>, replica: u64) -> Self {
        let shared = database.clone();
        let let_go = move |name: String| {
            let mut claims = shared.claims.lock().unwrap();
            if claims.get(&name) == Some(&replica) {
                claims.remove(&name);
            }
        };
        let head = Mutex::new(database.tables().head());
        Self {
            database,
            replica,
            claims: Arc::new(Claims::telling(let_go)),
            head,
        }
    }

    /// Says that the others may have what this replica claimed so far.
    pub(crate) fn lose_claims(&self) {
        self.database.lapse(self.replica);
        self.claims.lose();
    }

    /// Tells this replica's followers.
    pub(crate) fn hear(&self, news: News) {
        let News::Head(head) = news else {
            return self.homes_moved();
        };
        let mut known = self.head.lock().unwrap();
        if *known < head {
            *known = head;
            drop(known);
            let own = |replica| replica == self.replica;
            self.database.tell(Followed::Head, head, own);
        }
    }

    /// Claims whatever is due, also what somebody else has.
    pub(crate) fn claim_twice(&self, lane: &Lane, now: Time) -> Vec<(RequestId, Claim)> {
        let due = self.database.tables().due(lane, now).into_iter();
        due.filter_map(|id| {
            let claim = self.claims.take(format!("{}/{id}", lane.name()))?;
            Some((id, claim))
        })
        .collect()
    }

    fn take(&self, name: String) -> Option<Claim> {
        {
            let mut claims = self.database.claims.lock().unwrap();
            if claims.contains_key(&name) {
                return None;
            }
            claims.insert(name.clone(), self.replica);
        }
        let claim = self.claims.take(name.clone());
        if claim.is_none() {
            // This process still works on it, although its lease ran out.
            self.database.claims.lock().unwrap().remove(&name);
        }
        claim
    }

    fn follow(&self, of: Followed, now: u64) -> watch::Receiver<u64> {
        let (tell, told) = watch::channel(now);
        let replica = self.replica;
        let follower = Follower { replica, of, tell };
        self.database.followers.lock().unwrap().push(follower);
        told
    }

    fn homes_moved(&self) {
        self.database
            .followers
            .lock()
            .unwrap()
            .iter()
            .filter(|follower| follower.of == Followed::Homes && follower.replica == self.replica)
            .for_each(|follower| follower.tell.send_modify(|times| *times += 1));
    }
}

fn found(there: bool, doing: &'static str) -> Result<(), StoreError> {
    match there {
        true => Ok(()),
        false => Err(trouble(doing, "there is no such row")),
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn commit(&self, commit: Commit) -> Result<u64, CommitError> {
        let head = self.database.tables().commit(&commit)?;
        self.hear(News::Head(head));
        Ok(head)
    }

    async fn request(&self, id: RequestId) -> Result<Option<Request>, StoreError> {
        Ok(self.database.tables().request(id).cloned())
    }

    async fn snapshot(&self, id: RequestId) -> Result<Snapshot, StoreError> {
        let tables = self.database.tables();
        Ok(Snapshot {
            request: tables.request(id).cloned(),
            last_seq: tables.last_seq(id),
        })
    }

    async fn asked(&self, key: &AskKey) -> Result<Option<RequestId>, StoreError> {
        let tables = self.database.tables();
        let mut requests = tables.every_request();
        Ok(requests
            .find(|request| request.ask_key == *key)
            .map(|it| it.id))
    }

    async fn open(&self, which: Open) -> Result<Vec<Request>, StoreError> {
        Ok(self.database.tables().open(&which))
    }

    async fn last_seqs(
        &self,
        requests: &[RequestId],
    ) -> Result<HashMap<RequestId, u64>, StoreError> {
        let tables = self.database.tables();
        let last_seqs = requests.iter().map(|id| (*id, tables.last_seq(*id)));
        Ok(last_seqs.filter(|(_, last_seq)| *last_seq > 0).collect())
    }

    async fn open_after(&self, after: Option<After>, limit: u32) -> Result<OpenPage, StoreError> {
        let mut requests = self.database.tables().open(&Open::All);
        requests.retain(|request| Some(After::from(request)) > after);
        requests.truncate(limit as usize);
        let next = requests.last().map(After::from);
        Ok(OpenPage { requests, next })
    }

    async fn awaiting(&self, limit: u32) -> Result<Vec<Request>, StoreError> {
        let tables = self.database.tables();
        let mut awaiting = tables.oldest_first(|it| it.is_open() && it.awaits_decision());
        awaiting.truncate(limit as usize);
        Ok(awaiting)
    }

    async fn past(&self, person: &UserId, limit: u32) -> Result<Vec<Request>, StoreError> {
        Ok(self.database.tables().past(person, limit as usize))
    }

    async fn sharing(
        &self,
        entitlement: &Entitlement,
        except: RequestId,
    ) -> Result<Vec<Sharing>, StoreError> {
        Ok(self.database.tables().sharing(entitlement, except))
    }

    async fn approved_for(&self, entitlement: &Entitlement) -> Result<Vec<RequestId>, StoreError> {
        let tables = self.database.tables();
        let stands = |request: &&Request| {
            let mut layers = request.layers.iter();
            request.is_open() && layers.any(|layer| layer.plan.entitlement == *entitlement)
        };
        Ok(tables
            .every_request()
            .filter(stands)
            .map(|it| it.id)
            .collect())
    }

    async fn claim_due(
        &self,
        lane: &Lane,
        now: Time,
        limit: u32,
    ) -> Result<Vec<(RequestId, Claim)>, StoreError> {
        let due = self.database.tables().due(lane, now).into_iter();
        let claimed = due.filter_map(|id| {
            let claim = self.take(format!("{}/{id}", lane.name()))?;
            Some((id, claim))
        });
        Ok(claimed.take(limit as usize).collect())
    }

    async fn claim(&self, name: &str) -> Result<Option<Claim>, StoreError> {
        Ok(self.take(name.to_owned()))
    }

    async fn next_due(&self, lane: &Lane, now: Time) -> Result<Option<Time>, StoreError> {
        Ok(self.database.tables().next_due(lane, now))
    }

    async fn torn(&self, _: &[Request]) -> Result<BTreeSet<RequestId>, StoreError> {
        // A request is one row here.
        Ok(BTreeSet::new())
    }

    async fn restore(&self, request: &Request, last_seq: u64) -> Result<(), CommitError> {
        let mut tables = self.database.tables();
        if tables.last_seq(request.id) != last_seq {
            return Err(CommitError::Conflict);
        }
        tables.put(request.clone());
        Ok(())
    }

    async fn stuck(&self, failures: u32) -> Result<Vec<Stuck>, StoreError> {
        let tables = self.database.tables();
        let stuck = tables.every_request().map(|request| Stuck {
            request: request.id,
            failures: request.stuck_failures(),
        });
        let mut stuck: Vec<_> = stuck
            .filter(|it| it.failures > 0 && it.failures >= failures)
            .collect();
        stuck.sort_by_key(|it| (std::cmp::Reverse(it.failures), it.request));
        Ok(stuck)
    }

    async fn locks(&self) -> Result<Vec<Lock>, StoreError> {
        Ok(self.database.tables().locks())
    }

    async fn credential(
        &self,
        request: RequestId,
        layer: usize,
    ) -> Result<Option<SealedCredential>, StoreError> {
        let tables = self.database.tables();
        Ok(tables.credentials.get(&(request, layer)).cloned())
    }

    async fn raw_entries(&self, after: u64, limit: u32) -> Result<Vec<RawEntry>, StoreError> {
        Ok(self.database.tables().entries(after, limit).to_vec())
    }

    async fn entries_of(
        &self,
        request: Option<RequestId>,
        after: u64,
        limit: u32,
    ) -> Result<Vec<RawEntry>, StoreError> {
        let id = request.map(|id| id.to_string());
        let tables = self.database.tables();
        let behind = tables.log.iter().filter(|entry| entry.seq > after);
        let of_it = behind.filter(|entry| entry.request_id == id);
        Ok(of_it.take(limit as usize).cloned().collect())
    }

    async fn entries_about(&self, requests: &[RequestId]) -> Result<Vec<RawEntry>, StoreError> {
        let ids: BTreeSet<_> = requests.iter().map(ToString::to_string).collect();
        let is_of_them = |entry: &&RawEntry| {
            let id = entry.request_id.as_ref();
            id.is_some_and(|id| ids.contains(id))
        };
        let tables = self.database.tables();
        Ok(tables.log.iter().filter(is_of_them).cloned().collect())
    }

    async fn changed(&self, after: u64, limit: u32) -> Result<(Vec<Changed>, u64), StoreError> {
        Ok(self.database.tables().changed(after, limit))
    }

    fn head(&self) -> watch::Receiver<u64> {
        self.follow(Followed::Head, *self.head.lock().unwrap())
    }

    async fn due_cards(&self, now: Time, limit: u32) -> Result<Vec<Card>, StoreError> {
        let tables = self.database.tables();
        let rows = tables.cards.iter();
        let mut due: Vec<_> = rows
            .filter(|(_, row)| row.due_at.is_some_and(|at| at <= now))
            .map(|(key, row)| ((row.card.ts.is_some(), row.due_at, key), &row.card))
            .collect();
        due.sort_by_key(|(order, _)| *order);
        let due = due.into_iter().take(limit as usize);
        Ok(due.map(|(_, card)| card.clone()).collect())
    }

    async fn next_card(&self, now: Time) -> Result<Option<Time>, StoreError> {
        let tables = self.database.tables();
        let due = tables.cards.values().filter_map(|row| row.due_at);
        Ok(due.filter(|at| *at > now).min())
    }

    async fn card(
        &self,
        request: RequestId,
        place: Place,
        channel: &ChannelId,
    ) -> Result<Option<Card>, StoreError> {
        let tables = self.database.tables();
        Ok(tables.card(request, place, channel).cloned())
    }

    async fn cards(&self, request: RequestId) -> Result<Vec<Card>, StoreError> {
        let tables = self.database.tables();
        let cards = tables.every_card().filter(|card| card.request == request);
        Ok(cards.cloned().collect())
    }

    async fn card_shown(&self, card: &Card, version: u64) -> Result<(), StoreError> {
        let mut tables = self.database.tables();
        let current = tables.request(card.request).map(|request| request.version);
        let key = (card.request, card.place.name(), card.asked_for.clone());
        let row = tables.cards.get_mut(&key);
        let row = row.ok_or_else(|| trouble("note what a card shows", "there is no such row"))?;
        row.card = Card {
            failures: 0,
            ..card.clone()
        };
        if current == Some(version) {
            row.due_at = None;
        }
        Ok(())
    }

    async fn card_failed(&self, card: &Card, retry_at: Option<Time>) -> Result<(), StoreError> {
        let key = (card.request, card.place.name(), card.asked_for.clone());
        let mut tables = self.database.tables();
        let row = tables.cards.get_mut(&key);
        let row = row.ok_or_else(|| trouble("put a card off", "there is no such row"))?;
        row.card.failures += 1;
        row.due_at = retry_at;
        Ok(())
    }

    async fn home_opened(&self, person: &UserId, now: Time) -> Result<(), StoreError> {
        self.database.tables().homes.opened(person, now);
        self.homes_moved();
        Ok(())
    }

    async fn touch_homes(&self, whose: &Whose, now: Time) -> Result<(), StoreError> {
        self.database.tables().touch(whose, now);
        self.homes_moved();
        Ok(())
    }

    fn homes_touched(&self) -> watch::Receiver<u64> {
        self.follow(Followed::Homes, 0)
    }

    async fn due_home(&self, now: Time) -> Result<Option<Home>, StoreError> {
        Ok(self.database.tables().homes.due(now))
    }

    async fn next_home(&self, now: Time) -> Result<Option<Time>, StoreError> {
        Ok(self.database.tables().homes.next(now))
    }

    async fn home_shown(&self, home: &Home, published: &Published) -> Result<(), StoreError> {
        let mut tables = self.database.tables();
        let head = tables.head();
        let there = tables.homes.shown(head, home, published);
        found(there, "note what a Home shows")
    }

    async fn home_failed(&self, home: &Home, retry_at: Option<Time>) -> Result<(), StoreError> {
        let there = self.database.tables().homes.failed(home, retry_at);
        found(there, "put a Home off")
    }

    async fn cursor(&self, feed: &str) -> Result<u64, StoreError> {
        Ok(self.database.tables().cursor(feed))
    }

    async fn move_cursor(&self, feed: &str, seq: u64) -> Result<(), StoreError> {
        let mut tables = self.database.tables();
        let cursor = tables.cursors.entry(feed.to_owned()).or_default();
        *cursor = seq.max(*cursor);
        Ok(())
    }

    async fn close(&self) {
        self.lose_claims();
    }
}
