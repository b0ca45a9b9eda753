//! The cursors and documents of those who follow the log.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use sqlx::FromRow;
use tokio::sync::watch;

use super::{
    db::{Connection, Pool, items},
    read::Text,
    run::{Failure, exactly_one, run},
};
use crate::{
    domain::Time,
    store::{Document, DocumentWrites, Referring, Step, StoreKey, Touch},
};

/// The columns of a [`Row`].
macro_rules! columns {
    () => {
        "SELECT collection, key, version, due_at, is_urgent, body, mac FROM documents "
    };
}

#[derive(FromRow)]
struct Row {
    collection: Text,
    key: Text,
    version: i64,
    due_at: Option<i64>,
    is_urgent: i64,
    body: Text,
    mac: Text,
}

/// By what it is known which rows Keylend wrote.
#[derive(Clone, Copy)]
pub(super) struct Checks<'a> {
    /// Nothing where the store was opened for reading without it.
    pub(super) key: Option<&'a StoreKey>,
    /// Told of rows that Keylend did not write.
    pub(super) is_changed: &'a watch::Sender<bool>,
}

impl Row {
    /// The document. One that Keylend did not write has nothing in it: it must not say which message is
    /// changed next.
    fn read(self, checks: Checks<'_>) -> Document {
        let Self {
            collection: Text(collection),
            key: Text(key),
            version,
            due_at,
            is_urgent,
            body: Text(mut body),
            mac: Text(code),
        } = self;
        let of = (&*collection, &*key, &*body);
        if checks.key.is_some_and(|key| !key.is_document(of, &code)) {
            tracing::error!(
                row.collection = collection,
                row.key = key,
                "Keylend did not write a document"
            );
            checks.is_changed.send_replace(true);
            body = String::new();
        }
        Document {
            collection,
            key,
            version: version.cast_unsigned(),
            // What is no time was not written by us: the document has its turn like the others.
            due_at: due_at.map(|at| Time::from_timestamp_millis(at).unwrap_or_default()),
            is_urgent: is_urgent != 0,
            body,
        }
    }
}

/// How far a follower is, and the code beside that; nothing if it has not begun.
pub(super) async fn cursor(reads: &Pool, name: &str) -> sqlx::Result<Option<(u64, String)>> {
    let row: Option<(i64, Text)> = sqlx::query_as("SELECT seq, mac FROM cursors WHERE name = $1")
        .bind(name)
        .fetch_optional(reads)
        .await?;
    Ok(row.map(|(seq, Text(code))| (seq.cast_unsigned(), code)))
}

/// Puts a follower where it was, if the row is still the one that Keylend did not write.
pub(super) async fn restore_cursor(
    connection: &mut Connection,
    key: &StoreKey,
    name: &str,
    found: u64,
    seq: u64,
) -> sqlx::Result<()> {
    sqlx::query("UPDATE cursors SET seq = $4, mac = $5 WHERE name = $1 AND seq = $2 AND mac <> $3")
        .bind(name)
        .bind(found.cast_signed())
        .bind(key.cursor_code(name, found))
        .bind(seq.cast_signed())
        .bind(key.cursor_code(name, seq))
        .execute(connection)
        .await
        .map(drop)
}

/// One document.
pub(super) async fn document(
    reads: &Pool,
    checks: Checks<'_>,
    collection: &str,
    key: &str,
) -> sqlx::Result<Option<Document>> {
    let row: Option<Row> =
        sqlx::query_as(concat!(columns!(), "WHERE collection = $1 AND key = $2"))
            .bind(collection)
            .bind(key)
            .fetch_optional(reads)
            .await?;
    Ok(row.map(|row| row.read(checks)))
}

/// The documents that refer to this.
pub(super) async fn referring(
    reads: &Pool,
    checks: Checks<'_>,
    collection: &str,
    to: &str,
) -> sqlx::Result<Vec<Document>> {
    let rows: Vec<Row> = sqlx::query_as(concat!(
        columns!(),
        "WHERE collection = $1
             AND key IN (SELECT key FROM document_refs WHERE collection = $1 AND refers_to = $2)
         ORDER BY key"
    ))
    .bind(collection)
    .bind(to)
    .fetch_all(reads)
    .await?;
    Ok(rows.into_iter().map(|row| row.read(checks)).collect())
}

