//! Which snapshots of open requests are what the log says.
//!
//! Somebody may have edited a snapshot or put an old one back, so it is compared with the request's
//! entries before it counts. What was proven is remembered by the hash of the snapshot, so that the
//! log is read once for a request and not at every step. A snapshot that differs from what is
//! remembered, by a commit of another replica or by somebody's edit, is compared again.

use std::{
    collections::{HashMap, HashSet},
    sync::{Mutex, MutexGuard, PoisonError},
};

use sha2::{Digest as _, Sha256};

use super::{Store, StoreError, logged};
use crate::domain::{Request, RequestId, State};

type Hash = [u8; 32];

/// The snapshots that were proven: one a request, and none of those that are over.
#[derive(Default)]
pub struct Proofs(Mutex<HashMap<RequestId, Hash>>);

impl Proofs {
    /// Whether this snapshot was proven.
    pub fn has(&self, request: &Request) -> bool {
        self.proven().get(&request.id) == Some(&hash(request))
    }

    /// Notes that this is what the log says: it was compared with its entries, or committed on a
    /// snapshot that was.
    pub fn note(&self, request: &Request) {
        if request.is_open() {
            let hash = hash(request);
            self.proven().insert(request.id, hash);
        } else {
            self.proven().remove(&request.id);
        }
    }

    /// Forgets what has changed by somebody else's commit.
    pub(crate) fn follow(&self, changed: &[Request]) {
        for request in changed {
            if !request.is_open() || !self.has(request) {
                self.proven().remove(&request.id);
            }
        }
    }

    /// These requests, the active ones among them as the log tells of them. Nothing of one that it
    /// does not tell of. One question to the store, or none.
    pub(crate) async fn prove(
        &self,
        store: &dyn Store,
        requests: &[Request],
    ) -> Result<Vec<(RequestId, Option<Request>)>, StoreError> {
        let unproven: HashSet<RequestId> = requests
            .iter()
            .filter(|request| is_active(request) && !self.has(request))
            .map(|request| request.id)
            .collect();
        let mut logged = match unproven.is_empty() {
            true => HashMap::new(),
            false => logged(store, &Vec::from_iter(unproven.iter().copied())).await?,
        };
        let prove = |request: &Request| {
            if !unproven.contains(&request.id) {
                return (request.id, Some(request.clone()));
            }
            let logged = logged.remove(&request.id);
            if logged.as_ref() == Some(request) {
                self.note(request);
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

    fn proven(&self) -> MutexGuard<'_, HashMap<RequestId, Hash>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_active(request: &Request) -> bool {
    matches!(request.state, State::Active { .. })
}

fn hash(request: &Request) -> Hash {
    let snapshot = serde_json::to_vec(request).expect("a request can be written as JSON");
    Sha256::digest(snapshot).into()
}
