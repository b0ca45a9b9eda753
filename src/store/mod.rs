//! Where state lives: the chained log, the requests' snapshots, and what follows from them.
//!
//! A [`Commit`] is one transaction: all of it is there after a crash, or nothing. The log cannot
//! disagree with the snapshots, because both are written together. Nothing here decides anything.
//!
//! There is one text of SQL for all databases, in `sql/`. Each database compiles it as modules of its
//! own and says in a module `db` which types that is for, in `write_connection` how its writer reaches it, and in
//! `claims` how work is claimed.

mod address;
mod alone;
mod answer;
mod by_request;
mod canonical;
pub mod chain;
mod claim;
mod clocks;
mod commit;
mod compared;
pub mod copy;
mod credential;
mod documents;
mod entry;
mod error;
mod fold;
mod folded_locks;
mod followed;
mod invalidation;
mod key;
mod locked;
mod notes;
mod open_error;
mod open_pages;
mod people;
mod postgres;
pub mod rebuild;
mod record;
pub mod rekey;
mod sqlite;
mod tables;
mod texts;
mod verified;
mod view;
mod writable;

use std::collections::{BTreeSet, HashMap};

use async_trait::async_trait;
use tokio::sync::{broadcast, watch};

pub use address::{Address, InvalidAddress};
pub use alone::work_alone;
pub use by_request::ByRequest;
pub use chain::{Broken, Chain, GENESIS, NotCanonical, Origin, RawEntry, Why};
pub use claim::{Claim, Claims, access_claim};
pub use clocks::{ClockComparison, Clocks, Off, TOLERANCE};
pub use commit::{Change, Commit, Delivered, LockChange};
pub use compared::Comparisons;
pub use credential::SealedCredential;
pub use documents::{Document, DocumentWrites, Documents, Referring, Step, Touch};
pub use entry::Entry;
pub use error::{CommitError, StoreError};
pub use fold::{Fold, Lost, NotFoldable, logged, logged_whole};
pub use followed::followed;
pub use invalidation::Invalidation;
pub use key::StoreKey;
pub use locked::{LocksInForce, LoggedLocks, locks_in_force};
pub use notes::{
    ATTEMPTS_OF_ONE, ATTEMPTS_OF_OUTSIDERS, ATTEMPTS_WITHIN, LoggedNotes, NextAttempt, Notes,
};
pub use open_error::OpenError;
pub use open_pages::OpenPages;
pub use people::{DecidedOn, LATELY, LoggedPeople, OpenRequest, People, Told, Uncertain};
pub use postgres::PostgresStore;
pub use record::{EntryBody, Note, Record};
pub use sqlite::SqliteStore;
pub use verified::{Expected, Verified};
pub use view::{Rows, View};
pub use writable::Writable;

use crate::domain::{
    AskKey, Entitlement, InstanceId, Lane, Lock, Request, RequestId, ScopeId, Time, UserId,
};

/// A request as the tables have it, beside the log.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    /// The request; nothing if there is none, or none that can be read.
    pub request: Option<Request>,
    /// The number of the log's last entry about it; 0 if there is none.
    pub last_seq: u64,
}

/// A request that the log tells of behind some entry, as the tables have it.
#[derive(Debug, Clone, PartialEq)]
pub struct Changed {
    /// The request's name.
    pub id: RequestId,
    /// The request; nothing if there is none, or none that can be read.
    pub request: Option<Request>,
    /// The number of the log's last entry about it.
    pub last_seq: u64,
    /// The kind of that entry.
    pub last_kind: String,
}

/// A place in the open requests, oldest first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct After {
    asked_at: i64,
    id: String,
}

impl From<&Request> for After {
    /// Behind this request.
    fn from(request: &Request) -> Self {
        Self {
            asked_at: request.asked_at.timestamp_millis(),
            id: request.id.to_string(),
        }
    }
}

/// Some of the open requests.
#[derive(Debug, Clone, PartialEq)]
pub struct OpenPage {
    /// Those that can be read.
    pub requests: Vec<Request>,
    /// Where the next page begins; nothing if this one is empty.
    pub next: Option<After>,
}

/// Another grant that stands on the same entitlement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sharing {
    /// The other grant.
    pub request: RequestId,
    /// Whether Keylend gave the access.
    pub managed: bool,
    /// Whether that grant goes on: it is approved or active, not ending.
    pub goes_on: bool,
}

/// Which open requests are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Open {
    /// All of them.
    All,
    /// One person's.
    Of(UserId),
    /// One scope's.
    For(ScopeId),
}

/// The state of one stuck revocation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stuck {
    /// The grant.
    pub request: RequestId,
    /// Failures in a row of its worst layer.
    pub failures: u32,
}

