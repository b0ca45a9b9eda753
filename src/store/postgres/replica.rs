//! This replica among the others: known by a name of its own, heard of every two seconds, and at
//! work only under the configuration and the tables that are in force.
//!
//! The configuration in force is that of the replicas at work. One with another configuration would
//! admit clicks by other rules, so it waits until none of them is left, and then its own is in
//! force. Time is the server's alone: no replica's clock decides who is alive.

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use sqlx::PgConnection;

use super::version;

/// How often a replica is heard of.
pub(super) const BEAT: Duration = Duration::from_secs(2);

/// For how long a replica may not be heard of before others take over what it has claimed. The
/// statements below say the same.
pub(super) const LEASE: Duration = Duration::from_secs(10);

/// A macro, since `concat!` takes no constants: who is alive.
macro_rules! is_alive {
    () => {
        "seen > clock_timestamp() - interval '10 seconds'"
    };
}
pub(super) use is_alive;

/// Whether this replica is at work. Clones know the same.
#[derive(Debug, Clone)]
pub(super) struct ReplicaState {
    replica: Arc<RwLock<Replica>>,
}

#[derive(Debug)]
struct Replica {
    id: String,
    configuration: String,
    /// Nothing while it is at work.
    standby_reason: Option<String>,
}

impl ReplicaState {
    /// Makes this replica known under a new name, and asks whether it may work.
    pub(super) async fn found(
        connection: &mut PgConnection,
        configuration: &str,
    ) -> sqlx::Result<Self> {
        let replica = Replica {
            id: register(connection, configuration).await?,
            configuration: configuration.to_owned(),
            standby_reason: None,
        };
        let standing = Self {
            replica: Arc::new(RwLock::new(replica)),
        };
        standing.admit(connection).await?;
        Ok(standing)
    }

    /// Lets this replica be heard of, and asks whether it may work. Answers false if it was not
    /// heard of for too long: others may have what it had claimed, and it has a new name.
    pub(super) async fn beat(&self, connection: &mut PgConnection) -> sqlx::Result<bool> {
        let statement = concat!(
            "UPDATE replicas SET seen = clock_timestamp() WHERE id = $1 AND ",
            is_alive!()
        );
        let heard = sqlx::query(statement)
            .bind(self.id())
            .execute(&mut *connection)
            .await?;
        let is_known = heard.rows_affected() == 1;
        if !is_known {
            let id = register(connection, &self.configuration()).await?;
            self.change(|replica| replica.id = id);
        }
        self.admit(connection).await?;
        Ok(is_known)
    }

    /// Says that this replica is gone: others take over at once.
    pub(super) async fn leave(&self, connection: &mut PgConnection) -> sqlx::Result<()> {
        sqlx::query(
            "WITH gone AS (DELETE FROM replicas WHERE id = $1)
             DELETE FROM claims WHERE replica = $1",
        )
        .bind(self.id())
        .execute(connection)
        .await
        .map(drop)
    }

    /// This replica's name.
    pub(super) fn id(&self) -> String {
        self.read(|replica| replica.id.clone())
    }

    /// Why it stays out of the work, if it does.
    pub(super) fn standby_reason(&self) -> Option<String> {
        self.read(|replica| replica.standby_reason.clone())
    }

    /// Whether it may write while `configuration` is in force; otherwise why not.
    pub(super) fn may_write(&self, in_force: &str) -> Result<(), String> {
        self.read(|replica| match &replica.standby_reason {
            Some(why) => Err(why.clone()),
            None if replica.configuration != in_force => Err(other_configuration(in_force)),
            None => Ok(()),
        })
    }

    /// Asks whether this replica may work. Where nobody works under the configuration in force, its
    /// own is from now on.
    async fn admit(&self, connection: &mut PgConnection) -> sqlx::Result<()> {
        let (found, known) = (version::version(connection).await?, version::known());
        let standby_reason = if found == known {
            self.other_configuration(connection).await?
        } else {
            Some(format!(
                "the store has the tables of version {found}, and this Keylend knows {known}"
            ))
        };
        let before = self.standby_reason();
        if before != standby_reason {
            match &standby_reason {
                Some(why) => tracing::error!(standby_reason = %why, "this replica is on standby"),
                None => tracing::info!("this replica is at work"),
            }
            self.change(|replica| replica.standby_reason = standby_reason);
        }
        Ok(())
    }

    async fn other_configuration(
        &self,
        connection: &mut PgConnection,
    ) -> sqlx::Result<Option<String>> {
        let own = self.configuration();
        let statement = concat!(
            "UPDATE service SET configuration = $1
             WHERE configuration <> $1 AND NOT EXISTS (SELECT 1 FROM replicas
                 WHERE replicas.configuration = service.configuration AND ",
            is_alive!(),
            ")"
        );
        sqlx::query(statement)
            .bind(&own)
            .execute(&mut *connection)
            .await?;
        let (in_force,): (String,) = sqlx::query_as("SELECT configuration FROM service")
            .fetch_one(connection)
            .await?;
        Ok((in_force != own).then(|| other_configuration(&in_force)))
    }

    fn configuration(&self) -> String {
        self.read(|replica| replica.configuration.clone())
    }

    fn read<T>(&self, question: impl FnOnce(&Replica) -> T) -> T {
        question(&self.replica.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn change(&self, change: impl FnOnce(&mut Replica)) {
        change(&mut self.replica.write().unwrap_or_else(PoisonError::into_inner));
    }
}

fn other_configuration(in_force: &str) -> String {
    format!(
        "replicas are at work with another configuration ({}): stop them, or start this one with \
         theirs",
        in_force.get(..12).unwrap_or(in_force)
    )
}

/// Answers the replica's name, and forgets those that are gone for good.
async fn register(connection: &mut PgConnection, configuration: &str) -> sqlx::Result<String> {
    sqlx::query("DELETE FROM replicas WHERE seen < clock_timestamp() - interval '1 hour'")
        .execute(&mut *connection)
        .await?;
    sqlx::query("DELETE FROM claims WHERE replica NOT IN (SELECT id FROM replicas)")
        .execute(&mut *connection)
        .await?;
    let (id,): (String,) = sqlx::query_as(
        "INSERT INTO replicas (id, configuration, seen)
         VALUES (gen_random_uuid()::text, $1, clock_timestamp()) RETURNING id",
    )
    .bind(configuration)
    .fetch_one(connection)
    .await?;
    Ok(id)
}
