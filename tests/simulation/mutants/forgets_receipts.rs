//! What a target recognises access by is forgotten with a grant that failed after the target had
//! answered. Breaks promise 4: the revocation does not carry it.

use keylend::{
    domain::Event,
    store::{Change, Commit},
};

use super::Mutant;
use crate::store::Database;

pub(super) struct ForgetsReceipts;

impl Mutant for ForgetsReceipts {
    fn commit(&self, database: &Database, mut commit: Commit) -> Commit {
        let tables = database.tables();
        for change in &mut commit.changes {
            let mut events = change.events().to_vec();
            let mut is_forgotten = false;
            for occurred in &mut events {
                if let Event::LayerGrantFailed { receipt, .. } = &mut occurred.event {
                    is_forgotten |= receipt.take().is_some();
                }
            }
            let before = tables.request(change.after().id);
            let before = before.filter(|it| Some(it.version) == change.before());
            if let (true, Some(before)) = (is_forgotten, before) {
                let last_seq = change.last_seq;
                *change = Change::of(before.clone(), events);
                change.last_seq = last_seq;
            }
        }
        commit
    }
}
