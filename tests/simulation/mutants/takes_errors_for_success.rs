//! What a target does not say while access is taken back counts as "it is gone". Breaks promise 4:
//! "ended" is said only after the target was read back and the access was not there.

use std::sync::Arc;

use async_trait::async_trait;
use keylend::{
    backend::{Backend, BackendError, Ending, Order, Presence},
    domain::{Entitlement, Params},
};
use secrecy::SecretString;

use super::Mutant;

pub(super) struct TakesErrorsForSuccess;

impl Mutant for TakesErrorsForSuccess {
    fn target(&self, target: Arc<dyn Backend>) -> Arc<dyn Backend> {
        Arc::new(Trusting(target))
    }
}

struct Trusting(Arc<dyn Backend>);

#[async_trait]
impl Backend for Trusting {
    fn ending(&self, params: &Params) -> Ending {
        self.0.ending(params)
    }

    fn entitlement(&self, order: &Order) -> Entitlement {
        self.0.entitlement(order)
    }

    fn credential(&self, order: &Order) -> Option<Vec<(String, String)>> {
        self.0.credential(order)
    }

    async fn grant(
        &self,
        order: &Order,
        password: Option<&SecretString>,
    ) -> Result<(), BackendError> {
        self.0.grant(order, password).await
    }

    async fn revoke(&self, order: &Order) -> Result<(), BackendError> {
        drop(self.0.revoke(order).await);
        Ok(())
    }

    async fn status(&self, order: &Order) -> Result<Presence, BackendError> {
        Ok(self.0.status(order).await.unwrap_or(Presence::Absent))
    }
}
