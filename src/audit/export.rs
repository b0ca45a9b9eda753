//! The log for other programs: JSON lines to check it with, CSV to look at it with.
//!
//! Nothing is checked on the way: who wants to know what is wrong with a broken log needs all of
//! it.

use std::io::Write;

use super::log::{Fault, Log};
use crate::{sanitize::escaped, store::RawEntry};

/// How an export is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// One entry a line, in canonical form: every hashed field, and the hashes. Characters that would
    /// steer a terminal are written as escapes. `audit verify --file` reads it.
    Jsonl,
    /// A table for spreadsheets; it cannot be verified, since cells are made safe to open.
    Csv,
}

/// The export did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// An entry cannot be read.
    #[error(transparent)]
    Log(#[from] Fault),
    /// Nothing more can be written.
    #[error(transparent)]
    Write(#[from] std::io::Error),
}

impl From<csv::Error> for ExportError {
    fn from(error: csv::Error) -> Self {
        match error.into_kind() {
            csv::ErrorKind::Io(error) => Self::Write(error),
            other => Self::Write(std::io::Error::other(format!("{other:?}"))),
        }
    }
}

/// The table's columns, in order.
const COLUMNS: [&str; 10] = [
    "seq",
    "at",
    "request_id",
    "kind",
    "actor",
    "rules",
    "body",
    "prev_hash",
    "hash",
    "version",
];

/// Writes all of `log` to `out`. Answers how many entries that were.
///
/// # Errors
///
/// If an entry cannot be read, or `out` takes no more.
pub async fn export(
    mut log: Log,
    format: Format,
    mut out: &mut (dyn Write + Send),
) -> Result<u64, ExportError> {
    let mut written = 0;
    match format {
        Format::Jsonl => {
            while let Some(entry) = log.next().await? {
                writeln!(out, "{}", entry.line())?;
                written += 1;
            }
        }
        Format::Csv => {
            let mut table = csv::Writer::from_writer(&mut out);
            table.write_record(COLUMNS)?;
            while let Some(entry) = log.next().await? {
                table.write_record(row(&entry).map(|cell| harmless(escaped(&cell))))?;
                written += 1;
            }
            table.flush()?;
        }
    }
    out.flush()?;
    Ok(written)
}

/// The cells of an entry: rules separated by spaces, the particulars as JSON.
fn row(entry: &RawEntry) -> [String; COLUMNS.len()] {
    let rules: Vec<String> = serde_json::from_str(entry.rules.get()).unwrap_or_default();
    [
        entry.seq.to_string(),
        entry.at.clone(),
        entry.request_id.clone().unwrap_or_default(),
        entry.kind.clone(),
        entry.actor.clone(),
        rules.join(" "),
        entry.readable_body().get().to_owned(),
        entry.prev_hash.clone(),
        entry.hash.clone(),
        entry.version.to_string(),
    ]
}

/// Spreadsheets run what looks like a formula; an apostrophe in front keeps it text (OWASP, CSV
/// injection).
fn harmless(text: String) -> String {
    match text.chars().next() {
        Some('=' | '+' | '-' | '@' | '\t' | '\r' | '\n' | '＝' | '＋' | '－' | '＠') => {
            format!("'{text}")
        }
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_taken_for_a_formula() {
        for formula in [
            "=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1",
        ] {
            assert_eq!(harmless(formula.to_owned()), format!("'{formula}"));
        }
        for plain in ["", "U0ALICE", "{\"reason\":\"=1\"}"] {
            assert_eq!(harmless(plain.to_owned()), plain);
        }
    }
}
