//! What every kind of target implements.

use async_trait::async_trait;
use secrecy::SecretString;

use super::{
    BackendError, Diagnosis, Granted, Holder, Inspection, InvalidParam, LayerRequest, Managed,
    Marker, Presence,
};
use crate::domain::{Entitlement, Leftovers, LoginName, Params, Receipt, RevocationMode, Span};

/// One target.
#[async_trait]
pub trait Backend: Send + Sync + 'static {
    /// Binds the parameters of one layer, of the catalogue or of a stored grant.
    ///
    /// # Errors
    ///
    /// The first parameter that is wrong.
    fn bind(&self, params: &Params) -> Result<Box<dyn BoundLayer>, InvalidParam>;

    /// Does what can wait: nothing that ends access, and nothing that an end waits for. The worker
    /// calls it when it starts, then about once a minute.
    ///
    /// # Errors
    ///
    /// What the target said. It is tried again soon.
    async fn tend(&self) -> Result<(), BackendError> {
        Ok(())
    }

    /// Asks the target what it is and what Keylend's account may do there, and what of that the
    /// layers with these parameters need. Changes nothing. Every kind that is released
    /// implements it.
    ///
    /// # Errors
    ///
    /// What the target said, or that it cannot be reached.
    async fn diagnose(&self, _layers: &[Params]) -> Result<Diagnosis, BackendError> {
        Err(BackendError::Fail(
            "this kind of target cannot be diagnosed".into(),
        ))
    }

    /// Lists the access that Keylend's account granted, by what nobody but that account and
    /// administrators of the target can make. Changes nothing. By default what the
    /// [holders](BoundLayer::holders) of the layers with these parameters are; a target that can tell lists
    /// all of it, also for scopes that are no longer in the catalogue.
    ///
    /// # Errors
    ///
    /// What the target said, or that it cannot list access. A list that is not whole is an error.
    async fn managed(&self, layers: &[Params]) -> Result<Vec<Managed>, BackendError> {
        let mut managed = Vec::new();
        for params in layers {
            let bound = self.bind(params);
            let bound = bound.map_err(|invalid| BackendError::Fail(invalid.message.into()))?;
            for holder in bound.holders().await? {
                if let (true, Some(entitlement)) = (holder.is_managed, holder.entitlement) {
                    managed.push(Managed {
                        holder: holder.name,
                        title: bound.title().unwrap_or_else(|| "access".to_owned()),
                        entitlement,
                        receipt: None,
                        marker: Marker::Account,
                    });
                }
            }
        }
        Ok(managed)
    }

    /// Whether the receipt of a grant is one of the access whose receipt
    /// [`managed`](Self::managed) listed, whatever it is called by now.
    fn recognises(&self, _granted: &Receipt, _listed: &Receipt) -> bool {
        false
    }

    /// Whether the receipts of two grants of one entitlement are certainly of different access: what had its
    /// name was renamed, and something else has the name by now. One then ends although the other goes on.
    /// Default never.
    fn are_distinct(&self, _one: &Receipt, _other: &Receipt) -> bool {
        false
    }

    /// Revokes what [`managed`](Self::managed) listed and no grant stands behind, and ends what is open
    /// under it. Refuses if the target does not recognise it by the same receipt and marker any more.
    /// Succeeds when it is gone.
    ///
    /// # Errors
    ///
    /// What the target said, or that this kind revokes nothing without a grant.
    async fn revoke_managed(&self, _access: &Managed) -> Result<(), BackendError> {
        Err(BackendError::Fail(
            "Keylend revokes nothing in this kind of target without a grant. Revoke it in the target".into(),
        ))
    }
}

/// One layer in its target, with its parameters bound.
#[async_trait]
pub trait BoundLayer: Send + Sync {
    /// How the access ends.
    fn revocation_mode(&self) -> RevocationMode;

    /// What the layer gives in this target, whoever requests it: two orders with the same
    /// entitlement depend on one piece of access, which is revoked with the last of them. Access
    /// that only a time limit ends is never shared.
    fn entitlement(&self, order: &LayerRequest) -> Entitlement;

    /// What people call what the layer gives, such as the name of a role. Nothing by default.
    fn title(&self) -> Option<String> {
        None
    }

    /// The login that receives the access: people decide on it. The requester's own name in the
    /// targets, where the target does not make one.
    fn login(&self, order: &LayerRequest) -> LoginName {
        LoginName::Named(order.username.to_string())
    }

    /// The login in the target whose sessions are all ended with this access, where that cannot be
    /// avoided. Other access of the same target with the same answer is interrupted, which is said
    /// before approval and before an early end. Nothing by default.
    fn interrupts(&self, _: &LayerRequest) -> Option<String> {
        None
    }

    /// How the requester reaches the target with a password of their own (label and text, nothing
    /// secret), if the layer comes with one. Keylend makes the password and hands it to
    /// [`grant`](Self::grant). Nothing by default.
    fn connection(&self, _: &LayerRequest) -> Option<Vec<(String, String)>> {
        None
    }

    /// How long an order may still take effect after Keylend gave up waiting for its answer, although
    /// a later order was carried out. Not at all by default: see the module's contract.
    fn late_effects(&self) -> Span {
        Span::default()
    }

    /// Inspects whether the access is there before Keylend grants it for the first time, and refuses
    /// what will never be granted. What is refused here is not revoked later: nothing was done.
    ///
    /// # Errors
    ///
    /// What the target said, and whether trying again makes sense.
    async fn inspect(&self, order: &LayerRequest) -> Result<Inspection, BackendError> {
        self.status(order).await.map(Inspection::from)
    }

    /// Grants the access, or sets its end again if it is there. Called again with the same order and
    /// password after a crash or a lost answer, and then answers with the secrets again, or with new
    /// ones in their place. A target that needs longer answers [`BackendError::Pending`] here or to
    /// [`status`](Self::status), and its status is asked until it is done.
    ///
    /// # Errors
    ///
    /// What the target said, and whether trying again makes sense.
    async fn grant(
        &self,
        order: &LayerRequest,
        password: Option<&SecretString>,
    ) -> Result<Granted, BackendError>;

    /// Revokes the access and ends what is open under it. Succeeds when there is nothing. A target
    /// that needs longer answers as for [`grant`](Self::grant). Not called where only a time limit
    /// ends the access.
    ///
    /// # Errors
    ///
    /// What the target said. Whatever it was, it is tried again.
    async fn revoke(&self, order: &LayerRequest) -> Result<(), BackendError>;

    /// Looks whether the access is there, in the target itself.
    ///
    /// # Errors
    ///
    /// What the target said. Whatever it was, it is tried again.
    async fn status(&self, order: &LayerRequest) -> Result<Presence, BackendError>;

    /// Lists what the grantee left behind in the target, and drops it where the parameters say so. Called
    /// when the access of this grant is over: it is gone, or another grant keeps it. Nothing waits for it
    /// but the record of the end, and its failure fails nothing. A target that does not search finds nothing
    /// by default.
    ///
    /// # Errors
    ///
    /// What the target said: the end is recorded with it, and there is no second search.
    async fn leftovers(&self, _: &LayerRequest) -> Result<Leftovers, BackendError> {
        Ok(Leftovers::default())
    }

    /// Lists who has the access now, whoever granted it, in the target itself. Changes nothing. Every
    /// kind that is released implements it.
    ///
    /// # Errors
    ///
    /// What the target said, or that it cannot be reached. A list that is not whole is an error.
    async fn holders(&self) -> Result<Vec<Holder>, BackendError> {
        Err(BackendError::Fail(
            "this kind of target does not list who has access".into(),
        ))
    }
}
