//! What commits leave in the tables beside their requests: entries of the log, when each lane has
//! to look again, which layers may stand.
//!
//! Nothing of it decides whether a commit conflicts, so it is gathered, and written at the end of a
//! transaction in as many statements as there are tables, however many commits there are.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{credentials, db::Connection, log, requests, work};
use crate::{
    clock::SystemEntropy,
    domain::{Request, RequestId},
    store::{Chain, DecidedOn, RawEntry, Record, StoreKey, Told},
};

/// What a transaction's commits leave.
#[derive(Debug, Default)]
pub(super) struct PendingWrites {
    entries: Vec<RawEntry>,
    requests: BTreeMap<RequestId, RequestWrites>,
    /// What the entries say of people.
    told: Vec<Told>,
}

/// What a request leaves; what it left earlier does not count any more.
#[derive(Debug)]
struct RequestWrites {
    is_over: bool,
    due: Vec<Value>,
    layers: Vec<Value>,
}

impl PendingWrites {
    /// Puts a record at the end of the chain.
    pub(super) fn append(&mut self, chain: &mut Chain, record: &Record) {
        self.entries.push(chain.seal(record, &SystemEntropy));
    }

    /// A request is now like this.
    pub(super) fn leave(&mut self, request: &Request) {
        let request_writes = RequestWrites {
            is_over: !request.is_open(),
            due: work::rows(request),
            layers: requests::layer_rows(request),
        };
        self.requests.insert(request.id, request_writes);
    }

    /// An entry says this of people.
    pub(super) fn tell(&mut self, told: Option<Told>) {
        self.told.extend(told);
    }

    /// Whether an entry that is not written yet changes what was decided on.
    pub(super) fn change(&self, decided_on: &DecidedOn) -> bool {
        self.told.iter().any(|told| decided_on.is_changed_by(told))
    }

    /// Adds what came after.
    pub(super) fn extend(&mut self, later: Self) {
        self.entries.extend(later.entries);
        self.requests.extend(later.requests);
        self.told.extend(later.told);
    }

    /// Writes it all, and answers whether credentials were erased. `key` is that of the entries' codes.
    pub(super) async fn write(
        self,
        connection: &mut Connection,
        key: &StoreKey,
    ) -> sqlx::Result<bool> {
        let entries = self.entries.iter();
        let entries = entries.map(|entry| log::row(entry, &key.code(entry)));
        log::append(connection, entries.collect()).await?;
        if self.requests.is_empty() {
            return Ok(false);
        }
        let changed = self.requests.keys();
        let changed = Value::Array(changed.map(|id| json!([id.to_string()])).collect());
        let over = self
            .requests
            .iter()
            .filter(|(_, request_writes)| request_writes.is_over);
        let over: Vec<Value> = over.map(|(id, _)| json!([id.to_string()])).collect();
        let (due, layers): (Vec<_>, Vec<_>) = self
            .requests
            .into_values()
            .map(|request_writes| (request_writes.due, request_writes.layers))
            .unzip();
        work::replace(connection, &changed, due.concat()).await?;
        requests::replace_layers(connection, &changed, layers.concat()).await?;
        if over.is_empty() {
            return Ok(false);
        }
        let over = Value::Array(over);
        credentials::erase(connection, &over).await
    }
}
