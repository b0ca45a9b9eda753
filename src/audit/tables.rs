//! Whether the tables say what the log says.
//!
//! The log is read twice in one view of the store. The first time by number: for the chain, and for
//! what concerns no request, such as locks. The second time by request, alongside the tables in the
//! same order: each request is folded and compared with its rows, then forgotten. So memory does not
//! grow with the log; it grows with the locks in force.
//!
//! What each table is compared with:
//!
//! - `requests`: every column with the fold, the snapshot as the program reads it.
//! - `due`, `layers`: the rows that the writer makes of the fold.
//! - `locks`: the locks in force by the log.
//! - `documents` and `document_refs` are not compared: what is shown to whom is not in the log.
//! - `cursors`: not beyond the head. How far a follower has come is not in the log either, so one
//!   that was moved within it is not found.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde_json::{Value, json};

use super::{
    differences::Difference,
    log::{Fault, Log},
    verify::{Known, Whole, verify_each},
};
use crate::{
    domain::{Progress, Request},
    store::{ByRequest, Fold, LocksInForce, NotFoldable, Rows, StoreError, View},
};

/// Rows of a table, or entries of the log, that are read at a time.
const PAGE: u32 = 500;

/// Verifies the log of `view`, then compares the tables with it: each difference is handed to
/// `report`.
///
/// # Errors
///
/// The first thing that is wrong with the log, with which there is nothing to compare; or a table
/// that cannot be read.
pub async fn verify_store(
    view: View,
    known: Known,
    report: &mut (dyn FnMut(Difference) + Send),
) -> Result<Whole, Fault> {
    let mut log = Log::in_view(view);
    let (mut locks, mut of_requests) = (LocksInForce::default(), 0);
    let whole = verify_each(&mut log, known, |raw| {
        if !raw.is_canonical() {
            return Err(Fault::NotCanonical { seq: raw.seq });
        }
        if raw.request_id.is_some() {
            of_requests += 1;
            return Ok(());
        }
        locks.note(raw).map_err(|error| Fault::Unreadable {
            seq: raw.seq,
            why: error.to_string(),
        })
    })
    .await?;
    let Some(view) = log.into_view() else {
        return Ok(whole);
    };
    let mut comparison = Comparison { view, report };
    let entries = comparison.by_request().await?;
    if entries != of_requests {
        let [expected, found] =
            [of_requests, entries].map(|n| format!("{n} entries about requests"));
        (comparison.report)(Difference::new("events", &[], expected, found));
    }
    comparison.locks(locks.rows()).await?;
    comparison.cursors(whole.head.seq).await?;
    Ok(whole)
}

struct Comparison<'a> {
    view: View,
    report: &'a mut (dyn FnMut(Difference) + Send),
}

