//! Which active grants are what the log says.
//!
//! Memory is read from the snapshots in the tables, which somebody may have edited or put back. So
//! a snapshot of an active grant is compared with its entries before it counts.

use std::collections::HashMap;

use crate::{
    domain::{Request, RequestId, State},
    store::{Comparisons, Store, StoreError, logged},
};

/// These requests, the active ones among them as the log tells of them. Nothing of one that it does
/// not tell of.
pub(super) async fn proven(
    store: &dyn Store,
    comparisons: &Comparisons,
    requests: &[Request],
) -> Result<Vec<(RequestId, Option<Request>)>, StoreError> {
    let active = || requests.iter().filter(|request| is_active(request));
    let compared: HashMap<RequestId, u64> = active()
        .filter_map(|request| Some((request.id, comparisons.of(request)?)))
        .collect();
    let last = match compared.is_empty() {
        true => HashMap::new(),
        false => {
            let ids: Vec<RequestId> = compared.keys().copied().collect();
            store.last_seqs(&ids).await?
        }
    };
    let is_compared = |id: &RequestId| {
        compared
            .get(id)
            .is_some_and(|seq| last.get(id) == Some(seq))
    };
    let unproven: Vec<RequestId> = active()
        .map(|request| request.id)
        .filter(|id| !is_compared(id))
        .collect();
    let mut logged = match unproven.is_empty() {
        true => HashMap::new(),
        false => logged(store, &unproven).await?,
    };
    let prove = |request: &Request| {
        if !is_active(request) || is_compared(&request.id) {
            return (request.id, Some(request.clone()));
        }
        let Some((logged, last_seq)) = logged.remove(&request.id) else {
            say_contradicted(request);
            return (request.id, None);
        };
        comparisons.remember(&logged, last_seq);
        if logged != *request && logged.version <= request.version {
            say_contradicted(request);
        }
        (request.id, Some(logged))
    };
    Ok(requests.iter().map(prove).collect())
}

fn say_contradicted(request: &Request) {
    tracing::error!(
        request.id = %request.id,
        "the tables contradict the log, which checks follow: run `keylend audit verify`"
    );
}

fn is_active(request: &Request) -> bool {
    matches!(request.state, State::Active { .. })
}
