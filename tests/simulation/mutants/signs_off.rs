//! A reviewer signs off who may not: whoever used break-glass, or whoever signed off before under their other
//! id. Breaks promise 1: two others look at what nobody approved.

use std::sync::Arc;

use async_trait::async_trait;
use keylend::{
    broker::{Broker, Error},
    clock::Clock,
    domain::{Actor, Event, GroupName, Human, Occurred, Refusal, Request, RequestId, UserId},
    store::{Change, Commit, CommitError, Ledger},
};

use super::{
    Mutant, Sound,
    approves_first::{YoungestClock, YoungestLedger},
};
use crate::people::person_of;

pub(super) struct SignsOff {
    /// Whose word is taken that is not to be.
    whose: fn(&Request, &UserId) -> bool,
    clock: YoungestClock,
    ledger: YoungestLedger,
}

impl SignsOff {
    /// Whoever used it signs it off.
    pub(super) fn for_themselves() -> Self {
        Self::taking(|request, by| person_of(&request.requester) == person_of(by))
    }

    /// Whoever signed it off does so again, under another id.
    pub(super) fn twice() -> Self {
        Self::taking(|request, by| {
            let review = request.review.iter();
            let mut given = review.flat_map(|review| &review.sign_offs);
            person_of(&request.requester) != person_of(by)
                && given.any(|it| it.by != *by && person_of(&it.by) == person_of(by))
        })
    }

    fn taking(whose: fn(&Request, &UserId) -> bool) -> Self {
        Self {
            whose,
            clock: YoungestClock::default(),
            ledger: YoungestLedger::default(),
        }
    }
}

#[async_trait]
impl Mutant for SignsOff {
    fn clock(&self, clock: Arc<dyn Clock>) -> Arc<dyn Clock> {
        self.clock.keep(clock)
    }

    fn ledger(&self, ledger: Arc<dyn Ledger>) {
        self.ledger.set(ledger);
    }

    async fn sign_off(
        &self,
        broker: &Broker,
        by: &UserId,
        id: RequestId,
    ) -> Result<Request, Error> {
        let before = broker.request(id).await?;
        let is_open = before.review.as_ref().is_some_and(|it| it.is_open());
        let reviewers = broker.members(&GroupName::new("security")).await;
        let may = is_open && reviewers.is_some_and(|reviewers| reviewers.contains(by));
        let Some(at) = self
            .clock
            .now()
            .filter(|_| may && (self.whose)(&before, by))
        else {
            return Sound.sign_off(broker, by, id).await;
        };
        let event = Event::ReviewSignedOff {
            human: Human::new(by, None),
            reason: "looked at it".to_owned(),
        };
        let signed = Occurred {
            at,
            actor: Actor::Person(by.clone()),
            rules: Vec::new(),
            event,
        };
        let change = Change::of(before, vec![signed]);
        let after = change.after().clone();
        let commit = Commit {
            changes: vec![change],
            ..Commit::default()
        };
        match self.ledger.get().commit(commit).await {
            Ok(_) => Ok(after),
            Err(CommitError::Conflict) => Err(Refusal::NotDue.into()),
            Err(error) => Err(error.into()),
        }
    }
}
