//! Computing all tables from the log into an empty store.
//!
//! The log is copied as it is. Every other row is made of it: what is not in the log, such as sealed
//! credentials and which messages show a request, is not there afterwards. The messages of what is
//! open are posted anew, once, and no line is told again in any channel.

use std::{future::Future, mem};

use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::{
    Address, Entry, Fold, NewCard, NotFoldable, OpenError, RawEntry, Rows, StoreError, Totals,
    View,
    copy::{Batch, Cell, CopyError, Kind, QUEUE, TABLES, Table, empty, is_at_rest},
};
use crate::domain::{Occurred, Request};

/// Entries that are read at a time.
const PAGE: u32 = 1000;

/// Rows of one table that are written together.
const BATCH: usize = 500;

/// What the program makes of a log, besides rows that follow from it.
pub struct Making<'a> {
    /// The messages that show a request from an event on.
    pub cards: &'a (dyn Fn(&Request, &Occurred) -> Vec<NewCard> + Sync),
    /// The feeds that tell the log's lines.
    pub feeds: &'a [&'a str],
}

/// Why no store was made; nothing of it is there.
#[derive(Debug, thiserror::Error)]
pub enum RebuildError {
    /// One of the stores cannot be used.
    #[error(transparent)]
    Store(#[from] CopyError),
    /// The log cannot be read.
    #[error("failed to read the log")]
    Read(#[source] StoreError),
    /// An entry tells of no request, and is not understood.
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

/// Computes all tables of `to` from the log in `from`. Answers what the owner of the new database has
/// to do, if Keylend may not do it. Whether the log is whole is verified before.
///
/// # Errors
///
/// If somebody is at work on either store, if the new one is not empty, if the log does not fold, or if
/// one of the stores fails.
pub async fn rebuild(
    from: &Address,
    to: &Address,
    making: &Making<'_>,
) -> Result<Option<String>, RebuildError> {
    is_at_rest(from).await?;
    let view = from.view().await.map_err(CopyError::From)?;
    let (mut target, advice) = empty(to).await?;
    let (batches, queue) = mpsc::channel(QUEUE);
    let computing = compute(view, making, batches);
    let (computed, written) = tokio::join!(computing, target.write(queue));
    let to_failed = |error: sqlx::Error| CopyError::To(OpenError::from(error));
    written.map_err(to_failed)?;
    computed?;
    target.commit().await.map_err(to_failed)?;
    Ok(advice)
}

async fn compute(
    mut view: View,
    making: &Making<'_>,
    batches: mpsc::Sender<Batch>,
) -> Result<(), RebuildError> {
    let mut totals = Totals::default();
    let mut events = Sink::of("events", &batches);
    let mut head = 0;
    loop {
        let page = view.entries(head, PAGE).await.map_err(RebuildError::Read)?;
        for raw in &page {
            head = raw.seq;
            events.add(Rows::entry(raw)).await;
            if raw.request_id.is_none() {
                let noted = totals.note_entry(raw);
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
    by_request(&mut view, making, async |folded| {
        totals.note_request(&folded.fold);
        if let Some(request) = folded.fold.request() {
            requests
                .add(Rows::request(request, folded.fold.last_seq()))
                .await;
        }
    })
    .await?;
    requests.finish().await;
    let mut sinks = ["due", "layers", "identities", "cards"].map(|name| Sink::of(name, &batches));
    by_request(&mut view, making, async |folded| {
        let Some(request) = folded.fold.request() else {
            return;
        };
        let rows = [
            Rows::due(request),
            Rows::layers(request),
            Rows::identities(request),
            folded.cards,
        ];
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
    let names = totals.names().iter();
    let names = names.map(|(name, owners)| {
        let owners = serde_json::to_string(owners).expect("owners can be written as JSON");
        vec![json!(name), json!(1), json!(owners)]
    });
    let cursors = making
        .feeds
        .iter()
        .map(|feed| vec![json!(feed), json!(head)]);
    for (name, rows) in [
        ("holders", totals.holders()),
        ("humans", totals.humans()),
        ("names", names.collect()),
        ("locks", totals.locks()),
        ("cursors", cursors.collect()),
    ] {
        let mut sink = Sink::of(name, &batches);
        for row in rows {
            sink.add(row).await;
        }
        sink.finish().await;
    }
    Ok(())
}

/// A request with all of its entries, and the rows of its messages.
struct Folded {
    fold: Fold,
    cards: Vec<Vec<Value>>,
}

impl Folded {
    fn new(id: &str) -> Result<Self, RebuildError> {
        let known = id.parse().map_err(|_| RebuildError::NotFoldable {
            id: id.to_owned(),
            source: None,
        })?;
        Ok(Self {
            fold: Fold::new(known),
            cards: Vec::new(),
        })
    }

    fn add(&mut self, raw: &RawEntry, making: &Making<'_>) -> Result<(), NotFoldable> {
        self.fold.add(raw)?;
        let occurred = Entry::try_from(raw).ok().and_then(|entry| entry.occurred());
        if let (Some(request), Some(occurred)) = (self.fold.request(), occurred) {
            for card in (making.cards)(request, &occurred) {
                let key = [request.id.to_string(), card.place.name().to_owned()];
                let channel = card.channel.as_str();
                let due_at = request.asked_at.timestamp_millis();
                let row = json!([key[0], key[1], channel, channel, null, null, 0, due_at]);
                let Value::Array(row) = row else { continue };
                if !self.cards.iter().any(|known| known[..3] == row[..3]) {
                    self.cards.push(row);
                }
            }
        }
        Ok(())
    }
}

/// Hands each request to `take`; of one that is over, no messages.
async fn by_request(
    view: &mut View,
    making: &Making<'_>,
    mut take: impl AsyncFnMut(Folded),
) -> Result<(), RebuildError> {
    let mut last = (String::new(), 0);
    let mut current: Option<Folded> = None;
    loop {
        let page = view.entries_by_request((&last.0, last.1), PAGE).await;
        let page = page.map_err(RebuildError::Read)?;
        for raw in &page {
            let id = raw.request_id.clone().unwrap_or_default();
            if id != last.0
                && let Some(whole) = current.replace(Folded::new(&id)?)
            {
                take(whole.settled()).await;
            }
            if let Some(folded) = &mut current {
                let added = folded.add(raw, making);
                added.map_err(|error| RebuildError::NotFoldable {
                    id: id.clone(),
                    source: Some(error),
                })?;
            }
            last = (id, raw.seq);
        }
        if page.len() < PAGE as usize {
            break;
        }
    }
    if let Some(whole) = current {
        take(whole.settled()).await;
    }
    Ok(())
}

impl Folded {
    fn settled(mut self) -> Self {
        if !self.fold.request().is_some_and(Request::is_open) {
            self.cards.clear();
        }
        self
    }
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
