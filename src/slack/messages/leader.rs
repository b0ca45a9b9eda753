//! Whose turn it is to run_as_leader: one replica's at a time.

use std::{sync::Arc, time::Duration};

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::{Messenger, homes::Homes};
use crate::store::work_alone;

/// What is claimed by the replica that speaks.
const CLAIM: &str = "slack";

/// How long to wait before the claim is asked for again.
const PAUSE: Duration = Duration::from_secs(1);

/// Runs both whenever no other replica does, until `shutdown`. When the claim is lost, they fall
/// silent at once: what they still had to say would come after what another replica says, and stay.
pub async fn run_as_leader(
    messenger: Arc<Messenger>,
    homes: Arc<Homes>,
    shutdown: CancellationToken,
) {
    while !shutdown.is_cancelled() {
        let work = async {
            let (messenger, homes) = (messenger.clone(), homes.clone());
            tokio::join!(messenger.run(shutdown.clone()), homes.run(shutdown.clone()));
        };
        work_alone(&*messenger.claims, CLAIM, work).await;
        tokio::select! {
            biased;
            () = shutdown.cancelled() => {}
            () = sleep(PAUSE) => {}
        }
    }
}
