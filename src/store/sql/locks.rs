//! The locks in force.

use super::{
    db::Connection,
    run::{Failure, exactly_one},
};
use crate::domain::{Human, Lock, LockTarget, Request};

/// The locks in force, as one transaction that writes knows them.
#[derive(Debug, Default)]
pub(super) struct InForce(Option<Vec<Lock>>);

impl InForce {
    /// Forgets what is known: a lock may have been set or lifted, or that undone.
    pub(super) fn forget(&mut self) {
        self.0 = None;
    }

    /// Whether a lock covers `request`. Read from the tables once in a transaction: no other writer
    /// changes them meanwhile.
    pub(super) async fn cover(
        &mut self,
        connection: &mut Connection,
        request: &Request,
    ) -> sqlx::Result<bool> {
        let locks = self.read(connection).await?;
        Ok(locks.iter().any(|lock| lock.covers_request(request)))
    }

    /// Whether one of `people` is locked.
    pub(super) async fn are_of_any(
        &mut self,
        connection: &mut Connection,
        people: &[Human],
    ) -> sqlx::Result<bool> {
        let locks = self.read(connection).await?;
        Ok(people
            .iter()
            .any(|person| locks.iter().any(|lock| lock.is_of(person))))
    }

    async fn read(&mut self, connection: &mut Connection) -> sqlx::Result<&[Lock]> {
        let in_force = match &mut self.0 {
            Some(locks) => locks,
            unknown => unknown.insert(locks(connection).await?),
        };
        Ok(in_force)
    }
}

/// The locks, oldest first.
pub(super) async fn locks(connection: &mut Connection) -> sqlx::Result<Vec<Lock>> {
    let rows: Vec<(String,)> = sqlx::query_as("SELECT lock FROM locks ORDER BY set_at, target")
        .fetch_all(connection)
        .await?;
    rows.iter()
        .map(|(lock,)| {
            serde_json::from_str(lock).map_err(|error| sqlx::Error::Decode(error.into()))
        })
        .collect()
}

/// Sets a lock, in the place of one that is there.
pub(super) async fn set(connection: &mut Connection, lock: &Lock) -> Result<(), Failure> {
    let done = sqlx::query(
        "INSERT INTO locks (target, set_at, lock) VALUES ($1, $2, $3)
         ON CONFLICT (target) DO UPDATE SET set_at = excluded.set_at, lock = excluded.lock",
    )
    .bind(name(&lock.target))
    .bind(lock.at.timestamp_millis())
    .bind(serde_json::to_string(lock).expect("a lock can be written as JSON"))
    .execute(connection)
    .await?;
    exactly_one(&done)
}

/// Lifts a lock. A conflict if it is not there.
pub(super) async fn lift(connection: &mut Connection, target: &LockTarget) -> Result<(), Failure> {
    let done = sqlx::query("DELETE FROM locks WHERE target = $1")
        .bind(name(target))
        .execute(connection)
        .await?;
    exactly_one(&done)
}

/// The whole target, since a scope and a person may be spelt alike.
fn name(target: &LockTarget) -> String {
    serde_json::to_string(target).expect("a lock's target can be written as JSON")
}
