//! Work that one replica does for as long as it has claimed it.

use std::future::Future;

use super::WorkClaims;

/// Does `work` unless somebody else has claimed `name`, until it is done or the claim is lost. Answers
/// whether it was begun.
pub async fn work_alone(
    claims: &dyn WorkClaims,
    name: &str,
    work: impl Future<Output = ()>,
) -> bool {
    match claims.claim(name).await {
        Ok(Some(claim)) => {
            tracing::info!(claim.name = name, "claim acquired");
            tokio::select! {
                biased;
                () = claim.lost() => {
                    tracing::warn!(claim.name = name, "claim lost");
                }
                () = work => {}
            }
            true
        }
        Ok(None) => false,
        Err(error) => {
            tracing::warn!(%error, claim.name = name, "failed to acquire a claim; Keylend retries");
            false
        }
    }
}
