//! A line of an export counts only in its canonical form, and no change to an entry goes unseen.
//!
//! The bytes: an export, one entry a line.

use keylend::store::{Chain, Entry, GENESIS, RawEntry};
use serde_json::{Value, json, value::RawValue};
use sha2::{Digest, Sha256};

/// How many entries are looked at: every change to each of them is tried.
const MOST: usize = 8;

pub fn holds(data: &[u8]) {
    let lines = data.split(|byte| *byte == b'\n');
    let mut entries: Vec<RawEntry> = lines.filter_map(read).take(MOST).collect();
    let (mut before, mut at) = (GENESIS.to_owned(), String::new());
    for (entry, seq) in entries.iter_mut().zip(1..) {
        keeps_its_hash(entry);
        // Sealed anew, as one log, by the recipe rather than by the program.
        if Chain::after(0, GENESIS)
            .check(&sealed_first(entry))
            .is_err()
        {
            entry.texts = value_of("{}");
        }
        if Chain::after(0, GENESIS)
            .check(&sealed_first(entry))
            .is_err()
        {
            "2026-11-21T09:00:00.000Z".clone_into(&mut entry.at);
        }
        at = at.max(entry.at.clone());
        entry.at.clone_from(&at);
        entry.seq = seq;
        entry.prev_hash = before;
        entry.hash = hash(entry);
        before = entry.hash.clone();
    }
    assert_eq!(first_broken(&entries), None);
    for (at, seq) in (0..entries.len()).zip(1..) {
        let changes: [fn(&mut RawEntry); 7] = [
            |entry| entry.actor.push('x'),
            |entry| entry.at.push('0'),
            |entry| entry.kind.insert(0, ' '),
            |entry| entry.body = other_than(&entry.body),
            |entry| entry.rules = other_than(&entry.rules),
            |entry| entry.texts = value_of(r#"{"/no/such":["salt","text"]}"#),
            |entry| {
                entry.request_id = match entry.request_id {
                    Some(_) => None,
                    None => Some(String::new()),
                }
            },
        ];
        for change in changes {
            let mut changed = entries.clone();
            change(&mut changed[at]);
            assert_eq!(first_broken(&changed), Some(seq), "{:?}", changed[at]);
        }
        let mut without = entries.clone();
        without.remove(at);
        let expected = (at < without.len()).then_some(seq);
        assert_eq!(first_broken(&without), expected);
    }
}

/// The line's entry, which is written as the line is.
fn read(line: &[u8]) -> Option<RawEntry> {
    let entry = RawEntry::from_line(line).ok()?;
    assert_eq!(entry.line().as_bytes(), line);
    Some(entry)
}

fn keeps_its_hash(entry: &RawEntry) {
    let fields = json!({
        "actor": entry.actor,
        "at": entry.at,
        "body": value(&entry.body),
        "kind": entry.kind,
        "request_id": entry.request_id,
        "rules": value(&entry.rules),
        "seq": entry.seq,
        "version": entry.version,
    });
    let read: Value = serde_json::from_str(&entry.canonical()).expect("it is JSON");
    assert_eq!(read, fields);
    if let Ok(understood) = Entry::try_from(entry) {
        let written = serde_json::to_string(&understood).expect("an entry can be written");
        let again: Entry = serde_json::from_str(&written).expect("what was written is read");
        let again = serde_json::to_string(&again).expect("an entry can be written");
        assert_eq!(again, written);
    }
}

fn first_broken(entries: &[RawEntry]) -> Option<u64> {
    let mut chain = Chain::default();
    let broken = entries.iter().find_map(|entry| chain.check(entry).err());
    broken.map(|broken| broken.seq)
}

fn hash(entry: &RawEntry) -> String {
    let hash = Sha256::new()
        .chain_update(&entry.prev_hash)
        .chain_update(entry.canonical())
        .finalize();
    hex::encode(hash)
}

fn value(text: &RawValue) -> Value {
    serde_json::from_str(text.get()).expect("it was read as JSON")
}

/// The entry as the first of a log.
fn sealed_first(entry: &RawEntry) -> RawEntry {
    let mut first = entry.clone();
    first.seq = 1;
    first.prev_hash = GENESIS.to_owned();
    first.hash = hash(&first);
    first
}

fn value_of(text: &str) -> Box<RawValue> {
    RawValue::from_string(text.to_owned()).expect("it is JSON")
}

fn other_than(text: &RawValue) -> Box<RawValue> {
    let wrapped = format!("[{}]", text.get());
    RawValue::from_string(wrapped).expect("it is JSON in brackets")
}
