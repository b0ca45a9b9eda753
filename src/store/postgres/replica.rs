//! This replica among the others: known by a name of its own, heard of every two seconds, and at
//! work only under the configuration and the tables that are in force.
//!
//! The configuration in force is that of the replicas at work. One with another configuration would
//! admit clicks by other rules, so it waits until none of them is left, and then its own is in
//! force. Time is the server's alone: no replica's clock decides who is alive.
//!
//! A replica whose clock differs from the server's by more than two seconds is on standby too, until they
//! agree again. While another replica's is right, it does nothing. Otherwise the server's may be the one
//! that is wrong, and access has to end all the same: then the replica goes on with what ends access, by
//! the later of both clocks, and refuses only what leads to access. Ending early is safe, ending late is
//! not. Each transaction on the log compares the clocks as well, so that nothing is decided between a
//! clock's change and the next beat.

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use sqlx::PgConnection;

use super::version;
use crate::{
    domain::Time,
    store::{ClockComparison, Clocks, Off},
};

/// How often a replica is heard of.
pub(super) const BEAT: Duration = Duration::from_secs(2);

/// For how long a replica may not be heard of before others take over what it has claimed. The
/// statements below say the same.
pub(super) const LEASE: Duration = Duration::from_secs(10);

/// A macro, since `concat!` takes no constants: who is alive.
macro_rules! is_alive {
    () => {
        // Somebody else wrote what is ahead of the clock, and would hold claims for ever by it.
        "seen BETWEEN clock_timestamp() - interval '10 seconds' \
         AND clock_timestamp() + interval '10 seconds'"
    };
}
pub(super) use is_alive;

/// The server's clock, in milliseconds since 1970.
macro_rules! server_time {
    () => {
        "CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)"
    };
}
pub(super) use server_time;

/// Whether this replica is at work. Clones know the same.
#[derive(Debug, Clone)]
pub(super) struct ReplicaState {
    replica: Arc<RwLock<Replica>>,
    /// Nothing where they are not compared.
    clocks: Option<Clocks>,
}

#[derive(Debug)]
struct Replica {
    id: String,
    configuration: String,
    /// Nothing while it is at work.
    standby: Option<Standby>,
    clocks: ClockComparison,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Standby {
    reason: String,
    /// Whether it ends access all the same.
    ends_access: bool,
}

/// How this replica's clock compares with the store's.
#[derive(Debug, Clone, Copy)]
struct Compared {
    own: Option<Off>,
    /// What the store's shows.
    store: Time,
}

impl ReplicaState {
    /// Makes this replica known under a new name, and asks whether it may work.
    pub(super) async fn found(
        connection: &mut PgConnection,
        configuration: &str,
        clocks: Option<Clocks>,
    ) -> sqlx::Result<Self> {
        let replica = Replica {
            id: String::new(),
            configuration: configuration.to_owned(),
            standby: None,
            clocks: ClockComparison::default(),
        };
        let standing = Self {
            replica: Arc::new(RwLock::new(replica)),
            clocks,
        };
        let compared = standing.compare(connection).await?;
        let id = register(connection, configuration, is_in_step(compared)).await?;
        standing.change(|replica| replica.id = id);
        standing.admit(connection, compared).await?;
        Ok(standing)
    }

    /// Lets this replica be heard of, and asks whether it may work. Answers false if it was not
    /// heard of for too long: others may have what it had claimed, and it has a new name.
    pub(super) async fn beat(&self, connection: &mut PgConnection) -> sqlx::Result<bool> {
        let compared = self.compare(connection).await?;
        let statement = concat!(
            "UPDATE replicas SET seen = clock_timestamp(), in_step = $2 WHERE id = $1 AND ",
            is_alive!()
        );
        let heard = sqlx::query(statement)
            .bind(self.id())
            .bind(is_in_step(compared))
            .execute(&mut *connection)
            .await?;
        let is_known = heard.rows_affected() == 1;
        if !is_known {
            let id = register(connection, &self.configuration(), is_in_step(compared)).await?;
            self.change(|replica| replica.id = id);
        }
        self.admit(connection, compared).await?;
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
        self.read(|replica| Some(replica.standby.as_ref()?.reason.clone()))
    }

    /// How the replicas' clocks compare with the store's.
    pub(super) fn clocks(&self) -> ClockComparison {
        self.read(|replica| replica.clocks)
    }

    /// What this replica's clock shows; nothing where it is not compared.
    pub(super) fn own_time(&self) -> Option<Time> {
        self.clocks.as_ref().map(|clocks| clocks.own.own())
    }

    /// Whether it may claim work.
    pub(super) fn may_claim(&self) -> bool {
        self.read(|replica| replica.standby.as_ref().is_none_or(|it| it.ends_access))
    }

    /// Whether it may write while the configuration `in_force` is; otherwise why not. `asked_at` is when
    /// this was asked by this replica's clock, and `server` what the server's showed, in milliseconds.
    pub(super) fn may_write(
        &self,
        in_force: &str,
        asked_at: Option<Time>,
        server: i64,
    ) -> Result<(), String> {
        let off = asked_at.and_then(|before| self.off(before, server));
        self.read(|replica| match (&replica.standby, off) {
            (Some(standby), _) if !standby.ends_access => Err(standby.reason.clone()),
            _ if replica.configuration != in_force => Err(other_configuration(in_force)),
            (None, Some(off)) => Err(wrong_clock(off)),
            _ => Ok(()),
        })
    }

