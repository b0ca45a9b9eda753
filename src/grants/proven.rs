//! Which requests are what the log says.
//!
//! Memory is read from the snapshots in the tables, which somebody may have edited, deleted or put
//! back. So a request counts as its entries tell it.

use std::collections::HashMap;

use crate::{
    domain::{Event, Request, RequestId, State},
    store::{Changed, Comparisons, Store, StoreError, logged_whole},
};

/// These open requests as the log tells of them; nothing of one that it does not tell of.
pub(super) async fn proven_open(
    store: &dyn Store,
    comparisons: &Comparisons,
    requests: &[Request],
) -> Result<Vec<(RequestId, Option<Request>)>, StoreError> {
    let ids: Vec<RequestId> = requests.iter().map(|request| request.id).collect();
    let last_seqs = store.last_seqs(&ids).await?;
    let changed = requests.iter().map(|request| Changed {
        id: request.id,
        request: Some(request.clone()),
        last_seq: last_seqs.get(&request.id).copied().unwrap_or_default(),
        last_kind: String::new(),
    });
    let changed: Vec<Changed> = changed.collect();
    proven(store, comparisons, &changed).await
}

/// Requests that changed, as the log tells of them; nothing of one that it does not tell of.
pub(super) async fn proven(
    store: &dyn Store,
    comparisons: &Comparisons,
    changed: &[Changed],
) -> Result<Vec<(RequestId, Option<Request>)>, StoreError> {
    let is_proven = |changed: &Changed| {
        // What is behind what was expected in the meantime is only read once more.
        let expected = comparisons.verified().expected(changed.id);
        changed.request.as_ref().is_some_and(|request| {
            let needs_no_proof = match &request.state {
                // Nothing is kept of these, so no check says yes.
                State::Pending { .. } | State::Approved => true,
                State::Active { .. } => false,
                // No target has failed to revoke it yet.
                State::Ending { .. } => changed.last_kind == "revocation_started",
                _ => Event::is_last(&changed.last_kind),
            };
            needs_no_proof || comparisons.has(request, changed.last_seq, &expected)
        })
    };
    let (proven, unproven): (Vec<&Changed>, _) = changed.iter().partition(|it| is_proven(it));
    let proven = proven.into_iter().map(|it| (it.id, it.request.clone()));
    let mut proven: Vec<(RequestId, Option<Request>)> = proven.collect();
    if unproven.is_empty() {
        return Ok(proven);
    }
    let ids: Vec<RequestId> = unproven.iter().map(|changed| changed.id).collect();
    let mut logged: HashMap<_, _> = logged_whole(store, comparisons, &ids).await?;
    for changed in unproven {
        let logged = logged.remove(&changed.id);
        if let Some((logged, last_seq)) = &logged {
            comparisons.remember(logged, *last_seq);
        }
        let logged = logged.map(|(logged, _)| logged);
        // The log may say more by now.
        let is_contradicted = match (&logged, &changed.request) {
            (Some(logged), Some(table)) => logged != table && logged.version <= table.version,
            _ => true,
        };
        if is_contradicted {
            tracing::error!(
                request.id = %changed.id,
                "the tables differ from the log; checks follow the log: run `keylend audit verify`"
            );
        }
        proven.push((changed.id, logged));
    }
    Ok(proven)
}
