//! What the log says, where a decision must not rest on the tables alone.
//!
//! Somebody who can write to the tables can edit a snapshot or delete a lock. So before anything is
//! decided about a request, it is folded from its own entries and compared with its snapshot. What
//! would be approved or granted on a snapshot that differs is refused; anything else, the end of a
//! grant above all, goes on from the log, with the rows made again. A lock counts if the table or the
//! log has it. Each entry's own hash is checked here; whether the log itself is whole, `keylend audit
//! verify` shows.

use std::collections::BTreeMap;

use super::{Broker, contended, unavailable};
use crate::{
    domain::{Lock, LockTarget, Refusal, Request, RequestId},
    store::{CommitError, Fold, contradiction, locks_in_force},
};

/// Entries that are read at a time.
const PAGE: u32 = 1000;

/// The alert that the table lacks a lock.
const LOCK_MISSING: &str = "lock_missing";

/// What a comparison of a request's rows with its entries found.
enum Compared {
    /// They say the same.
    Same(Box<Request>),
    /// They differed, and the rows were made again from the entries.
    Restored(Box<Request>),
    /// The entries make no request.
    Unknown,
}

/// What the log says of a snapshot.
pub(super) enum Standing {
    /// It is what its entries make.
    Proven,
    /// It was not; the tables now have what the log says.
    Outdated,
    /// The log tells of no such request, or is broken.
    Unproven,
}

impl Broker {
    /// The locks in force: those in the table, and those that the log tells of.
    pub(crate) async fn locks(&self) -> Result<Vec<Lock>, Refusal> {
        let table = self.locks_in_table().await?;
        let logged = self.logged_locks().await?;
        let locks = locks_in_force(table.clone(), logged.clone());
        let lacks =
            |locks: &[Lock], target: &LockTarget| !locks.iter().any(|lock| lock.target == *target);
        if !logged.keys().any(|target| lacks(&table, target)) {
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
        Ok(locks)
    }

    async fn locks_in_table(&self) -> Result<Vec<Lock>, Refusal> {
        self.parts.store.locks().await.map_err(unavailable)
    }

    /// The locks in force by the log alone.
    pub(super) async fn logged_locks(&self) -> Result<BTreeMap<LockTarget, Lock>, Refusal> {
        let logged = self.logged_locks.read(&*self.parts.store).await;
        logged.map_err(unavailable)
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
    /// what the log says. Answers whether that was so.
    ///
    /// # Errors
    ///
    /// The store's trouble.
    pub(crate) async fn mend(&self, id: RequestId) -> Result<bool, Refusal> {
        let compared = self.compare(id).await?;
        Ok(matches!(compared, Compared::Restored(_)))
    }

    /// The request as the log tells it, with its rows made again where they differ from it; nothing
    /// if the log does not tell.
    ///
    /// # Errors
    ///
    /// The store's trouble.
    pub(crate) async fn logged(&self, id: RequestId) -> Result<Option<Request>, Refusal> {
        Ok(match self.compare(id).await? {
            Compared::Same(request) | Compared::Restored(request) => Some(*request),
            Compared::Unknown => None,
        })
    }

    /// Whether this snapshot is what the log says, or was when it was read.
    ///
    /// # Errors
    ///
    /// The store's trouble.
    pub(crate) async fn is_proven(&self, request: &Request) -> Result<bool, Refusal> {
        let difference = contradiction(&*self.parts.store, request).await;
        Ok(difference.map_err(unavailable)?.is_none())
    }

    /// Whether a decision may rest on this snapshot.
    pub(super) async fn standing(&self, request: &Request) -> Result<Standing, Refusal> {
        if self.is_proven(request).await? {
            return Ok(Standing::Proven);
        }
        Ok(match self.compare(request.id).await? {
            Compared::Same(_) | Compared::Restored(_) => Standing::Outdated,
            Compared::Unknown => Standing::Unproven,
        })
    }

    async fn compare(&self, id: RequestId) -> Result<Compared, Refusal> {
        let store = &self.parts.store;
        for _ in 0..super::ATTEMPTS {
            let Some((request, last_seq)) = self.folded(id).await? else {
                return Ok(Compared::Unknown);
            };
            // A snapshot that cannot be read is not what the log says either.
            let found = store.request(id).await.ok().flatten();
            let due = store.due_of(id).await.map_err(unavailable)?;
            if found.as_ref() == Some(&request) && due == request.due_by_lane() {
                return Ok(Compared::Same(Box::new(request)));
            }
            match store.restore(&request, last_seq).await {
                Ok(()) => {}
                // Another commit came between the looks at the log and at the tables.
                Err(CommitError::Conflict) => continue,
                Err(CommitError::Unavailable(error)) => return Err(unavailable(error)),
            }
            let text = format!(
                "Request {id} did not match the log, so Keylend restored its rows from the log. Its \
                 state is {}. Somebody may have changed the tables. Run `keylend audit verify`.",
                request.state.name()
            );
            self.alert(&format!("repaired:{id}"), &text);
            return Ok(Compared::Restored(Box::new(request)));
        }
        Err(contended())
    }

    /// What the request's entries make, and the number of the last one; nothing, and an alert, if
    /// they make nothing.
    async fn folded(&self, id: RequestId) -> Result<Option<(Request, u64)>, Refusal> {
        let mut fold = Fold::new(id);
        loop {
            let page = self
                .parts
                .store
                .entries_of(Some(id), fold.last_seq(), PAGE)
                .await
                .map_err(unavailable)?;
            for raw in &page {
                if let Err(error) = fold.add(raw) {
                    let text = format!("The log is broken: {error}. Run `keylend audit verify`.");
                    self.alert("log_broken", &text);
                    return Ok(None);
                }
            }
            if page.len() < PAGE as usize {
                break;
            }
        }
        let last_seq = fold.last_seq();
        let Some(request) = fold.request() else {
            let text = format!(
                "The tables have work for request {id}, but the log has no entry for it. Somebody may \
                 have changed the tables. Run `keylend audit verify`."
            );
            self.alert(&format!("contradicted:{id}"), &text);
            return Ok(None);
        };
        Ok(Some((request.clone(), last_seq)))
    }

    /// Raises an alert, and says it in the process's log the first time.
    pub(crate) fn alert(&self, name: &str, text: &str) {
        if self.parts.alerts.raised().get(name).map(String::as_str) != Some(text) {
            tracing::error!(alert = name, "{text}");
        }
        self.parts.alerts.raise(name, text);
    }
}
