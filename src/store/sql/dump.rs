//! All rows of a store, read or written in one transaction.

use futures_util::TryStreamExt as _;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, QueryBuilder, Row as _};
use tokio::sync::mpsc;

use super::{
    db::{COLUMNS, Connection, Kind as Database, Row, items},
    log,
    run::add_all,
};
use crate::store::{
    RawEntry, StoreKey,
    tables::{Batch, Cell, Kind, LEFT_BEHIND, TABLES, Table},
};

/// Rows that go together. Their values stay below what one statement may have, 32,766 in SQLite.
const BATCH: usize = 500;

/// A transaction over a whole store. Dropped, it has not happened.
pub(in crate::store) struct Dump<'c> {
    connection: &'c mut Connection,
}

impl<'c> Dump<'c> {
    /// Over a connection that has begun a transaction.
    pub(super) fn over(connection: &'c mut Connection) -> Self {
        Self { connection }
    }

    /// Whether nothing has ever happened in it.
    pub(in crate::store) async fn is_empty(&mut self) -> sqlx::Result<bool> {
        let (rows,): (i64,) = sqlx::query_as(
            "SELECT (SELECT count(*) FROM (SELECT 1 FROM events LIMIT 1) AS one)
                 + (SELECT count(*) FROM (SELECT 1 FROM requests LIMIT 1) AS one)
                 + (SELECT count(*) FROM (SELECT 1 FROM documents LIMIT 1) AS one)",
        )
        .fetch_one(&mut *self.connection)
        .await?;
        Ok(rows == 0)
    }

    /// Hands on every row of every table. Stops early if nobody takes them any more.
    pub(in crate::store) async fn read(mut self, batches: mpsc::Sender<Batch>) -> sqlx::Result<()> {
        self.misses_nothing().await?;
        for table in TABLES {
            let names: Vec<&str> = table.columns.iter().map(|(name, _)| *name).collect();
            let statement = format!(
                "SELECT {} FROM {} ORDER BY 1, 2",
                names.join(", "),
                table.name
            );
            let mut found = sqlx::query(AssertSqlSafe(statement)).fetch(&mut *self.connection);
            let mut rows = Vec::with_capacity(BATCH);
            loop {
                let row = found.try_next().await?;
                let is_last = row.is_none();
                rows.extend(row.map(|row| read(table, &row)).transpose()?);
                if rows.len() == BATCH || is_last && !rows.is_empty() {
                    let rows = std::mem::take(&mut rows);
                    if batches.send(Batch { table, rows }).await.is_err() {
                        return Ok(());
                    }
                }
                if is_last {
                    break;
                }
            }
        }
        Ok(())
    }

    /// Refuses a store that has a column that would not be copied.
    async fn misses_nothing(&mut self) -> sqlx::Result<()> {
        let found: Vec<(String, String)> = sqlx::query_as(COLUMNS)
            .fetch_all(&mut *self.connection)
            .await?;
        let is_copied = |(name, column): &(String, String)| {
            let mut tables = TABLES.iter().filter(|table| table.name == name);
            tables.any(|table| table.columns.iter().any(|(copied, _)| copied == column))
        };
        let mut missed = found
            .iter()
            .filter(|column| !LEFT_BEHIND.contains(&column.0.as_str()) && !is_copied(column));
        match missed.next() {
            None => Ok(()),
            Some((name, column)) => Err(sqlx::Error::Protocol(format!(
                "the table `{name}` has a column `{column}`, which this version does not copy"
            ))),
        }
    }

    /// Writes what comes.
    pub(in crate::store) async fn write(
        self,
        mut batches: mpsc::Receiver<Batch>,
    ) -> sqlx::Result<()> {
        // A new store's tables may have been given rows, which those that come stand for.
        sqlx::query("DELETE FROM cursors")
            .execute(&mut *self.connection)
            .await?;
        while let Some(Batch { table, rows }) = batches.recv().await {
            let names: Vec<&str> = table.columns.iter().map(|(name, _)| *name).collect();
            let into = format!("INSERT INTO {} ({}) ", table.name, names.join(", "));
            let mut statement = QueryBuilder::<Database>::new(into);
            statement.push_values(rows, |mut values, row| {
                for cell in row {
                    match cell {
                        Cell::Number(number) => values.push_bind(number),
                        Cell::Text(text) => values.push_bind(text),
                        Cell::Bytes(bytes) => values.push_bind(bytes),
                    };
                }
            });
            statement
                .build()
                .persistent(false)
                .execute(&mut *self.connection)
                .await?;
        }
        Ok(())
    }

