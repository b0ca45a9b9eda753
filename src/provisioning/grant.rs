//! Granting a layer: inspect first, commit what was there, then grant, then read the status back.

use super::{Provisioner, Unfinished, limited, order, root_cause};
use crate::{
    backend::{BackendError, BoundLayer, Granted, LayerRequest, Presence},
    broker::{Error, Loaded},
    domain::{Command, Progress, Receipt, Refusal, Request, RevocationMode, Span, State, Time},
    store::SealedCredential,
};

/// The shortest and longest that a target that failed is left alone: somebody waits for the access.
const WAIT: (Span, Span) = (Span::seconds(10), Span::minutes(5));

/// How many such waits fit into the time for which the access is granted, so that the log of a target that
/// is down for long stays short.
const WAITS: u32 = 40;

impl Provisioner {
    /// Grants `layer`, or tells its target of a later end. A crash anywhere in here is made good by
    /// the same call: what was there before Keylend touched the target is committed first, and so
    /// is the password. Nothing is granted of which the log does not tell.
    pub(crate) async fn grant(&self, mut loaded: Loaded, layer: usize) -> Result<(), Unfinished> {
        if loaded.logged.is_none() {
            return Err(Error::Contradicted(loaded.request.id).into());
        }
        if loaded.request.texts_missing {
            return Err(Error::from(Refusal::TextsMissing).into());
        }
        if self.broker.end_if_locked(&loaded).await? {
            return Err(Error::from(Refusal::NotDue).into());
        }
        for other in &loaded.request.after {
            if self.broker.load(*other).await?.request.is_open() {
                return Err(Unfinished::Waits);
            }
        }
        let plan = loaded.request.layers[layer].plan.clone();
        self.check_pending(&order(&loaded.request, layer))?;
        let claims = self.broker.claims();
        let _alone = self.mutexes.alone(claims, &plan.entitlement).await?;
        let current = self.broker.load(loaded.request.id).await?.request;
        if current.version != loaded.request.version {
            // It may have ended meanwhile. If it is still due, everything above is checked again.
            return Err(Error::from(Refusal::NotDue).into());
        }
        // Nothing is granted from the end on, also where the clock's lane has yet to say that it came.
        let end = loaded.request.expires_at;
        if end.is_some_and(|end| end <= self.clock.now()) {
            self.broker.record(loaded, Command::Expire, None).await?;
            return Ok(());
        }
        self.broker.check_log().await?;
        let granted = async {
            if loaded.request.layers[layer].progress == Progress::Planned {
                loaded = self.inspect(&loaded, layer).await?;
            }
            self.grant_inspected(&loaded.request, layer).await
        };
        let granted = granted.await;
        let (command, sealed) = match granted {
            Ok(granted) => granted,
            Err(Trouble::Broker(error)) => return Err(error.into()),
            Err(Trouble::Target { error, receipt }) => {
                // What it answered is kept, whatever came after.
                if receipt.is_none() {
                    self.check_failure(&loaded, layer, &error).await?;
                }
                let failed = self.grant_failed(&loaded.request, layer, &error, receipt);
                (failed, None)
            }
        };
        self.pending.forget(&plan.handle);
        self.broker.record(loaded, command, sealed).await?;
        Ok(())
    }

    /// Commits whether the access is Keylend's to manage: it is, unless it was there before.
    async fn inspect(&self, loaded: &Loaded, layer: usize) -> Result<Loaded, Trouble> {
        let request = &loaded.request;
        let plan = &request.layers[layer].plan;
        let order = order(request, layer);
        let inspection = limited(self.bind(plan)?.inspect(&order)).await?;
        let receipt = inspection.receipt.as_ref();
        let mut sharers = self.sharing(plan, receipt, request.id).await?;
        let is_nobodys = sharers.is_empty() && inspection.presence == Presence::Absent;
        if sharers.is_empty() && !is_nobodys {
            sharers = self.sharing_in_log(plan, receipt, request.id).await?;
        }
        if let Some(other) = sharers.unproven {
            // Its access would pass for access that Keylend did not grant.
            return Err(Error::Contradicted(other).into());
        }
        // What Keylend removed a moment ago, and is there again, is Keylend's too.
        let managed = is_nobodys
            || sharers.is_inspected_later
            || sharers.proven.iter().any(|other| other.managed);
        let credential = self.broker.new_password(request, layer);
        let command = Command::Inspected {
            layer,
            managed,
            receipt: inspection.receipt,
        };
        let inspected = self.broker.record(loaded.clone(), command, credential);
        Ok(inspected.await?)
    }