    /// How this replica's clock is wrong, if it is, that showed `before` before the server's showed
    /// `server`.
    fn off(&self, before: Time, server: i64) -> Option<Off> {
        let clocks = self.clocks.as_ref()?;
        Off::between(before, store_time(clocks, server), clocks.own.own())
    }

    /// Compares the clocks, if they are to be.
    async fn compare(&self, connection: &mut PgConnection) -> sqlx::Result<Option<Compared>> {
        let Some(clocks) = &self.clocks else {
            return Ok(None);
        };
        let before = clocks.own.own();
        let (server,): (i64,) = sqlx::query_as(concat!("SELECT ", server_time!()))
            .fetch_one(connection)
            .await?;
        Ok(Some(Compared {
            own: self.off(before, server),
            store: store_time(clocks, server),
        }))
    }

    /// Asks whether this replica may work. Where nobody works under the configuration in force, its
    /// own is from now on.
    async fn admit(
        &self,
        connection: &mut PgConnection,
        compared: Option<Compared>,
    ) -> sqlx::Result<()> {
        let (found, known) = (version::version(connection).await?, version::known());
        let other = if found == known {
            self.other_configuration(connection).await?
        } else {
            Some(format!(
                "the store has tables of version {found}, and this Keylend knows version {known}: upgrade \
                 Keylend or, if the tables are older, run `keylend store migrate`"
            ))
        };
        let other = other.map(|reason| Standby {
            reason,
            ends_access: false,
        });
        let clocks = match compared {
            Some(compared) => self.compare_with_others(connection, compared.own).await?,
            None => ClockComparison::default(),
        };
        let standby = other.or_else(|| clocks.own.map(|off| out_of_step(off, clocks)));
        if let (Some(own), Some(compared)) = (&self.clocks, compared) {
            let ends_access = standby.as_ref().is_some_and(|it| it.ends_access);
            own.own
                .no_earlier_than(ends_access.then_some(compared.store));
        }
        let before = self.read(|replica| replica.standby.clone());
        if before != standby {
            match &standby {
                Some(Standby { reason, .. }) => {
                    tracing::error!(standby_reason = %reason, "this replica is on standby");
                }
                None => tracing::info!("this replica is active"),
            }
        }
        self.change(|replica| {
            replica.standby = standby;
            replica.clocks = clocks;
        });
        Ok(())
    }

    /// Asks how the clocks of the other replicas are.
    async fn compare_with_others(
        &self,
        connection: &mut PgConnection,
        own: Option<Off>,
    ) -> sqlx::Result<ClockComparison> {
        let statement = concat!(
            "SELECT coalesce(bool_or(in_step AND configuration =
                        (SELECT configuration FROM service)), false),
                    coalesce(bool_or(NOT in_step), false)
             FROM replicas WHERE id <> $1 AND ",
            is_alive!()
        );
        let (is_another_right, is_another_wrong) = sqlx::query_as(statement)
            .bind(self.id())
            .fetch_one(connection)
            .await?;
        Ok(ClockComparison {
            own,
            is_another_right,
            is_another_wrong,
        })
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
        "other replicas run with another configuration ({}): stop them, or start this one with \
         their configuration",
        in_force.get(..12).unwrap_or(in_force)
    )
}

/// What the store's clock shows when the server's shows `server`.
fn store_time(clocks: &Clocks, server: i64) -> Time {
    match &clocks.store {
        Some(store) => store.now(),
        None => Time::from_timestamp_millis(server).unwrap_or(Time::MAX_UTC),
    }
}

fn is_in_step(compared: Option<Compared>) -> bool {
    compared.is_none_or(|compared| compared.own.is_none())
}

/// What a replica does whose clock is wrong.
fn out_of_step(off: Off, clocks: ClockComparison) -> Standby {
    let reason = match clocks.is_another_right {
        true => wrong_clock(off),
        false => format!(
            "{}. No replica's clock agrees with the store's, so also check the database server's clock. \
             Access still ends, by the later of both clocks",
            wrong_clock(off)
        ),
    };
    Standby {
        reason,
        ends_access: !clocks.is_another_right,
    }
}

fn wrong_clock(off: Off) -> String {
    format!(
        "this replica's clock is more than 2 s {off} the store's: synchronise it, for example with NTP"
    )
}

/// Answers the replica's name, and forgets those that are gone for good.
async fn register(
    connection: &mut PgConnection,
    configuration: &str,
    is_in_step: bool,
) -> sqlx::Result<String> {
    sqlx::query("DELETE FROM replicas WHERE seen < clock_timestamp() - interval '1 hour'")
        .execute(&mut *connection)
        .await?;
    sqlx::query("DELETE FROM claims WHERE replica NOT IN (SELECT id FROM replicas)")
        .execute(&mut *connection)
        .await?;
    let (id,): (String,) = sqlx::query_as(
        "INSERT INTO replicas (id, configuration, in_step, seen)
         VALUES (gen_random_uuid()::text, $1, $2, clock_timestamp()) RETURNING id",
    )
    .bind(configuration)
    .bind(is_in_step)
    .fetch_one(connection)
    .await?;
    Ok(id)
}