/// A database: all of these, on the same tables.
pub trait Database: Ledger + WorkClaims + Documents {}

impl<T: Ledger + WorkClaims + Documents> Database for T {}

/// What can be read of the store. `tests/store_contract` says what every implementation of this, of
/// [`Ledger`] and of [`WorkClaims`] holds to.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// One request.
    async fn request(&self, id: RequestId) -> Result<Option<Request>, StoreError>;

    /// One request, and how far the log tells of it at the same moment.
    async fn snapshot(&self, id: RequestId) -> Result<Snapshot, StoreError>;

    /// The request that was asked for with this key, as the log tells.
    async fn asked(&self, key: &AskKey) -> Result<Option<RequestId>, StoreError>;

    /// The open requests, oldest first.
    async fn open(&self, which: Open) -> Result<Vec<Request>, StoreError>;

    /// The number of the log's last entry about each of these requests; nothing of one without any.
    async fn last_seqs(
        &self,
        requests: &[RequestId],
    ) -> Result<HashMap<RequestId, u64>, StoreError>;

    /// The open requests behind `after`, oldest first, at most `limit`: for going through all of them
    /// a page at a time. A row that cannot be read keeps no other from being found.
    async fn open_after(&self, after: Option<After>, limit: u32) -> Result<OpenPage, StoreError>;

    /// The requests that wait for somebody's decision, oldest first, at most `limit`.
    async fn awaiting(&self, limit: u32) -> Result<Vec<Request>, StoreError>;

    /// One person's requests that are over, latest first, at most `limit`.
    async fn past(&self, person: &UserId, limit: u32) -> Result<Vec<Request>, StoreError>;

    /// The other grants whose layers depend on `entitlement`: inspected and not revoked.
    async fn sharing(
        &self,
        entitlement: &Entitlement,
        except: RequestId,
    ) -> Result<Vec<Sharing>, StoreError>;

    /// The requests that the log says were approved for `entitlement` and may have access, whatever the
    /// tables say: they are not over, or their target may still have to be inspected once more.
    async fn approved_for(&self, entitlement: &Entitlement) -> Result<Vec<RequestId>, StoreError>;

    /// Those of these requests by whose rows they would not be found as they are: the columns beside
    /// the snapshot, when each lane has to look, which layers may stand, whose they are.
    async fn torn(&self, requests: &[Request]) -> Result<BTreeSet<RequestId>, StoreError>;

    /// The ending grants whose revocation failed at least `failures` times in a row.
    async fn stuck(&self, failures: u32) -> Result<Vec<Stuck>, StoreError>;

    /// The locks in force.
    async fn locks(&self) -> Result<Vec<Lock>, StoreError>;

    /// The sealed credential of a request's layer.
    async fn credential(
        &self,
        request: RequestId,
        layer: usize,
    ) -> Result<Option<SealedCredential>, StoreError>;

    /// The log's entries behind `after` as the text that was hashed, in order, at most `limit`: for
    /// verifying and exporting.
    async fn raw_entries(&self, after: u64, limit: u32) -> Result<Vec<RawEntry>, StoreError>;

    /// The entries behind `after` that tell of `request`, or with nothing those that tell of no
    /// request, such as locks; in order, at most `limit`.
    async fn entries_of(
        &self,
        request: Option<RequestId>,
        after: u64,
        limit: u32,
    ) -> Result<Vec<RawEntry>, StoreError>;

    /// All entries that tell of these requests, those of one request in order.
    async fn entries_about(&self, requests: &[RequestId]) -> Result<Vec<RawEntry>, StoreError>;

    /// The log's entries behind `after`, in order, at most `limit`.
    async fn entries(&self, after: u64, limit: u32) -> Result<Vec<Entry>, StoreError> {
        Entry::read_all(&self.raw_entries(after, limit).await?)
    }

    /// Which Keylend this is: the same for every replica, after every move, and in every backup, since it
    /// is the beginning of the hash of the log's first entry. Nothing while the log is empty.
    async fn instance(&self) -> Result<Option<InstanceId>, StoreError> {
        let first = self.raw_entries(0, 1).await?;
        let instance = first.first().map(RawEntry::instance).transpose();
        instance.map_err(|broken| StoreError {
            doing: "read the log's first entry",
            source: broken.into(),
        })
    }

    /// What a replica last [kept](Ledger::keep_people) of people; nothing if none did.
    async fn kept_people(&self) -> Result<Option<Vec<u8>>, StoreError>;

    /// The greatest time that a replica has acted on, to ten seconds; nothing where none was kept.
    async fn high_water(&self) -> Result<Option<Time>, StoreError> {
        Ok(None)
    }

    /// The requests that the log tells of behind `after`, and the number up to which this is the
    /// whole answer: entries up to `after + limit` are looked at, up to the last one that Keylend wrote and
    /// no further than a gap. It is less than `after` if the log ends before it.
    async fn changed(&self, after: u64, limit: u32) -> Result<(Vec<Changed>, u64), StoreError>;

    /// Writes what is waiting, then lets go of the store; what was claimed is free for other
    /// replicas. Afterwards everything is unavailable.
    async fn close(&self);

    /// Why this replica is on standby, if it is: commits are refused and nothing is claimed, while what
    /// is in the store can be read. If that is for its clock and no replica's is right, it goes on
    /// ending access, and refuses only what [leads to access](Commit::leads_to_access).
    fn standby_reason(&self) -> Option<String> {
        None
    }

    /// How the replicas' clocks compare with the store's; all of them are right where there is one clock.
    fn clocks(&self) -> ClockComparison {
        ClockComparison::default()
    }

    /// What can be written, from a failed transaction on until one comes about, which is tried every few
    /// seconds. A full disk shows here, while everything can be read.
    fn writable(&self) -> watch::Receiver<Writable> {
        watch::channel(Writable::Everything).1
    }

    /// The number of the last entry that this replica wrote or saw, if the log does not have it any more:
    /// then the replica commits nothing that [leads to access](Commit::leads_to_access).
    fn lost_entry(&self) -> Option<u64> {
        None
    }

    /// What replicas tell of each other's facts; nothing where this one is alone.
    fn outdated(&self) -> Option<broadcast::Receiver<Invalidation>> {
        None
    }

    /// The log's head, and every later one: what followers wait on.
    fn head(&self) -> watch::Receiver<u64>;
}

