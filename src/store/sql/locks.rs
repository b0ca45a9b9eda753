//! The locks in force.

use super::{
    db::Connection,
    read::Text,
    run::{Failure, exactly_one},
};
use crate::domain::{Human, Lock, LockTarget, Request, Time};

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

/// The locks, oldest first, each of which has to be read.
pub(super) async fn locks(connection: &mut Connection) -> sqlx::Result<Vec<Lock>> {
    let rows: Vec<(String,)> = sqlx::query_as("SELECT lock FROM locks ORDER BY set_at, target")
        .fetch_all(connection)
        .await?;
    rows.iter().map(|(lock,)| read(lock)).collect()
}

/// The locks that can be read, oldest first. One that cannot hides no other: the log tells of it.
pub(super) async fn readable(connection: &mut Connection) -> sqlx::Result<Vec<Lock>> {
    let rows: Vec<(Text,)> = sqlx::query_as("SELECT lock FROM locks ORDER BY set_at, target")
        .fetch_all(connection)
        .await?;
    Ok(rows
        .iter()
        .filter_map(|(Text(lock),)| read(lock).ok())
        .collect())
}

/// The lock of `target`, if there is one.
async fn lock_of(connection: &mut Connection, target: &LockTarget) -> sqlx::Result<Option<Lock>> {
    let row: Option<(String,)> = sqlx::query_as("SELECT lock FROM locks WHERE target = $1")
        .bind(name(target))
        .fetch_optional(connection)
        .await?;
    row.map(|(lock,)| read(&lock)).transpose()
}

fn read(lock: &str) -> sqlx::Result<Lock> {
    serde_json::from_str(lock).map_err(|error| sqlx::Error::Decode(error.into()))
}

/// Sets a lock, in the place of one that is there.
pub(super) async fn set(connection: &mut Connection, lock: &Lock) -> Result<(), Failure> {
    // One that cannot be read keeps nobody from locking: then the lock stays until somebody lifts it.
    let lock = match lock_of(&mut *connection, &lock.target).await {
        Ok(before) => lock.clone().in_place_of(before.as_ref()),
        Err(sqlx::Error::Decode(_)) => Lock {
            until: None,
            ..lock.clone()
        },
        Err(error) => return Err(error.into()),
    };
    let done = sqlx::query(
        "INSERT INTO locks (target, set_at, lock) VALUES ($1, $2, $3)
         ON CONFLICT (target) DO UPDATE SET set_at = excluded.set_at, lock = excluded.lock",
    )
    .bind(name(&lock.target))
    .bind(lock.at.timestamp_millis())
    .bind(serde_json::to_string(&lock).expect("a lock can be written as JSON"))
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

/// Lifts a lock whose time was over at `at`. A conflict if it is not there, or stays for longer.
pub(super) async fn lift_over(
    connection: &mut Connection,
    target: &LockTarget,
    at: Time,
) -> Result<(), Failure> {
    let lock = lock_of(&mut *connection, target).await?;
    match lock.is_some_and(|lock| lock.is_over(at)) {
        true => lift(connection, target).await,
        false => Err(Failure::Conflict),
    }
}

/// The whole target, since a scope and a person may be spelt alike.
fn name(target: &LockTarget) -> String {
    serde_json::to_string(target).expect("a lock's target can be written as JSON")
}