    /// The log's entries behind `after`, marked by whether their codes are valid under `key`.
    pub(in crate::store) async fn entries(
        &mut self,
        after: u64,
        limit: u32,
        key: &StoreKey,
    ) -> sqlx::Result<Vec<RawEntry>> {
        log::entries(&mut *self.connection, Some(key), after, limit).await
    }

    /// Gives entries other codes: each is an array of a number and a code.
    pub(in crate::store) async fn recode(&mut self, codes: Vec<Value>) -> sqlx::Result<()> {
        let statement = concat!(
            "UPDATE events SET mac = item.value->>1 FROM ",
            items!(),
            " WHERE events.seq = CAST(item.value->>0 AS BIGINT)"
        );
        add_all(&mut *self.connection, statement, codes).await
    }

    /// Gives what followers of the log keep new codes, where theirs are valid under `old`, or without it
    /// all of it.
    pub(in crate::store) async fn recode_followers(
        &mut self,
        key: &StoreKey,
        old: Option<&StoreKey>,
    ) -> sqlx::Result<()> {
        let cursors: Vec<(String, i64, String)> =
            sqlx::query_as("SELECT name, seq, mac FROM cursors")
                .fetch_all(&mut *self.connection)
                .await?;
        let cursors = cursors.iter().filter(|(name, seq, code)| {
            old.is_none_or(|old| old.is_cursor((name, seq.cast_unsigned()), code))
        });
        let codes =
            cursors.map(|(name, seq, _)| json!([name, key.cursor_code(name, seq.cast_unsigned())]));
        let statement = concat!(
            "UPDATE cursors SET mac = item.value->>1 FROM ",
            items!(),
            " WHERE cursors.name = item.value->>0"
        );
        add_all(&mut *self.connection, statement, codes.collect()).await?;
        let mut after = (String::new(), String::new());
        loop {
            let page: Vec<(String, String, String, String)> = sqlx::query_as(
                "SELECT collection, key, body, mac FROM documents WHERE (collection, key) > ($1, $2)
                 ORDER BY collection, key LIMIT $3",
            )
            .bind(&after.0)
            .bind(&after.1)
            .bind(i64::try_from(BATCH).unwrap_or(i64::MAX))
            .fetch_all(&mut *self.connection)
            .await?;
            let Some((collection, name, ..)) = page.last() else {
                return Ok(());
            };
            after = (collection.clone(), name.clone());
            let documents = page.iter().filter(|(collection, name, body, code)| {
                old.is_none_or(|old| old.is_document((collection, name, body), code))
            });
            let codes = documents.map(|(collection, name, body, _)| {
                json!([collection, name, key.document_code(collection, name, body)])
            });
            let statement = concat!(
                "UPDATE documents SET mac = item.value->>2 FROM ",
                items!(),
                " WHERE documents.collection = item.value->>0 AND documents.key = item.value->>1"
            );
            add_all(&mut *self.connection, statement, codes.collect()).await?;
        }
    }

    /// Makes all of it last.
    pub(in crate::store) async fn commit(self) -> sqlx::Result<()> {
        sqlx::query("COMMIT")
            .execute(self.connection)
            .await
            .map(drop)
    }
}

fn read(table: &Table, row: &Row) -> sqlx::Result<Vec<Cell>> {
    let cells = table.columns.iter().enumerate().map(|(index, (_, kind))| {
        Ok(match kind {
            Kind::Number => Cell::Number(row.try_get(index)?),
            Kind::Text => Cell::Text(row.try_get(index)?),
            Kind::Bytes => Cell::Bytes(row.try_get(index)?),
        })
    });
    cells.collect()
}
