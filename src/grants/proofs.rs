//! Which active grants are what the log says.
//!
//! Memory is read from the snapshots in the tables, which somebody may have edited or put back. So
//! a snapshot of an active grant is compared with its entries before it counts. What was proven is
//! remembered by the digest of the snapshot until the log tells of the grant again, so that reading
//! everything again does not read the log again.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use crate::{
    domain::{Request, RequestId, State},
    store::{Digest, Store, StoreError, digest, logged},
};

/// The snapshots of active grants that were proven.
#[derive(Default)]
pub(super) struct Proofs(Mutex<HashMap<RequestId, Digest>>);

impl Proofs {
    /// Forgets what was proven of these: the log tells more of them by now.
    pub(super) fn forget(&self, requests: &[Request]) {
        let mut proven = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for request in requests {
            proven.remove(&request.id);
        }
    }

    /// These requests, the active ones among them as the log tells of them. Nothing of one that it
    /// does not tell of. One question to the store, or none.
    pub(super) async fn prove(
        &self,
        store: &dyn Store,
        requests: &[Request],
    ) -> Result<Vec<(RequestId, Option<Request>)>, StoreError> {
        let unproven: HashMap<RequestId, Digest> = {
            let proven = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let active = requests.iter().filter(|request| is_active(request));
            active
                .map(|request| (request.id, digest(request)))
                .filter(|(id, digest)| proven.get(id) != Some(digest))
                .collect()
        };
        let mut logged = match unproven.is_empty() {
            true => HashMap::new(),
            false => {
                let ids: Vec<RequestId> = unproven.keys().copied().collect();
                logged(store, &ids).await?
            }
        };
        let mut proven = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let prove = |request: &Request| {
            let Some(digest) = unproven.get(&request.id) else {
                return (request.id, Some(request.clone()));
            };
            let logged = logged.remove(&request.id);
            if logged.as_ref() == Some(request) {
                proven.insert(request.id, *digest);
            } else if logged
                .as_ref()
                .is_none_or(|it| it.version <= request.version)
            {
                tracing::error!(
                    request.id = %request.id,
                    "the tables contradict the log, which checks follow: run `keylend audit verify`"
                );
            }
            (request.id, logged)
        };
        Ok(requests.iter().map(prove).collect())
    }
}

fn is_active(request: &Request) -> bool {
    matches!(request.state, State::Active { .. })
}
