//! Folding a request from its entries: what the log says, whatever the tables say.

use std::{borrow::Cow, collections::HashMap};

use super::{Comparisons, Entry, Expected, RawEntry, Store, StoreError};
use crate::domain::{Event, Occurred, Request, RequestId};

/// A request while its entries are folded in, one after the other.
#[derive(Debug)]
pub struct Fold {
    id: RequestId,
    request: Option<Request>,
    /// The numbers of its entries, in order.
    seqs: Vec<u64>,
    /// The number of the last one that began the request, or opened it again.
    opened_at: u64,
}

/// The entries do not tell of one request.
#[derive(Debug, thiserror::Error)]
#[error("entry {seq} {why}")]
pub struct NotFoldable {
    /// The entry.
    pub seq: u64,
    /// What is wrong with it.
    pub why: String,
}

/// Entries about a request that were in the verified log are gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Lost {
    /// Some of its entries.
    #[error("the log has lost entries about it")]
    Entries,
    /// What said that it is over.
    #[error("the log has lost the entry that ended it")]
    End,
}

impl Fold {
    /// Before the first entry about this request.
    pub fn new(id: RequestId) -> Self {
        Self {
            id,
            request: None,
            seqs: Vec::new(),
            opened_at: 0,
        }
    }

    /// Folds the next entry in, and answers what it tells. The digest stands for a text that is not
    /// there, and the request can only end then. Its own hash has to be right; whether it
    /// follows from the entry before it in the log, only a look at the whole log shows.
    ///
    /// # Errors
    ///
    /// If it is not as it was written, not written by Keylend, or not the request's next entry.
    pub fn add(&mut self, raw: &RawEntry) -> Result<Occurred, NotFoldable> {
        self.fold(raw).map_err(|why| NotFoldable {
            seq: raw.seq,
            why: why.into_owned(),
        })
    }

    fn fold(&mut self, raw: &RawEntry) -> Result<Occurred, Cow<'static, str>> {
        if let Some(why) = raw.why_not_genuine() {
            return Err(why.to_string().into());
        }
        if raw.seq <= self.last_seq() {
            return Err("is not in its place".into());
        }
        let (entry, missing) =
            Entry::as_far_as_there(raw).map_err(|error| format!("is not understood: {error}"))?;
        if entry.request_id != Some(self.id) {
            return Err("tells of another request".into());
        }
        let Some(occurred) = entry.occurred() else {
            return Err("does not tell of a request".into());
        };
        match &mut self.request {
            Some(request) => request.apply(&occurred),
            None => {
                let first = Request::first(self.id, &occurred);
                self.request = Some(first.ok_or("does not begin a request")?);
            }
        }
        if let Some(request) = &mut self.request {
            request.texts_missing |= missing.is_some();
        }
        if let Event::Requested { .. } | Event::LayerReappeared { .. } = occurred.event {
            self.opened_at = raw.seq;
        }
        self.seqs.push(raw.seq);
        Ok(occurred)
    }

    /// The request as the entries so far tell it; nothing before the first.
    pub fn request(&self) -> Option<&Request> {
        self.request.as_ref()
    }

    /// The request as all entries tell it; nothing without one.
    pub fn into_request(self) -> Option<Request> {
        self.request
    }

    /// What was told, with the request's name and the number of its last entry; nothing without one.
    fn into_told(self) -> Option<(RequestId, (Request, u64))> {
        let last_seq = self.last_seq();
        Some((self.id, (self.request?, last_seq)))
    }

    /// The number of the last entry that was folded in.
    pub fn last_seq(&self) -> u64 {
        self.seqs.last().copied().unwrap_or_default()
    }

    /// Compares it with what was expected before its entries were read.
    ///
    /// # Errors
    ///
    /// [`Lost`] if entries are missing.
    pub fn check(&self, expected: &Expected) -> Result<(), Lost> {
        match expected.extent {
            Some(extent) => {
                let entries = self.seqs.partition_point(|seq| *seq <= extent.last_seq);
                match entries as u64 == extent.entries {
                    true => Ok(()),
                    false => Err(Lost::Entries),
                }
            }
            // Nothing open was known then, so it began later, or was opened again later.
            None => {
                let is_open = self.request.as_ref().is_some_and(Request::is_open);
                match is_open && self.opened_at <= expected.seq {
                    true => Err(Lost::End),
                    false => Ok(()),
                }
            }
        }
    }
}

/// What the log tells of these requests, whatever the tables say, and the number of the last entry
/// about each; nothing of one that it does not tell of, or whose entries do not make a request.
///
/// # Errors
///
/// If the store does not answer.
pub async fn logged(
    store: &dyn Store,
    requests: &[RequestId],
) -> Result<HashMap<RequestId, (Request, u64)>, StoreError> {
    let folds = folds(store, requests).await?.into_iter();
    Ok(folds.filter_map(Fold::into_told).collect())
}

/// The same; nothing of one of which the log has lost entries, or which it has open although it is over.
///
/// # Errors
///
/// If the store does not answer.
pub async fn logged_whole(
    store: &dyn Store,
    comparisons: &Comparisons,
    requests: &[RequestId],
) -> Result<HashMap<RequestId, (Request, u64)>, StoreError> {
    // Asked for first: what is committed meanwhile is not expected yet.
    let expected = requests.iter();
    let expected: HashMap<RequestId, Expected> = expected
        .map(|id| (*id, comparisons.verified().expected(*id)))
        .collect();
    let folds = folds(store, requests).await?.into_iter();
    let is_whole = |fold: &Fold| match expected.get(&fold.id).map(|it| fold.check(it)) {
        Some(Err(lost)) => {
            tracing::error!(
                request.id = %fold.id, %lost,
                "nothing is decided about a request: run `keylend audit verify`"
            );
            false
        }
        Some(Ok(())) | None => true,
    };
    let whole = folds.filter(is_whole);
    Ok(whole.filter_map(Fold::into_told).collect())
}

async fn folds(store: &dyn Store, requests: &[RequestId]) -> Result<Vec<Fold>, StoreError> {
    let mut folds: HashMap<String, Option<Fold>> = requests
        .iter()
        .map(|id| (id.to_string(), Some(Fold::new(*id))))
        .collect();
    for raw in store.entries_about(requests).await? {
        let fold = raw.request_id.as_ref().and_then(|id| folds.get_mut(id));
        if let Some(fold) = fold
            && let Some(Err(error)) = fold.as_mut().map(|fold| fold.add(&raw))
        {
            tracing::error!(
                %error,
                "the log is broken; nothing is decided from it: run `keylend audit verify`"
            );
            *fold = None;
        }
    }
    Ok(folds.into_values().flatten().collect())
}
