//! Revoking access that no request explains.

use super::find::{Error, Found, Target, Verdict, judge};
use crate::{
    backend::Managed,
    clock::Clock,
    domain::{Actor, UnexplainedAccess, UnexplainedEvent},
    store::{Commit, Database, EntryBody, Ledger, Record, access_claim},
};

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It is gone: the target was read back.
    Revoked,
    /// A request explains it by now, so it stays.
    Explained,
    /// Somebody else works on it at this moment.
    Busy,
    /// The target did not revoke it, and said this.
    Failed(String),
}

/// Revokes what [`find`](super::find()) called unexplained, unless a request explains it by now. The log
/// says so before the target is told, and what came of it afterwards. Nobody tries again after a crash:
/// the access is found again.
///
/// `operator` is the account on whose word it happens.
///
/// # Errors
///
/// If the store does not answer. Access that was revoked already stays so.
pub async fn revoke(
    target: &Target,
    store: &dyn Database,
    clock: &dyn Clock,
    access: &Managed,
    operator: &str,
) -> Result<Outcome, Error> {
    let entitlement = access.entitlement.in_target(&target.name);
    // Whoever grants or revokes it waits from here on.
    let Some(_claim) = store.claim(&access_claim(&entitlement)).await? else {
        return Ok(Outcome::Busy);
    };
    let found = judge(target, store, vec![access.clone()]).await?;
    let is_unexplained = |found: &Found| found.verdict == Verdict::Unexplained;
    if !found.iter().any(is_unexplained) {
        return Ok(Outcome::Explained);
    }
    let access_in_log = UnexplainedAccess {
        backend: target.name.clone(),
        holder: access.holder.clone(),
        title: access.title.clone(),
        entitlement,
    };
    let started = UnexplainedEvent::UnexplainedRevocationStarted {
        access: access_in_log.clone(),
        operator: operator.to_owned(),
    };
    commit(store, clock, started).await?;
    let (outcome, event) = match target.revoke(access).await {
        Ok(()) => (
            Outcome::Revoked,
            UnexplainedEvent::UnexplainedRevoked {
                access: access_in_log,
            },
        ),
        Err(error) => {
            let error = error.to_string();
            let event = UnexplainedEvent::UnexplainedRevokeFailed {
                access: access_in_log,
                error: error.clone(),
            };
            (Outcome::Failed(error), event)
        }
    };
    commit(store, clock, event).await?;
    Ok(outcome)
}

async fn commit(
    ledger: &dyn Ledger,
    clock: &dyn Clock,
    event: UnexplainedEvent,
) -> Result<(), Error> {
    let record = Record {
        at: clock.now(),
        request: None,
        actor: Actor::Keylend,
        rules: Vec::new(),
        body: EntryBody::Unexplained(event),
    };
    let commit = Commit {
        unexplained: Some(record),
        ..Commit::default()
    };
    ledger.commit(commit).await?;
    Ok(())
}
