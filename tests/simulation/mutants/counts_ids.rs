//! What somebody has pending is counted under the id that asks. Breaks promise 12: one human with two ids
//! makes approvers read more than one human may.

use std::sync::Arc;

use async_trait::async_trait;
use keylend::{
    broker::{Ask, Broker, Error},
    domain::{Actor, Event, Human, Occurred, Refusal, Request, RequestId, State, Terms},
    store::{Change, Commit, CommitError, Ledger, Open},
};

use super::{Mutant, approves_first::YoungestLedger};
use crate::world::PENDING;

#[derive(Default)]
pub(super) struct CountsIds(YoungestLedger);

#[async_trait]
impl Mutant for CountsIds {
    fn ledger(&self, ledger: Arc<dyn Ledger>) {
        self.0.set(ledger);
    }

    async fn ask(&self, broker: &Broker, ask: Ask) -> Result<Request, Error> {
        let answer = broker.ask(ask.clone()).await;
        let Err(Error::Refused(Refusal::TooManyPending {
            of: Some(_),
            pending,
        })) = &answer
        else {
            return answer;
        };
        let other = pending.first().map(|(id, _)| *id);
        let own = broker.store().open(Open::Of(ask.by.clone())).await?;
        let own = own.iter().filter(|it| !it.is_held());
        let counted = own.filter(|it| it.terms.scope == ask.scope).count();
        let may = u32::try_from(counted).is_ok_and(|counted| counted < PENDING.1);
        match other {
            Some(other) if may => self.carry_out(broker.request(other).await?, ask).await,
            _ => answer,
        }
    }
}

impl CountsIds {
    /// Takes the request like another one of the same human for the same scope.
    async fn carry_out(&self, other: Request, ask: Ask) -> Result<Request, Error> {
        let digits = &ask.key.as_str()[..8];
        let id = RequestId::new(other.asked_at, u32::from_str_radix(digits, 16).unwrap_or(0));
        let human = Human::new(&ask.by, Some(&other.email)).with(&other.human);
        let State::Pending { lapses_at } = other.state else {
            return Err(Refusal::NotDue.into());
        };
        let first = Occurred {
            at: other.asked_at,
            actor: Actor::Person(ask.by.clone()),
            rules: Vec::new(),
            event: Event::Requested {
                ask_key: ask.key,
                requester: ask.by,
                human,
                email: other.email,
                username: other.username,
                terms: Terms {
                    reason: ask.reason,
                    ..other.terms
                },
                approvals_needed: other.approvals_needed,
                stages: other.stages,
                approval_channel: other.approval_channel,
                mirrors: ask.mirrors,
                lapses_at,
                starts_at: None,
            },
        };
        let change = Change::first(id, first, Vec::new());
        let after = change.after().clone();
        let commit = Commit {
            changes: vec![change],
            ..Commit::default()
        };
        match self.0.get().commit(commit).await {
            Ok(_) => Ok(after),
            Err(CommitError::Conflict) => Err(Refusal::NotDue.into()),
            Err(error) => Err(error.into()),
        }
    }
}
