//! What the fuzzer found before still holds: every file of `fuzz/corpus`, fed to the rule that it
//! was found for.

use std::{collections::BTreeSet, fs, panic, path::Path};

use keylend::store::RawEntry;

#[path = "../../fuzz/src/lib.rs"]
mod rules;

#[test]
fn the_corpus_of_the_log_has_entries_in_todays_format() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/log");
    let files = fs::read_dir(corpus).unwrap();
    let files = files.map(|file| fs::read(file.unwrap().path()).unwrap());
    let entries = files.map(|file| {
        let lines = file.split(|byte| *byte == b'\n');
        lines
            .filter(|line| RawEntry::from_line(line).is_ok())
            .count()
    });
    assert!(entries.sum::<usize>() > 5);
}

#[test]
fn whatever_was_found_to_arrive_holds() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    let mut broken = Vec::new();
    for (name, holds) in rules::TARGETS {
        let mut files = 0;
        for file in fs::read_dir(corpus.join(name)).unwrap() {
            let file = file.unwrap().path();
            let data = fs::read(&file).unwrap();
            if panic::catch_unwind(|| holds(&data)).is_err() {
                broken.push(file);
            }
            files += 1;
        }
        assert!((1..=100).contains(&files), "{name}: {files} files");
    }
    assert!(broken.is_empty(), "these break their rules: {broken:?}");
    let known = BTreeSet::from(rules::TARGETS.map(|(name, _)| name.to_owned()));
    let there = fs::read_dir(corpus).unwrap();
    let there = there.map(|folder| folder.unwrap().file_name().into_string().unwrap());
    assert_eq!(there.collect::<BTreeSet<_>>(), known);
}
