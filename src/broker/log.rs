//! What the log says, where a decision must not rest on the tables alone.
//!
//! Somebody who can write to the tables can edit a snapshot or delete a lock. So before anything is
//! decided about a request, it is folded from its own entries and compared with its snapshot. An
//! approval on a snapshot that differs is refused; anything else goes on from the log, with the rows
//! made again, and where somebody appended entries about the request, it can only end, by what Keylend's own
//! entries say. Its snapshot counts only where those make no request. A lock counts if the
//! table or the log has it. Each entry's own hash is checked here; that the chain is whole is checked
//! before anybody comes closer to access, in `people`.

use std::collections::{BTreeMap, BTreeSet};

use super::{Broker, Error, Loaded, error::ATTEMPTS, is_of_an_end};
use crate::{
    domain::{Lock, LockTarget, Refusal, Request, RequestId},
    store::{CommitError, Expected, Fold, Lost, NotFoldable, Snapshot, locks_in_force},
};

/// Entries that are read at a time.
const PAGE: u32 = 1000;

/// The alert that the table lacks a lock.
const LOCK_MISSING: &str = "lock_missing";

/// What a comparison of a request's snapshot with its entries found.
enum Compared {
    /// They say the same.
    Same(Request),
    /// The entries make another request than the snapshot is.
    Differs(Request),
    /// The entries make no request.
    Untold(Untold),
}

/// A request whose entries do not all count.
struct Untold {
    /// What is known of it all the same, of which nothing but the end counts.
    request: Option<Request>,
    why: String,
    /// Whether its rows were made again.
    is_restored: bool,
}

/// Entries that make no request.
struct Broken {
    why: String,
    /// What those make that Keylend wrote; nothing if they make none.
    genuine: Option<Request>,
    /// Whether these are known to be all that Keylend wrote about it.
    is_whole: bool,
}

