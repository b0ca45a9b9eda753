//! What each human holds: their open requests by identity, and a version for each identity, so that
//! two grants decided on one count are not both committed.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    commit::{Failure, run},
    db::{Connection, Pool, items},
};
use crate::{
    domain::{Human, IdentityKey, Request},
    store::HolderVersion,
};

/// The versions to commit against.
pub(super) async fn versions(
    reads: &Pool,
    person: &Human,
) -> sqlx::Result<Vec<(IdentityKey, HolderVersion)>> {
    let statement = concat!(
        "SELECT key, version FROM holders WHERE key IN (SELECT item.value->>0 FROM ",
        items!(),
        ")"
    );
    let found: Vec<(String, i64)> = sqlx::query_as(statement)
        .bind(keys(person).to_string())
        .fetch_all(reads)
        .await?;
    let found: BTreeMap<String, i64> = found.into_iter().collect();
    let version = |key: &IdentityKey| {
        let version = found.get(&key.to_string()).copied();
        (key.clone(), HolderVersion(version.unwrap_or(0)))
    };
    Ok(person.keys().map(version).collect())
}

/// Moves the versions on. A conflict if one of them is not the one that was decided on.
pub(super) async fn advance(
    connection: &mut Connection,
    decided_on: &[(IdentityKey, HolderVersion)],
) -> Result<(), Failure> {
    if decided_on.is_empty() {
        return Ok(());
    }
    let statement = concat!(
        "INSERT INTO holders (key, version)
         SELECT item.value->>0, CAST(item.value->>1 AS BIGINT) + 1 FROM ",
        items!(),
        " WHERE CAST(item.value->>1 AS BIGINT) = 0
             OR EXISTS (SELECT 1 FROM holders WHERE key = item.value->>0)
         ON CONFLICT (key) DO UPDATE SET version = excluded.version
             WHERE holders.version = excluded.version - 1"
    );
    let rows = decided_on
        .iter()
        .map(|(key, version)| json!([key, version.0]))
        .collect();
    let moved = run(connection, statement, &Value::Array(rows)).await?;
    match moved == decided_on.len() as u64 {
        true => Ok(()),
        false => Err(Failure::Conflict),
    }
}

/// The identities of an open request's requester, as rows.
pub(in crate::store) fn identity_rows(request: &Request) -> Vec<Value> {
    if !request.is_open() {
        return Vec::new();
    }
    let id = request.id.to_string();
    let keys = request.human.keys();
    keys.map(|key| json!([id, key])).collect()
}

/// Notes identities, those included that are noted already.
pub(super) async fn identify(connection: &mut Connection, rows: Vec<Value>) -> sqlx::Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let statement = concat!(
        "INSERT INTO identities (request_id, key)
         SELECT item.value->>0, item.value->>1 FROM ",
        items!(),
        " WHERE true ON CONFLICT (key, request_id) DO NOTHING"
    );
    run(connection, statement, &Value::Array(rows))
        .await
        .map(drop)
}

/// Forgets the identities of requests that are over.
pub(super) async fn forget(connection: &mut Connection, over: &Value) -> sqlx::Result<()> {
    let statement = concat!(
        "DELETE FROM identities WHERE request_id IN (SELECT item.value->>0 FROM ",
        items!(),
        ")"
    );
    run(connection, statement, over).await.map(drop)
}

/// A person's identities as the parameter of a statement.
pub(super) fn keys(person: &Human) -> Value {
    person.keys().map(|key| json!([key])).collect()
}
