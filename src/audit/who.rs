//! Who could do what, and when: the log folded, and nothing else asked.
//!
//! What counts as held, [`holding`](crate::domain::holding) says. What is kept while reading is the open
//! requests and the answer.

use std::collections::HashMap;

use super::log::{Fault, Log};
use crate::{
    domain::{
        Email, Event, IdentityKey, Request, RequestId, ScopeId, Time, UserId, holding::HoldingFold,
    },
    store::{Chain, Entry, RawEntry},
};

pub use crate::domain::holding::{Approved, Ended, Holding};

/// What is asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whose {
    /// Everybody who could use this scope.
    Scope(ScopeId),
    /// Everything that this person held, under any of their identities: a Slack id, or an email
    /// address in any case.
    Person(String),
}

impl Whose {
    fn covers(&self, request: &Request) -> bool {
        match self {
            Self::Scope(scope) => request.terms.scope == *scope,
            Self::Person(person) => {
                let id = IdentityKey::Id(UserId::new(person));
                let address = IdentityKey::address(&Email::new(person));
                request.human.has(&id) || request.human.has(&address)
            }
        }
    }
}

/// Folds `log`, checking its chain, and answers what was held at `at`, longest held first.
///
/// # Errors
///
/// The first thing that is wrong with the log: an answer from a broken log would be worth nothing.
pub async fn who(mut log: Log, whose: &Whose, at: Time) -> Result<Vec<Holding>, Fault> {
    let mut chain = Chain::default();
    let mut open: HashMap<RequestId, HoldingFold> = HashMap::new();
    let mut answer = Vec::new();
    while let Some(raw) = log.next().await? {
        chain.check(&raw)?;
        let entry = parse(&raw)?;
        let (Some(id), Some(occurred)) = (entry.request_id, entry.occurred()) else {
            continue;
        };
        if let Some(grant) = HoldingFold::first(id, &occurred) {
            open.insert(id, grant);
            continue;
        }
        let Some(grant) = open.get_mut(&id) else {
            continue;
        };
        if let Event::Ended {} | Event::Failed { .. } = occurred.event
            && whose.covers(grant.request())
        {
            answer.extend(grant.holding(at, Some(occurred.at)));
        }
        grant.note(&occurred);
        // What its target is still to be inspected for can come back.
        if !grant.request().is_open() && grant.request().due().is_empty() {
            open.remove(&id);
        }
    }
    open.retain(|_, grant| grant.request().is_open());
    // Only now: more of a person's identities may have become known since they asked.
    let covered = open.values().filter(|grant| whose.covers(grant.request()));
    answer.extend(covered.filter_map(|grant| grant.holding(at, None)));
    answer.sort_by_key(|holding: &Holding| (holding.from, holding.request));
    Ok(answer)
}

/// An entry that is as it was written, and yet cannot be understood, is from a later Keylend.
pub(super) fn parse(raw: &RawEntry) -> Result<Entry, Fault> {
    Entry::try_from(raw).map_err(|error| Fault::Unreadable {
        seq: raw.seq,
        why: error.to_string(),
    })
}
