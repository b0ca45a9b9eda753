//! What somebody who follows the log keeps in the store: how far they have come, and small documents,
//! such as what is shown to whom. The store does not look into them.
//!
//! Nothing here is part of a commit, and no decision rests on it. Whoever follows the log writes what
//! follows from its entries together with their cursor: so each entry has its effect once, whenever
//! the follower stops.

use std::collections::BTreeSet;

use async_trait::async_trait;
use tokio::sync::watch;

use super::{CommitError, StoreError};
use crate::domain::Time;

/// A small document, identified by its collection and key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// The collection that it is in.
    pub collection: String,
    /// The key within the collection.
    pub key: String,
    /// A version that increases with every write and every touch. 0 for a document that is not in the store.
    pub version: u64,
    /// When it is due, if it is.
    pub due_at: Option<Time>,
    /// Whether somebody waits for it. Urgent documents come before others that are due.
    pub is_urgent: bool,
    /// The content, as JSON.
    pub body: String,
}

/// A document with the references by which it is found and touched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Referring {
    /// The document.
    pub document: Document,
    /// The references, in a form that its owner chooses.
    pub refs: BTreeSet<String>,
}

/// A transaction on documents. After a crash, all of it is stored, or nothing.
#[derive(Debug, Clone, Default)]
pub struct DocumentWrites {
    /// The step of a follower that makes the rest valid.
    pub step: Option<Step>,
    /// Documents to add. Existing ones do not change.
    pub add: Vec<Referring>,
    /// A document that replaces the stored one, if that has the same version.
    pub put: Option<Referring>,
    /// Documents that become due, including those in `add` and `put`.
    pub touch: Vec<Touch>,
}

/// A move of a follower's cursor over the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The name of its cursor.
    pub cursor: String,
    /// The entry that it is at.
    pub from: u64,
    /// The entry that it moves to; may be the same.
    pub to: u64,
}

/// Documents of a collection that may say something old.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Touch {
    /// The collection.
    pub collection: String,
    /// Those that refer to one of these.
    pub refs: BTreeSet<String>,
    /// They have their turn at this moment, if they have none before.
    pub at: Time,
}

impl DocumentWrites {
    /// Whether some document may have its turn by it.
    pub fn makes_due(&self) -> bool {
        let is_put = self.put.as_ref();
        !self.add.is_empty()
            || !self.touch.is_empty()
            || is_put.is_some_and(|put| put.document.due_at.is_some())
    }
}

/// Cursors and documents. `tests/store_contract` says what every implementation holds to.
#[async_trait]
pub trait Documents: Send + Sync + 'static {
    /// How far the follower of this name has come: an entry's number, 0 at first.
    async fn cursor(&self, name: &str) -> Result<u64, StoreError>;

    /// Moves a follower's cursor forward; it never moves back.
    async fn move_cursor(&self, name: &str, seq: u64) -> Result<(), StoreError>;

    /// One document.
    async fn document(&self, collection: &str, key: &str) -> Result<Option<Document>, StoreError>;

    /// The documents that refer to this, by key.
    async fn referring(&self, collection: &str, to: &str) -> Result<Vec<Document>, StoreError>;

    /// The documents whose turn it is at `now`: urgent ones first, then longest waiting; at most
    /// `limit`.
    async fn due_documents(
        &self,
        collection: &str,
        now: Time,
        limit: u32,
    ) -> Result<Vec<Document>, StoreError>;

    /// When the next document after `now` has its turn.
    async fn next_document(&self, collection: &str, now: Time) -> Result<Option<Time>, StoreError>;

    /// Writes everything in `writes`, or nothing. Survives a crash once it has returned.
    ///
    /// # Errors
    ///
    /// [`CommitError::Conflict`] if the follower does not stand where the step says, or the document
    /// to be put has another version.
    async fn write(&self, writes: DocumentWrites) -> Result<(), CommitError>;

    /// Whether a cursor or a document was found that Keylend did not write. Such a document is answered
    /// with an empty body. A follower with such a cursor goes on where this replica last knew it, or a
    /// thousand entries before the log's head, and the row is written anew.
    fn is_changed(&self) -> watch::Receiver<bool> {
        watch::channel(false).1
    }

    /// Moves whenever documents may have got their turn.
    fn documents_due(&self) -> watch::Receiver<u64>;
}
