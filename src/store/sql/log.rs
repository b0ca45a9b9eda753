//! The log: appended to by the writer, read by everybody.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::{Value, json, value::RawValue};
use sqlx::FromRow;

use super::{
    db::{Connection, ENTRIES, ENTRIES_BY_REQUEST, Pool, ask_key, items},
    read::{Text, read_id},
    run::add_all,
};
use crate::{
    domain::{AskKey, Entitlement, RequestId, Username},
    store::{Chain, Origin, RawEntry, StoreKey, chain::entry_columns, people::kinds_of_people},
};

/// The end of the chain.
pub(super) async fn end(connection: &mut Connection) -> sqlx::Result<Chain> {
    let last: Option<(i64, Option<Text>, Option<Text>)> =
        sqlx::query_as("SELECT seq, hash, at FROM events ORDER BY seq DESC LIMIT 1")
            .fetch_optional(connection)
            .await?;
    Ok(last.map_or_else(Chain::default, |(seq, hash, at)| {
        let [Text(hash), Text(at)] = [hash, at].map(Option::unwrap_or_default);
        Chain::after(seq.cast_unsigned(), &hash).dated(at)
    }))
}

/// The end of the log as a writer finds it.
pub(super) struct End {
    pub(super) chain: Chain,
    /// Whether Keylend wrote the last entry; true of an empty log.
    pub(super) is_authentic: bool,
    /// The hash of the entry that was asked for, if it is there.
    pub(super) seen: Option<String>,
}

/// The end of the chain, and the hash of the entry `seen`.
pub(super) async fn end_and(
    connection: &mut Connection,
    key: &StoreKey,
    seen: u64,
) -> sqlx::Result<End> {
    type Found = (i64, Option<Text>, Option<Text>, Option<Text>, Option<Text>);
    let last: Option<Found> = sqlx::query_as(
        "SELECT seq, hash, at, mac, (SELECT hash FROM events WHERE seq = $1)
         FROM events ORDER BY seq DESC LIMIT 1",
    )
    .bind(seen.cast_signed())
    .fetch_optional(connection)
    .await?;
    Ok(match last {
        None => End {
            chain: Chain::default(),
            is_authentic: true,
            seen: None,
        },
        Some((seq, hash, at, code, seen)) => {
            let seq = seq.cast_unsigned();
            let [Text(hash), Text(at), Text(code)] =
                [hash, at, code].map(Option::unwrap_or_default);
            End {
                is_authentic: key.is_entry(seq, &hash, &code),
                chain: Chain::after(seq, &hash).dated(at),
                seen: seen.map(|Text(hash)| hash),
            }
        }
    })
}

/// The number of the last entry that Keylend wrote, whatever somebody else put behind it; 0 without one
/// among the last thousand. Where no entry is known to be Keylend's, the last one's.
pub(super) async fn head(connection: &mut Connection, key: Option<&StoreKey>) -> sqlx::Result<u64> {
    const AT_ONCE: [i64; 2] = [1, 1000];

    for limit in AT_ONCE {
        let rows: Vec<(i64, Option<Text>, Option<Text>)> =
            sqlx::query_as("SELECT seq, hash, mac FROM events ORDER BY seq DESC LIMIT $1")
                .bind(limit)
                .fetch_all(&mut *connection)
                .await?;
        let is_authentic = |row: &&(i64, Option<Text>, Option<Text>)| match (key, row) {
            (None, _) => true,
            (Some(key), (seq, Some(Text(hash)), Some(Text(code)))) => {
                key.is_entry(seq.cast_unsigned(), hash, code)
            }
            (Some(_), _) => false,
        };
        if let Some((seq, ..)) = rows.iter().find(is_authentic) {
            return Ok(seq.cast_unsigned());
        }
        // All of it was written under another key.
        if rows.len() < usize::try_from(limit).unwrap_or_default() {
            return Ok(rows.first().map_or(0, |(seq, ..)| seq.cast_unsigned()));
        }
    }
    Ok(0)
}

