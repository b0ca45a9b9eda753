//! The cursors and documents of those who follow the log.

use std::collections::{BTreeMap, BTreeSet};

use keylend::{
    domain::Time,
    store::{CommitError, Document, DocumentWrites, Referring, Touch},
};

/// Everything that followers keep.
#[derive(Default)]
pub(super) struct Kept {
    cursors: BTreeMap<String, u64>,
    documents: BTreeMap<(String, String), Row>,
}

struct Row {
    document: Document,
    refs: BTreeSet<String>,
}

impl Kept {
    pub(super) fn cursor(&self, name: &str) -> u64 {
        self.cursors.get(name).copied().unwrap_or(0)
    }

    pub(super) fn move_cursor(&mut self, name: &str, seq: u64) {
        let cursor = self.cursors.entry(name.to_owned()).or_default();
        *cursor = seq.max(*cursor);
    }

    pub(super) fn of<'a>(&'a self, collection: &'a str) -> impl Iterator<Item = &'a Document> {
        let rows = self.documents.values().map(|row| &row.document);
        rows.filter(move |document| document.collection == collection)
    }

    pub(super) fn document(&self, collection: &str, key: &str) -> Option<Document> {
        let key = (collection.to_owned(), key.to_owned());
        self.documents.get(&key).map(|row| row.document.clone())
    }

    pub(super) fn referring(&self, collection: &str, to: &str) -> Vec<Document> {
        let rows = self.documents.values();
        rows.filter(|row| row.document.collection == collection && row.refs.contains(to))
            .map(|row| row.document.clone())
            .collect()
    }

    pub(super) fn due(&self, collection: &str, now: Time, limit: usize) -> Vec<Document> {
        let due = self.of(collection);
        let mut due: Vec<_> = due
            .filter(|it| it.due_at.is_some_and(|at| at <= now))
            .cloned()
            .collect();
        due.sort_by(|one, other| {
            let order = |it: &Document| (!it.is_urgent, it.due_at);
            (order(one), &one.key).cmp(&(order(other), &other.key))
        });
        due.truncate(limit);
        due
    }

    pub(super) fn next(&self, collection: &str, now: Time) -> Option<Time> {
        let due = self.of(collection).filter_map(|it| it.due_at);
        due.filter(|at| *at > now).min()
    }

    /// Whether no document is due, now or later.
    pub(super) fn rests(&self) -> bool {
        let mut rows = self.documents.values();
        rows.all(|row| row.document.due_at.is_none())
    }

    pub(super) fn write(&mut self, writes: &DocumentWrites) -> Result<(), CommitError> {
        let is_elsewhere = |name: &str, from| self.cursor(name) != from;
        if let Some(step) = &writes.step
            && is_elsewhere(&step.cursor, step.from)
        {
            return Err(CommitError::Conflict);
        }
        if let Some(put) = &writes.put {
            let Document {
                collection, key, ..
            } = &put.document;
            let current = self.document(collection, key).map_or(0, |it| it.version);
            if current != put.document.version {
                return Err(CommitError::Conflict);
            }
        }
        if let Some(step) = &writes.step {
            self.cursors.insert(step.cursor.clone(), step.to);
        }
        for added in &writes.add {
            let Document {
                collection, key, ..
            } = &added.document;
            if self.document(collection, key).is_none() {
                self.put(added);
            }
        }
        if let Some(put) = &writes.put {
            self.put(put);
        }
        for touch in &writes.touch {
            self.touch(touch);
        }
        Ok(())
    }

    fn put(&mut self, put: &Referring) {
        let Referring { document, refs } = put.clone();
        let key = (document.collection.clone(), document.key.clone());
        let document = Document {
            version: document.version + 1,
            ..document
        };
        self.documents.insert(key, Row { document, refs });
    }

    fn touch(&mut self, touch: &Touch) {
        let rows = self.documents.values_mut();
        let touched = rows.filter(|row| {
            row.document.collection == touch.collection && !row.refs.is_disjoint(&touch.refs)
        });
        for Row { document, .. } in touched {
            document.version += 1;
            let due_at = document.due_at;
            document.due_at = Some(due_at.map_or(touch.at, |due_at| due_at.min(touch.at)));
        }
    }
}
