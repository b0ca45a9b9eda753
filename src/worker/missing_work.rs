//! Open requests that no lane would ever come to: the log says that they are open, and `due` has
//! nothing for them.
//!
//! Lanes find their work in `due`. Somebody who deletes rows there, or edits a snapshot until it
//! seems to be over, would keep access from ending. So once a minute the requests that the log has
//! open are compared with those that have work due, and what is missing is made again from the log,
//! with an alert. A row in `due` that was moved to another time is not found here, but by
//! `keylend audit verify`.

use std::{collections::BTreeSet, sync::Arc};

use chrono::TimeDelta;
use tokio_util::sync::CancellationToken;

use super::Worker;
use crate::{domain::RequestId, store::StoreError};

/// How often.
const PERIOD: TimeDelta = TimeDelta::minutes(1);

/// Entries of the log, or requests, that are read at a time.
const PAGE: u32 = 1000;

/// The kinds of entries with which a request is over.
const LAST: [&str; 5] = ["ended", "failed", "denied", "withdrawn", "lapsed"];

/// The requests that are open by the log, as far as it was read.
#[derive(Default)]
struct Open {
    read: u64,
    requests: BTreeSet<RequestId>,
}

impl Worker {
    /// Looks once a minute until `shutdown`. One replica at a time does it.
    pub async fn look_for_missing_work(self: Arc<Self>, shutdown: CancellationToken) {
        let store = self.broker.store().clone();
        let mut open = Open::default();
        let looking = async {
            loop {
                self.clock.until(self.clock.now() + PERIOD).await;
                let looked = match store.claim("missing_work").await {
                    Ok(Some(_claim)) => self.look(&mut open).await,
                    Ok(None) => Ok(()),
                    Err(error) => Err(error),
                };
                if let Err(error) = looked {
                    tracing::warn!(%error, "failed to look for missing work");
                }
            }
        };
        shutdown.run_until_cancelled(looking).await;
    }

    async fn look(&self, open: &mut Open) -> Result<(), StoreError> {
        let store = self.broker.store();
        loop {
            let entries = store.raw_entries(open.read, PAGE).await?;
            for entry in &entries {
                open.read = entry.seq;
                let id = entry.request_id.as_ref().and_then(|id| id.parse().ok());
                match id {
                    Some(id) if entry.kind == "requested" => drop(open.requests.insert(id)),
                    Some(id) if LAST.contains(&entry.kind.as_str()) => {
                        open.requests.remove(&id);
                    }
                    _ => {}
                }
            }
            if entries.len() < PAGE as usize {
                break;
            }
        }
        let mut missing = open.requests.clone();
        let mut after = None;
        loop {
            let page = store.attended(after, PAGE).await?;
            for id in &page {
                missing.remove(id);
            }
            after = page.last().copied();
            if page.len() < PAGE as usize {
                break;
            }
        }
        for id in missing {
            if let Err(error) = self.broker.mend(id).await {
                tracing::warn!(request.id = %id, %error, "failed to make a request's rows again");
            }
        }
        Ok(())
    }
}