/// The documents whose turn it is: urgent ones first, then longest waiting.
pub(super) async fn due(
    reads: &Pool,
    checks: Checks<'_>,
    collection: &str,
    now: Time,
    limit: u32,
) -> sqlx::Result<Vec<Document>> {
    let rows: Vec<Row> = sqlx::query_as(concat!(
        columns!(),
        "WHERE collection = $1 AND due_at <= $2
         ORDER BY is_urgent DESC, due_at, key LIMIT $3"
    ))
    .bind(collection)
    .bind(now.timestamp_millis())
    .bind(i64::from(limit))
    .fetch_all(reads)
    .await?;
    Ok(rows.into_iter().map(|row| row.read(checks)).collect())
}

/// When the next document after `now` has its turn.
pub(super) async fn next(reads: &Pool, collection: &str, now: Time) -> sqlx::Result<Option<Time>> {
    // Apart for each rank, so that the index finds both.
    let next: Vec<(Option<i64>,)> = sqlx::query_as(
        "SELECT min(due_at) FROM documents
             WHERE collection = $1 AND is_urgent = 0 AND due_at > $2
         UNION ALL SELECT min(due_at) FROM documents
             WHERE collection = $1 AND is_urgent = 1 AND due_at > $2",
    )
    .bind(collection)
    .bind(now.timestamp_millis())
    .fetch_all(reads)
    .await?;
    let next = next.into_iter().filter_map(|(at,)| at).min();
    Ok(next.and_then(Time::from_timestamp_millis))
}

/// Moves a follower forward; not back.
pub(super) async fn move_cursor(
    connection: &mut Connection,
    key: &StoreKey,
    name: &str,
    seq: u64,
) -> Result<(), Failure> {
    sqlx::query(
        "INSERT INTO cursors (name, seq, mac) VALUES ($1, $2, $3)
         ON CONFLICT (name) DO UPDATE SET seq = excluded.seq, mac = excluded.mac
             WHERE cursors.seq < excluded.seq",
    )
    .bind(name)
    .bind(seq.cast_signed())
    .bind(key.cursor_code(name, seq))
    .execute(connection)
    .await?;
    Ok(())
}

/// Carries out one transaction's writes. The step comes first: where several write at once, it keeps
/// those who rely on a cursor and the follower that moves it apart.
pub(super) async fn write(
    connection: &mut Connection,
    key: &StoreKey,
    writes: &DocumentWrites,
) -> Result<(), Failure> {
    if let Some(step) = &writes.step {
        self::step(connection, key, step).await?;
    }
    add(connection, key, &writes.add).await?;
    if let Some(put) = &writes.put {
        self::put(connection, key, put).await?;
    }
    for touch in &writes.touch {
        self::touch(connection, touch).await?;
    }
    Ok(())
}

async fn step(connection: &mut Connection, key: &StoreKey, step: &Step) -> Result<(), Failure> {
    if step.from == 0 {
        let begun = "INSERT INTO cursors (name, seq, mac) VALUES ($1, 0, $2)
             ON CONFLICT (name) DO NOTHING";
        sqlx::query(begun)
            .bind(&step.cursor)
            .bind(key.cursor_code(&step.cursor, 0))
            .execute(&mut *connection)
            .await?;
    }
    let done = sqlx::query("UPDATE cursors SET seq = $3, mac = $4 WHERE name = $1 AND seq = $2")
        .bind(&step.cursor)
        .bind(step.from.cast_signed())
        .bind(step.to.cast_signed())
        .bind(key.cursor_code(&step.cursor, step.to))
        .execute(connection)
        .await?;
    exactly_one(&done)
}

async fn add(connection: &mut Connection, key: &StoreKey, added: &[Referring]) -> sqlx::Result<()> {
    if added.is_empty() {
        return Ok(());
    }
    let rows = added.iter().map(|Referring { document, .. }| {
        json!([
            document.collection,
            document.key,
            document.due_at.map(|at| at.timestamp_millis()),
            i64::from(document.is_urgent),
            document.body,
            code(key, document),
        ])
    });
    // The WHERE lets the upsert parse, which would take ON for a join's.
    let statement = concat!(
        "INSERT INTO documents (collection, key, version, due_at, is_urgent, body, mac)
         SELECT item.value->>0, item.value->>1, 1, CAST(item.value->>2 AS BIGINT),
             CAST(item.value->>3 AS BIGINT), item.value->>4, item.value->>5 FROM ",
        items!(),
        " WHERE true ON CONFLICT (collection, key) DO NOTHING"
    );
    run(connection, statement, &Value::Array(rows.collect())).await?;
    refer(connection, added).await
}

