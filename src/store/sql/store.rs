//! The store's questions and writes, each handed to the module that has its SQL.

use std::collections::{BTreeSet, HashMap};

use async_trait::async_trait;
use tokio::sync::{broadcast, watch};

use super::{
    answer, cards, commit::Write, credentials, db::Database, homes, locks, log, requests,
    unavailable, work,
};
use crate::{
    domain::{AskKey, ChannelId, Entitlement, Lane, Lock, Request, RequestId, Time, UserId},
    store::{
        After, Card, Changed, Claim, Commit, CommitError, Home, Invalidation, Open, OpenPage,
        Place, Published, RawEntry, SealedCredential, Sharing, Snapshot, Store, StoreError, Stuck,
        Whose,
    },
};

impl Database {
    async fn write(&self, write: Write) -> Result<u64, CommitError> {
        match &self.writer {
            Some(writer) => writer.write(write).await,
            None => Err(unavailable("write", "the store was opened for reading only").into()),
        }
    }

    /// Writes what can conflict with nothing.
    async fn note(&self, doing: &'static str, write: Write) -> Result<(), StoreError> {
        match self.write(write).await {
            Ok(_) => Ok(()),
            Err(CommitError::Conflict) => Err(unavailable(doing, "there is no such row")),
            Err(CommitError::Unavailable(error)) => Err(error),
        }
    }
}

#[async_trait]
impl Store for Database {
    async fn commit(&self, commit: Commit) -> Result<u64, CommitError> {
        self.write(Write::Commit(Box::new(commit))).await
    }

    async fn request(&self, id: RequestId) -> Result<Option<Request>, StoreError> {
        answer("load a request", requests::request(&self.reads, id)).await
    }

    async fn snapshot(&self, id: RequestId) -> Result<Snapshot, StoreError> {
        answer("load a request", requests::snapshot(&self.reads, id)).await
    }

    async fn asked(&self, key: &AskKey) -> Result<Option<RequestId>, StoreError> {
        answer("look for a request", log::asked(&self.reads, key)).await
    }

    async fn open(&self, which: Open) -> Result<Vec<Request>, StoreError> {
        answer("load open requests", requests::open(&self.reads, &which)).await
    }

    async fn last_seqs(
        &self,
        requests: &[RequestId],
    ) -> Result<HashMap<RequestId, u64>, StoreError> {
        answer("read the log", log::last_seqs(&self.reads, requests)).await
    }

    async fn open_after(&self, after: Option<After>, limit: u32) -> Result<OpenPage, StoreError> {
        let question = requests::open_after(&self.reads, after, limit);
        answer("load open requests", question).await
    }

    async fn awaiting(&self, limit: u32) -> Result<Vec<Request>, StoreError> {
        let question = requests::awaiting(&self.reads, limit);
        answer("load what waits for a decision", question).await
    }

    async fn past(&self, person: &UserId, limit: u32) -> Result<Vec<Request>, StoreError> {
        answer(
            "load past requests",
            requests::past(&self.reads, person, limit),
        )
        .await
    }

    async fn sharing(
        &self,
        entitlement: &Entitlement,
        except: RequestId,
    ) -> Result<Vec<Sharing>, StoreError> {
        let question = requests::sharing(&self.reads, entitlement, except);
        answer("look for grants of the same entitlement", question).await
    }

    async fn approved_for(&self, entitlement: &Entitlement) -> Result<Vec<RequestId>, StoreError> {
        let question = log::approved_for(&self.reads, entitlement);
        answer("look for grants of the same entitlement", question).await
    }

    async fn claim_due(
        &self,
        lane: &Lane,
        now: Time,
        limit: u32,
    ) -> Result<Vec<(RequestId, Claim)>, StoreError> {
        self.claim_work(lane, now, limit).await
    }

    async fn claim(&self, name: &str) -> Result<Option<Claim>, StoreError> {
        self.claim_name(name).await
    }

    async fn next_due(&self, lane: &Lane, now: Time) -> Result<Option<Time>, StoreError> {
        answer(
            "look for the next work",
            work::next_due(&self.reads, lane, now),
        )
        .await
    }

    async fn torn(&self, requests: &[Request]) -> Result<BTreeSet<RequestId>, StoreError> {
        let question = requests::torn(&self.reads, requests);
        answer("compare the rows of requests", question).await
    }

    async fn restore(&self, request: &Request, last_seq: u64) -> Result<(), CommitError> {
        let request = Box::new(request.clone());
        self.write(Write::Restored { request, last_seq })
            .await
            .map(drop)
    }

    async fn stuck(&self, failures: u32) -> Result<Vec<Stuck>, StoreError> {
        answer(
            "look for stuck revocations",
            requests::stuck(&self.reads, failures),
        )
        .await
    }

    async fn locks(&self) -> Result<Vec<Lock>, StoreError> {
        answer("load the locks", async {
            locks::locks(&mut *self.reads.acquire().await?).await
        })
        .await
    }

