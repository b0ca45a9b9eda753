//! What a target lists, compared with what the log tells.

use std::{sync::Arc, time::Duration};

use tokio::time::timeout;

use crate::{
    backend::{Backend, BackendError, Managed, Marker},
    domain::{BackendName, InstanceId, Layer, Params, Progress, Receipt, Request, RequestId},
    store::{CommitError, OpenPages, Store, StoreError, logged},
};

/// How long a target may take to list access, or to revoke one piece of it.
const LONGEST: Duration = Duration::from_secs(300);

/// Open requests that are looked through at a time.
const PAGE: u32 = 500;

/// One target.
pub struct Target {
    /// What the configuration calls it.
    pub name: BackendName,
    /// The target.
    pub backend: Arc<dyn Backend>,
    /// The parameters of the layers that the catalogue has in it.
    pub layers: Vec<Params>,
}

/// Access that no request in the log explains.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The access.
    pub access: Managed,
    /// What is known of it.
    pub verdict: Verdict,
}

/// What is known of access that no request explains.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// This Keylend granted it, as the target tells.
    Unexplained,
    /// The same, and this request goes on without having granted it: to the request, it was there before.
    Preexisting(RequestId),
    /// Keylend's account made it, and it is not written beside it which Keylend that was.
    Illegible,
    /// Another Keylend granted it, with the same account.
    Foreign(InstanceId),
}

/// What kept access from being found or revoked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The target.
    #[error(transparent)]
    Target(#[from] BackendError),
    /// The store, when it was read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The store, when it was written.
    #[error("the store does not take the entry: {0}")]
    Commit(#[from] CommitError),
    /// A request that could explain it cannot be read.
    #[error("the log does not tell of request {0}: run `keylend audit verify`")]
    Untold(RequestId),
}

impl Target {
    pub(super) async fn managed(&self) -> Result<Vec<Managed>, BackendError> {
        limited(self.backend.managed(&self.layers)).await
    }

    /// Revokes `access`, and reads back that it is gone.
    pub(super) async fn revoke(&self, access: &Managed) -> Result<(), BackendError> {
        limited(self.backend.revoke_managed(access)).await?;
        let left = self.managed().await?;
        match left.iter().any(|one| one.is_same(access)) {
            true => Err(BackendError::Retry(
                "the access is still there after it was revoked".into(),
            )),
            false => Ok(()),
        }
    }

    /// Whether the layer gave this access, whatever it is called by now.
    fn recognises(&self, layer: &Layer, access: &Managed) -> bool {
        let is_one = |granted: &Receipt, listed: &Receipt| self.backend.recognises(granted, listed);
        match (&layer.receipt, &access.receipt) {
            (Some(granted), Some(listed)) => {
                layer.plan.backend == self.name && is_one(granted, listed)
            }
            _ => false,
        }
    }

    /// Whether the layer gives what the log would call this access.
    fn is_called(&self, layer: &Layer, access: &Managed) -> bool {
        let entitlement = access.entitlement.in_target(&self.name);
        layer.plan.backend == self.name && layer.plan.entitlement == entitlement
    }
}

/// Finds the access in `target` that no request explains. Changes nothing.
///
/// # Errors
///
/// If the target or the store does not answer, or if the target cannot list access.
pub async fn find(target: &Target, store: &dyn Store) -> Result<Vec<Found>, Error> {
    let before = judge(target, store, target.managed().await?).await?;
    if before.is_empty() {
        return Ok(before);
    }
    // What was revoked between the two looks, or is another grant's by now, is not meant.
    let mut found = judge(target, store, target.managed().await?).await?;
    found.retain(|one| before.iter().any(|before| before.access == one.access));
    Ok(found)
}

/// Those of `listed` that no request explains.
pub(super) async fn judge(
    target: &Target,
    store: &dyn Store,
    listed: Vec<Managed>,
) -> Result<Vec<Found>, Error> {
    let own = store.instance().await?;
    let (mut found, mut unknown) = (Vec::new(), Vec::new());
    for access in listed {
        match &access.marker {
            Marker::Instance(instance) if own.as_ref() != Some(instance) => {
                let verdict = Verdict::Foreign(instance.clone());
                found.push(Found { access, verdict });
                continue;
            }
            Marker::Instance(_) | Marker::Account | Marker::Illegible => {}
        }
        match by_name(target, store, &access).await? {
            Explanation::Granted => {}
            Explanation::Preexisting(id) => found.push(Found {
                access,
                verdict: Verdict::Preexisting(id),
            }),
            Explanation::None => unknown.push(access),
        }
    }
    // What was renamed since it was granted is called something else in the log.
    let mut pages = OpenPages::new(store, PAGE);
    while !unknown.is_empty() {
        let Some(page) = pages.next().await? else {
            break;
        };
        let recognised = |request: &Request| {
            let mut layers = request.layers.iter();
            layers.any(|layer| unknown.iter().any(|one| target.recognises(layer, one)))
        };
        let requests = page.iter().filter(|request| recognised(request));
        let ids: Vec<RequestId> = requests.map(|request| request.id).collect();
        let requests = told(store, &ids).await?;
        let mut left = Vec::new();
        for access in unknown {
            match explanation(&requests, |layer| target.recognises(layer, &access)) {
                Explanation::Granted => {}
                Explanation::Preexisting(id) => found.push(Found {
                    access,
                    verdict: Verdict::Preexisting(id),
                }),
                Explanation::None => left.push(access),
            }
        }
        unknown = left;
    }
    found.extend(unknown.into_iter().map(|access| Found {
        verdict: match access.marker {
            Marker::Illegible => Verdict::Illegible,
            Marker::Account | Marker::Instance(_) => Verdict::Unexplained,
        },
        access,
    }));
    Ok(found)
}

/// How requests explain access by what it is called.
async fn by_name(
    target: &Target,
    store: &dyn Store,
    access: &Managed,
) -> Result<Explanation, Error> {
    let entitlement = access.entitlement.in_target(&target.name);
    let is_it = |layer: &Layer| target.is_called(layer, access);
    // The tables are quicker than the log, and usually tell where to look in it.
    let rows = store.sharing(&entitlement, RequestId::MIN).await?;
    let ids: Vec<RequestId> = rows.into_iter().map(|row| row.request).collect();
    let requests = logged(store, &ids).await?.into_values();
    let requests: Vec<Request> = requests.map(|(request, _)| request).collect();
    if let Explanation::Granted = explanation(&requests, is_it) {
        return Ok(Explanation::Granted);
    }
    let ids = store.approved_for(&entitlement).await?;
    Ok(explanation(&told(store, &ids).await?, is_it))
}

/// The requests as the log tells them. One that it does not tell of could explain anything.
async fn told(store: &dyn Store, ids: &[RequestId]) -> Result<Vec<Request>, Error> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let mut logged = logged(store, ids).await?;
    let told = ids
        .iter()
        .map(|id| logged.remove(id).ok_or(Error::Untold(*id)));
    told.map(|told| told.map(|(request, _)| request)).collect()
}

