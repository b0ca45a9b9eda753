//! The store on one SQLite file: for one process, the default.
//!
//! One connection writes and gathers whatever waits into one transaction; a few others read. The
//! file is made for its owner alone and belongs to one service at a time. Every wait has an end.
//! It refuses files that a later Keylend has written to.

mod cards;
mod commit;
mod credentials;
mod file;
mod holders;
mod homes;
mod locks;
mod log;
mod requests;
mod work;
mod writer;

use std::{future::Future, path::Path, sync::Arc, time::Duration};

use async_trait::async_trait;
use sqlx::sqlite::{SqlitePool, SqlitePoolOptions};
use tokio::{sync::watch, time::timeout};

pub use file::OpenError;

use super::{
    Card, Claim, Claims, Commit, CommitError, Holdings, Home, Open, Place, Published, RawEntry,
    SealedCredential, Sharing, Store, StoreError, Stuck, Whose,
};
use crate::domain::{ChannelId, Entitlement, Lane, Lock, Request, RequestId, Time, UserId};
use commit::Write;
use writer::Writer;

/// How long a caller waits for an answer of the store.
const PATIENCE: Duration = Duration::from_secs(5);

/// Connections that read.
const READERS: u32 = 4;

/// The store on one SQLite file.
///
/// A commit that was not answered within five seconds is [`CommitError::Unavailable`] and is not
/// begun any more; one that was begun may still happen, so load again before trying again.
#[derive(Debug)]
pub struct SqliteStore {
    reads: SqlitePool,
    /// Nothing if the file was opened for reading only.
    writer: Option<Writer>,
    head: watch::Receiver<u64>,
    homes_touched: watch::Sender<u64>,
    /// In memory alone: nobody else has the file, and a crash ends them all.
    claims: Arc<Claims>,
}

impl SqliteStore {
    /// Opens the file for a service, makes it if it is not there (readable by its owner alone),
    /// and brings its tables up to date. Has to be called in a Tokio runtime, on which the writer
    /// then runs.
    ///
    /// # Errors
    ///
    /// If another service has the file, if it cannot be read or written, or if a later Keylend
    /// has written to it.
    pub async fn open(path: &Path) -> Result<Self, OpenError> {
        let lock = file::lock(path)?;
        file::create(path)?;
        let options = file::options(path);
        file::migrate(&options).await?;
        let reads = readers(path).await?;
        let (writer, head) = Writer::start(options, lock).await?;
        Ok(Self {
            reads,
            writer: Some(writer),
            head,
            homes_touched: watch::Sender::default(),
            claims: Arc::default(),
        })
    }

    /// Opens the file for reading, also while a service writes to it; commits are refused. The
    /// head is the one at this moment and does not move.
    ///
    /// # Errors
    ///
    /// If it cannot be read, or was written by another version of Keylend.
    pub async fn open_read_only(path: &Path) -> Result<Self, OpenError> {
        file::find(path)?;
        let reads = readers(path).await?;
        file::check_version(&reads).await?;
        let (seq, _) = log::last(&mut *reads.acquire().await?).await?;
        Ok(Self {
            reads,
            writer: None,
            head: watch::channel(seq).1,
            homes_touched: watch::Sender::default(),
            claims: Arc::default(),
        })
    }