async fn put(connection: &mut Connection, key: &StoreKey, put: &Referring) -> Result<(), Failure> {
    let Referring { document, refs } = put;
    if document.body.is_empty() {
        return put_off(connection, document).await;
    }
    let statement = match document.version {
        0 => {
            "INSERT INTO documents (collection, key, version, due_at, is_urgent, body, mac)
             VALUES ($1, $2, $3 + 1, $4, $5, $6, $7) ON CONFLICT (collection, key) DO NOTHING"
        }
        _ => {
            "UPDATE documents SET version = version + 1, due_at = $4, is_urgent = $5, body = $6,
                 mac = $7
             WHERE collection = $1 AND key = $2 AND version = $3"
        }
    };
    let done = sqlx::query(statement)
        .bind(&document.collection)
        .bind(&document.key)
        .bind(document.version.cast_signed())
        .bind(document.due_at.map(|at| at.timestamp_millis()))
        .bind(i64::from(document.is_urgent))
        .bind(&document.body)
        .bind(code(key, document))
        .execute(&mut *connection)
        .await?;
    exactly_one(&done)?;
    let forget = concat!(
        "DELETE FROM document_refs WHERE collection = $2 AND key = $3
             AND refers_to NOT IN (SELECT item.value->>0 FROM ",
        items!(),
        ")"
    );
    sqlx::query(forget)
        .bind(rows(refs).to_string())
        .bind(&document.collection)
        .bind(&document.key)
        .execute(&mut *connection)
        .await?;
    Ok(refer(connection, std::slice::from_ref(put)).await?)
}

/// Changes when a document that Keylend did not write has its turn. What is in it stays, for the case that
/// the key under which it was written comes back.
async fn put_off(connection: &mut Connection, document: &Document) -> Result<(), Failure> {
    let done = sqlx::query(
        "UPDATE documents SET version = version + 1, due_at = $4
         WHERE collection = $1 AND key = $2 AND version = $3",
    )
    .bind(&document.collection)
    .bind(&document.key)
    .bind(document.version.cast_signed())
    .bind(document.due_at.map(|at| at.timestamp_millis()))
    .execute(connection)
    .await?;
    exactly_one(&done)
}

fn code(key: &StoreKey, document: &Document) -> String {
    key.document_code(&document.collection, &document.key, &document.body)
}

/// Notes what documents refer to.
async fn refer(connection: &mut Connection, referring: &[Referring]) -> sqlx::Result<()> {
    let rows = referring.iter().flat_map(|Referring { document, refs }| {
        let refs = refs.iter();
        refs.map(|to| json!([document.collection, document.key, to]))
    });
    let statement = concat!(
        "INSERT INTO document_refs (collection, key, refers_to)
         SELECT item.value->>0, item.value->>1, item.value->>2 FROM ",
        items!(),
        " WHERE true ON CONFLICT (collection, refers_to, key) DO NOTHING"
    );
    let rows = Value::Array(rows.collect());
    run(connection, statement, &rows).await.map(drop)
}

async fn touch(connection: &mut Connection, touch: &Touch) -> sqlx::Result<()> {
    let statement = concat!(
        "UPDATE documents SET version = version + 1,
             due_at = CASE WHEN due_at < $3 THEN due_at ELSE $3 END
         WHERE collection = $2 AND key IN (SELECT key FROM document_refs
             WHERE collection = $2 AND refers_to IN (SELECT item.value->>0 FROM ",
        items!(),
        "))"
    );
    sqlx::query(statement)
        .bind(rows(&touch.refs).to_string())
        .bind(&touch.collection)
        .bind(touch.at.timestamp_millis())
        .execute(connection)
        .await?;
    Ok(())
}

fn rows(refs: &BTreeSet<String>) -> Value {
    Value::Array(refs.iter().map(|to| json!([to])).collect())
}
