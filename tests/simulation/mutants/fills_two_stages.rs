//! Whoever filled one stage fills another under their second id. Breaks promise 1: the stages take two people;
//! or 6: nobody approves twice.

use std::{collections::BTreeSet, sync::Arc};

use async_trait::async_trait;
use keylend::{
    broker::{Broker, Error},
    clock::Clock,
    domain::{Actor, Command, Human, Request, RequestId, UserId, Vote},
    store::Ledger,
};

use super::{
    Mutant, Sound,
    approves_first::{YoungestClock, YoungestLedger, approval, carry_out},
};
use crate::people::person_of;

#[derive(Default)]
pub(super) struct FillsTwoStages {
    clock: YoungestClock,
    ledger: YoungestLedger,
}

#[async_trait]
impl Mutant for FillsTwoStages {
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
        let before = broker.request(id).await?;
        let mut approvals = before.waiting_approvals().iter();
        let first = approvals.find_map(|approval| match &approval.by {
            Actor::Person(first) if first != by && person_of(first) == person_of(by) => Some(first),
            _ => None,
        });
        let (Some(first), Some(now)) = (first, self.clock.now()) else {
            return Sound.approve(broker, by, id, revision).await;
        };
        let mut command = approval(broker, &before, by, revision)?;
        if let Command::Approve { parties, .. } = &mut command {
            let human = Human::default();
            parties.votes.insert(first.clone(), Vote::Counts { human });
            for approver in [first, by] {
                let every = (0..before.stages.len()).collect::<BTreeSet<_>>();
                parties.stages.insert(approver.clone(), every);
            }
        }
        carry_out(&self.ledger, &before, command, now, None).await
    }
}