/// How far the entries behind `after` follow each other without a gap, up to `upto`.
pub(super) async fn without_gap(reads: &Pool, after: u64, upto: u64) -> sqlx::Result<u64> {
    let (count,): (i64,) =
        sqlx::query_as("SELECT count(*) FROM events WHERE seq > $1 AND seq <= $2")
            .bind(after.cast_signed())
            .bind(upto.cast_signed())
            .fetch_one(reads)
            .await?;
    if count.cast_unsigned() == upto - after {
        return Ok(upto);
    }
    let seqs: Vec<(i64,)> =
        sqlx::query_as("SELECT seq FROM events WHERE seq > $1 AND seq <= $2 ORDER BY seq")
            .bind(after.cast_signed())
            .bind(upto.cast_signed())
            .fetch_all(reads)
            .await?;
    let following = (after + 1..).zip(seqs);
    let following = following.take_while(|(next, (seq,))| *next == seq.cast_unsigned());
    Ok(following.last().map_or(after, |(seq, _)| seq))
}

/// The hash of an entry, if it is there.
pub(super) async fn hash(connection: &mut Connection, seq: u64) -> sqlx::Result<Option<String>> {
    let hash: Option<(Option<Text>,)> = sqlx::query_as("SELECT hash FROM events WHERE seq = $1")
        .bind(seq.cast_signed())
        .fetch_optional(connection)
        .await?;
    Ok(hash.and_then(|(hash,)| Some(hash?.0)))
}

/// An entry as a row to append, with its authentication code.
pub(in crate::store) fn row(entry: &RawEntry, code: &str) -> Value {
    json!([
        entry.seq,
        entry.at,
        entry.request_id,
        entry.kind,
        entry.actor,
        entry.rules.get(),
        entry.body.get(),
        entry.prev_hash,
        entry.hash,
        entry.version,
        entry.texts.get(),
        code,
    ])
}

/// Appends entries.
pub(super) async fn append(connection: &mut Connection, entries: Vec<Value>) -> sqlx::Result<()> {
    let statement = concat!(
        "INSERT INTO events (",
        entry_columns!(),
        ") SELECT CAST(item.value->>0 AS BIGINT), item.value->>1, item.value->>2, item.value->>3,
             item.value->>4, item.value->>5, item.value->>6, item.value->>7, item.value->>8,
             CAST(item.value->>9 AS BIGINT), item.value->>10, item.value->>11
         FROM ",
        items!()
    );
    add_all(connection, statement, entries).await
}

/// The entries behind `after`, fetched as one value: rows are handed over one by one, which takes
/// longer than to verify them. Their text stays as it is, also where it is JSON, since it was hashed.
///
/// Here as everywhere, what is read is marked by whether its code is valid under `key`.
pub(super) async fn entries(
    connection: &mut Connection,
    key: Option<&StoreKey>,
    after: u64,
    limit: u32,
) -> sqlx::Result<Vec<RawEntry>> {
    let page = sqlx::query_as(ENTRIES)
        .bind(after.cast_signed())
        .bind(i64::from(limit))
        .fetch_one(connection)
        .await?;
    let mut entries = read_page(page, key)?;
    // An aggregate promises no order.
    entries.sort_by_key(|entry| entry.seq);
    Ok(entries)
}

/// The entries about requests in the order of their names and numbers, behind `after`.
pub(super) async fn entries_by_request(
    connection: &mut Connection,
    key: Option<&StoreKey>,
    (request, after): (&str, u64),
    limit: u32,
) -> sqlx::Result<Vec<RawEntry>> {
    let page = sqlx::query_as(ENTRIES_BY_REQUEST)
        .bind(request)
        .bind(after.cast_signed())
        .bind(i64::from(limit))
        .fetch_one(connection)
        .await?;
    let mut entries = read_page(page, key)?;
    // The next page begins behind the last name, so it has to be as it is in the table.
    let is_replaced = |id: &String| id.contains(char::REPLACEMENT_CHARACTER);
    if entries
        .iter()
        .any(|entry| entry.request_id.as_ref().is_some_and(is_replaced))
    {
        return Err(sqlx::Error::Decode(
            "the name of a request is not UTF-8".into(),
        ));
    }
    entries.sort_by(|one, other| (&one.request_id, one.seq).cmp(&(&other.request_id, other.seq)));
    Ok(entries)
}

fn read_page((Text(page),): (Text,), key: Option<&StoreKey>) -> sqlx::Result<Vec<RawEntry>> {
    let rows: Vec<Row> =
        serde_json::from_str(&page).map_err(|error| sqlx::Error::Decode(error.into()))?;
    Ok(read_all(rows, key))
}

fn read_all(rows: Vec<Row>, key: Option<&StoreKey>) -> Vec<RawEntry> {
    rows.into_iter().map(|row| row.read(key)).collect()
}

