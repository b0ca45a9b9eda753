//! An approver who is locked approves what others ask for. Breaks promise 1: a lock takes their authority.

use std::sync::Arc;

use async_trait::async_trait;
use keylend::{
    broker::{Broker, Error},
    clock::Clock,
    domain::{GroupName, LockTarget, Request, RequestId, UserId},
    store::Ledger,
};

use super::{
    Mutant, Sound,
    approves_first::{YoungestClock, YoungestLedger, approval, carry_out},
};
use crate::people::person_of;

#[derive(Default)]
pub(super) struct HearsTheLocked {
    clock: YoungestClock,
    ledger: YoungestLedger,
}

#[async_trait]
impl Mutant for HearsTheLocked {
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
        let locks = self.ledger.get().locks().await?;
        let is_locked = locks.iter().any(|lock| match &lock.target {
            LockTarget::Person(person) => person_of(person) == person_of(by),
            LockTarget::Everything | LockTarget::Scope(_) | LockTarget::Target(_) => false,
        });
        let is_own = person_of(by) == person_of(&before.requester);
        let members = broker.members(&GroupName::new("dba")).await;
        match self.clock.now().filter(|_| is_locked && !is_own) {
            Some(now) if members.is_some_and(|members| members.contains(by)) => {
                let command = approval(broker, &before, by, revision)?;
                carry_out(&self.ledger, &before, command, now, None).await
            }
            _ => Sound.approve(broker, by, id, revision).await,
        }
    }
}