/// How requests explain a piece of access.
enum Explanation {
    /// One of them granted it, is granting it, or is about to; or Keylend inspects by itself whether it is
    /// gone.
    Granted,
    /// One of them goes on, and found it there before.
    Preexisting(RequestId),
    /// They don't.
    None,
}

fn explanation(requests: &[Request], gives: impl Fn(&Layer) -> bool) -> Explanation {
    let mut explanation = Explanation::None;
    for request in requests {
        for layer in request.layers.iter().filter(|layer| gives(layer)) {
            match layer.progress {
                Progress::Inspected { managed: true } | Progress::Granted { managed: true, .. } => {
                    return Explanation::Granted;
                }
                Progress::Planned if request.is_open() => return Explanation::Granted,
                Progress::Revoked {
                    inspect_since: Some(_),
                } => return Explanation::Granted,
                Progress::Inspected { managed: false }
                | Progress::Granted { managed: false, .. } => {
                    explanation = Explanation::Preexisting(request.id);
                }
                Progress::Planned | Progress::Revoked { .. } => {}
            }
        }
    }
    explanation
}

/// Waits for a target, but not for ever.
async fn limited<T>(
    call: impl Future<Output = Result<T, BackendError>>,
) -> Result<T, BackendError> {
    match timeout(LONGEST, call).await {
        Ok(answer) => answer,
        Err(_) => Err(BackendError::Retry(
            format!("the target did not answer within {} s", LONGEST.as_secs()).into(),
        )),
    }
}
