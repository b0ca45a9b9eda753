//! What a table says otherwise than the log, in words.

use std::fmt;

use serde_json::Value;

use crate::sanitize::escaped;

/// The longest value that is shown.
const SHOWN: usize = 120;

/// A row of a table that differs from the log. Contains no secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The table.
    pub table: &'static str,
    /// The row's key.
    pub key: String,
    /// The value that the log gives.
    pub log: String,
    /// The value in the table.
    pub found: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            table,
            key,
            log,
            found,
        } = self;
        let [key, log, found] = [key, log, found].map(|text| short(text));
        write!(
            f,
            "{table} {key}: the log says {log}; the table says {found}"
        )
    }
}

impl Difference {
    pub(super) fn new(
        table: &'static str,
        key: &[Value],
        log: impl Into<String>,
        found: impl Into<String>,
    ) -> Self {
        let key: Vec<String> = key.iter().map(plain).collect();
        Self {
            table,
            key: key.join(" "),
            log: log.into(),
            found: found.into(),
        }
    }

    /// A row that the log knows and the table lacks.
    pub(super) fn missing(table: &'static str, key: &[Value], expected: &[Value]) -> Self {
        Self::new(table, key, listed(expected), "nothing: the row is missing")
    }

    /// A row of which the log knows nothing.
    pub(super) fn orphan(table: &'static str, key: &[Value], row: &[Value]) -> Self {
        Self::new(table, key, "nothing", listed(row))
    }

    /// A value that is not what the log makes it.
    pub(super) fn value(
        table: &'static str,
        key: &[Value],
        column: &str,
        log: &Value,
        found: &Value,
    ) -> Self {
        let said = |value| format!("{column} {}", plain(value));
        Self::new(table, key, said(log), said(found))
    }
}

fn listed(row: &[Value]) -> String {
    let row: Vec<String> = row.iter().map(plain).collect();
    row.join(" ")
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn short(text: &str) -> String {
    let shown: String = text.chars().take(SHOWN).collect();
    let more = if shown.len() < text.len() { "…" } else { "" };
    escaped(&shown) + more
}
