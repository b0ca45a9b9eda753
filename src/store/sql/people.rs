//! What the log says of people behind the entry that a commit was decided on.

use super::{
    db::{Connection, Pool},
    log,
};
use crate::{
    domain::Username,
    store::{DecidedOn, Entry, EntryBody, Told},
};

/// Entries that may lie behind a decision; with more, it is taken again.
const LOOKED_AT: u32 = 1000;

/// Whether an entry changes what was decided on.
pub(super) async fn change(
    connection: &mut Connection,
    decided_on: &DecidedOn,
) -> sqlx::Result<bool> {
    let entries = log::of_people(connection, decided_on.seq, LOOKED_AT).await?;
    if entries.len() == LOOKED_AT as usize {
        return Ok(true);
    }
    let granting = |kind: &str| matches!(kind, "approved" | "started");
    let granted = entries.iter().filter(|raw| granting(&raw.kind));
    let granted = granted.filter_map(|raw| raw.request_id.as_deref());
    let names = log::usernames(connection, granted).await?;
    for raw in &entries {
        // What it says is not known. It must not keep what is written together with this from being written.
        let Ok(entry) = Entry::try_from(raw) else {
            return Ok(true);
        };
        let told = match &entry.body {
            EntryBody::Request(event) => {
                // Of an event that binds no name, none is asked.
                let none = Username::new("");
                let name = raw.request_id.as_ref().and_then(|id| names.get(id));
                Told::of_request(event, &entry.actor, name.unwrap_or(&none))
            }
            EntryBody::Name(event) => Some(Told::of_name(event)),
            EntryBody::Lock(_)
            | EntryBody::Unexplained(_)
            | EntryBody::Attempt(_)
            | EntryBody::Group(_) => None,
        };
        if told.is_some_and(|told| decided_on.is_changed_by(&told)) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// What a replica last kept of people.
pub(super) async fn kept(reads: &Pool) -> sqlx::Result<Option<Vec<u8>>> {
    sqlx::query_scalar("SELECT sealed FROM kept_people")
        .fetch_optional(reads)
        .await
}

/// Keeps what a replica knows of people.
pub(super) async fn keep(connection: &mut Connection, sealed: &[u8]) -> sqlx::Result<()> {
    sqlx::query(
        "INSERT INTO kept_people (one, sealed) VALUES (1, $1)
         ON CONFLICT (one) DO UPDATE SET sealed = excluded.sealed",
    )
    .bind(sealed)
    .execute(connection)
    .await
    .map(drop)
}
