//! One view of a store, whichever database it is on, and the rows that it should have.

use std::{future::Future, time::Duration};

use serde::Serialize;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::{
    RawEntry, StoreError,
    answer::unavailable,
    postgres, sqlite,
    tables::{TABLES, Table},
};
use crate::domain::{Lock, Request};

/// How long one page may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// One view of a store: everything that is read in it was there at one moment. Services may write
/// meanwhile.
#[derive(Debug)]
pub enum View {
    /// Of a file.
    Sqlite(sqlite::View),
    /// Of a server.
    Postgres(postgres::View),
}

/// Asks either.
macro_rules! ask {
    ($view:expr, $doing:expr, $one:ident => $question:expr) => {
        match $view {
            View::Sqlite($one) => in_time($doing, $question).await,
            View::Postgres($one) => in_time($doing, $question).await,
        }
    };
}

impl View {
    /// The log's entries behind `after`, in order, at most `limit`.
    ///
    /// # Errors
    ///
    /// If they cannot be read.
    pub async fn entries(&mut self, after: u64, limit: u32) -> Result<Vec<RawEntry>, StoreError> {
        ask!(self, "read the log", view => view.entries(after, limit))
    }

    /// The entries that tell of a request, ordered by its name and their number, behind the one
    /// with this name and number.
    ///
    /// # Errors
    ///
    /// If they cannot be read.
    pub async fn entries_by_request(
        &mut self,
        after: (&str, u64),
        limit: u32,
    ) -> Result<Vec<RawEntry>, StoreError> {
        ask!(self, "read the log", view => view.entries_by_request(after, limit))
    }

    /// The rows of `table` ordered by key, behind the one with the key `after`, which is empty at
    /// first. Secrets are left out.
    ///
    /// # Errors
    ///
    /// If they cannot be read.
    pub async fn rows(
        &mut self,
        table: Rows,
        after: &[Value],
        limit: u32,
    ) -> Result<Vec<Vec<Value>>, StoreError> {
        ask!(self, "read a table", view => view.rows(table.0, after, limit))
    }
}

async fn in_time<T>(
    doing: &'static str,
    question: impl Future<Output = sqlx::Result<T>>,
) -> Result<T, StoreError> {
    match timeout(PATIENCE, question).await {
        Ok(answer) => answer.map_err(|error| unavailable(doing, error)),
        Err(elapsed) => Err(unavailable(doing, elapsed)),
    }
}

/// A table, and the rows that the log says it has. A test of a store that was written to by a
/// service shows that the writer makes the same.
#[derive(Clone, Copy)]
pub struct Rows(&'static Table);

impl Rows {
    /// The table of this name.
    ///
    /// # Panics
    ///
    /// If there is none.
    pub fn of(name: &str) -> Self {
        let table = TABLES.iter().find(|table| table.name == name);
        Self(table.expect("a table of the store"))
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        self.0.name
    }

    /// The row's key.
    pub fn key(self, row: &[Value]) -> &[Value] {
        &row[..self.0.key]
    }

    /// The names of its columns.
    pub fn columns(self) -> impl Iterator<Item = &'static str> {
        self.0.columns.iter().map(|(name, _)| *name)
    }

    /// The row of an entry of the log with this authentication code.
    pub fn entry(entry: &RawEntry, code: &str) -> Vec<Value> {
        arrays(vec![sqlite::event_row(entry, code)]).concat()
    }

    /// The row of a request whose last entry is number `last_seq`.
    pub fn request(request: &Request, last_seq: u64) -> Vec<Value> {
        vec![
            json!(request.id.to_string()),
            json!(request.version),
            json!(request.requester.as_str()),
            json!(request.terms.scope.as_str()),
            json!(request.state.name()),
            json!(i64::from(request.is_open())),
            json!(request.asked_at.timestamp_millis()),
            json!(request.stuck_failures()),
            json!(last_seq),
            text(request),
            json!(i64::from(request.awaits_decision())),
        ]
    }

    /// When each lane has to look at a request.
    pub fn due(request: &Request) -> Vec<Vec<Value>> {
        arrays(sqlite::due_rows(request))
    }

    /// The layers of a request that may stand in their targets.
    pub fn layers(request: &Request) -> Vec<Vec<Value>> {
        arrays(sqlite::layer_rows(request))
    }

    /// The row of a lock in force.
    pub fn lock(lock: &Lock) -> Vec<Value> {
        vec![
            text(&lock.target),
            json!(lock.at.timestamp_millis()),
            text(lock),
        ]
    }
}

fn text(value: &impl Serialize) -> Value {
    json!(serde_json::to_string(value).expect("what is kept can be written as JSON"))
}

fn arrays(rows: Vec<Value>) -> Vec<Vec<Value>> {
    let array = |row| match row {
        Value::Array(cells) => Some(cells),
        _ => None,
    };
    rows.into_iter().filter_map(array).collect()
}
