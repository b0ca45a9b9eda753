//! The store's questions and writes, each handed to the module that has its SQL.

use std::{
    collections::{BTreeSet, HashMap},
    sync::atomic::Ordering,
};

use async_trait::async_trait;
use tokio::sync::{broadcast, watch};

use super::{
    Database, answer, commit::Write, credentials, documents, high_water, locks, log, people,
    requests, unavailable, work, writer::Writer,
};
use crate::{
    domain::{AskKey, Entitlement, Lane, Lock, Request, RequestId, Time, UserId},
    store::{
        After, Changed, Claim, ClockComparison, Commit, CommitError, Document, DocumentWrites,
        Documents, Invalidation, Ledger, Open, OpenPage, RawEntry, SealedCredential, Sharing,
        Snapshot, Store, StoreError, StoreKey, Stuck, WorkClaims, Writable,
    },
};

/// Entries that a follower repeats at most, where it is not known any more how far it came.
const REPEATED: u64 = 1_000;

#[async_trait]
impl Store for Database {
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

    async fn torn(&self, requests: &[Request]) -> Result<BTreeSet<RequestId>, StoreError> {
        let question = requests::torn(&self.reads, requests);
        answer("compare the rows of requests", question).await
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
            locks::readable(&mut *self.reads.acquire().await?).await
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
            let key = self.key.as_ref();
            log::entries(&mut *self.reads.acquire().await?, key, after, limit).await
        })
        .await
    }

    async fn entries_of(
        &self,
        request: Option<RequestId>,
        after: u64,
        limit: u32,
    ) -> Result<Vec<RawEntry>, StoreError> {
        let question = log::entries_of(&self.reads, self.key.as_ref(), request, after, limit);
        answer("read the log", question).await
    }

    async fn entries_about(&self, requests: &[RequestId]) -> Result<Vec<RawEntry>, StoreError> {
        let question = log::entries_about(&self.reads, self.key.as_ref(), requests);
        answer("read the log", question).await
    }

    async fn kept_people(&self) -> Result<Option<Vec<u8>>, StoreError> {
        answer("load what is known of people", people::kept(&self.reads)).await
    }

    async fn high_water(&self) -> Result<Option<Time>, StoreError> {
        let question = high_water::high_water(&self.reads);
        answer("load the high-water mark", question).await
    }

    async fn changed(&self, after: u64, limit: u32) -> Result<(Vec<Changed>, u64), StoreError> {
        answer("look for changed requests", async {
            let key = self.key.as_ref();
            let head = log::head(&mut *self.reads.acquire().await?, key).await?;
            let upto = after.saturating_add(limit.into()).min(head);
            if upto <= after {
                return Ok((Vec::new(), upto));
            }
            let upto = log::without_gap(&self.reads, after, upto).await?;
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

    fn clocks(&self) -> ClockComparison {
        self.compared_clocks()
    }

    fn writable(&self) -> watch::Receiver<Writable> {
        match &self.writer {
            Some(writer) => writer.writable(),
            None => watch::channel(Writable::Nothing).1,
        }
    }

    fn lost_entry(&self) -> Option<u64> {
        Some(self.news.lost.load(Ordering::Relaxed)).filter(|seq| *seq > 0)
    }

    fn outdated(&self) -> Option<broadcast::Receiver<Invalidation>> {
        self.told()
    }

    fn head(&self) -> watch::Receiver<u64> {
        self.news.head.subscribe()
    }
}

#[async_trait]
impl Ledger for Database {
    async fn commit(&self, commit: Commit) -> Result<u64, CommitError> {
        // Also where the writer would go on: a replica whose clock is wrong still ends access.
        if let Some(why) = self.why_out().filter(|_| commit.leads_to_access()) {
            return Err(unavailable("write", why).into());
        }
        write(self.writer.as_ref(), Write::Commit(Box::new(commit))).await
    }

    async fn restore(&self, request: &Request, last_seq: u64) -> Result<(), CommitError> {
        let request = Box::new(request.clone());
        let restored = Write::Restored { request, last_seq };
        write(self.writer.as_ref(), restored).await.map(drop)
    }

    async fn keep_people(&self, sealed: Vec<u8>) -> Result<(), StoreError> {
        replace(self.follower_writer(), Write::PeopleKept(sealed)).await
    }

    async fn raise_high_water(&self, at: Time) -> Result<(), StoreError> {
        let lowers = false;
        replace(self.follower_writer(), Write::HighWater { at, lowers }).await
    }

    async fn lower_high_water(&self, at: Time) -> Result<(), StoreError> {
        let lowers = true;
        replace(self.follower_writer(), Write::HighWater { at, lowers }).await
    }

    async fn broadcast_invalidation(&self, fact: &Invalidation) -> Result<(), StoreError> {
        self.tell(fact).await
    }
}

#[async_trait]
impl WorkClaims for Database {
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
}

#[async_trait]
impl Documents for Database {
    async fn cursor(&self, name: &str) -> Result<u64, StoreError> {
        let found = answer("load a cursor", documents::cursor(&self.reads, name)).await?;
        let Some((seq, code)) = found else {
            return Ok(0);
        };
        let is_ours = |key: &StoreKey| key.is_cursor((name, seq), &code);
        if self.key.as_ref().is_none_or(is_ours) {
            self.news.note_cursor(name, seq);
            return Ok(seq);
        }
        tracing::error!(name, seq, "Keylend did not write a cursor");
        self.news.is_changed.send_replace(true);
        let head = *self.news.head.borrow();
        let known = self.news.cursor(name);
        let goes_on = known.unwrap_or_else(|| head.saturating_sub(REPEATED));
        let restored = Write::CursorRestored {
            name: name.to_owned(),
            found: seq,
            seq: goes_on,
        };
        replace(self.follower_writer(), restored).await?;
        Ok(goes_on)
    }

    async fn move_cursor(&self, name: &str, seq: u64) -> Result<(), StoreError> {
        let moved = Write::CursorMoved {
            name: name.to_owned(),
            seq,
        };
        match write(self.follower_writer(), moved).await {
            Ok(_) => {
                let known = self.news.cursor(name);
                self.news
                    .note_cursor(name, known.map_or(seq, |known| known.max(seq)));
                Ok(())
            }
            Err(CommitError::Conflict | CommitError::AlreadyDone) => {
                Err(unavailable("move a cursor", "it does not move"))
            }
            Err(CommitError::Unavailable(error)) => Err(error),
        }
    }

    async fn document(&self, collection: &str, key: &str) -> Result<Option<Document>, StoreError> {
        let question = documents::document(&self.reads, self.checks(), collection, key);
        answer("load a document", question).await
    }

    async fn referring(&self, collection: &str, to: &str) -> Result<Vec<Document>, StoreError> {
        let question = documents::referring(&self.reads, self.checks(), collection, to);
        answer("look for documents", question).await
    }

    async fn due_documents(
        &self,
        collection: &str,
        now: Time,
        limit: u32,
    ) -> Result<Vec<Document>, StoreError> {
        let question = documents::due(&self.reads, self.checks(), collection, now, limit);
        answer("look for due documents", question).await
    }

    async fn next_document(&self, collection: &str, now: Time) -> Result<Option<Time>, StoreError> {
        let question = documents::next(&self.reads, collection, now);
        answer("look for the next document", question).await
    }

    async fn write(&self, writes: DocumentWrites) -> Result<(), CommitError> {
        let step = writes.step.clone();
        let writes = Write::Documents(Box::new(writes));
        write(self.follower_writer(), writes).await?;
        if let Some(step) = step {
            self.news.note_cursor(&step.cursor, step.to);
        }
        Ok(())
    }

    fn is_changed(&self) -> watch::Receiver<bool> {
        self.news.is_changed.subscribe()
    }

    fn documents_due(&self) -> watch::Receiver<u64> {
        self.news.documents.subscribe()
    }
}

impl Database {
    /// By what it is known which documents Keylend wrote.
    fn checks(&self) -> documents::Checks<'_> {
        documents::Checks {
            key: self.key.as_ref(),
            is_changed: &self.news.is_changed,
        }
    }
}

/// Writes what conflicts with nothing.
async fn replace(writer: Option<&Writer>, what: Write) -> Result<(), StoreError> {
    match write(writer, what).await {
        Err(CommitError::Unavailable(error)) => Err(error),
        Ok(_) | Err(CommitError::Conflict | CommitError::AlreadyDone) => Ok(()),
    }
}

async fn write(writer: Option<&Writer>, write: Write) -> Result<u64, CommitError> {
    match writer {
        Some(writer) => writer.write(write).await,
        None => Err(unavailable("write", "the store was opened for reading only").into()),
    }
}
