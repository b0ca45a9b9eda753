//! The address that somebody asked with is not kept. Breaks promise 1: whoever takes another address
//! before they approve with a second account is the human who asked.

use keylend::{
    domain::{Email, Event, Human},
    store::{Commit, EntryBody},
};

use super::Mutant;
use crate::store::Database;

pub(super) struct ForgetsAddresses;

impl Mutant for ForgetsAddresses {
    fn commit(&self, _: &Database, mut commit: Commit) -> Commit {
        for change in &mut commit.changes {
            for record in &mut change.records {
                if let EntryBody::Request(Event::Requested {
                    requester,
                    human,
                    email,
                    ..
                }) = &mut record.body
                {
                    *email = Email::new(format!("{requester}@example.com"));
                    *human = Human::new(requester, Some(email));
                    change.after.email = email.clone();
                    change.after.human = human.clone();
                }
            }
        }
        commit
    }
}
