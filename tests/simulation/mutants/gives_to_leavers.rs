//! Whoever asked was a member then, and nobody asks again when they are approved. Breaks promise 1: access
//! is given to somebody who has left meanwhile; or promise 7, since what they hold is not counted either.

use std::sync::Arc;

use async_trait::async_trait;
use keylend::{
    broker::{Broker, Error},
    clock::Clock,
    domain::{GroupName, Refusal, Request, RequestId, UserId},
    store::Ledger,
};

use super::{
    Mutant, Sound,
    approves_first::{YoungestClock, YoungestLedger, approval, carry_out},
};

#[derive(Default)]
pub(super) struct GivesToLeavers {
    clock: YoungestClock,
    ledger: YoungestLedger,
}

#[async_trait]
impl Mutant for GivesToLeavers {
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
        let approved = Sound.approve(broker, by, id, revision).await;
        let now = self.clock.now();
        let (Err(Error::Refused(Refusal::Forbidden(rulings))), Some(now)) = (&approved, now) else {
            return approved;
        };
        // Of the approver, all this is known to be well.
        let members = broker.members(&GroupName::new("dba")).await;
        let before = broker.request(id).await?;
        let is_of_requester = members.is_some_and(|members| members.contains(by))
            && broker.member(by).await.is_ok()
            && broker.member(&before.requester).await.is_err()
            && rulings.iter().any(|it| it.rule.as_str() == "members-only");
        if !is_of_requester || before.extension.is_some() {
            return approved;
        }
        let command = approval(broker, &before, by, revision)?;
        carry_out(&self.ledger, &before, command, now, None).await
    }
}
