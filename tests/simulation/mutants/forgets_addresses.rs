//! The address that somebody asked with is not kept. Breaks promise 1: whoever takes another address
//! before they approve with a second account is the human who asked. A lock of the first account does not
//! cover the second one then (7), and what they have pending is counted apart (12).

use keylend::{
    domain::{Email, Event, Human},
    store::{Change, Commit},
};

use super::Mutant;
use crate::store::Database;

pub(super) struct ForgetsAddresses;

impl Mutant for ForgetsAddresses {
    fn commit(&self, _: &Database, mut commit: Commit) -> Commit {
        for change in &mut commit.changes {
            let mut events = change.events().to_vec();
            if let Event::Requested {
                requester,
                human,
                email,
                ..
            } = &mut events[0].event
            {
                *email = Email::new(format!("{requester}@example.com"));
                *human = Human::new(requester, Some(email));
                let first = events.remove(0);
                *change = Change::first(change.after().id, first, events);
            }
        }
        commit
    }
}