/// The entries behind `after` of one request, or of none.
pub(super) async fn entries_of(
    reads: &Pool,
    key: Option<&StoreKey>,
    request: Option<RequestId>,
    after: u64,
    limit: u32,
) -> sqlx::Result<Vec<RawEntry>> {
    let question = match request {
        Some(id) => sqlx::query_as(concat!(
            "SELECT ",
            entry_columns!(),
            " FROM events WHERE request_id = $3 AND seq > $1 ORDER BY seq LIMIT $2"
        ))
        .bind(after.cast_signed())
        .bind(i64::from(limit))
        .bind(id.to_string()),
        None => sqlx::query_as(concat!(
            "SELECT ",
            entry_columns!(),
            " FROM events WHERE request_id IS NULL AND seq > $1 ORDER BY seq LIMIT $2"
        ))
        .bind(after.cast_signed())
        .bind(i64::from(limit)),
    };
    let rows: Vec<Row> = question.fetch_all(reads).await?;
    Ok(read_all(rows, key))
}

/// The number of the last entry that tells of no request; 0 without one.
pub(super) async fn last_of_no_request(connection: &mut Connection) -> sqlx::Result<u64> {
    let (last,): (Option<i64>,) =
        sqlx::query_as("SELECT max(seq) FROM events WHERE request_id IS NULL")
            .fetch_one(connection)
            .await?;
    Ok(last.unwrap_or_default().cast_unsigned())
}

/// All entries about these requests, those of one request in order.
pub(super) async fn entries_about(
    reads: &Pool,
    key: Option<&StoreKey>,
    requests: &[RequestId],
) -> sqlx::Result<Vec<RawEntry>> {
    let statement = concat!(
        "SELECT ",
        entry_columns!(),
        " FROM events WHERE request_id IN (SELECT item.value->>0 FROM ",
        items!(),
        ") ORDER BY request_id, seq"
    );
    let rows: Vec<Row> = sqlx::query_as(statement)
        .bind(ids(requests).to_string())
        .fetch_all(reads)
        .await?;
    Ok(read_all(rows, key))
}

/// The number of the last entry about each of these requests.
pub(super) async fn last_seqs(
    reads: &Pool,
    requests: &[RequestId],
) -> sqlx::Result<HashMap<RequestId, u64>> {
    let statement = concat!(
        "SELECT item.value->>0, (SELECT max(seq) FROM events WHERE request_id = item.value->>0) FROM ",
        items!()
    );
    let rows: Vec<(Text, Option<i64>)> = sqlx::query_as(statement)
        .bind(ids(requests).to_string())
        .fetch_all(reads)
        .await?;
    let rows = rows.into_iter();
    rows.filter_map(|(Text(id), seq)| Some((id, seq?)))
        .map(|(id, seq)| Ok((read_id(&id)?, seq.cast_unsigned())))
        .collect()
}

/// The entries behind `after` that say something of people, whoever wrote them: more of them can only
/// make a decision be taken again.
pub(super) async fn of_people(
    connection: &mut Connection,
    after: u64,
    limit: u32,
) -> sqlx::Result<Vec<RawEntry>> {
    let statement = concat!(
        "SELECT ",
        entry_columns!(),
        " FROM events WHERE seq > $1 AND kind IN (",
        kinds_of_people!(),
        ") ORDER BY seq LIMIT $2"
    );
    let rows: Vec<Row> = sqlx::query_as(statement)
        .bind(after.cast_signed())
        .bind(i64::from(limit))
        .fetch_all(connection)
        .await?;
    Ok(read_all(rows, None))
}

