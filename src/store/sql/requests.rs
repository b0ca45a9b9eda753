//! The requests' snapshots, and the layers that stand on entitlements.

use std::collections::{BTreeSet, HashMap};

use serde_json::{Value, json};
use sqlx::{FromRow, Row as _, query::Query};

use super::{
    db::{Connection, Kind, Pool, ask_key, items},
    log,
    read::{Text, is_id, read_id},
    run::{Failure, add_all, exactly_one, run},
    work,
};
use crate::{
    domain::{Entitlement, Progress, Request, RequestId, UserId},
    store::{After, Changed, Open, OpenPage, Sharing, Snapshot, Stuck},
};

/// A request's name and snapshot.
type Row = (Text, Text);

/// What a request's row says beside its snapshot, by which it is found.
#[derive(PartialEq, FromRow)]
struct Columns {
    id: Text,
    version: i64,
    requester: Text,
    scope: Text,
    state: Text,
    open: i64,
    asked_at: i64,
    failures: i64,
    awaits: i64,
}

impl Columns {
    fn of(request: &Request) -> Self {
        Self {
            id: Text(request.id.to_string()),
            version: request.version.cast_signed(),
            requester: Text(request.requester.as_str().to_owned()),
            scope: Text(request.terms.scope.as_str().to_owned()),
            state: Text(request.state.name().to_owned()),
            open: i64::from(request.is_open()),
            asked_at: request.asked_at.timestamp_millis(),
            failures: i64::from(request.stuck_failures()),
            awaits: i64::from(request.awaits_decision()),
        }
    }
}

/// One request. A row that cannot be read is none.
pub(super) async fn request(reads: &Pool, id: RequestId) -> sqlx::Result<Option<Request>> {
    let row: Option<Row> = sqlx::query_as("SELECT id, snapshot FROM requests WHERE id = $1")
        .bind(id.to_string())
        .fetch_optional(reads)
        .await?;
    Ok(row.and_then(|row| read(&row)))
}

/// One request, and how far the log tells of it: in one statement, so that no commit comes between.
/// A row whose columns are not what its snapshot says is none.
pub(super) async fn snapshot(reads: &Pool, id: RequestId) -> sqlx::Result<Snapshot> {
    let row = sqlx::query(
        "SELECT last.seq, requests.* FROM (SELECT max(seq) AS seq FROM events WHERE request_id = $1) AS last
         LEFT JOIN requests ON requests.id = $1",
    )
    .bind(id.to_string())
    .fetch_one(reads)
    .await?;
    let last_seq: Option<i64> = row.try_get("seq")?;
    let last_seq = last_seq.map_or(0, i64::cast_unsigned);
    let whole = || {
        let columns = Columns::from_row(&row).ok()?;
        let Text(snapshot) = row.try_get("snapshot").ok()?;
        let request = read_snapshot(&columns.id.0, &snapshot)?;
        (Columns::of(&request) == columns).then_some(request)
    };
    let request = whole();
    Ok(Snapshot { request, last_seq })
}

/// The open requests, oldest first.
pub(super) async fn open(reads: &Pool, which: &Open) -> sqlx::Result<Vec<Request>> {
    let question = match which {
        Open::All => {
            sqlx::query_as("SELECT id, snapshot FROM requests WHERE open = 1 ORDER BY asked_at, id")
        }
        Open::Of(person) => sqlx::query_as(
            "SELECT id, snapshot FROM requests WHERE open = 1 AND requester = $1
             ORDER BY asked_at, id",
        )
        .bind(person.as_str()),
        Open::For(scope) => sqlx::query_as(
            "SELECT id, snapshot FROM requests WHERE open = 1 AND scope = $1
             ORDER BY asked_at, id",
        )
        .bind(scope.as_str()),
    };
    let rows: Vec<Row> = question.fetch_all(reads).await?;
    Ok(readable(&rows))
}

/// A page of the open requests, oldest first.
pub(super) async fn open_after(
    reads: &Pool,
    after: Option<After>,
    limit: u32,
) -> sqlx::Result<OpenPage> {
    let After { asked_at, id } = after.unwrap_or(After {
        asked_at: i64::MIN,
        id: String::new(),
    });
    // The next page begins behind the last id, so it has to be as it is in the table.
    let rows: Vec<(Text, Text, i64)> = sqlx::query_as(concat!(
        "SELECT id, snapshot, asked_at FROM requests WHERE open = 1 AND (asked_at, id) > ($1, $2) AND ",
        is_id!("id"),
        " ORDER BY asked_at, id LIMIT $3"
    ))
    .bind(asked_at)
    .bind(id)
    .bind(i64::from(limit))
    .fetch_all(reads)
    .await?;
    let next = rows.last().map(|(Text(id), _, asked_at)| After {
        asked_at: *asked_at,
        id: id.clone(),
    });
    let requests = rows
        .iter()
        .filter_map(|(Text(id), Text(snapshot), _)| read_snapshot(id, snapshot))
        .collect();
    Ok(OpenPage { requests, next })
}

