//! The locks in force.

use super::{
    db::Connection,
    read::Text,
    run::{Failure, exactly_one},
};
use crate::domain::{Human, Lock, LockTarget, Request, Time};

/// The locks in force, as one transaction that writes knows them.
#[derive(Debug, Default)]
pub(super) struct InForce(Option<Vec<Option<Lock>>>);

impl InForce {
    /// Forgets what is known: a lock may have been set or lifted, or that undone.
    pub(super) fn forget(&mut self) {
        self.0 = None;
    }

    /// Whether a lock covers `request`. One that cannot be read covers everything. Read from the tables once in a transaction: no other writer
    /// changes them meanwhile.
    pub(super) async fn cover(
        &mut self,
        connection: &mut Connection,
        request: &Request,
    ) -> sqlx::Result<bool> {
        let locks = self.read(connection).await?;
        let covers = |lock: &Lock| lock.covers_request(request);
        Ok(locks.iter().any(|lock| lock.as_ref().is_none_or(covers)))
    }

    /// Whether one of `people` is locked; also if a lock cannot be read.
    pub(super) async fn are_of_any(
        &mut self,
        connection: &mut Connection,
        people: &[Human],
    ) -> sqlx::Result<bool> {
        let locks = self.read(connection).await?;
        let is_of_any = |lock: &Lock| people.iter().any(|person| lock.is_of(person));
        Ok(locks.iter().any(|lock| lock.as_ref().is_none_or(is_of_any)))
    }

    async fn read(&mut self, connection: &mut Connection) -> sqlx::Result<&[Option<Lock>]> {
        let in_force = match &mut self.0 {
            Some(locks) => locks,
            unknown => unknown.insert(locks(connection).await?),
        };
        Ok(in_force)
    }
}

/// The locks, oldest first; nothing in the place of one that cannot be read.
async fn locks(connection: &mut Connection) -> sqlx::Result<Vec<Option<Lock>>> {
    let rows: Vec<(Text,)> = sqlx::query_as("SELECT lock FROM locks ORDER BY set_at, target")
        .fetch_all(connection)
        .await?;
    Ok(rows.iter().map(|(lock,)| read(lock)).collect())
}

/// The locks that can be read, oldest first. One that cannot hides no other: the log tells of it.
pub(super) async fn readable(connection: &mut Connection) -> sqlx::Result<Vec<Lock>> {
    Ok(locks(connection).await?.into_iter().flatten().collect())
}

/// The row of the lock of `target`, if there is one.
async fn row_of(connection: &mut Connection, target: &LockTarget) -> sqlx::Result<Option<Text>> {
    let row: Option<(Text,)> = sqlx::query_as("SELECT lock FROM locks WHERE target = $1")
        .bind(name(target))
        .fetch_optional(connection)
        .await?;
    Ok(row.map(|(lock,)| lock))
}

fn read(Text(lock): &Text) -> Option<Lock> {
    serde_json::from_str(lock).ok()
}

/// Sets a lock, in the place of one that is there.
pub(super) async fn set(connection: &mut Connection, lock: &Lock) -> Result<(), Failure> {
    // One that cannot be read keeps nobody from locking: then the lock stays until somebody lifts it.
    let row = row_of(&mut *connection, &lock.target).await?;
    let lock = match row.as_ref().map(read) {
        None => lock.clone(),
        Some(Some(before)) => lock.clone().in_place_of(Some(&before)),
        Some(None) => Lock {
            until: None,
            ..lock.clone()
        },
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
    let row = row_of(&mut *connection, target).await?;
    let lock = row.as_ref().and_then(read);
    match lock.is_some_and(|lock| lock.is_over(at)) {
        true => lift(connection, target).await,
        false => Err(Failure::Conflict),
    }
}

/// The whole target, since a scope and a person may be spelt alike.
fn name(target: &LockTarget) -> String {
    serde_json::to_string(target).expect("a lock's target can be written as JSON")
}
