//! What other stores share among replicas. Claims on a file's work are in memory alone: nobody else
//! has the file, and a crash ends them all.

use tokio::sync::broadcast;

use super::{
    SqliteStore, answer,
    db::Pool,
    read::{Text, is_id, read_id},
    work::latest,
    writer::Writer,
};
use crate::{
    domain::{Lane, RequestId, Time},
    store::{Claim, ClockComparison, Invalidation, StoreError},
};

impl SqliteStore {
    pub(super) async fn claim_work(
        &self,
        lane: &Lane,
        now: Time,
        limit: u32,
    ) -> Result<Vec<(RequestId, Claim)>, StoreError> {
        let claimed = u32::try_from(self.claims.count()).unwrap_or(u32::MAX);
        let question = due(&self.reads, lane, now, limit.saturating_add(claimed));
        let due = answer("look for due work", question).await?;
        let claimed = due.into_iter().filter_map(|id| {
            let claim = self.claims.take(format!("{}/{id}", lane.name()))?;
            Some((id, claim))
        });
        Ok(claimed.take(limit as usize).collect())
    }

    pub(super) async fn claim_name(&self, name: &str) -> Result<Option<Claim>, StoreError> {
        Ok(self.claims.take(name.to_owned()))
    }

    /// What writes for those who follow the log: the one that writes everything.
    pub(super) fn follower_writer(&self) -> Option<&Writer> {
        self.writer.as_ref()
    }

    pub(super) fn why_out(&self) -> Option<String> {
        None
    }

    /// The file and its only process have one clock.
    pub(super) fn compared_clocks(&self) -> ClockComparison {
        ClockComparison::default()
    }

    /// Nobody else is to be told.
    pub(super) async fn tell(&self, _: &Invalidation) -> Result<(), StoreError> {
        Ok(())
    }

    pub(super) fn told(&self) -> Option<broadcast::Receiver<Invalidation>> {
        None
    }
}

/// The requests with work due in a lane, longest due first.
async fn due(reads: &Pool, lane: &Lane, now: Time, limit: u32) -> sqlx::Result<Vec<RequestId>> {
    let rows: Vec<(Text,)> = sqlx::query_as(concat!(
        // In two ranges of the index: what is due later is not read. What is no request's, somebody else
        // put there, and takes the place of none.
        "SELECT request_id FROM (SELECT request_id FROM due WHERE lane = $1 AND due_at <= $2 AND ",
        is_id!("request_id"),
        " ORDER BY due_at, request_id LIMIT $3)
         UNION ALL
         SELECT request_id FROM (SELECT request_id FROM due WHERE lane = $1 AND due_at > $4 AND ",
        is_id!("request_id"),
        " ORDER BY due_at, request_id LIMIT $3)
         LIMIT $3"
    ))
    .bind(lane.name().into_owned())
    .bind(now.timestamp_millis())
    .bind(i64::from(limit))
    .bind(latest(lane, now))
    .fetch_all(reads)
    .await?;
    rows.iter().map(|(Text(id),)| read_id(id)).collect()
}