    /// Writes what is waiting, then lets go of the file. Afterwards everything is unavailable.
    pub async fn close(&self) {
        let closing = async {
            if let Some(writer) = &self.writer {
                writer.close().await;
            }
            self.reads.close().await;
        };
        if timeout(PATIENCE, closing).await.is_err() {
            tracing::warn!("the store did not close in time");
        }
    }

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

async fn readers(path: &Path) -> Result<SqlitePool, OpenError> {
    Ok(SqlitePoolOptions::new()
        .max_connections(READERS)
        .acquire_timeout(PATIENCE)
        .test_before_acquire(false)
        .connect_with(file::options(path).read_only(true))
        .await?)
}

/// Asks the database, but not for ever.
async fn answer<T>(
    doing: &'static str,
    question: impl Future<Output = sqlx::Result<T>>,
) -> Result<T, StoreError> {
    match timeout(PATIENCE, question).await {
        Ok(answer) => answer.map_err(|source| unavailable(doing, source)),
        Err(elapsed) => Err(unavailable(doing, elapsed)),
    }
}

fn unavailable(
    doing: &'static str,
    source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> StoreError {
    StoreError {
        doing,
        source: source.into(),
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn commit(&self, commit: Commit) -> Result<u64, CommitError> {
        self.write(Write::Commit(Box::new(commit))).await
    }

    async fn request(&self, id: RequestId) -> Result<Option<Request>, StoreError> {
        answer("load a request", requests::request(&self.reads, id)).await
    }

    async fn holdings(&self, person: &UserId) -> Result<Holdings, StoreError> {
        // The version first: whatever comes in between then makes the commit a conflict.
        answer("count a person's grants", async {
            Ok(Holdings {
                version: holders::version(&self.reads, person).await?,
                requests: requests::open(&self.reads, &Open::Of(person.clone())).await?,
            })
        })
        .await
    }

    async fn open(&self, which: Open) -> Result<Vec<Request>, StoreError> {
        answer("load open requests", requests::open(&self.reads, &which)).await
    }

    async fn open_after(
        &self,
        after: Option<(Time, RequestId)>,
        limit: u32,
    ) -> Result<Vec<Request>, StoreError> {
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

    async fn claim_due(
        &self,
        lane: &Lane,
        now: Time,
        limit: u32,
    ) -> Result<Vec<(RequestId, Claim)>, StoreError> {
        let held = u32::try_from(self.claims.count()).unwrap_or(u32::MAX);
        let question = work::due(&self.reads, lane, now, limit.saturating_add(held));
        let due = answer("look for due work", question).await?;
        let claimed = due.into_iter().filter_map(|id| {
            let claim = self.claims.take(format!("{}/{id}", lane.name()))?;
            Some((id, claim))
        });
        Ok(claimed.take(limit as usize).collect())
    }

    async fn claim(&self, name: &str) -> Result<Option<Claim>, StoreError> {
        Ok(self.claims.take(name.to_owned()))
    }

    async fn next_due(&self, lane: &Lane, now: Time) -> Result<Option<Time>, StoreError> {
        answer(
            "look for the next work",
            work::next_due(&self.reads, lane, now),
        )
        .await
    }

    async fn stuck(&self, failures: u32) -> Result<Vec<Stuck>, StoreError> {
        answer(
            "look for stuck revocations",
            requests::stuck(&self.reads, failures),
        )
        .await
    }

    async fn locks(&self) -> Result<Vec<Lock>, StoreError> {
        answer("load the locks", locks::locks(&self.reads)).await
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
        answer("read the log", log::entries(&self.reads, after, limit)).await
    }

    async fn changed(&self, after: u64, limit: u32) -> Result<(Vec<Request>, u64), StoreError> {
        answer("look for changed requests", async {
            let (head, _) = log::last(&mut *self.reads.acquire().await?).await?;
            let upto = after.saturating_add(limit.into()).min(head.max(after));
            let requests = requests::changed(&self.reads, after, upto).await?;
            Ok((requests, upto))
        })
        .await
    }

    fn head(&self) -> watch::Receiver<u64> {
        self.head.clone()
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
            .await?;
        self.homes_touched.send_modify(|times| *times += 1);
        Ok(())
    }

    async fn touch_homes(&self, whose: &Whose, now: Time) -> Result<(), StoreError> {
        let whose = whose.clone();
        self.note("touch Homes", Write::HomesTouched { whose, now })
            .await?;
        self.homes_touched.send_modify(|times| *times += 1);
        Ok(())
    }

    fn homes_touched(&self) -> watch::Receiver<u64> {
        self.homes_touched.subscribe()
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
