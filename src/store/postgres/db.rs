//! The database that the shared statements are for.

use sqlx::{
    PgConnection, PgPool,
    postgres::{PgQueryResult, PgRow},
};

use crate::store::chain::entry_columns;

pub(super) type Kind = sqlx::Postgres;
pub(super) type Connection = PgConnection;
pub(super) type Pool = PgPool;
pub(super) type Row = PgRow;
pub(super) type Done = PgQueryResult;

/// A page of the log as one array of arrays.
pub(super) const ENTRIES: &str = concat!(
    "SELECT coalesce(json_agg(json_build_array(",
    entry_columns!(),
    ")), '[]')::text
     FROM (SELECT * FROM events WHERE seq > $1 ORDER BY seq LIMIT $2) AS page"
);

/// A page of the log by request, as one array of arrays.
pub(super) const ENTRIES_BY_REQUEST: &str = concat!(
    "SELECT coalesce(json_agg(json_build_array(",
    entry_columns!(),
    ")), '[]')::text
     FROM (SELECT * FROM events WHERE (request_id, seq) > ($1, $2)
         ORDER BY request_id, seq LIMIT $3) AS page"
);

/// Every column of every table.
pub(super) const COLUMNS: &str = "SELECT table_name::text, column_name::text
     FROM information_schema.columns WHERE table_schema = 'keylend'";

/// The rows of an array of arrays, the first parameter of a statement: each is `item.value`.
macro_rules! items {
    () => {
        "jsonb_array_elements($1::jsonb) AS item"
    };
}
pub(super) use items;

/// What an entry says of the key that a request was asked for with.
macro_rules! ask_key {
    () => {
        "(body::jsonb ->> 'ask_key')"
    };
}
pub(super) use ask_key;