    async fn grant_inspected(
        &self,
        request: &Request,
        layer: usize,
    ) -> Result<(Command, Option<SealedCredential>), Trouble> {
        let bound = self.bind(&request.layers[layer].plan)?;
        let mut order = order(request, layer);
        order.instance = self.broker.store().instance().await.map_err(Error::from)?;
        let password = match bound.connection(&order) {
            Some(_) => Some(self.broker.password(request.id, layer).await?),
            None => None,
        };
        let mode = request.layers[layer].plan.revocation;
        // A target that is still working is not told again, unless its answer says when the access ends.
        let granted = match self.pending.ask_at(&order) {
            Some(_) if mode == RevocationMode::Call => Granted::default(),
            _ => limited(bound.grant(&order, password.as_ref())).await?,
        };
        order.receipt = granted.receipt.clone().or(order.receipt);
        read_back(&*bound, &order, mode, &granted, self.clock.now())
            .await
            .map_err(|error| Trouble::Target {
                error,
                receipt: granted.receipt.clone(),
            })?;
        let secrets = !granted.secrets.is_empty();
        let sealed = secrets.then(|| {
            let secrets = granted.secrets;
            self.broker
                .seal_secrets(request.id, layer, password, secrets)
        });
        let command = Command::Granted {
            layer,
            until: order.expires_at,
            ends_at: granted.ends_at,
            receipt: granted.receipt,
            secrets,
            caveat: granted.caveat,
        };
        Ok((command, sealed))
    }

    fn grant_failed(
        &self,
        request: &Request,
        layer: usize,
        error: &BackendError,
        receipt: Option<Receipt>,
    ) -> Command {
        let failures = request.layers[layer].failures;
        let wait = Span::seconds(request.terms.duration.as_seconds() / WAITS).clamp(WAIT.0, WAIT.1);
        let retry_at = self.retry_at(failures, error, wait);
        // What is active already stays active, although its target cannot be told of a later end.
        let give_up = request.state == State::Approved
            && (matches!(error, BackendError::Fail(_) | BackendError::Pending { .. })
                || request.retries_until().is_none_or(|until| until < retry_at));
        let retry_at = (!give_up).then_some(retry_at);
        tracing::warn!(
            request.id = %request.id, layer, %error, cause = root_cause(error), give_up,
            "failed to grant a layer"
        );
        Command::GrantFailed {
            layer,
            error: error.to_string(),
            retry_at,
            receipt,
        }
    }
}

/// Reads the status of what was granted, and compares what the target said with it.
async fn read_back(
    bound: &dyn BoundLayer,
    order: &LayerRequest,
    mode: RevocationMode,
    granted: &Granted,
    now: Time,
) -> Result<(), BackendError> {
    if granted.ends_at.is_some_and(|ends_at| ends_at <= now) {
        return Err(BackendError::Fail(
            "the target says that the access has ended already".into(),
        ));
    }
    if mode == RevocationMode::TimeLimit
        && granted
            .ends_at
            .is_some_and(|ends_at| ends_at > order.expires_at)
    {
        // Nothing could end it earlier.
        return Err(BackendError::Fail(
            "the target granted access beyond the end of the grant".into(),
        ));
    }
    let says_more =
        !granted.secrets.is_empty() || granted.receipt.is_some() || granted.ends_at.is_some();
    match limited(bound.status(order)).await {
        // It is not answered again, so what it said would be lost.
        Err(BackendError::Pending { .. }) if says_more => Err(BackendError::Fail(
            "the target answered with secrets, a receipt or an end, and is still working on the order"
                .into(),
        )),
        Err(error) => Err(error),
        Ok(Presence::Absent) => Err(BackendError::Retry(
            "the target took the order, but the access is not there".into(),
        )),
        Ok(Presence::Present) => Ok(()),
    }
}

/// What kept a layer from being granted.
enum Trouble {
    /// The target: said in the log, and tried again or given up.
    Target {
        error: BackendError,
        /// What it recognises the access by, if it answered before it failed.
        receipt: Option<Receipt>,
    },
    /// The broker or its store: nothing is known, so nothing is said; it is due again.
    Broker(Error),
}

impl From<BackendError> for Trouble {
    fn from(error: BackendError) -> Self {
        Self::Target {
            error,
            receipt: None,
        }
    }
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        Self::Broker(error)
    }
}
