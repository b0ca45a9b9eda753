//! An approval counts for ever: at the last one nobody looks whether the others still may approve.
//! Breaks promise 1: authority is checked for every vote that counts.

use std::sync::Arc;

use async_trait::async_trait;
use keylend::{
    broker::{Broker, Error},
    clock::Clock,
    domain::{Actor, Command, Request, RequestId, UserId, Vote},
    store::{DecidedOn, Ledger},
};

use super::{
    Mutant, Sound,
    approves_first::{YoungestClock, YoungestLedger, approval, carry_out},
};

#[derive(Default)]
pub(super) struct CountsOldVotes {
    clock: YoungestClock,
    ledger: YoungestLedger,
}

#[async_trait]
impl Mutant for CountsOldVotes {
    fn clock(&self, clock: Arc<dyn Clock>) -> Arc<dyn Clock> {
        self.clock.keep(clock)
    }

    fn ledger(&self, ledger: Arc<dyn Ledger>) {
        self.ledger.set(ledger);
    }

    async fn approve(
        &self,
        broker: &Broker,
        by: &UserId,
        id: RequestId,
        revision: u32,
    ) -> Result<Request, Error> {
        let before = broker.revise(id).await?;
        let now = self.clock.now();
        let Some(now) = now.filter(|_| before.extension.is_none()) else {
            return Sound.approve(broker, by, id, revision).await;
        };
        let decided_on = DecidedOn {
            seq: *broker.store().head().borrow(),
            holder: Some(before.human.clone()),
            name: Some(before.username.folded()),
            ..DecidedOn::default()
        };
        broker.may_approve(by, &before).await?;
        let mut command = approval(broker, &before, by, revision)?;
        if let Command::Approve { parties, .. } = &mut command {
            for approval in &before.approvals {
                if let Actor::Person(voter) = &approval.by {
                    let human = approval.human.clone();
                    parties.votes.insert(voter.clone(), Vote::Counts { human });
                }
            }
        }
        carry_out(&self.ledger, &before, command, now, Some(decided_on)).await
    }
}