/// The requests that wait for a decision, oldest first.
pub(super) async fn awaiting(reads: &Pool, limit: u32) -> sqlx::Result<Vec<Request>> {
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT id, snapshot FROM requests WHERE awaits = 1 ORDER BY asked_at, id LIMIT $1",
    )
    .bind(i64::from(limit))
    .fetch_all(reads)
    .await?;
    Ok(readable(&rows))
}

/// A person's requests that are over, the last to end first.
pub(super) async fn past(reads: &Pool, person: &UserId, limit: u32) -> sqlx::Result<Vec<Request>> {
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT id, snapshot FROM requests WHERE open = 0 AND requester = $1
         ORDER BY last_seq DESC LIMIT $2",
    )
    .bind(person.as_str())
    .bind(i64::from(limit))
    .fetch_all(reads)
    .await?;
    Ok(readable(&rows))
}

/// The requests that the entries behind `after`, up to `upto`, tell of.
pub(super) async fn changed(reads: &Pool, after: u64, upto: u64) -> sqlx::Result<Vec<Changed>> {
    let rows: Vec<(Text, i64, Option<Text>, Option<Text>)> = sqlx::query_as(
        "SELECT told.request_id, last.seq, last.kind, requests.snapshot
         FROM (SELECT DISTINCT request_id FROM events
               WHERE seq > $1 AND seq <= $2 AND request_id IS NOT NULL) AS told
         JOIN events AS last
             ON last.seq = (SELECT max(seq) FROM events WHERE request_id = told.request_id)
         LEFT JOIN requests ON requests.id = told.request_id
         ORDER BY last.seq",
    )
    .bind(after.cast_signed())
    .bind(upto.cast_signed())
    .fetch_all(reads)
    .await?;
    // An entry about what is no request hides no other.
    let changed = rows
        .into_iter()
        .filter_map(|(Text(id), last_seq, last_kind, snapshot)| {
            Some(Changed {
                id: read_id(&id).ok()?,
                request: snapshot.and_then(|Text(snapshot)| read_snapshot(&id, &snapshot)),
                last_seq: last_seq.cast_unsigned(),
                last_kind: last_kind.unwrap_or_default().0,
            })
        });
    Ok(changed.collect())
}

/// The ending grants whose revocation failed so often in a row.
pub(super) async fn stuck(reads: &Pool, failures: u32) -> sqlx::Result<Vec<Stuck>> {
    let rows: Vec<(Text, i64)> = sqlx::query_as(
        "SELECT id, failures FROM requests WHERE failures > 0 AND failures >= $1
         ORDER BY failures DESC, id",
    )
    .bind(i64::from(failures))
    .fetch_all(reads)
    .await?;
    let stuck = rows.iter().filter_map(|(Text(id), failures)| {
        Some(Stuck {
            request: read_id(id).ok()?,
            failures: u32::try_from(*failures).unwrap_or(u32::MAX),
        })
    });
    Ok(stuck.collect())
}

/// The other grants that stand on an entitlement.
pub(super) async fn sharing(
    reads: &Pool,
    entitlement: &Entitlement,
    except: RequestId,
) -> sqlx::Result<Vec<Sharing>> {
    let rows: Vec<(Text, i64, i64)> = sqlx::query_as(
        "SELECT request_id, max(managed), max(goes_on) FROM layers
         WHERE entitlement = $1 AND request_id <> $2
         GROUP BY request_id ORDER BY request_id",
    )
    .bind(entitlement.as_str())
    .bind(except.to_string())
    .fetch_all(reads)
    .await?;
    let sharing = rows.iter().filter_map(|(Text(id), managed, goes_on)| {
        Some(Sharing {
            request: read_id(id).ok()?,
            managed: *managed != 0,
            goes_on: *goes_on != 0,
        })
    });
    Ok(sharing.collect())
}

