//! Backlogs: what a channel or a person is still to be told of a feed. Each is told by itself and in the
//! log's order, so one that cannot be written to holds up no other.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Written, card::put_to_rest, gone, written};
use crate::{
    domain::{ChannelId, Time},
    store::{Document, DocumentWrites, Documents, Referring, StoreError, Touch},
};

/// Their collection in the store.
const COLLECTION: &str = "backlogs";

/// What one channel, or one person, is to be told of one feed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backlog {
    /// The feed's name.
    pub feed: String,
    /// The channel, or the person.
    pub channel: ChannelId,
    /// The last entry that it was told of, or had no part in.
    pub told: u64,
    /// The last entry that it is to be told of.
    pub until: u64,
    /// How often in a row it could not be told.
    pub failures: u32,
    /// Moves with every write and every touch.
    #[serde(skip)]
    pub version: u64,
}

impl Backlog {
    fn new(feed: &str, channel: &ChannelId, version: u64) -> Self {
        Self {
            feed: feed.to_owned(),
            channel: channel.clone(),
            told: 0,
            until: 0,
            failures: 0,
            version,
        }
    }

    /// The backlog in a document of the store; nothing if it is none.
    pub fn read(document: &Document) -> Option<Self> {
        let mut backlog: Self = serde_json::from_str(&document.body).ok()?;
        backlog.version = document.version;
        (key(&backlog.feed, &backlog.channel) == document.key).then_some(backlog)
    }

    fn document(&self, due_at: Option<Time>) -> Referring {
        Referring {
            document: Document {
                collection: COLLECTION.to_owned(),
                key: key(&self.feed, &self.channel),
                version: self.version,
                due_at,
                is_urgent: false,
                body: serde_json::to_string(self).expect("a backlog can be written as JSON"),
            },
            refs: [of(&self.channel)].into(),
        }
    }
}

fn key(feed: &str, channel: &ChannelId) -> String {
    format!("{feed}/{channel}")
}

fn of(channel: &ChannelId) -> String {
    format!("channel:{channel}")
}

/// The backlogs in the store.
#[derive(Clone)]
pub struct BacklogRecords {
    documents: Arc<dyn Documents>,
}

impl BacklogRecords {
    /// Those in this store.
    pub fn new(documents: Arc<dyn Documents>) -> Self {
        Self { documents }
    }

    /// Notes that `channel` is to be told of the entries from `from` to `through`, from `now` on. What
    /// was noted already is not noted again. Survives a crash once it has returned.
    ///
    /// # Errors
    ///
    /// If the store does not answer.
    pub async fn add(
        &self,
        feed: &str,
        channel: &ChannelId,
        from: u64,
        through: u64,
        now: Time,
    ) -> Result<(), StoreError> {
        loop {
            let found = self.find(feed, channel).await?;
            let (mut backlog, due_at) =
                found.unwrap_or_else(|| (Backlog::new(feed, channel, 0), None));
            if backlog.until >= through {
                return Ok(());
            }
            if backlog.told >= backlog.until {
                backlog.told = backlog.told.max(from.saturating_sub(1));
            }
            backlog.until = through;
            let put = backlog.document(Some(due_at.unwrap_or(now)));
            if self.put(put).await? == Written::Done {
                return Ok(());
            }
        }
    }

    /// The backlogs whose turn it is at `now`, longest waiting first; at most `limit`. What is no backlog
    /// is put to rest.
    ///
    /// # Errors
    ///
    /// If the store does not answer.
    pub async fn due(&self, now: Time, limit: u32) -> Result<Vec<Backlog>, StoreError> {
        let due = self.documents.due_documents(COLLECTION, now, limit).await?;
        let mut backlogs = Vec::with_capacity(due.len());
        for document in due {
            match Backlog::read(&document) {
                Some(backlog) => backlogs.push(backlog),
                None => put_to_rest(&*self.documents, document).await?,
            }
        }
        Ok(backlogs)
    }

    /// When the next backlog after `now` has its turn.
    ///
    /// # Errors
    ///
    /// If the store does not answer.
    pub async fn next(&self, now: Time) -> Result<Option<Time>, StoreError> {
        self.documents.next_document(COLLECTION, now).await
    }

    /// Notes that everything up to `seq` was told, at `now`. Answers the backlog as it is by now: more
    /// may have come meanwhile. It rests once all of it was told.
    ///
    /// # Errors
    ///
    /// If the store does not answer, or has no such backlog.
    pub async fn told(
        &self,
        backlog: &Backlog,
        seq: u64,
        now: Time,
    ) -> Result<Backlog, StoreError> {
        let mut current = backlog.clone();
        loop {
            current.told = current.told.max(seq);
            current.failures = 0;
            let due_at = (current.told < current.until).then_some(now);
            if self.put(current.document(due_at)).await? == Written::Done {
                current.version += 1;
                return Ok(current);
            }
            (current, _) = self
                .current(backlog, "note what a channel was told")
                .await?;
        }
    }

    /// Puts a backlog off until `retry_at` after a failure, or with nothing until more comes or it is
    /// touched, which may have happened already.
    ///
    /// # Errors
    ///
    /// If the store does not answer, or has no such backlog.
    pub async fn failed(
        &self,
        backlog: &Backlog,
        retry_at: Option<Time>,
    ) -> Result<(), StoreError> {
        let (mut current, mut due_at) = (backlog.clone(), retry_at);
        loop {
            current.failures = current.failures.saturating_add(1);
            if self.put(current.document(due_at)).await? == Written::Done {
                return Ok(());
            }
            let (now, its_turn) = self.current(backlog, "put a backlog off").await?;
            (current, due_at) = (now, retry_at.or(its_turn));
        }
    }

    /// Gives what `channel` was not told its turn at `at`.
    ///
    /// # Errors
    ///
    /// If the store does not answer.
    pub async fn touch(&self, channel: &ChannelId, at: Time) -> Result<(), StoreError> {
        let touch = Touch {
            collection: COLLECTION.to_owned(),
            refs: [of(channel)].into(),
            at,
        };
        let writes = DocumentWrites {
            touch: vec![touch],
            ..DocumentWrites::default()
        };
        written(self.documents.write(writes).await).map(drop)
    }

    async fn find(
        &self,
        feed: &str,
        channel: &ChannelId,
    ) -> Result<Option<(Backlog, Option<Time>)>, StoreError> {
        let key = key(feed, channel);
        let document = self.documents.document(COLLECTION, &key).await?;
        Ok(document.map(|document| {
            let backlog = Backlog::read(&document);
            let backlog = backlog.unwrap_or_else(|| Backlog::new(feed, channel, document.version));
            (backlog, document.due_at)
        }))
    }

    async fn current(
        &self,
        backlog: &Backlog,
        doing: &'static str,
    ) -> Result<(Backlog, Option<Time>), StoreError> {
        let found = self.find(&backlog.feed, &backlog.channel).await?;
        found.ok_or_else(|| gone(doing))
    }

    async fn put(&self, put: Referring) -> Result<Written, StoreError> {
        let writes = DocumentWrites {
            put: Some(put),
            ..DocumentWrites::default()
        };
        written(self.documents.write(writes).await)
    }
}
