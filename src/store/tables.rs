//! The tables of a store, whichever database it is on, and their rows as all databases know them.

/// What one column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A whole number.
    Number,
    /// Text.
    Text,
    /// Bytes.
    Bytes,
}

/// A table, how many of its columns are its key, and its columns.
pub(super) struct Table {
    pub(super) name: &'static str,
    pub(super) key: usize,
    pub(super) columns: &'static [(&'static str, Kind)],
}

/// A value as both databases know it.
pub(super) enum Cell {
    Number(Option<i64>),
    Text(Option<String>),
    Bytes(Option<Vec<u8>>),
}

/// Rows of one table, in its order.
pub(super) struct Batch {
    pub(super) table: &'static Table,
    pub(super) rows: Vec<Vec<Cell>>,
}

use Kind::{Bytes, Number, Text};

/// Tables that are left behind: they belong to replicas at work, to the database's migrations, or follow
/// from the log.
pub(super) const LEFT_BEHIND: &[&str] = &[
    "_sqlx_migrations",
    "claims",
    "deliveries",
    "high_water",
    "kept_people",
    "outdated",
    "replicas",
    "service",
    "write_probe",
];

/// What is copied. What refers to something comes behind it, and the log is in its order.
pub(super) const TABLES: &[Table] = &[
    Table {
        name: "events",
        key: 1,
        columns: &[
            ("seq", Number),
            ("at", Text),
            ("request_id", Text),
            ("kind", Text),
            ("actor", Text),
            ("rules", Text),
            ("body", Text),
            ("prev_hash", Text),
            ("hash", Text),
            ("version", Number),
            ("texts", Text),
            ("mac", Text),
        ],
    },
    Table {
        name: "requests",
        key: 1,
        columns: &[
            ("id", Text),
            ("version", Number),
            ("requester", Text),
            ("scope", Text),
            ("state", Text),
            ("open", Number),
            ("asked_at", Number),
            ("failures", Number),
            ("last_seq", Number),
            ("snapshot", Text),
            ("awaits", Number),
        ],
    },
    Table {
        name: "due",
        key: 2,
        columns: &[("request_id", Text), ("lane", Text), ("due_at", Number)],
    },
    Table {
        name: "layers",
        key: 2,
        columns: &[
            ("request_id", Text),
            ("layer", Number),
            ("entitlement", Text),
            ("managed", Number),
            ("goes_on", Number),
        ],
    },
    Table {
        name: "locks",
        key: 1,
        columns: &[("target", Text), ("set_at", Number), ("lock", Text)],
    },
    Table {
        name: "credentials",
        key: 2,
        columns: &[("request_id", Text), ("layer", Number), ("sealed", Bytes)],
    },
    Table {
        name: "cursors",
        key: 1,
        columns: &[("name", Text), ("seq", Number), ("mac", Text)],
    },
    Table {
        name: "documents",
        key: 2,
        columns: &[
            ("collection", Text),
            ("key", Text),
            ("version", Number),
            ("due_at", Number),
            ("is_urgent", Number),
            ("body", Text),
            ("mac", Text),
        ],
    },
    Table {
        name: "document_refs",
        key: 3,
        columns: &[("collection", Text), ("key", Text), ("refers_to", Text)],
    },
];