/// Those of the requests whose columns, or rows in `due` and `layers`, are not what
/// their snapshots make.
pub(super) async fn torn(reads: &Pool, requests: &[Request]) -> sqlx::Result<BTreeSet<RequestId>> {
    let ids: Vec<RequestId> = requests.iter().map(|request| request.id).collect();
    let ids = log::ids(&ids).to_string();
    macro_rules! of_them {
        ($select:literal, $id:literal) => {{
            let statement = concat!(
                $select,
                " WHERE ",
                $id,
                " IN (SELECT item.value->>0 FROM ",
                items!(),
                ")"
            );
            sqlx::query_as(statement)
                .bind(&ids)
                .fetch_all(reads)
                .await?
        }};
    }
    let columns: Vec<Columns> = of_them!(
        "SELECT id, version, requester, scope, state, open, asked_at, failures, awaits
         FROM requests",
        "id"
    );
    let due: Vec<(Text, Text, i64)> =
        of_them!("SELECT request_id, lane, due_at FROM due", "request_id");
    let layers: Vec<(Text, i64, Text, i64, i64)> = of_them!(
        "SELECT request_id, layer, entitlement, managed, goes_on FROM layers",
        "request_id"
    );
    let mut found: HashMap<&str, BTreeSet<String>> = HashMap::new();
    let due = due.iter().map(|row| (&row.0.0, json!(row)));
    let layers = layers.iter().map(|row| (&row.0.0, json!(row)));
    for (id, row) in due.chain(layers) {
        found.entry(id).or_default().insert(row.to_string());
    }
    let columns: HashMap<&str, &Columns> = columns.iter().map(|it| (&*it.id.0, it)).collect();
    let is_torn = |request: &&Request| {
        let id = request.id.to_string();
        let rows = [work::rows, layer_rows].map(|rows| rows(request));
        let made: BTreeSet<String> = rows.iter().flatten().map(Value::to_string).collect();
        let found = found.remove(id.as_str()).unwrap_or_default();
        columns.get(id.as_str()) != Some(&&Columns::of(request)) || found != made
    };
    Ok(requests.iter().filter(is_torn).map(|it| it.id).collect())
}

/// A statement with a request's whole row as its parameters.
fn put<'q>(
    statement: &'static str,
    request: &Request,
    last_seq: u64,
) -> Query<'q, Kind, <Kind as sqlx::Database>::Arguments> {
    let columns = Columns::of(request);
    sqlx::query(statement)
        .bind(columns.id.0)
        .bind(columns.version)
        .bind(columns.requester.0)
        .bind(columns.scope.0)
        .bind(columns.state.0)
        .bind(columns.open)
        .bind(columns.asked_at)
        .bind(columns.failures)
        .bind(last_seq.cast_signed())
        .bind(written(request))
        .bind(columns.awaits)
}