impl Comparison<'_> {
    /// Compares what belongs to requests, in the order of their names. Answers how many entries
    /// there are about them.
    async fn by_request(&mut self) -> Result<u64, Fault> {
        let mut entries = ByRequest::default();
        let mut requests = Table::of("requests");
        let mut due = Table::of("due");
        let mut layers = Table::of("layers");
        let mut credentials = Table::of("credentials");
        let mut count = 0;
        loop {
            let next = entries.peek(&mut self.view).await;
            let mut next = next.map_err(|error| unreadable("events", &error))?;
            for table in [&mut requests, &mut due, &mut layers, &mut credentials] {
                let name = table.next_request(&mut self.view).await?;
                next = next.into_iter().chain(name).min();
            }
            let Some(id) = next else {
                return Ok(count);
            };
            let fold = self.folded(&id, &mut entries, &mut count).await?;
            let request = fold.as_ref().map(|(request, _)| request);
            let expected = fold
                .as_ref()
                .map(|(request, seq)| Rows::request(request, *seq));
            self.rows(&mut requests, &id, expected.into_iter().collect())
                .await?;
            let expected = request.map(Rows::due).unwrap_or_default();
            self.rows(&mut due, &id, expected).await?;
            let expected = request.map(Rows::layers).unwrap_or_default();
            self.rows(&mut layers, &id, expected).await?;
            while let Some(row) = credentials.take(&mut self.view, &id).await? {
                if !request.is_some_and(|request| may_have_credential(request, &row[1])) {
                    self.differs(Difference::orphan(
                        "credentials",
                        &row[..2],
                        &[json!("one")],
                    ));
                }
            }
        }
    }

    /// The request of this name as the log tells it, with the number of its last entry.
    async fn folded(
        &mut self,
        id: &str,
        entries: &mut ByRequest,
        count: &mut u64,
    ) -> Result<Option<(Request, u64)>, Fault> {
        let mut fold = id.parse().ok().map(Fold::new);
        let mut wrong: Option<NotFoldable> = None;
        loop {
            let next = entries.take(&mut self.view, id).await;
            let Some(raw) = next.map_err(|error| unreadable("events", &error))? else {
                break;
            };
            *count += 1;
            if wrong.is_some() {
                continue;
            }
            if let Some(fold) = &mut fold {
                wrong = fold.add(&raw).err();
            }
        }
        let fold = match (fold, wrong) {
            (Some(fold), None) => fold,
            (_, wrong) => {
                let why = wrong.map_or("the name is not a request's".to_owned(), |it| {
                    it.to_string()
                });
                let found = "entries that form no valid request";
                self.differs(Difference::new("events", &[json!(id)], why, found));
                return Ok(None);
            }
        };
        let seq = fold.last_seq();
        Ok(fold.into_request().map(|request| (request, seq)))
    }

    /// Compares the rows that a table has for a request with those that it should have.
    async fn rows(
        &mut self,
        table: &mut Table,
        id: &str,
        mut expected: Vec<Vec<Value>>,
    ) -> Result<(), Fault> {
        let rows = table.rows;
        while let Some(row) = table.take(&mut self.view, id).await? {
            let known = expected
                .iter()
                .position(|it| rows.key(it) == rows.key(&row));
            match known.map(|known| expected.swap_remove(known)) {
                Some(expected) => self.columns(rows, &expected, &row),
                None => self.orphan(rows, &row),
            }
        }
        for row in expected {
            self.missing(rows, &row);
        }
        Ok(())
    }

    async fn locks(&mut self, expected: Vec<Vec<Value>>) -> Result<(), Fault> {
        let key = |row: &[Value]| row[0].as_str().unwrap_or_default().to_owned();
        let expected = expected.into_iter().map(|row| (key(&row), row));
        let mut expected: BTreeMap<String, Vec<Value>> = expected.collect();
        let mut table = Table::of("locks");
        while let Some(row) = table.next(&mut self.view).await? {
            match expected.remove(&key(&row)) {
                Some(expected) => self.columns(table.rows, &expected, &row),
                None => self.orphan(table.rows, &row),
            }
        }
        for row in expected.values() {
            self.missing(table.rows, row);
        }
        Ok(())
    }

    async fn cursors(&mut self, head: u64) -> Result<(), Fault> {
        let mut table = Table::of("cursors");
        while let Some(row) = table.next(&mut self.view).await? {
            if row[1].as_u64().is_none_or(|seq| seq > head) {
                let log = format!("it ends with entry {head}");
                self.differs(Difference::new(
                    "cursors",
                    &row[..1],
                    log,
                    row[1].to_string(),
                ));
            }
        }
        Ok(())
    }

    fn columns(&mut self, rows: Rows, expected: &[Value], row: &[Value]) {
        let columns = rows.columns().zip(expected.iter().zip(row));
        for (column, (expected, found)) in columns.filter(|(_, (one, other))| one != other) {
            match (read(expected), read(found)) {
                (Some(expected), Some(found)) => {
                    self.fields(rows, row, column, &expected, &found);
                }
                _ => self.differs(Difference::value(
                    rows.name(),
                    rows.key(row),
                    column,
                    expected,
                    found,
                )),
            }
        }
    }

    /// Compares what a column holds as JSON, by its fields: how it is laid out says nothing.
    fn fields(&mut self, rows: Rows, row: &[Value], column: &str, expected: &Value, found: &Value) {
        let (Value::Object(expected), Value::Object(found)) = (expected, found) else {
            if expected != found {
                let key = rows.key(row);
                self.differs(Difference::value(rows.name(), key, column, expected, found));
            }
            return;
        };
        let names: BTreeSet<&String> = expected.keys().chain(found.keys()).collect();
        for name in names {
            let (expected, found) = (expected.get(name), found.get(name));
            if expected != found {
                let [expected, found] = [expected, found].map(|it| it.cloned().unwrap_or_default());
                let field = format!("{column}.{name}");
                let key = rows.key(row);
                self.differs(Difference::value(
                    rows.name(),
                    key,
                    &field,
                    &expected,
                    &found,
                ));
            }
        }
    }

    fn orphan(&mut self, rows: Rows, row: &[Value]) {
        let key = rows.key(row);
        self.differs(Difference::orphan(rows.name(), key, &row[key.len()..]));
    }

    fn missing(&mut self, rows: Rows, row: &[Value]) {
        let key = rows.key(row);
        self.differs(Difference::missing(rows.name(), key, &row[key.len()..]));
    }

    fn differs(&mut self, difference: Difference) {
        (self.report)(difference);
    }
}

