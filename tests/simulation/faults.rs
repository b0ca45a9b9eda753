//! A replica's way to the store when things go wrong: calls that fail, that take their time, whose
//! answers are lost, and a replica that is cut off or dead.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use keylend::{
    domain::{AskKey, Entitlement, Lane, Lock, Request, RequestId, Time, UserId},
    presentation::Card,
    store::{
        After, Changed, Claim, Claims, Commit, CommitError, Document, DocumentWrites, Documents,
        Ledger, Open, OpenPage, RawEntry, SealedCredential, Sharing, Snapshot, Store, StoreError,
        Stuck, WorkClaims,
    },
};
use tokio::{sync::watch, time::sleep};

use crate::{
    mutants::Mutant,
    referee::Referee,
    seed::Rng,
    slack::Slack,
    store::{Database, MemoryStore, News, trouble},
};

/// Whether anything goes wrong at all: nothing does while a history comes to rest.
#[derive(Default)]
pub(crate) struct Faults {
    pub(crate) is_fair: AtomicBool,
}

/// One replica's way to the store.
pub(crate) struct UnreliableStore {
    /// Whose way it is.
    pub(crate) replica: &'static str,
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) database: Arc<Database>,
    pub(crate) rng: Arc<Rng>,
    pub(crate) faults: Arc<Faults>,
    pub(crate) referee: Arc<Referee>,
    pub(crate) slack: Arc<Slack>,
    pub(crate) mutant: Arc<dyn Mutant>,
    pub(crate) cut_off: AtomicBool,
    pub(crate) dead: AtomicBool,
    /// The other replicas, who hear of it later.
    pub(crate) others: Box<dyn Fn(News) + Send + Sync>,
}

impl UnreliableStore {
    fn is_fair(&self) -> bool {
        self.faults.is_fair.load(Ordering::Relaxed)
    }

    /// Before the store is asked.
    async fn begin(&self, doing: &'static str) -> Result<(), StoreError> {
        if self.dead.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
        if self.cut_off.load(Ordering::Relaxed) {
            sleep(Duration::from_secs(5)).await;
            return Err(trouble(doing, "no connection"));
        }
        if self.is_fair() {
            return Ok(());
        }
        if self.rng.once_in(12) {
            sleep(self.rng.millis(1..1_500)).await;
        }
        match self.rng.once_in(60) {
            true => Err(trouble(doing, "the database is busy")),
            false => Ok(()),
        }
    }

    /// After the store has done what it was asked.
    async fn end(&self, doing: &'static str) -> Result<(), StoreError> {
        if !self.is_fair() {
            if self.rng.once_in(12) {
                sleep(self.rng.millis(1..1_500)).await;
            }
            if self.rng.once_in(60) {
                return Err(trouble(doing, "the answer was lost"));
            }
        }
        if self.dead.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
        Ok(())
    }
}

macro_rules! asked {
    ($self:ident, $doing:literal, $call:expr) => {{
        $self.begin($doing).await?;
        let answer = $call.await?;
        $self.end($doing).await?;
        Ok(answer)
    }};
}

#[async_trait]
impl Store for UnreliableStore {
    async fn request(&self, id: RequestId) -> Result<Option<Request>, StoreError> {
        asked!(self, "load a request", self.store.request(id))
    }

    async fn snapshot(&self, id: RequestId) -> Result<Snapshot, StoreError> {
        asked!(self, "load a request", self.store.snapshot(id))
    }

    async fn asked(&self, key: &AskKey) -> Result<Option<RequestId>, StoreError> {
        asked!(self, "look for a request", self.store.asked(key))
    }

    async fn open(&self, which: Open) -> Result<Vec<Request>, StoreError> {
        asked!(self, "load open requests", self.store.open(which))
    }

    async fn last_seqs(
        &self,
        requests: &[RequestId],
    ) -> Result<HashMap<RequestId, u64>, StoreError> {
        asked!(self, "read the log", self.store.last_seqs(requests))
    }

    async fn open_after(&self, after: Option<After>, limit: u32) -> Result<OpenPage, StoreError> {
        asked!(
            self,
            "load open requests",
            self.store.open_after(after, limit)
        )
    }

    async fn awaiting(&self, limit: u32) -> Result<Vec<Request>, StoreError> {
        asked!(self, "load what waits", self.store.awaiting(limit))
    }

    async fn past(&self, person: &UserId, limit: u32) -> Result<Vec<Request>, StoreError> {
        asked!(self, "load past requests", self.store.past(person, limit))
    }

    async fn sharing(
        &self,
        entitlement: &Entitlement,
        except: RequestId,
    ) -> Result<Vec<Sharing>, StoreError> {
        asked!(
            self,
            "look for grants",
            self.store.sharing(entitlement, except)
        )
    }

    async fn approved_for(&self, entitlement: &Entitlement) -> Result<Vec<RequestId>, StoreError> {
        asked!(
            self,
            "look for sharers",
            self.store.approved_for(entitlement)
        )
    }

    async fn torn(&self, requests: &[Request]) -> Result<BTreeSet<RequestId>, StoreError> {
        asked!(self, "compare rows", self.store.torn(requests))
    }

    async fn stuck(&self, failures: u32) -> Result<Vec<Stuck>, StoreError> {
        asked!(
            self,
            "look for stuck revocations",
            self.store.stuck(failures)
        )
    }

    async fn locks(&self) -> Result<Vec<Lock>, StoreError> {
        asked!(self, "load the locks", self.store.locks())
    }

