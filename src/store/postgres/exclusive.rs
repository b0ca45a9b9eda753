//! A server's store that no replica works on.

use sqlx::{AssertSqlSafe, ConnectOptions as _};

use super::{
    connect::{check, options},
    db::Connection,
    dump::Dump,
    replica::is_alive,
};
use crate::store::OpenError;

/// A transaction that keeps the writers of all replicas waiting.
pub(in crate::store) struct ExclusiveStore {
    connection: Connection,
}

impl ExclusiveStore {
    pub(in crate::store) async fn open(url: &str) -> Result<Self, OpenError> {
        // A whole table is one statement here, and the other store may be slow.
        let options = options(url)?.options([
            ("statement_timeout", "0"),
            ("idle_in_transaction_session_timeout", "0"),
        ]);
        let mut connection = options.connect().await?;
        check(&mut connection).await?;
        for statement in [
            "BEGIN ISOLATION LEVEL REPEATABLE READ",
            "SELECT configuration FROM service FOR UPDATE",
        ] {
            sqlx::query(statement).execute(&mut connection).await?;
        }
        Ok(Self { connection })
    }

    /// Whether replicas are alive.
    pub(in crate::store) async fn is_at_work(&mut self) -> sqlx::Result<bool> {
        let statement = concat!("SELECT count(*) FROM replicas WHERE ", is_alive!());
        let (alive,): (i64,) = sqlx::query_as(statement)
            .fetch_one(&mut self.connection)
            .await?;
        Ok(alive > 0)
    }

    /// Lets entries of the log get other codes until [`forbid_updates`](Self::forbid_updates). Answers the
    /// trigger that stands in the way.
    pub(in crate::store) async fn allow_updates(&mut self) -> sqlx::Result<String> {
        sqlx::query("ALTER TABLE events DISABLE TRIGGER events_are_not_changed")
            .execute(&mut self.connection)
            .await?;
        Ok("events_are_not_changed".to_owned())
    }

    /// Puts the trigger back.
    pub(in crate::store) async fn forbid_updates(&mut self, trigger: String) -> sqlx::Result<()> {
        let put_back = format!("ALTER TABLE events ENABLE TRIGGER {trigger}");
        let put_back = sqlx::raw_sql(AssertSqlSafe(put_back));
        put_back.execute(&mut self.connection).await.map(drop)
    }

    pub(in crate::store) fn dump(&mut self) -> Dump<'_> {
        Dump::over(&mut self.connection)
    }
}
