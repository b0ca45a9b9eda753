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
    domain::{AskKey, ChannelId, Entitlement, Lane, Lock, Request, RequestId, Time, UserId},
    store::{
        After, Card, Changed, Claim, Claims, Commit, CommitError, Home, Open, OpenPage, Place,
        Published, RawEntry, SealedCredential, Sharing, Snapshot, Store, StoreError, Stuck, Whose,
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
    async fn commit(&self, commit: Commit) -> Result<u64, CommitError> {
        self.begin("commit").await?;
        let commit = self.mutant.commit(&self.database, commit);
        let head = match self.mutant.writes(&self.database, &commit) {
            Some(head) => head,
            None => self.store.commit(commit).await?,
        };
        self.referee.looks(&self.database.tables());
        (self.others)(News::Head(head));
        self.end("commit").await?;
        Ok(head)
    }

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

    async fn torn(&self, requests: &[Request]) -> Result<BTreeSet<RequestId>, StoreError> {
        asked!(self, "compare rows", self.store.torn(requests))
    }

    async fn restore(&self, request: &Request, last_seq: u64) -> Result<(), CommitError> {
        self.begin("restore").await?;
        self.store.restore(request, last_seq).await?;
        self.end("restore").await?;
        Ok(())
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

    async fn changed(&self, after: u64, limit: u32) -> Result<(Vec<Changed>, u64), StoreError> {
        asked!(self, "look for changes", self.store.changed(after, limit))
    }

    fn head(&self) -> watch::Receiver<u64> {
        self.store.head()
    }

    async fn due_cards(&self, now: Time, limit: u32) -> Result<Vec<Card>, StoreError> {
        asked!(self, "look for due cards", self.store.due_cards(now, limit))
    }

    async fn next_card(&self, now: Time) -> Result<Option<Time>, StoreError> {
        asked!(self, "look for the next card", self.store.next_card(now))
    }

    async fn card(
        &self,
        request: RequestId,
        place: Place,
        channel: &ChannelId,
    ) -> Result<Option<Card>, StoreError> {
        asked!(
            self,
            "load a card",
            self.store.card(request, place, channel)
        )
    }

    async fn cards(&self, request: RequestId) -> Result<Vec<Card>, StoreError> {
        asked!(self, "load cards", self.store.cards(request))
    }

    async fn card_shown(&self, card: &Card, version: u64) -> Result<(), StoreError> {
        self.begin("note a card").await?;
        if self.mutant.loses_note(card) {
            return Ok(());
        }
        self.store.card_shown(card, version).await?;
        self.slack.noted(card);
        self.end("note a card").await
    }

    async fn card_failed(&self, card: &Card, retry_at: Option<Time>) -> Result<(), StoreError> {
        asked!(
            self,
            "put a card off",
            self.store.card_failed(card, retry_at)
        )
    }

    async fn home_opened(&self, person: &UserId, now: Time) -> Result<(), StoreError> {
        self.begin("keep a Home").await?;
        self.store.home_opened(person, now).await?;
        (self.others)(News::Homes);
        self.end("keep a Home").await
    }

    async fn touch_homes(&self, whose: &Whose, now: Time) -> Result<(), StoreError> {
        self.begin("touch Homes").await?;
        self.store.touch_homes(whose, now).await?;
        (self.others)(News::Homes);
        self.end("touch Homes").await
    }

    fn homes_touched(&self) -> watch::Receiver<u64> {
        self.store.homes_touched()
    }

    async fn due_home(&self, now: Time) -> Result<Option<Home>, StoreError> {
        asked!(self, "look for a due Home", self.store.due_home(now))
    }

    async fn next_home(&self, now: Time) -> Result<Option<Time>, StoreError> {
        asked!(self, "look for the next Home", self.store.next_home(now))
    }

    async fn home_shown(&self, home: &Home, published: &Published) -> Result<(), StoreError> {
        asked!(self, "note a Home", self.store.home_shown(home, published))
    }

    async fn home_failed(&self, home: &Home, retry_at: Option<Time>) -> Result<(), StoreError> {
        asked!(
            self,
            "put a Home off",
            self.store.home_failed(home, retry_at)
        )
    }

    async fn cursor(&self, feed: &str) -> Result<u64, StoreError> {
        asked!(self, "load a cursor", self.store.cursor(feed))
    }

    async fn move_cursor(&self, feed: &str, seq: u64) -> Result<(), StoreError> {
        asked!(self, "move a cursor", self.store.move_cursor(feed, seq))
    }

    async fn close(&self) {
        self.store.close().await;
    }
}
