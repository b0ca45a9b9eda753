//! One piece of access is inspected, granted or revoked by one task at a time: whether it is ours,
//! and whether another grant stands on it, must not change in between.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, Weak},
};

use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};

use super::unfinished::Unfinished;
use crate::{
    broker::Error,
    domain::Entitlement,
    store::{Claim, WorkClaims, access_claim},
};

/// The pieces of access that this process works on.
#[derive(Default)]
pub(super) struct EntitlementMutexes {
    turns: Mutex<HashMap<Entitlement, Weak<AsyncMutex<()>>>>,
}

/// The right to work on one piece of access alone, until this is dropped.
pub(super) struct EntitlementGuard {
    // Fields are dropped in order: the task that has the next turn here finds the claim free.
    _claim: Claim,
    _turn: OwnedMutexGuard<()>,
}

impl EntitlementMutexes {
    /// Waits for others in this process; while another replica is at it, the work waits.
    pub(super) async fn alone(
        &self,
        claims: &dyn WorkClaims,
        entitlement: &Entitlement,
    ) -> Result<EntitlementGuard, Unfinished> {
        let turn = self.turn(entitlement).lock_owned().await;
        let claimed = claims.claim(&access_claim(entitlement)).await;
        let claim = claimed.map_err(Error::from)?;
        Ok(EntitlementGuard {
            _claim: claim.ok_or(Unfinished::Waits)?,
            _turn: turn,
        })
    }

    fn turn(&self, entitlement: &Entitlement) -> Arc<AsyncMutex<()>> {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(turn) = turns.get(entitlement).and_then(Weak::upgrade) {
            return turn;
        }
        turns.retain(|_, turn| turn.strong_count() > 0);
        let turn = Arc::new(AsyncMutex::new(()));
        turns.insert(entitlement.clone(), Arc::downgrade(&turn));
        turn
    }
}