    async fn credential(
        &self,
        request: RequestId,
        layer: usize,
    ) -> Result<Option<SealedCredential>, StoreError> {
        asked!(
            self,
            "load a credential",
            self.store.credential(request, layer)
        )
    }

    async fn raw_entries(&self, after: u64, limit: u32) -> Result<Vec<RawEntry>, StoreError> {
        asked!(self, "read the log", self.store.raw_entries(after, limit))
    }

    async fn entries_of(
        &self,
        request: Option<RequestId>,
        after: u64,
        limit: u32,
    ) -> Result<Vec<RawEntry>, StoreError> {
        asked!(
            self,
            "read the log",
            self.store.entries_of(request, after, limit)
        )
    }

    async fn entries_about(&self, requests: &[RequestId]) -> Result<Vec<RawEntry>, StoreError> {
        asked!(self, "read the log", self.store.entries_about(requests))
    }

    async fn kept_people(&self) -> Result<Option<Vec<u8>>, StoreError> {
        asked!(self, "load people", self.store.kept_people())
    }

    async fn changed(&self, after: u64, limit: u32) -> Result<(Vec<Changed>, u64), StoreError> {
        asked!(self, "look for changes", self.store.changed(after, limit))
    }

    fn head(&self) -> watch::Receiver<u64> {
        self.store.head()
    }

    async fn close(&self) {
        self.store.close().await;
    }
}

#[async_trait]
impl Ledger for UnreliableStore {
    async fn commit(&self, commit: Commit) -> Result<u64, CommitError> {
        self.begin("commit").await?;
        let delivered = commit.delivered.as_ref().map(|it| it.key.clone());
        let mut commit = self.mutant.commit(&self.database, commit);
        commit.delivered = self.mutant.delivered(self.replica, commit.delivered);
        let head = match self.mutant.writes(&self.database, &commit) {
            Some(head) => head,
            None => self.store.commit(commit).await?,
        };
        self.referee.carried_out(delivered);
        self.referee.looks(&self.database.tables());
        (self.others)(News::Head(head));
        self.end("commit").await?;
        Ok(head)
    }

    async fn restore(&self, request: &Request, last_seq: u64) -> Result<(), CommitError> {
        self.begin("restore").await?;
        self.store.restore(request, last_seq).await?;
        self.end("restore").await?;
        Ok(())
    }

    async fn keep_people(&self, sealed: Vec<u8>) -> Result<(), StoreError> {
        asked!(self, "keep people", self.store.keep_people(sealed))
    }
}

#[async_trait]
impl WorkClaims for UnreliableStore {
    async fn claim_due(
        &self,
        lane: &Lane,
        now: Time,
        limit: u32,
    ) -> Result<Vec<(RequestId, Claim)>, StoreError> {
        self.begin("look for due work").await?;
        let mut due = match self.mutant.ignores_claims() {
            true => self.store.claim_twice(lane, now),
            false => self.store.claim_due(lane, now, limit).await?,
        };
        due.retain(|(id, _)| !self.mutant.forgets(*id));
        self.end("look for due work").await?;
        Ok(due)
    }

    async fn claim(&self, name: &str) -> Result<Option<Claim>, StoreError> {
        if self.mutant.ignores_claims() {
            return Ok(Arc::new(Claims::default()).take(name.to_owned()));
        }
        asked!(self, "claim", self.store.claim(name))
    }

    async fn next_due(&self, lane: &Lane, now: Time) -> Result<Option<Time>, StoreError> {
        asked!(
            self,
            "look for the next work",
            self.store.next_due(lane, now)
        )
    }
}

#[async_trait]
impl Documents for UnreliableStore {
    async fn cursor(&self, name: &str) -> Result<u64, StoreError> {
        asked!(self, "load a cursor", self.store.cursor(name))
    }

    async fn move_cursor(&self, name: &str, seq: u64) -> Result<(), StoreError> {
        asked!(self, "move a cursor", self.store.move_cursor(name, seq))
    }

    async fn document(&self, collection: &str, key: &str) -> Result<Option<Document>, StoreError> {
        asked!(
            self,
            "load a document",
            self.store.document(collection, key)
        )
    }

    async fn referring(&self, collection: &str, to: &str) -> Result<Vec<Document>, StoreError> {
        asked!(
            self,
            "look for documents",
            self.store.referring(collection, to)
        )
    }

    async fn due_documents(
        &self,
        collection: &str,
        now: Time,
        limit: u32,
    ) -> Result<Vec<Document>, StoreError> {
        asked!(
            self,
            "look for due documents",
            self.store.due_documents(collection, now, limit)
        )
    }

    async fn next_document(&self, collection: &str, now: Time) -> Result<Option<Time>, StoreError> {
        asked!(
            self,
            "look for the next document",
            self.store.next_document(collection, now)
        )
    }

    async fn write(&self, writes: DocumentWrites) -> Result<(), CommitError> {
        self.begin("write documents").await?;
        let Some(writes) = self.mutant.documents(&self.database, writes) else {
            return Ok(());
        };
        self.store.write(writes.clone()).await?;
        let put = writes.put.as_ref();
        if let Some(card) = put.and_then(|put| Card::read(&put.document)) {
            self.slack.noted(&card);
        }
        if writes.makes_due() {
            (self.others)(News::Documents);
        }
        Ok(self.end("write documents").await?)
    }

    fn documents_due(&self) -> watch::Receiver<u64> {
        self.store.documents_due()
    }
}