/// A column's JSON object, if it holds one.
fn read(value: &Value) -> Option<Value> {
    let text = value.as_str().filter(|text| text.starts_with('{'))?;
    serde_json::from_str(text).ok()
}

/// A credential is made with the first step in the target, and erased when the request is over.
fn may_have_credential(request: &Request, layer: &Value) -> bool {
    let layer = layer.as_u64().and_then(|layer| usize::try_from(layer).ok());
    let layer = layer.and_then(|layer| request.layers.get(layer));
    request.is_open() && layer.is_some_and(|layer| layer.progress != Progress::Planned)
}

/// A table that is read in the order of its key.
struct Table {
    rows: Rows,
    page: VecDeque<Vec<Value>>,
    last: Vec<Value>,
    is_over: bool,
}

impl Table {
    fn of(name: &str) -> Self {
        Self {
            rows: Rows::of(name),
            page: VecDeque::new(),
            last: Vec::new(),
            is_over: false,
        }
    }

    async fn fill(&mut self, view: &mut View) -> Result<(), Fault> {
        if !self.page.is_empty() || self.is_over {
            return Ok(());
        }
        let table = self.rows.name();
        let page = view.rows(self.rows, &self.last, PAGE).await;
        let page = page.map_err(|error| unreadable(table, &error))?;
        self.is_over = page.len() < PAGE as usize;
        if let Some(last) = page.last() {
            self.last = self.rows.key(last).to_vec();
        }
        self.page = page.into();
        Ok(())
    }

    async fn next(&mut self, view: &mut View) -> Result<Option<Vec<Value>>, Fault> {
        self.fill(view).await?;
        Ok(self.page.pop_front())
    }

    /// Which request the next row belongs to.
    async fn next_request(&mut self, view: &mut View) -> Result<Option<String>, Fault> {
        self.fill(view).await?;
        let row = self.page.front();
        Ok(row.map(|row| row[0].as_str().unwrap_or_default().to_owned()))
    }

    /// The next row, if it belongs to the request of this name.
    async fn take(&mut self, view: &mut View, id: &str) -> Result<Option<Vec<Value>>, Fault> {
        match self.next_request(view).await? {
            Some(next) if next == id => Ok(self.page.pop_front()),
            _ => Ok(None),
        }
    }
}

fn unreadable(table: &'static str, error: &StoreError) -> Fault {
    Fault::Table {
        table,
        why: error.to_string(),
    }
}