/// What changes state. Only the broker has one.
#[async_trait]
pub trait Ledger: Store {
    /// Writes everything in `commit`, or nothing: the events with their place in the chain, the
    /// snapshots with their versions checked, the lanes' due times, the layers that stand on
    /// entitlements. Erases the credentials of every request that is no longer open. Survives a
    /// crash once it has returned.
    ///
    /// The locks are read in the transaction: from a lock's commit on, nothing that it covers is
    /// [granted](Change::grants), and nothing that somebody approved who is locked. So is what the log says
    /// behind [`Commit::decided_on`].
    ///
    /// Returns the log's head: the number of the last entry.
    ///
    /// # Errors
    ///
    /// [`CommitError::Conflict`] if a version or a request's last entry moved on, a new request's id or
    /// key is taken, the log says more of the people that were decided on or of what a note was made
    /// behind, a lock to be lifted is not there, or a lock covers what is granted or who approved it. Whoever reads the store
    /// after that sees what was in the way.
    async fn commit(&self, commit: Commit) -> Result<u64, CommitError>;

    /// Makes the rows of a request again, for a snapshot or rows in `due` or `layers` that are not
    /// what the log says: `request` is what its entries up to `last_seq` make.
    ///
    /// # Errors
    ///
    /// [`CommitError::Conflict`] if `last_seq` is not its last entry any more.
    async fn restore(&self, request: &Request, last_seq: u64) -> Result<(), CommitError>;

    /// Keeps what a replica knows of people, sealed, in the place of what was kept before.
    async fn keep_people(&self, sealed: Vec<u8>) -> Result<(), StoreError>;

    /// Notes that a replica acts at `at`, unless one has at a later time.
    async fn raise_high_water(&self, _at: Time) -> Result<(), StoreError> {
        Ok(())
    }

    /// Notes that no replica has acted at a time after `at` that still counts.
    async fn lower_high_water(&self, _at: Time) -> Result<(), StoreError> {
        Ok(())
    }

    /// Tells the other replicas that something they know of people is old.
    async fn broadcast_invalidation(&self, _: &Invalidation) -> Result<(), StoreError> {
        Ok(())
    }
}

/// Who does which work: what one has claimed, nobody else does.
#[async_trait]
pub trait WorkClaims: Send + Sync + 'static {
    /// Claims requests with work due in `lane` at `now` that nobody works on in this lane, longest
    /// due first, at most `limit`. A crash gives them back.
    async fn claim_due(
        &self,
        lane: &Lane,
        now: Time,
        limit: u32,
    ) -> Result<Vec<(RequestId, Claim)>, StoreError>;

    /// Claims `name`, unless somebody has it. A crash gives it back.
    async fn claim(&self, name: &str) -> Result<Option<Claim>, StoreError>;

    /// When the next work of `lane` after `now` is due.
    async fn next_due(&self, lane: &Lane, now: Time) -> Result<Option<Time>, StoreError>;
}
