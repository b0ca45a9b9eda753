//! What a server takes to write rows that it has already, without Keylend: the limit of what can be
//! reached on it.

use std::time::{Duration, Instant};

use sqlx::{Connection as _, PgConnection, Row as _};

/// Rows in one transaction: as many as Keylend's writer puts into one.
const BATCH: usize = 256;

/// How long one connection takes to write the rows of `tables` once more, into tables of the same
/// shape, in transactions of many. Each table comes with a condition on the rows that count.
pub async fn inserts(url: &str, tables: &[(&str, String)]) -> Duration {
    let mut connection = PgConnection::connect(url).await.unwrap();
    execute(&mut connection, "SET search_path = keylend".to_owned()).await;
    let mut batches = Vec::new();
    for (table, which) in tables {
        let make = format!("CREATE TABLE raw_{table} (LIKE {table} INCLUDING ALL)");
        execute(&mut connection, make).await;
        let rows = format!("SELECT row_to_json(it)::text FROM {table} AS it WHERE {which}");
        let rows = sqlx::query(sqlx::AssertSqlSafe(rows));
        let rows = rows.fetch_all(&mut connection).await.unwrap();
        let rows: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
        let statement = format!(
            "INSERT INTO raw_{table} SELECT * FROM json_populate_recordset(NULL::raw_{table}, $1::json)"
        );
        for batch in rows.chunks(BATCH) {
            batches.push((statement.clone(), format!("[{}]", batch.join(","))));
        }
    }
    let begun = Instant::now();
    for (statement, rows) in batches {
        let statement = sqlx::query(sqlx::AssertSqlSafe(statement));
        let statement = statement.bind(rows);
        statement.execute(&mut connection).await.unwrap();
    }
    begun.elapsed()
}

async fn execute(connection: &mut PgConnection, statement: String) {
    let statement = sqlx::raw_sql(sqlx::AssertSqlSafe(statement));
    statement.execute(connection).await.unwrap();
}
