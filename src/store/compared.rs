//! Which snapshots were compared with the log, so that they are not folded again as long as the log
//! has no later entry about the request.
//!
//! Somebody who writes to the tables can put an old snapshot back. So a comparison counts only
//! together with the number of the request's last entry, which is read anew each time.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use sha2::{Digest as _, Sha256};

use super::{Expected, Verified};
use crate::domain::{Request, RequestId};

/// Comparisons that are remembered at most: as many as there may be open requests.
const REMEMBERED: usize = 262_144;

type Digest = [u8; 32];

/// The open requests that were what the log said, each with the number of its last entry then.
#[derive(Default)]
pub struct Comparisons {
    known: Mutex<HashMap<RequestId, (u64, Digest)>>,
    verified: Verified,
}

impl Comparisons {
    /// What was verified of the log, with which its entries are compared.
    pub fn verified(&self) -> &Verified {
        &self.verified
    }

    /// Whether it is known that the log tells this of the request up to its last entry, and that the log
    /// has lost none of what was expected.
    pub fn has(&self, request: &Request, last_seq: u64, expected: &Expected) -> bool {
        self.of(request) == Some(last_seq) && expected.allows(last_seq)
    }

    /// The number of the last entry up to which the log tells this of the request; nothing if that
    /// is not known.
    fn of(&self, request: &Request) -> Option<u64> {
        let found = {
            let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            known.get(&request.id).copied()
        };
        let (last_seq, found) = found?;
        (found == digest(request)).then_some(last_seq)
    }

    /// Up to the entry `last_seq`, the log tells this of the request.
    pub fn remember(&self, request: &Request, last_seq: u64) {
        let found = request.is_open().then(|| (last_seq, digest(request)));
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        match found {
            Some(found) => {
                if known.len() >= REMEMBERED {
                    known.clear();
                }
                known.insert(request.id, found);
            }
            None => drop(known.remove(&request.id)),
        }
    }
}

fn digest(request: &Request) -> Digest {
    let snapshot = serde_json::to_vec(request).expect("a request can be written as JSON");
    Sha256::digest(snapshot).into()
}
