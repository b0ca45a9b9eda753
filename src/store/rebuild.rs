//! Computing all tables from the log into an empty store.
//!
//! The log is copied as it is. Every other row is made of it: what is not in the log, such as sealed
//! credentials and what those who follow the log keep, is not there afterwards.

use std::{future::Future, mem};

use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::{
    Address, ByRequest, Fold, LocksInForce, NotFoldable, OpenError, Rows, StoreError, StoreKey,
    View,
    copy::{CopyError, QUEUE, empty, is_at_rest},
    tables::{Batch, Cell, Kind, TABLES, Table},
};

/// Entries that are read at a time.
const PAGE: u32 = 1000;

/// Rows of one table that are written together.
const BATCH: usize = 500;

/// Why no store was made; nothing of it is there.
#[derive(Debug, thiserror::Error)]
pub enum RebuildError {
    /// One of the stores cannot be used.
    #[error(transparent)]
    Store(#[from] CopyError),
    /// The log cannot be read.
    #[error("failed to read the log")]
    Read(#[source] StoreError),
    /// An entry is not understood, or Keylend did not write it.
    #[error("entry {seq} is not understood: {why}")]
    Unreadable {
        /// The entry.
        seq: u64,
        /// What is wrong with it.
        why: String,
    },
    /// The entries of a request do not make one.
    #[error("the entries of request {id} make no request")]
    NotFoldable {
        /// The request's name in the log.
        id: String,
        /// What is wrong; nothing if the name is no request's.
        #[source]
        source: Option<NotFoldable>,
    },
}

/// Computes all tables of `to` from the log in `from`, where the followers with these `cursors` have
/// come to its end. Answers what the owner of the new database has to do, if Keylend may not do it.
/// Whether the log is whole is verified before. Each entry has to be valid under `key`, and stays so.
///
/// # Errors
///
/// If somebody is at work on either store, if the new one is not empty, if the log does not fold, or if
/// one of the stores fails.
pub async fn rebuild(
    from: &Address,
    to: &Address,
    key: &StoreKey,
    cursors: &[&str],
) -> Result<Option<String>, RebuildError> {
    is_at_rest(from).await?;
    let view = from.view(Some(key)).await.map_err(CopyError::From)?;
    let (mut target, advice) = empty(to).await?;
    let (batches, queue) = mpsc::channel(QUEUE);
    let computing = compute(view, key, cursors, batches);
    let (computed, written) = tokio::join!(computing, target.write(queue));
    let to_failed = |error: sqlx::Error| CopyError::To(OpenError::from(error));
    written.map_err(to_failed)?;
    computed?;
    target.commit().await.map_err(to_failed)?;
    Ok(advice)
}

async fn compute(
    mut view: View,
    key: &StoreKey,
    cursors: &[&str],
    batches: mpsc::Sender<Batch>,
) -> Result<(), RebuildError> {
    let mut locks = LocksInForce::default();
    let mut events = Sink::of("events", &batches);
    let mut head = 0;
    loop {
        let page = view.entries(head, PAGE).await.map_err(RebuildError::Read)?;
        for raw in &page {
            head = raw.seq;
            if let Some(why) = raw.why_not_genuine() {
                return Err(RebuildError::Unreadable {
                    seq: raw.seq,
                    why: why.to_string(),
                });
            }
            events.add(Rows::entry(raw, &key.code(raw))).await;
            if raw.request_id.is_none() {
                let noted = locks.note(raw);
                noted.map_err(|error| RebuildError::Unreadable {
                    seq: raw.seq,
                    why: error.to_string(),
                })?;
            }
        }
        if page.len() < PAGE as usize {
            break;
        }
    }
    events.finish().await;
    // Requests before the rows that refer to them, which takes two readings.
    let mut requests = Sink::of("requests", &batches);
    by_request(&mut view, async |fold| {
        if let Some(request) = fold.request() {
            requests.add(Rows::request(request, fold.last_seq())).await;
        }
    })
    .await?;
    requests.finish().await;
    let mut sinks = ["due", "layers"].map(|name| Sink::of(name, &batches));
    by_request(&mut view, async |fold| {
        let Some(request) = fold.request() else {
            return;
        };
        let rows = [Rows::due(request), Rows::layers(request)];
        for (sink, rows) in sinks.iter_mut().zip(rows) {
            for row in rows {
                sink.add(row).await;
            }
        }
    })
    .await?;
    for sink in sinks {
        sink.finish().await;
    }
    let cursors = cursors.iter().map(|name| {
        let code = key.cursor_code(name, head);
        vec![json!(name), json!(head), json!(code)]
    });
    for (name, rows) in [("locks", locks.rows()), ("cursors", cursors.collect())] {
        let mut sink = Sink::of(name, &batches);
        for row in rows {
            sink.add(row).await;
        }
        sink.finish().await;
    }
    Ok(())
}

/// Hands each request to `take`.
async fn by_request(view: &mut View, mut take: impl AsyncFnMut(&Fold)) -> Result<(), RebuildError> {
    let mut entries = ByRequest::default();
    while let Some(id) = entries.peek(view).await.map_err(RebuildError::Read)? {
        let not_foldable = |source| RebuildError::NotFoldable {
            id: id.clone(),
            source,
        };
        let mut fold = Fold::new(id.parse().map_err(|_| not_foldable(None))?);
        while let Some(raw) = entries.take(view, &id).await.map_err(RebuildError::Read)? {
            fold.add(&raw).map_err(|error| not_foldable(Some(error)))?;
        }
        take(&fold).await;
    }
    Ok(())
}

/// Rows on their way to a table.
struct Sink<'a> {
    table: &'static Table,
    rows: Vec<Vec<Cell>>,
    batches: &'a mpsc::Sender<Batch>,
}

impl<'a> Sink<'a> {
    fn of(name: &str, batches: &'a mpsc::Sender<Batch>) -> Self {
        let table = TABLES.iter().find(|table| table.name == name);
        Self {
            table: table.expect("a table of the store"),
            rows: Vec::new(),
            batches,
        }
    }

    async fn add(&mut self, row: Vec<Value>) {
        let cells = self.table.columns.iter().zip(row);
        let cells = cells.map(|((_, kind), value)| match kind {
            Kind::Number => Cell::Number(value.as_i64()),
            Kind::Text => Cell::Text(value.as_str().map(str::to_owned)),
            Kind::Bytes => Cell::Bytes(None),
        });
        self.rows.push(cells.collect());
        if self.rows.len() == BATCH {
            self.send().await;
        }
    }

    async fn finish(mut self) {
        if !self.rows.is_empty() {
            self.send().await;
        }
    }

    fn send(&mut self) -> impl Future<Output = ()> + '_ {
        let (table, rows) = (self.table, mem::take(&mut self.rows));
        async move {
            // Whoever writes has failed if nobody takes it, and says why.
            let _ = self.batches.send(Batch { table, rows }).await;
        }
    }
}
