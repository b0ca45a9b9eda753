//! The database that the shared statements are for.

use sqlx::sqlite::{SqliteConnection, SqlitePool, SqliteQueryResult, SqliteRow};

use crate::store::chain::entry_columns;

pub(super) type Kind = sqlx::Sqlite;
pub(super) type Connection = SqliteConnection;
pub(super) type Pool = SqlitePool;
pub(super) type Row = SqliteRow;
pub(super) type Done = SqliteQueryResult;

/// A page of the log as one array of arrays.
pub(super) const ENTRIES: &str = concat!(
    "SELECT json_group_array(json_array(",
    entry_columns!(),
    "))
     FROM (SELECT * FROM events WHERE seq > $1 ORDER BY seq LIMIT $2) AS page"
);

/// A page of the log by request, as one array of arrays.
pub(super) const ENTRIES_BY_REQUEST: &str = concat!(
    "SELECT json_group_array(json_array(",
    entry_columns!(),
    "))
     FROM (SELECT * FROM events WHERE (request_id, seq) > ($1, $2)
         ORDER BY request_id, seq LIMIT $3) AS page"
);

/// Every column of every table.
pub(super) const COLUMNS: &str = "SELECT found.name, columns.name
     FROM sqlite_master AS found JOIN pragma_table_info(found.name) AS columns
     WHERE found.type = 'table' AND found.name NOT LIKE 'sqlite\\_%' ESCAPE '\\'";

/// The rows of an array of arrays, the first parameter of a statement: each is `item.value`.
macro_rules! items {
    () => {
        "json_each($1) AS item"
    };
}
pub(super) use items;

/// What an entry says of the key that a request was asked for with.
macro_rules! ask_key {
    () => {
        "body ->> 'ask_key'"
    };
}
pub(super) use ask_key;
