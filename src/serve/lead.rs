//! Work that one replica does for all.

use std::{sync::Arc, time::Duration};

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::store::Store;

/// How long to wait before the claim is asked for again.
const PAUSE: Duration = Duration::from_secs(1);

/// Does `work` whenever this replica has the claim `name`, until `shutdown`. When the claim is
/// lost, the work is told to stop.
pub(super) async fn alone<F>(
    store: Arc<dyn Store>,
    name: &'static str,
    shutdown: CancellationToken,
    work: impl Fn(CancellationToken) -> F,
) where
    F: Future<Output = ()>,
{
    while !shutdown.is_cancelled() {
        match store.claim(name).await {
            Ok(Some(claim)) => {
                tracing::info!(claim = name, "this replica does it from now on");
                let turn = shutdown.child_token();
                let work = work(turn.clone());
                tokio::pin!(work);
                tokio::select! {
                    () = &mut work => {}
                    () = claim.lost() => {
                        tracing::warn!(claim = name, "another replica may do it from now on");
                        turn.cancel();
                        work.await;
                    }
                }
            }
            Ok(None) => {}
            Err(error) => tracing::warn!(%error, claim = name, "the store does not answer"),
        }
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = sleep(PAUSE) => {}
        }
    }
}