    async fn credential(
        &self,
        request: RequestId,
        layer: usize,
    ) -> Result<Option<SealedCredential>, StoreError> {
        let question = credentials::credential(&self.reads, request, layer);
        answer("load a credential", question).await
    }

    async fn raw_entries(&self, after: u64, limit: u32) -> Result<Vec<RawEntry>, StoreError> {
        answer("read the log", async {
            log::entries(&mut *self.reads.acquire().await?, after, limit).await
        })
        .await
    }

    async fn entries_of(
        &self,
        request: Option<RequestId>,
        after: u64,
        limit: u32,
    ) -> Result<Vec<RawEntry>, StoreError> {
        let question = log::entries_of(&self.reads, request, after, limit);
        answer("read the log", question).await
    }

    async fn entries_about(&self, requests: &[RequestId]) -> Result<Vec<RawEntry>, StoreError> {
        answer("read the log", log::entries_about(&self.reads, requests)).await
    }

    async fn changed(&self, after: u64, limit: u32) -> Result<(Vec<Changed>, u64), StoreError> {
        answer("look for changed requests", async {
            let head = log::end(&mut *self.reads.acquire().await?).await?.seq();
            let upto = after.saturating_add(limit.into()).min(head.max(after));
            let requests = requests::changed(&self.reads, after, upto).await?;
            Ok((requests, upto))
        })
        .await
    }

    async fn close(&self) {
        self.shut().await;
    }

    fn standby_reason(&self) -> Option<String> {
        self.why_out()
    }

    async fn broadcast_invalidation(&self, fact: &Invalidation) -> Result<(), StoreError> {
        self.tell(fact).await
    }

    fn outdated(&self) -> Option<broadcast::Receiver<Invalidation>> {
        self.told()
    }

    fn head(&self) -> watch::Receiver<u64> {
        self.news.head.subscribe()
    }

    async fn due_cards(&self, now: Time, limit: u32) -> Result<Vec<Card>, StoreError> {
        answer("look for due cards", cards::due(&self.reads, now, limit)).await
    }

    async fn next_card(&self, now: Time) -> Result<Option<Time>, StoreError> {
        answer("look for the next card", cards::next(&self.reads, now)).await
    }

    async fn card(
        &self,
        request: RequestId,
        place: Place,
        channel: &ChannelId,
    ) -> Result<Option<Card>, StoreError> {
        let question = cards::card(&self.reads, request, place, channel);
        answer("load a card", question).await
    }

    async fn cards(&self, request: RequestId) -> Result<Vec<Card>, StoreError> {
        answer("load cards", cards::cards(&self.reads, request)).await
    }

    async fn card_shown(&self, card: &Card, version: u64) -> Result<(), StoreError> {
        let write = Write::CardShown {
            card: card.clone(),
            version,
        };
        self.note("note what a card shows", write).await
    }

    async fn card_failed(&self, card: &Card, retry_at: Option<Time>) -> Result<(), StoreError> {
        let write = Write::CardFailed {
            card: card.clone(),
            retry_at,
        };
        self.note("put a card off", write).await
    }

    async fn home_opened(&self, person: &UserId, now: Time) -> Result<(), StoreError> {
        let person = person.clone();
        self.note("keep a Home", Write::HomeOpened { person, now })
            .await
    }

    async fn touch_homes(&self, whose: &Whose, now: Time) -> Result<(), StoreError> {
        let whose = whose.clone();
        self.note("touch Homes", Write::HomesTouched { whose, now })
            .await
    }

    fn homes_touched(&self) -> watch::Receiver<u64> {
        self.news.homes.subscribe()
    }

    async fn due_home(&self, now: Time) -> Result<Option<Home>, StoreError> {
        answer("look for a due Home", homes::due(&self.reads, now)).await
    }

    async fn next_home(&self, now: Time) -> Result<Option<Time>, StoreError> {
        answer("look for the next Home", homes::next(&self.reads, now)).await
    }

    async fn home_shown(&self, home: &Home, published: &Published) -> Result<(), StoreError> {
        let (home, published) = (home.clone(), published.clone());
        self.note(
            "note what a Home shows",
            Write::HomeShown { home, published },
        )
        .await
    }

    async fn home_failed(&self, home: &Home, retry_at: Option<Time>) -> Result<(), StoreError> {
        let home = home.clone();
        self.note("put a Home off", Write::HomeFailed { home, retry_at })
            .await
    }

    async fn cursor(&self, feed: &str) -> Result<u64, StoreError> {
        answer("load a feed's cursor", log::cursor(&self.reads, feed)).await
    }

    async fn move_cursor(&self, feed: &str, seq: u64) -> Result<(), StoreError> {
        let write = Write::CursorMoved {
            feed: feed.to_owned(),
            seq,
        };
        self.note("move a feed's cursor", write).await
    }
}
