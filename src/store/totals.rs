//! What the log says beyond single requests: the locks in force, how often each person was approved,
//! who is one human, and to whom names in the targets belong.
//!
//! The entries that tell of no request are noted first, then each request with all of its entries
//! folded. Memory grows with the people who ever held something and with the locks in force.

use std::collections::BTreeMap;

use serde_json::json;

use super::{Entry, EntryBody, Fold, RawEntry, Rows};
use crate::domain::{Humans, IdentityKey, Lock, LockTarget, NameEvent, NameOwners, Username};

/// What the log says beyond single requests.
#[derive(Debug, Default)]
pub struct Totals {
    locks: BTreeMap<LockTarget, Lock>,
    /// The last release of each name in the targets.
    released: BTreeMap<Username, u64>,
    /// How many approvals there are under each identity.
    approvals: BTreeMap<IdentityKey, u64>,
    /// Whom approvals bound each name to since its last release.
    names: BTreeMap<Username, NameOwners>,
    humans: Humans,
}

impl Totals {
    /// Notes an entry that tells of no request.
    ///
    /// # Errors
    ///
    /// If it is not understood.
    pub fn note_entry(&mut self, raw: &RawEntry) -> Result<(), serde_json::Error> {
        let entry = Entry::try_from(raw)?;
        match &entry.body {
            EntryBody::Lock(event) => event.apply(entry.at, &entry.actor, &mut self.locks),
            EntryBody::Name(NameEvent::NameReleased { name, .. }) => {
                self.released.insert(name.folded(), entry.seq);
            }
            EntryBody::Request(_) => {}
        }
        Ok(())
    }

    /// Notes a request with all of its entries.
    pub fn note_request(&mut self, fold: &Fold) {
        let Some(request) = fold.request() else {
            return;
        };
        self.humans.add(&request.human);
        let Some((approved, human)) = fold.approved() else {
            return;
        };
        for key in human.keys() {
            *self.approvals.entry(key.clone()).or_default() += 1;
        }
        let name = request.username.folded();
        if self.released.get(&name).is_none_or(|seq| seq < approved) {
            self.names.entry(name).or_default().bind(human);
        }
    }

    /// The rows of `locks`.
    pub fn locks(&self) -> Vec<Vec<serde_json::Value>> {
        self.locks.values().map(Rows::lock).collect()
    }

    /// The rows of `holders`: a commit moves the version on with each approval.
    pub fn holders(&self) -> Vec<Vec<serde_json::Value>> {
        let approvals = self.approvals.iter();
        approvals
            .map(|(key, version)| vec![json!(key), json!(version)])
            .collect()
    }

    /// The rows of `humans`.
    pub fn humans(&self) -> Vec<Vec<serde_json::Value>> {
        self.humans.all().flat_map(Rows::human).collect()
    }

    /// To whom each name belongs that belongs to anybody.
    pub fn names(&self) -> &BTreeMap<Username, NameOwners> {
        &self.names
    }
}