/// Keeps a new request. A conflict if its name is taken, by a row or in the log.
pub(super) async fn insert(
    connection: &mut Connection,
    request: &Request,
    last_seq: u64,
) -> Result<(), Failure> {
    let statement = concat!(
        "INSERT INTO requests
             (id, version, requester, scope, state, open, asked_at, failures, last_seq, snapshot,
              awaits)
         SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11
         WHERE NOT EXISTS (SELECT 1 FROM events WHERE request_id = $1)
             AND NOT EXISTS (SELECT 1 FROM events WHERE kind = 'requested' AND ",
        ask_key!(),
        " = $12)
         ON CONFLICT DO NOTHING"
    );
    let done = put(statement, request, last_seq)
        .bind(request.ask_key.as_str().to_owned())
        .execute(connection)
        .await?;
    exactly_one(&done)
}

/// A request's new snapshot, for [`update`].
#[derive(Debug)]
pub(super) struct Update(Value);

impl Update {
    /// Replaces what the request was at version `before`. Where `decided_on` names an entry of the log,
    /// it has to be the last about the request.
    pub(super) fn new(
        request: &Request,
        before: u64,
        decided_on: Option<u64>,
        last_seq: u64,
    ) -> Self {
        Self(json!([
            request.id.to_string(),
            request.version,
            request.state.name(),
            i64::from(request.is_open()),
            request.stuck_failures(),
            last_seq,
            written(request),
            before,
            i64::from(request.awaits_decision()),
            decided_on,
        ]))
    }
}

/// Replaces the snapshots of different requests. A conflict if one of them is at another version, or
/// has a later entry, than its change was decided on; then some may have been replaced.
pub(super) async fn update(
    connection: &mut Connection,
    updates: Vec<Update>,
) -> Result<(), Failure> {
    let statement = concat!(
        "UPDATE requests
         SET version = CAST(item.value->>1 AS BIGINT), state = item.value->>2,
             open = CAST(item.value->>3 AS BIGINT), failures = CAST(item.value->>4 AS BIGINT),
             last_seq = CAST(item.value->>5 AS BIGINT), snapshot = item.value->>6,
             awaits = CAST(item.value->>8 AS BIGINT)
         FROM ",
        items!(),
        " WHERE requests.id = item.value->>0 AND version = CAST(item.value->>7 AS BIGINT)
             AND coalesce(CAST(item.value->>9 AS BIGINT)
                 = (SELECT max(seq) FROM events WHERE request_id = item.value->>0), true)"
    );
    let count = updates.len() as u64;
    let updates = updates.into_iter().map(|update| update.0).collect();
    match run(connection, statement, &Value::Array(updates)).await? {
        updated if updated == count => Ok(()),
        updated if updated < count => Err(Failure::Conflict),
        updated => Err(Failure::Database(sqlx::Error::Protocol(format!(
            "{updated} rows were changed in the place of {count}"
        )))),
    }
}

/// Makes the rows of a request again. A conflict if `last_seq` is not its last entry.
pub(super) async fn restore(
    connection: &mut Connection,
    request: &Request,
    last_seq: u64,
) -> Result<(), Failure> {
    let id = request.id.to_string();
    let (last,): (Option<i64>,) =
        sqlx::query_as("SELECT max(seq) FROM events WHERE request_id = $1")
            .bind(&id)
            .fetch_one(&mut *connection)
            .await?;
    if last != Some(last_seq.cast_signed()) {
        return Err(Failure::Conflict);
    }
    let statement = "INSERT INTO requests
             (id, version, requester, scope, state, open, asked_at, failures, last_seq, snapshot,
              awaits)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
         ON CONFLICT (id) DO UPDATE
         SET version = excluded.version, requester = excluded.requester, scope = excluded.scope,
             state = excluded.state, open = excluded.open, asked_at = excluded.asked_at,
             failures = excluded.failures, last_seq = excluded.last_seq,
             snapshot = excluded.snapshot, awaits = excluded.awaits";
    put(statement, request, last_seq)
        .execute(&mut *connection)
        .await?;
    let changed = json!([[id]]);
    work::replace(connection, &changed, work::rows(request)).await?;
    replace_layers(connection, &changed, layer_rows(request)).await?;
    Ok(())
}

/// Which of a request's layers may stand in their targets now, as rows.
pub(in crate::store) fn layer_rows(request: &Request) -> Vec<Value> {
    let id = request.id.to_string();
    let goes_on = request.goes_on();
    (0_i64..)
        .zip(&request.layers)
        .filter_map(|(index, layer)| {
            let (Progress::Inspected { managed } | Progress::Granted { managed, .. }) =
                layer.progress
            else {
                return None;
            };
            let entitlement = layer.plan.entitlement.as_str();
            Some(json!([
                id,
                index,
                entitlement,
                i64::from(managed),
                i64::from(goes_on)
            ]))
        })
        .collect()
}

/// Notes which layers of the requests that have changed may stand in their targets.
pub(super) async fn replace_layers(
    connection: &mut Connection,
    changed: &Value,
    rows: Vec<Value>,
) -> sqlx::Result<()> {
    let forget = concat!(
        "DELETE FROM layers WHERE request_id IN (SELECT item.value->>0 FROM ",
        items!(),
        ")"
    );
    run(connection, forget, changed).await?;
    let note = concat!(
        "INSERT INTO layers (request_id, layer, entitlement, managed, goes_on)
         SELECT item.value->>0, CAST(item.value->>1 AS BIGINT), item.value->>2,
             CAST(item.value->>3 AS BIGINT), CAST(item.value->>4 AS BIGINT) FROM ",
        items!()
    );
    add_all(connection, note, rows).await
}

fn read((Text(id), Text(snapshot)): &Row) -> Option<Request> {
    read_snapshot(id, snapshot)
}

/// The request that a snapshot is; nothing if it is none, or another request.
fn read_snapshot(id: &str, snapshot: &str) -> Option<Request> {
    let request: Request = serde_json::from_str(snapshot).ok()?;
    (request.id.to_string() == id).then_some(request)
}

/// Those that can be read: one that cannot hides no other. What is open by the log is restored from
/// it within a minute.
fn readable(rows: &[Row]) -> Vec<Request> {
    rows.iter().filter_map(read).collect()
}

fn written(request: &Request) -> String {
    serde_json::to_string(request).expect("a request can be written as JSON")
}
