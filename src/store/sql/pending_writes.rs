//! What commits leave in the tables beside their requests: entries of the log, when each lane has
//! to look again, which layers may stand, which messages and Homes are no longer true.
//!
//! Nothing of it decides whether a commit conflicts, so it is gathered, and written at the end of a
//! transaction in as many statements as there are tables, however many commits there are.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    cards, credentials,
    db::Connection,
    holders, homes,
    humans::{self, Recorded},
    log, requests, work,
};
use crate::{
    clock::SystemEntropy,
    domain::{Human, Request, RequestId, Time},
    store::{Chain, Record},
};

/// What a transaction's commits leave.
#[derive(Debug, Default)]
pub(super) struct PendingWrites {
    entries: Vec<Value>,
    requests: BTreeMap<RequestId, RequestWrites>,
    /// The identities of requesters, as rows.
    identities: Vec<Value>,
    /// People of whom an identity may not be recorded yet.
    humans: Vec<Human>,
}

/// What a request leaves; what it left earlier does not count any more.
#[derive(Debug)]
struct RequestWrites {
    requester: String,
    changed_at: Time,
    is_over: bool,
    due: Vec<Value>,
    layers: Vec<Value>,
}

impl PendingWrites {
    /// Puts a record at the end of the chain.
    pub(super) fn append(&mut self, chain: &mut Chain, record: &Record) {
        self.entries
            .push(log::row(&chain.seal(record, &SystemEntropy)));
    }

    /// A request is now like this.
    pub(super) fn leave(&mut self, request: &Request, changed_at: Time) {
        let request_writes = RequestWrites {
            requester: request.requester.as_str().to_owned(),
            changed_at,
            is_over: !request.is_open(),
            due: work::rows(request),
            layers: requests::layer_rows(request),
        };
        self.requests.insert(request.id, request_writes);
    }

    /// These are identities of the request's requester.
    pub(super) fn identify(&mut self, request: &Request) {
        self.identities.extend(holders::identity_rows(request));
        self.humans.push(request.human.clone());
    }

    /// Adds what came after.
    pub(super) fn extend(&mut self, later: Self) {
        self.entries.extend(later.entries);
        self.requests.extend(later.requests);
        self.identities.extend(later.identities);
        self.humans.extend(later.humans);
    }

    /// Writes it all, and answers whether credentials were erased.
    pub(super) async fn write(
        self,
        connection: &mut Connection,
        recorded: &mut Recorded,
    ) -> sqlx::Result<bool> {
        log::append(connection, self.entries).await?;
        let Some(now) = self
            .requests
            .values()
            .map(|request_writes| request_writes.changed_at)
            .max()
        else {
            return Ok(false);
        };
        let changed = self.requests.iter();
        let changed = changed
            .map(|(id, request_writes)| {
                let at = request_writes.changed_at.timestamp_millis();
                json!([id.to_string(), at, request_writes.requester])
            })
            .collect();
        let changed = Value::Array(changed);
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
        cards::refresh(connection, &changed).await?;
        homes::touch_by(connection, &changed, now).await?;
        holders::identify(connection, self.identities).await?;
        humans::record(connection, recorded, self.humans).await?;
        if over.is_empty() {
            return Ok(false);
        }
        let over = Value::Array(over);
        holders::forget(connection, &over).await?;
        credentials::erase(connection, &over).await
    }
}
