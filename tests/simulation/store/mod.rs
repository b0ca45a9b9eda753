//! A store in memory that several replicas share.
//!
//! `tests/store_contract` holds it to the same rules as the real ones. A [`Database`] is what all
//! replicas see; a [`MemoryStore`] is one replica's way to it, with claims that a lease keeps: when
//! a replica is not heard of for [`LEASE`], others may have what it claimed.
//!
//! Every follower of the head has a channel of its own, told in the order in which they came: one
//! channel for all would wake them in an order that Tokio draws by lot.

mod documents;
mod tables;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use async_trait::async_trait;
use keylend::{
    domain::{AskKey, Entitlement, Lane, Lock, Request, RequestId, Time, UserId},
    store::{
        After, Changed, Claim, Claims, Commit, CommitError, Document, DocumentWrites, Documents,
        Ledger, Open, OpenPage, RawEntry, SealedCredential, Sharing, Snapshot, Store, StoreError,
        Stuck, WorkClaims,
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
    /// Documents may have got their turn.
    Documents,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Followed {
    Head,
    Documents,
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
            return self.documents_moved();
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

    fn documents_moved(&self) {
        self.database
            .followers
            .lock()
            .unwrap()
            .iter()
            .filter(|follower| {
                follower.of == Followed::Documents && follower.replica == self.replica
            })
            .for_each(|follower| follower.tell.send_modify(|times| *times += 1));
    }
}

#[async_trait]
impl Store for MemoryStore {
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
            let may_stand = request.is_open() || !request.due().is_empty();
            may_stand && layers.any(|layer| layer.plan.entitlement == *entitlement)
        };
        Ok(tables
            .every_request()
            .filter(stands)
            .map(|it| it.id)
            .collect())
    }

    async fn torn(&self, _: &[Request]) -> Result<BTreeSet<RequestId>, StoreError> {
        // A request is one row here.
        Ok(BTreeSet::new())
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

    async fn kept_people(&self) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.database.tables().people.clone())
    }

    async fn changed(&self, after: u64, limit: u32) -> Result<(Vec<Changed>, u64), StoreError> {
        Ok(self.database.tables().changed(after, limit))
    }

    fn head(&self) -> watch::Receiver<u64> {
        self.follow(Followed::Head, *self.head.lock().unwrap())
    }

    async fn close(&self) {
        self.lose_claims();
    }
}

#[async_trait]
impl Ledger for MemoryStore {
    async fn commit(&self, commit: Commit) -> Result<u64, CommitError> {
        let head = self.database.tables().commit(&commit)?;
        self.hear(News::Head(head));
        Ok(head)
    }

    async fn restore(&self, request: &Request, last_seq: u64) -> Result<(), CommitError> {
        let mut tables = self.database.tables();
        if tables.last_seq(request.id) != last_seq {
            return Err(CommitError::Conflict);
        }
        tables.put(request.clone());
        Ok(())
    }

    async fn keep_people(&self, sealed: Vec<u8>) -> Result<(), StoreError> {
        self.database.tables().people = Some(sealed);
        Ok(())
    }
}

#[async_trait]
impl WorkClaims for MemoryStore {
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
}

#[async_trait]
impl Documents for MemoryStore {
    async fn cursor(&self, name: &str) -> Result<u64, StoreError> {
        Ok(self.database.tables().cursor(name))
    }

    async fn move_cursor(&self, name: &str, seq: u64) -> Result<(), StoreError> {
        self.database.tables().kept.move_cursor(name, seq);
        Ok(())
    }

    async fn document(&self, collection: &str, key: &str) -> Result<Option<Document>, StoreError> {
        Ok(self.database.tables().kept.document(collection, key))
    }

    async fn referring(&self, collection: &str, to: &str) -> Result<Vec<Document>, StoreError> {
        Ok(self.database.tables().kept.referring(collection, to))
    }

    async fn due_documents(
        &self,
        collection: &str,
        now: Time,
        limit: u32,
    ) -> Result<Vec<Document>, StoreError> {
        let tables = self.database.tables();
        Ok(tables.kept.due(collection, now, limit as usize))
    }

    async fn next_document(&self, collection: &str, now: Time) -> Result<Option<Time>, StoreError> {
        Ok(self.database.tables().kept.next(collection, now))
    }

    async fn write(&self, writes: DocumentWrites) -> Result<(), CommitError> {
        self.database.tables().kept.write(&writes)?;
        if writes.makes_due() {
            self.hear(News::Documents);
        }
        Ok(())
    }

    fn documents_due(&self) -> watch::Receiver<u64> {
        self.follow(Followed::Documents, 0)
    }
}
