//! Waiting for something to become true, without polling.

use std::time::Duration;

use crate::sim::Sim;

/// How long a wait lasts at most, in real time.
const CEILING: Duration = Duration::from_secs(20);

/// What a wait that came to nothing saw.
#[derive(Debug, Clone, thiserror::Error)]
#[error("waited {waited:?} in vain; the workspace shows:\n{seen}")]
pub struct WaitedInVain {
    /// How long.
    pub waited: Duration,
    /// Every message, open modal and refused call.
    pub seen: String,
}

impl Sim {
    /// Waits until `look` finds something. It is asked at once, and again after every change of
    /// the workspace: a message, a call, a delivery. The 20 s are tokio's, so its clock must not be
    /// paused.
    ///
    /// # Panics
    /// After 20 s, with everything that was said.
    pub async fn wait_until<T>(&self, look: impl FnMut(&Sim) -> Option<T>) -> T {
        match self.try_wait_until(look).await {
            Ok(found) => found,
            Err(error) => panic!("{error}"),
        }
    }

    /// Waits until `look` finds something.
    ///
    /// # Errors
    /// After 20 s, with everything that was said.
    pub async fn try_wait_until<T>(
        &self,
        look: impl FnMut(&Sim) -> Option<T>,
    ) -> Result<T, WaitedInVain> {
        self.try_wait_for(CEILING, look).await
    }

    /// Waits until `look` finds something, at most `ceiling` of real time.
    ///
    /// # Errors
    /// After `ceiling`, with everything that was said.
    pub async fn try_wait_for<T>(
        &self,
        ceiling: Duration,
        mut look: impl FnMut(&Sim) -> Option<T>,
    ) -> Result<T, WaitedInVain> {
        let waiting = async {
            // Subscribe before looking: a change between the two wakes us.
            let mut changes = self.inner.changes();
            loop {
                if let Some(found) = look(self) {
                    return found;
                }
                // The sender lives as long as `self`, so the channel cannot be closed.
                drop(changes.changed().await);
            }
        };
        let found = tokio::time::timeout(ceiling, waiting).await;
        found.map_err(|_| WaitedInVain {
            waited: ceiling,
            seen: self.describe(),
        })
    }
}