impl Broker {
    /// The locks in force: those in the table, and those that the log tells of.
    pub(crate) async fn locks(&self) -> Result<Vec<Lock>, Error> {
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

    async fn locks_in_table(&self) -> Result<Vec<Lock>, Error> {
        Ok(self.store.locks().await?)
    }

    /// The locks in force by the log alone.
    pub(super) async fn logged_locks(&self) -> Result<BTreeMap<LockTarget, Lock>, Error> {
        Ok(self.logged_locks.read(&*self.store).await?)
    }

    /// One request, with its rows made again from the log where they differ from it.
    ///
    /// # Errors
    ///
    /// [`Refusal::NoSuchRequest`], or the store's trouble.
    pub(crate) async fn load(&self, id: RequestId) -> Result<Loaded, Error> {
        for _ in 0..ATTEMPTS {
            let (compared, last_seq) = self.compare(id).await?;
            match compared {
                Compared::Same(request) => {
                    let logged = Some(last_seq);
                    return Ok(Loaded { request, logged });
                }
                // What the log tells is gone on with, whatever is written to the row meanwhile.
                Compared::Differs(request) => {
                    if self.restore(&request, last_seq).await? {
                        let logged = Some(last_seq);
                        return Ok(Loaded { request, logged });
                    }
                }
                Compared::Untold(Untold { request, why, .. }) => {
                    let request = request.ok_or(Refusal::NoSuchRequest(id))?;
                    self.alert_contradiction(id, &why);
                    let logged = None;
                    return Ok(Loaded { request, logged });
                }
            }
        }
        Err(Error::TooManyConflicts)
    }

    /// One request that is to come closer to access, if its snapshot is what the log says.
    ///
    /// The person who approves it has seen what the tables say. So where the log says something else it is
    /// refused, and not decided on what nobody has seen.
    ///
    /// # Errors
    ///
    /// [`Error::Contradicted`], which raises an alert, [`Refusal::NoSuchRequest`], or the store's
    /// trouble.
    pub(super) async fn load_unchanged(&self, id: RequestId) -> Result<Loaded, Error> {
        let (compared, last_seq) = self.compare(id).await?;
        let why = match compared {
            Compared::Same(request) => {
                let logged = Some(last_seq);
                return Ok(Loaded { request, logged });
            }
            Compared::Untold(Untold { request: None, .. }) => {
                return Err(Refusal::NoSuchRequest(id).into());
            }
            Compared::Untold(Untold { why, .. }) => why,
            Compared::Differs(_) => "its snapshot is not what its entries make".to_owned(),
        };
        self.alert_contradiction(id, &why);
        Err(Error::Contradicted(id))
    }

    /// Those of these requests, which the table says are open, that have to be
    /// [mended](Self::mend): their rows are not known to be what the log says.
    ///
    /// # Errors
    ///
    /// The store's trouble.
    pub(crate) async fn differing(
        &self,
        requests: &[Request],
    ) -> Result<BTreeSet<RequestId>, Error> {
        let store = &self.store;
        let ids: Vec<RequestId> = requests.iter().map(|request| request.id).collect();
        let last_seqs = store.last_seqs(&ids).await?;
        let mut differing = store.torn(requests).await?;
        let is_known = |request: &&Request| {
            let comparisons = &self.parts.comparisons;
            let expected = comparisons.verified().expected(request.id);
            last_seqs
                .get(&request.id)
                .is_some_and(|last_seq| comparisons.has(request, *last_seq, &expected))
        };
        let unknown = requests.iter().filter(|request| !is_known(request));
        differing.extend(unknown.map(|request| request.id));
        Ok(differing)
    }

    /// Makes the rows of a request again from the log if they are not what the log says. Answers
    /// whether they were not.
    ///
    /// # Errors
    ///
    /// [`Error::Contradicted`] if the log does not tell of it, or the store's trouble.
    pub(crate) async fn mend(&self, id: RequestId) -> Result<bool, Error> {
        for _ in 0..ATTEMPTS {
            let (compared, last_seq) = self.compare(id).await?;
            let logged = match compared {
                Compared::Untold(untold) => {
                    self.alert_contradiction(id, &untold.why);
                    if untold.is_restored {
                        return Ok(true);
                    }
                    match untold.request {
                        // It can still end, for which a lane has to come to it.
                        Some(request) if self.is_torn(&request).await? => request,
                        _ => return Err(Error::Contradicted(id)),
                    }
                }
                Compared::Differs(logged) => logged,
                Compared::Same(request) if self.is_torn(&request).await? => request,
                Compared::Same(_) => return Ok(false),
            };
            if self.restore(&logged, last_seq).await? {
                return Ok(true);
            }
        }
        Err(Error::TooManyConflicts)
    }

    /// What the log says of a snapshot, and the number of its last entry about it.
    async fn compare(&self, id: RequestId) -> Result<(Compared, u64), Error> {
        let comparisons = &self.parts.comparisons;
        // Asked for first: what is committed meanwhile is not expected yet.
        let expected = comparisons.verified().expected(id);
        let snapshot = self.store.snapshot(id).await?;
        let Snapshot { request, last_seq } = snapshot;
        let compared = match request {
            Some(request) if comparisons.has(&request, last_seq, &expected) => {
                Compared::Same(request)
            }
            found => match (self.fold(id, last_seq, &expected).await?, found) {
                (Ok(logged), Some(found)) if logged == found => {
                    comparisons.remember(&found, last_seq);
                    Compared::Same(found)
                }
                (Ok(logged), _) => Compared::Differs(logged),
                (Err(broken), found) => {
                    Compared::Untold(self.untold(broken, found, last_seq).await?)
                }
            },
        };
        if let Compared::Same(_) = compared {
            self.parts.alerts.clear(&contradicted(id));
        }
        Ok((compared, last_seq))
    }

    /// What a request without entries that make it is gone on with. Somebody who appends an entry, and edits
    /// or deletes the row, keeps no access from ending.
    async fn untold(
        &self,
        broken: Broken,
        found: Option<Request>,
        last_seq: u64,
    ) -> Result<Untold, Error> {
        let Broken {
            why,
            genuine,
            is_whole,
        } = broken;
        let counts = |genuine: &Request| match &found {
            Some(found) => is_whole && found != genuine,
            None => true,
        };
        let (request, is_restored) = match genuine.filter(counts) {
            Some(genuine) => {
                let is_restored = self.restore(&genuine, last_seq).await?;
                (Some(genuine), is_restored)
            }
            None => (found, false),
        };
        Ok(Untold {
            request,
            why,
            is_restored,
        })
    }

    /// Whether the columns of the request's row, or its rows in other tables, are not what it makes.
    async fn is_torn(&self, request: &Request) -> Result<bool, Error> {
        let torn = self.parts.ledger.torn(std::slice::from_ref(request));
        Ok(!torn.await?.is_empty())
    }

    /// Makes the rows of a request again. False if the log says more of it by now.
    async fn restore(&self, logged: &Request, last_seq: u64) -> Result<bool, Error> {
        let id = logged.id;
        match self.parts.ledger.restore(logged, last_seq).await {
            Ok(()) => {}
            Err(CommitError::Conflict) => return Ok(false),
            Err(error) => return Err(error.into()),
        }
        let text = format!(
            "Request {id} did not match the log, so Keylend restored its rows from the log. Its state \
             is {}. Somebody may have changed the tables. Run `keylend audit verify`.",
            logged.state.name()
        );
        self.alert(&format!("repaired:{id}"), &text);
        Ok(true)
    }

    /// What the request's entries make, up to the last one.
    ///
    /// Entries that Keylend did not write are passed over, and then the request can only end. So behind
    /// them, Keylend has written nothing but what ends access. If there is something else, an entry of
    /// Keylend's was changed, and what the others make is not known to be whole.
    async fn fold(
        &self,
        id: RequestId,
        last_seq: u64,
        expected: &Expected,
    ) -> Result<Result<Request, Broken>, Error> {
        let broken = |why: String, genuine| Broken {
            why,
            genuine,
            is_whole: false,
        };
        let mut fold = Fold::new(id);
        let mut first: Option<Broken> = None;
        let mut read = 0;
        while read < last_seq {
            let page = self.store.entries_of(Some(id), read, PAGE).await?;
            let before = read;
            for raw in page.iter().filter(|raw| raw.seq <= last_seq) {
                read = raw.seq;
                match (fold.add(raw), first.take()) {
                    (Ok(occurred), Some(first)) if !is_of_an_end(&occurred.event) => {
                        return Ok(Err(first));
                    }
                    (Ok(_), found) => first = found,
                    (Err(error), found) => {
                        let found = found.unwrap_or_else(|| {
                            self.alert_broken(id, &error);
                            broken(error.to_string(), fold.request().cloned())
                        });
                        if raw.why_not_genuine().is_none() {
                            return Ok(Err(found));
                        }
                        first = Some(found);
                    }
                }
            }
            if read == before {
                let gone = || broken("its last entry is gone".to_owned(), None);
                return Ok(Err(first.unwrap_or_else(gone)));
            }
        }
        let lost = fold.check(expected);
        let request = fold.into_request();
        match (first, lost) {
            (Some(first), Err(_)) => Ok(Err(first)),
            (Some(first), Ok(())) => Ok(Err(Broken {
                genuine: request,
                is_whole: true,
                ..first
            })),
            // What is left of it can still end.
            (None, Err(Lost::Entries)) => Ok(Err(broken(Lost::Entries.to_string(), request))),
            (None, Err(Lost::End)) => Ok(Err(broken(Lost::End.to_string(), None))),
            (None, Ok(())) => {
                let untold = || broken("the log has no entry about it".to_owned(), None);
                Ok(request.ok_or_else(untold))
            }
        }
    }

    fn alert_broken(&self, id: RequestId, error: &NotFoldable) {
        let text = format!(
            "The log is broken: {error}. Keylend does not approve or grant request {id}. Run `keylend \
             audit verify`."
        );
        self.alert("log_broken", &text);
    }

    fn alert_contradiction(&self, id: RequestId, why: &str) {
        let text = format!(
            "Request {id} does not match the log: {why}. Somebody may have changed the tables. Keylend \
             does not approve or grant it. Run `keylend audit verify`."
        );
        self.alert(&contradicted(id), &text);
    }

    /// Raises an alert, and logs it the first time.
    pub(crate) fn alert(&self, name: &str, text: &str) {
        if self.parts.alerts.raised().get(name).map(String::as_str) != Some(text) {
            tracing::error!(alert = name, "{text}");
        }
        self.parts.alerts.raise(name, text);
    }
}

/// The name of the alert for a request that does not match the log.
fn contradicted(id: RequestId) -> String {
    format!("contradicted:{id}")
}
