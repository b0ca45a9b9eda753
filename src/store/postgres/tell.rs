//! What this replica tells all of them: rows that [`follow`](super::follow) looks for.

use tokio::sync::broadcast;

use super::PostgresStore;
use crate::store::{Invalidation, StoreError, answer::answer};

impl PostgresStore {
    /// Tells all replicas, this one too. What nobody looks at any more is deleted.
    pub(super) async fn tell(&self, fact: &Invalidation) -> Result<(), StoreError> {
        let fact = serde_json::to_string(fact).expect("a fact can be written as JSON");
        let telling = sqlx::query(
            "WITH past AS (
                 DELETE FROM outdated
                 WHERE told_at < clock_timestamp() - interval '1 minute' AND fact <> $1)
             INSERT INTO outdated (fact, told_at) VALUES ($1, clock_timestamp())
             ON CONFLICT (fact) DO UPDATE SET told_at = excluded.told_at",
        )
        .bind(fact)
        .execute(&self.reads);
        answer("tell the other replicas", telling).await?;
        self.news.own.send_modify(|own| own.facts += 1);
        Ok(())
    }

    pub(super) fn told(&self) -> Option<broadcast::Receiver<Invalidation>> {
        Some(self.outdated.subscribe())
    }
}
