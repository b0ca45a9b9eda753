//! Targets that speak the protocol, over whichever transport.

use std::sync::Arc;

use async_trait::async_trait;
use secrecy::SecretString;
use zeroize::Zeroizing;

use super::{
    answer,
    order::{self, Action, Order},
};
use crate::{
    backend::{
        Backend, BackendError, BoundLayer, Diagnosis, Granted, Holder, InvalidParam, LayerRequest,
        Presence,
    },
    domain::{BackendName, Entitlement, Leftovers, Params, RevocationMode, Span},
};

/// The way to a receiver of orders.
#[async_trait]
pub(in crate::backend) trait Transport: Send + Sync + 'static {
    /// Sends an order and returns the whole answer of a receiver that has done it. The answer has at
    /// most as many bytes as [`Order::answer_limit`] says; without a limit nobody reads it, and it may
    /// be empty here whatever the receiver answers.
    ///
    /// # Errors
    ///
    /// What the receiver said, that it did not answer within the time limit, or that its answer is too
    /// long.
    async fn send(&self, order: &Order<'_>) -> Result<Zeroizing<Vec<u8>>, BackendError>;
}

/// A receiver of orders, as its configuration describes it.
pub(in crate::backend) struct Receiver<T> {
    pub(in crate::backend) name: BackendName,
    pub(in crate::backend) transport: T,
    pub(in crate::backend) revocation: RevocationMode,
    pub(in crate::backend) late_effects: Span,
}

impl<T: Transport> Receiver<T> {
    pub(in crate::backend) fn into_backend(self) -> Arc<dyn Backend> {
        Arc::new(Target(Arc::new(self)))
    }

    /// Sends an order that is answered at once, or not at all.
    async fn ask(&self, order: &Order<'_>) -> Result<Zeroizing<Vec<u8>>, BackendError> {
        match self.transport.send(order).await {
            Err(BackendError::Pending { .. }) => {
                let action = order.action.name();
                let message =
                    format!("the receiver answered 202 to `{action}`, which does not wait");
                Err(BackendError::Fail(message.into()))
            }
            answered => answered,
        }
    }
}

struct Target<T>(Arc<Receiver<T>>);

#[async_trait]
impl<T: Transport> Backend for Target<T> {
    fn bind(&self, params: &Params) -> Result<Box<dyn BoundLayer>, InvalidParam> {
        Ok(Box::new(Layer {
            receiver: self.0.clone(),
            params: params.clone(),
        }))
    }

    async fn diagnose(&self, layers: &[Params]) -> Result<Diagnosis, BackendError> {
        let order = Order::diagnose(&self.0.name, layers);
        answer::diagnosis(&self.0.ask(&order).await?)
    }
}

struct Layer<T> {
    receiver: Arc<Receiver<T>>,
    params: Params,
}

impl<T: Transport> Layer<T> {
    async fn send(
        &self,
        action: Action,
        order: &LayerRequest,
    ) -> Result<Zeroizing<Vec<u8>>, BackendError> {
        // As it was when the grant was approved, also where the configuration has changed since.
        let committed = order.entitlement.clone();
        let entitlement = committed.unwrap_or_else(|| self.entitlement(order));
        let order = Order::new(
            action,
            &self.receiver.name,
            order,
            &self.params,
            &entitlement,
        );
        self.receiver.transport.send(&order).await
    }
}

#[async_trait]
impl<T: Transport> BoundLayer for Layer<T> {
    fn revocation_mode(&self) -> RevocationMode {
        self.receiver.revocation
    }

    fn entitlement(&self, order: &LayerRequest) -> Entitlement {
        order::entitlement(order, &self.params, self.receiver.revocation)
    }

    fn late_effects(&self) -> Span {
        self.receiver.late_effects
    }

    async fn grant(
        &self,
        order: &LayerRequest,
        _: Option<&SecretString>,
    ) -> Result<Granted, BackendError> {
        answer::granted(&self.send(Action::Grant, order).await?)
    }

    async fn revoke(&self, order: &LayerRequest) -> Result<(), BackendError> {
        self.send(Action::Revoke, order).await.map(drop)
    }

    async fn status(&self, order: &LayerRequest) -> Result<Presence, BackendError> {
        answer::presence(&self.send(Action::Status, order).await?)
    }

    async fn leftovers(&self, order: &LayerRequest) -> Result<Leftovers, BackendError> {
        answer::leftovers(&self.send(Action::Status, order).await?)
    }

    async fn holders(&self) -> Result<Vec<Holder>, BackendError> {
        let order = Order::inventory(&self.receiver.name, &self.params);
        answer::holders(&self.receiver.ask(&order).await?)
    }
}
