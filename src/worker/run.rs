//! Everything that the sweeper does, side by side.

use std::sync::Arc;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{Worker, lane, patrol, tend};
use crate::domain::Lane;

impl Worker {
    /// Sweeps until `shutdown`; then finishes what is under way.
    pub async fn run(self: Arc<Self>, shutdown: CancellationToken) {
        let targets = self.provisioner.targets();
        let lanes = [Lane::Clock, Lane::Starts]
            .into_iter()
            .chain(targets.clone().cloned().map(Lane::Target))
            .chain(targets.cloned().map(Lane::ReadBack));
        let mut running: JoinSet<()> = lanes
            .map(|lane| lane::run(self.clone(), lane, shutdown.clone()))
            .collect();
        running.spawn(patrol::run(self.clone(), shutdown.clone()));
        for name in self.provisioner.targets() {
            running.spawn(tend::run(self.clone(), name.clone(), shutdown.clone()));
        }
        while let Some(ended) = running.join_next().await {
            if let Err(error) = ended
                && error.is_panic()
            {
                // A lane that panics would leave its target's access standing.
                tracing::error!(
                    %error,
                    "a worker panicked; the process aborts, so that a supervisor restarts it"
                );
                std::process::abort();
            }
        }
    }
}
