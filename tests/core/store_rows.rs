//! Whoever can write to the store's tables can put any bytes in a column of text. A row that cannot be read
//! must not hide the rows that are read together with it.

use std::{fs, path::Path};

/// What reads a whole store for an operator, and tells of the row that cannot be read.
const TOOLS: &[&str] = &["dump.rs", "view.rs"];

/// What fetches rows.
const FETCHES: &[&str] = &["fetch_one(", "fetch_all(", "fetch_optional("];

/// The types in which a file reads rows: of each variable that rows are fetched into, of each alias, and
/// of each structure that is made from a row.
fn types_of_rows(source: &str) -> Vec<String> {
    let mut types = Vec::new();
    for statement in source.split(';') {
        let fetches = FETCHES.iter().any(|fetch| statement.contains(fetch));
        for (word, counts) in [("let ", fetches), ("\ntype ", true), ("\n    type ", true)] {
            let found = statement.split(word).skip(1).filter(|_| counts);
            types.extend(found.map(|found| match word {
                "let " => found.split(" =").next().unwrap_or(found).to_owned(),
                _ => found.to_owned(),
            }));
        }
    }
    let structures = source.split("FromRow)]").skip(1);
    types.extend(structures.map(|found| {
        let ends = ["\n}", "\n)"].map(|end| found.find(end).unwrap_or(found.len()));
        found[..ends[0].min(ends[1])].to_owned()
    }));
    types
}

#[test]
fn no_row_is_read_as_a_type_that_fails_for_what_is_not_utf_8() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let shared = fs::read_dir(root.join("src/store/sql")).unwrap();
    let mut files: Vec<_> = shared.map(|file| file.unwrap().path()).collect();
    files.push(root.join("src/store/sqlite/claims.rs"));
    let mut rows = 0;
    for file in files {
        if TOOLS.iter().any(|tool| file.ends_with(tool)) {
            continue;
        }
        for found in types_of_rows(&fs::read_to_string(&file).unwrap()) {
            rows += 1;
            assert!(
                !found.contains("String"),
                "{}: read texts as `Text`: {found}",
                file.display()
            );
        }
    }
    assert!(rows > 30, "only {rows} were found");
}

/// So a column of numbers has numbers, and one of text has no bytes of another type.
#[test]
fn every_table_in_sqlite_is_strict() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for file in fs::read_dir(root.join("migrations/sqlite")).unwrap() {
        let migration = fs::read_to_string(file.unwrap().path()).unwrap();
        for table in migration.split("CREATE TABLE ").skip(1) {
            let end = table
                .split("\n)")
                .nth(1)
                .and_then(|end| end.split(';').next());
            assert!(end.is_some_and(|end| end.contains("STRICT")), "{table}");
        }
    }
}
