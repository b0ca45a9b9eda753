//! Encrypted credentials, for as long as their request is open.

use serde_json::Value;

use super::{
    db::{Connection, Pool, items},
    run::{Failure, exactly_one, run},
};
use crate::{domain::RequestId, store::SealedCredential};

/// The credential of a request's layer.
pub(super) async fn credential(
    reads: &Pool,
    request: RequestId,
    layer: usize,
) -> sqlx::Result<Option<SealedCredential>> {
    let row: Option<(Vec<u8>,)> =
        sqlx::query_as("SELECT sealed FROM credentials WHERE request_id = $1 AND layer = $2")
            .bind(request.to_string())
            .bind(layer as i64)
            .fetch_optional(reads)
            .await?;
    Ok(row.map(|(sealed,)| SealedCredential {
        request,
        layer,
        sealed,
    }))
}

/// Keeps a credential, in the place of an earlier one. A conflict if its request is over.
pub(super) async fn keep(
    connection: &mut Connection,
    credential: &SealedCredential,
) -> Result<(), Failure> {
    let done = sqlx::query(
        "INSERT INTO credentials (request_id, layer, sealed)
         SELECT id, $2, $3 FROM requests WHERE id = $1 AND open = 1
         ON CONFLICT (request_id, layer) DO UPDATE SET sealed = excluded.sealed",
    )
    .bind(credential.request.to_string())
    .bind(credential.layer as i64)
    .bind(&credential.sealed)
    .execute(connection)
    .await?;
    exactly_one(&done)
}

/// Erases the credentials of these requests, and says whether there were any.
pub(super) async fn erase(connection: &mut Connection, requests: &Value) -> sqlx::Result<bool> {
    let statement = concat!(
        "DELETE FROM credentials WHERE request_id IN (SELECT item.value->>0 FROM ",
        items!(),
        ")"
    );
    let erased = run(connection, statement, requests).await?;
    Ok(erased > 0)
}