/// The names in the targets that requests were asked for with.
pub(super) async fn usernames<'a>(
    connection: &mut Connection,
    requests: impl Iterator<Item = &'a str>,
) -> sqlx::Result<HashMap<String, Username>> {
    let requests: Vec<Value> = requests.map(|id| json!([id])).collect();
    if requests.is_empty() {
        return Ok(HashMap::new());
    }
    let statement = concat!(
        "SELECT request_id, body FROM events WHERE kind = 'requested' AND request_id IN
             (SELECT item.value->>0 FROM ",
        items!(),
        ")"
    );
    let rows: Vec<(Text, Option<Text>)> = sqlx::query_as(statement)
        .bind(Value::Array(requests).to_string())
        .fetch_all(connection)
        .await?;
    // Keylend wrote none of those that cannot be read.
    let read = |(Text(id), body): (Text, Option<Text>)| {
        let body: Asked = serde_json::from_str(&body?.0).ok()?;
        Some((id, body.username))
    };
    Ok(rows.into_iter().filter_map(read).collect())
}

/// What a request was asked for with.
#[derive(Deserialize)]
struct Asked {
    username: Username,
}

/// The request that was asked for with a key.
pub(super) async fn asked(reads: &Pool, key: &AskKey) -> sqlx::Result<Option<RequestId>> {
    let statement = concat!(
        "SELECT request_id FROM events WHERE kind = 'requested' AND ",
        ask_key!(),
        " = $1"
    );
    let row: Option<(Option<Text>,)> = sqlx::query_as(statement)
        .bind(key.as_str())
        .fetch_optional(reads)
        .await?;
    row.map(|(id,)| read_id(&id.unwrap_or_default().0))
        .transpose()
}

/// The requests that were approved for an entitlement and may have access: they are not over, or their
/// target is still to be inspected once more.
pub(super) async fn approved_for(
    reads: &Pool,
    entitlement: &Entitlement,
) -> sqlx::Result<Vec<RequestId>> {
    // As it stands in a canonical body.
    let named = format!("\"entitlement\":{}", json!(entitlement));
    let rows: Vec<(Option<Text>,)> = sqlx::query_as(
        "SELECT request_id FROM events AS approval
         WHERE kind = 'approved' AND replace(body, $1, '') <> body
             AND NOT ((
                 SELECT kind FROM events WHERE request_id = approval.request_id
                 ORDER BY seq DESC LIMIT 1
             ) IN ('layer_absence_confirmed', 'layer_inspection_abandoned') AND (
                 SELECT count(*) FROM events WHERE request_id = approval.request_id
                     AND kind IN ('layer_absence_confirmed', 'layer_inspection_abandoned',
                         'layer_reappeared')
             ) >= (
                 SELECT count(*) FROM events WHERE request_id = approval.request_id
                     AND kind = 'layer_revoked'
             ))",
    )
    .bind(named)
    .fetch_all(reads)
    .await?;
    // Keylend wrote none of those without a name that can be read.
    let ids = rows
        .iter()
        .filter_map(|(id,)| read_id(&id.as_ref()?.0).ok());
    Ok(ids.collect())
}

/// Requests as the parameter of a statement.
pub(super) fn ids(requests: &[RequestId]) -> Value {
    requests.iter().map(|id| json!([id.to_string()])).collect()
}

/// The columns of an entry, in which whoever appends one may put anything.
#[derive(Deserialize, FromRow)]
struct Row(
    i64,
    Option<Text>,
    Option<Text>,
    Option<Text>,
    Option<Text>,
    Option<Text>,
    Option<Text>,
    Option<Text>,
    Option<Text>,
    Option<i64>,
    Option<Text>,
    Option<Text>,
);

impl Row {
    /// The entry. One that cannot be read hides no other: it has no hash, so nothing counts that it says.
    fn read(self, key: Option<&StoreKey>) -> RawEntry {
        let Self(
            seq,
            at,
            request_id,
            kind,
            actor,
            rules,
            body,
            prev_hash,
            hash,
            version,
            texts,
            code,
        ) = self;
        let mut is_readable = true;
        let mut text = |text: Option<Text>| {
            is_readable &= text.is_some();
            text.unwrap_or_default().0
        };
        let [at, kind, actor, prev_hash, hash] = [at, kind, actor, prev_hash, hash].map(&mut text);
        let json = [rules, body, texts].map(|column| {
            let found = text(column);
            match serde_json::from_str::<&RawValue>(&found) {
                Ok(json) => Ok(json.to_owned()),
                Err(_) => Err(found),
            }
        });
        let version = version.and_then(|version| u32::try_from(version).ok());
        is_readable &= version.is_some() && json.iter().all(Result::is_ok);
        let [rules, body, texts] = json.map(|json| json.unwrap_or_else(|found| as_json(&found)));
        let mut entry = RawEntry {
            seq: seq.cast_unsigned(),
            at,
            request_id: request_id.map(|Text(id)| id),
            kind,
            actor,
            rules,
            body,
            prev_hash,
            hash: if is_readable { hash } else { String::new() },
            version: version.unwrap_or_default(),
            texts,
            origin: Origin::Unknown,
        };
        if let Some(key) = key {
            entry.origin = key.origin(&entry, &code.unwrap_or_default().0);
        }
        entry
    }
}

/// What stands where JSON has to, as a JSON string.
fn as_json(found: &str) -> Box<RawValue> {
    serde_json::value::to_raw_value(found).expect("a text can be written as JSON")
}
