//! One view of a whole store: everything that is read in it was there at one moment.

use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Row as _};

use super::{db::Connection, db::Row, log, read::Text};
use crate::store::{
    RawEntry, StoreKey,
    tables::{Kind, Table},
};

/// A transaction that only reads.
#[derive(Debug)]
pub struct View {
    connection: Connection,
    key: Option<StoreKey>,
}

impl View {
    /// Over a connection that has begun a transaction. With the key, the codes of entries are checked.
    pub(super) fn over(connection: Connection, key: Option<StoreKey>) -> Self {
        Self { connection, key }
    }

    /// The log's entries behind `after`.
    pub(in crate::store) async fn entries(
        &mut self,
        after: u64,
        limit: u32,
    ) -> sqlx::Result<Vec<RawEntry>> {
        log::entries(&mut self.connection, self.key.as_ref(), after, limit).await
    }

    /// The entries about requests, by request, behind `after`.
    pub(in crate::store) async fn entries_by_request(
        &mut self,
        after: (&str, u64),
        limit: u32,
    ) -> sqlx::Result<Vec<RawEntry>> {
        log::entries_by_request(&mut self.connection, self.key.as_ref(), after, limit).await
    }

    /// The rows behind the one with the key `after`, by key. Bytes, which are secrets, are left out.
    pub(in crate::store) async fn rows(
        &mut self,
        table: &Table,
        after: &[Value],
        limit: u32,
    ) -> sqlx::Result<Vec<Vec<Value>>> {
        let read = || {
            table
                .columns
                .iter()
                .filter(|(_, kind)| *kind != Kind::Bytes)
        };
        let names: Vec<&str> = read().map(|(name, _)| *name).collect();
        let key = names[..table.key].join(", ");
        let mut statement = format!("SELECT {} FROM {}", names.join(", "), table.name);
        if !after.is_empty() {
            let places: Vec<String> = (1..=table.key).map(|place| format!("${place}")).collect();
            statement += &format!(" WHERE ({key}) > ({})", places.join(", "));
        }
        statement += &format!(" ORDER BY {key} LIMIT {limit}");
        let mut question = sqlx::query(AssertSqlSafe(statement));
        for value in after {
            question = match value {
                Value::Number(number) => question.bind(number.as_i64()),
                other => question.bind(other.as_str().unwrap_or_default().to_owned()),
            };
        }
        let rows = question.fetch_all(&mut self.connection).await?;
        let kinds: Vec<Kind> = read().map(|(_, kind)| *kind).collect();
        rows.iter()
            .map(|row| values(row, &kinds, table.key))
            .collect()
    }
}

/// The values of a row, of which the first `key` are its key. That has to be as it is in the table: the next
/// page begins behind it.
fn values(row: &Row, kinds: &[Kind], key: usize) -> sqlx::Result<Vec<Value>> {
    let values = kinds.iter().enumerate().map(|(index, kind)| {
        Ok(match kind {
            Kind::Number => json!(row.try_get::<Option<i64>, _>(index)?),
            Kind::Text | Kind::Bytes if index < key => {
                json!(row.try_get::<Option<String>, _>(index)?)
            }
            Kind::Text | Kind::Bytes => json!(row.try_get::<Option<Text>, _>(index)?),
        })
    });
    values.collect()
}
