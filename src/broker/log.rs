//! What the log says, where a decision must not rest on the tables alone.
//!
//! Somebody who can write to the tables can edit a snapshot or delete a lock. So before anything is
//! approved or granted, the request is folded from its own entries and compared with its snapshot,
//! and a lock counts if the table or the log has it. Each entry's own hash is checked here; whether
//! the log itself is whole, `keylend audit verify` shows.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use super::{Broker, unavailable};
use crate::{
    domain::{Lock, LockEvent, LockTarget, Refusal, Request, RequestId},
    store::{CommitError, Entry, EntryBody, Fold, RawEntry, contradiction},
};

/// Entries that are read at a time.
const PAGE: u32 = 1000;

/// The alert that the table lacks a lock.
const LOCK_MISSING: &str = "lock_missing";

/// The locks that the log says are in force. Only what is new is read each time.
#[derive(Default)]
pub(super) struct LoggedLocks(Mutex<Locks>);

#[derive(Default, Clone)]
struct Locks {
    /// The last entry without a request that was read.
    read: u64,
    in_force: BTreeMap<LockTarget, Lock>,
}

impl Broker {
    /// The locks in force: those in the table, and those that the log tells of.
    pub(crate) async fn locks(&self) -> Result<Vec<Lock>, Refusal> {
        let mut locks = self.locks_in_table().await?;
        let mut logged = self.logged_locks().await?;
        let lacks =
            |locks: &[Lock], target: &LockTarget| !locks.iter().any(|lock| lock.target == *target);
        logged.retain(|target, _| lacks(&locks, target));
        if logged.is_empty() {
            self.parts.alerts.clear(LOCK_MISSING);
            return Ok(locks);
        }
        // One that was set between the two looks is in the table by now.
        let again = self.locks_in_table().await?;
        if let Some(target) = logged.keys().find(|target| lacks(&again, target)) {
            let text = format!(
                "The log has a lock on {target}, but the locks table does not. Somebody may have \
                 changed the table. The lock stays in force. Run `keylend audit verify`."
            );
            self.alert(LOCK_MISSING, &text);
        }
        locks.extend(logged.into_values());
        Ok(locks)
    }

    async fn locks_in_table(&self) -> Result<Vec<Lock>, Refusal> {
        self.parts.store.locks().await.map_err(unavailable)
    }

    /// The locks in force by the log alone.
    pub(super) async fn logged_locks(&self) -> Result<BTreeMap<LockTarget, Lock>, Refusal> {
        let known = &self.logged_locks.0;
        let mut locks = known.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let before = locks.read;
        loop {
            let page = self.parts.store.entries_of(None, locks.read, PAGE).await;
            let page = page.map_err(unavailable)?;
            for raw in &page {
                locks.fold(raw);
            }
            if page.len() < PAGE as usize {
                break;
            }
        }
        if locks.read > before {
            let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
            if known.read < locks.read {
                known.clone_from(&locks);
            }
        }
        Ok(locks.in_force)
    }

    /// Refuses a request whose snapshot says something else than its entries in the log.
    ///
    /// # Errors
    ///
    /// [`Refusal::Contradicted`], which raises an alert, or the store's trouble.
    pub(crate) async fn uncontradicted(&self, request: &Request) -> Result<(), Refusal> {
        let name = format!("contradicted:{}", request.id);
        let difference = contradiction(&*self.parts.store, request).await;
        let Some(difference) = difference.map_err(unavailable)? else {
            self.parts.alerts.clear(&name);
            return Ok(());
        };
        let text = format!(
            "Request {} does not match the log: {difference}. Somebody may have changed the tables. \
             Keylend does not approve or grant it. Run `keylend audit verify`.",
            request.id
        );
        self.alert(&name, &text);
        Err(Refusal::Contradicted(request.id))
    }

    /// Makes the rows of a request again from the log if its snapshot, or what is due for it, is not
    /// what the log says. Answers whether that was so. What another commit changes meanwhile is left
    /// as it is.
    ///
    /// # Errors
    ///
    /// The store's trouble.
    pub(crate) async fn mend(&self, id: RequestId) -> Result<bool, Refusal> {
        let store = &self.parts.store;
        let mut fold = Fold::new(id);
        loop {
            let page = store.entries_of(Some(id), fold.last_seq(), PAGE).await;
            let page = page.map_err(unavailable)?;
            for raw in &page {
                if let Err(error) = fold.add(raw) {
                    let text = format!("The log is broken: {error}. Run `keylend audit verify`.");
                    self.alert("log_broken", &text);
                    return Ok(false);
                }
            }
            if page.len() < PAGE as usize {
                break;
            }
        }
        let Some(request) = fold.request() else {
            let text = format!(
                "The tables have work for request {id}, but the log has no entry for it. Somebody may \
                 have changed the tables. Run `keylend audit verify`."
            );
            self.alert(&format!("contradicted:{id}"), &text);
            return Ok(false);
        };
        // A snapshot that cannot be read is not what the log says either.
        let found = store.request(id).await.ok().flatten();
        let due = store.due_of(id).await.map_err(unavailable)?;
        if found.as_ref() == Some(request) && due == request.due_by_lane() {
            return Ok(false);
        }
        match store.restore(request, fold.last_seq()).await {
            Ok(()) => {}
            Err(CommitError::Conflict) => return Ok(false),
            Err(CommitError::Unavailable(error)) => return Err(unavailable(error)),
        }
        let text = format!(
            "Request {id} did not match the log, so Keylend restored its rows from the log. Its \
             state is {}. Somebody may have changed the tables. Run `keylend audit verify`.",
            request.state.name()
        );
        self.alert(&format!("repaired:{id}"), &text);
        Ok(true)
    }

    /// Raises an alert, and says it in the process's log the first time.
    pub(crate) fn alert(&self, name: &str, text: &str) {
        if self.parts.alerts.raised().get(name).map(String::as_str) != Some(text) {
            tracing::error!(alert = name, "{text}");
        }
        self.parts.alerts.raise(name, text);
    }
}

impl Locks {
    /// Folds an entry in that tells of no request. One that was changed can still lock, but
    /// unlocks nothing.
    fn fold(&mut self, raw: &RawEntry) {
        self.read = raw.seq;
        let entry = match Entry::try_from(raw) {
            Ok(entry) => entry,
            Err(error) => {
                tracing::error!(seq = raw.seq, %error, "an entry of the log is not understood");
                return;
            }
        };
        let EntryBody::Lock(event) = &entry.body else {
            return;
        };
        if matches!(event, LockEvent::Unlocked { .. }) && !raw.has_its_hash() {
            tracing::error!(
                seq = raw.seq,
                "an entry of the log was changed: nothing is unlocked"
            );
            return;
        }
        event.apply(entry.at, &entry.actor, &mut self.in_force);
    }
}
