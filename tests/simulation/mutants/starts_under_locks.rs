//! A lock does not end what waits for its start, and nobody looks for locks at the start. Breaks promise 7:
//! from a lock's commit on nothing that it covers is granted.

use keylend::{
    domain::{EndCause, Event, Occurred, Request},
    store::{Change, Commit},
};

use super::{
    Mutant,
    edits::{edited, started},
};
use crate::store::Database;

pub(super) struct StartsUnderLocks;

impl Mutant for StartsUnderLocks {
    fn writes(&self, database: &Database, commit: &Commit) -> Option<u64> {
        let mut tables = database.tables();
        let waits = |change: &Change| {
            let before = tables.request(change.after().id);
            let is_ended = change.events().iter().any(is_by_lock);
            is_ended && before.is_some_and(Request::waits_for_start)
        };
        if !commit.changes.iter().any(waits) {
            return None;
        }
        let start = |request: &Request, events: Vec<Occurred>| {
            let ended = events.iter().find(|it| is_by_lock(it));
            let at = ended.map(|it| it.at);
            match at.filter(|at| request.starts_at.is_some_and(|start| start <= *at)) {
                Some(at) => vec![started(request, at)],
                None => events,
            }
        };
        let changes = commit.changes.iter();
        let changes = changes
            .map(|change| edited(&tables, change, start))
            .filter(|change| !change.events().iter().any(is_by_lock));
        let changes = Commit {
            changes: changes.collect(),
            ..Commit::default()
        };
        tables.ignores_locks = true;
        let head = tables.commit(&changes).ok();
        tables.ignores_locks = false;
        head
    }
}

fn is_by_lock(occurred: &Occurred) -> bool {
    matches!(
        occurred.event,
        Event::RevocationStarted {
            cause: EndCause::Locked { .. }
        }
    )
}
