//! The documentation explains every alert.

use std::{collections::BTreeSet, fs};

use keylend::alerts::NAMES;
use regex::Regex;

/// The alerts in the first column of the tables of `page` that begin with the line `header`, without the part
/// after the colon.
fn in_tables(page: &str, header: &str) -> BTreeSet<String> {
    let page = format!("{}/{page}", env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(page).unwrap();
    let name = Regex::new("`([a-z_]+)[^`]*`").unwrap();
    let mut names = BTreeSet::new();
    let mut is_table = false;
    for line in text.lines() {
        is_table = line == header || (is_table && line.starts_with('|'));
        if is_table && let Some(cell) = line.split('|').nth(1) {
            names.extend(name.captures_iter(cell).map(|name| name[1].to_owned()));
        }
    }
    names
}

#[test]
fn operations_and_runbooks_explain_every_alert() {
    let all: BTreeSet<String> = NAMES.map(str::to_owned).into();
    let operations = in_tables("docs/operations.md", "| Alert | Meaning | What to do |");
    assert_eq!(operations, all);
    let runbooks = in_tables("docs/runbooks.md", "| alert | runbook, or what to do |");
    assert_eq!(runbooks, all);
}
