//! Whoever may approve more time is asked who they are by their id alone. Breaks promise 1: somebody
//! approves it for themselves under a second id.

use std::sync::Arc;

use async_trait::async_trait;
use keylend::{
    broker::{Broker, Error},
    clock::Clock,
    domain::{GroupName, Request, RequestId, UserId},
    store::Ledger,
};

use super::{
    Mutant, Sound,
    approves_first::{YoungestClock, YoungestLedger, approval, carry_out},
};

#[derive(Default)]
pub(super) struct TrustsSecondIds {
    clock: YoungestClock,
    ledger: YoungestLedger,
}

#[async_trait]
impl Mutant for TrustsSecondIds {
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
        let now = self.clock.now();
        let members = broker.members(&GroupName::new("dba")).await;
        match now.filter(|_| before.extension.is_some()) {
            Some(now) if members.is_some_and(|members| members.contains(by)) => {
                let command = approval(broker, &before, by, revision)?;
                carry_out(&self.ledger, &before, command, now, None).await
            }
            _ => Sound.approve(broker, by, id, revision).await,
        }
    }
}
