//! A log with every kind of entry that there ever was. `golden.jsonl` is only ever appended to, and
//! every later Keylend reads, folds and verifies it.
//!
//! A new kind of entry, end, removal or change gets an entry at the end of the file, and the place of
//! the new last line goes to the end of [`PLACES`].

use std::collections::{BTreeMap, BTreeSet};

use keylend::{
    audit::{
        log::Log,
        verify::{Known, verify},
    },
    domain::{
        AttemptEvent, Departure, EndCause, Event, GroupEvent, LockEvent, NameEvent, Removal,
        UnexplainedEvent,
    },
    store::{Entry, Fold, LocksInForce, RawEntry},
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

const GOLDEN: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/tests/service/audit/golden.jsonl"
);

/// The last line of each version of the file, as `--head` takes it. What was there before a change is
/// there afterwards: a hash is taken over everything before it.
const PLACES: [&str; 6] = [
    "102:07f5732439f6a95db5a42b0c8506e9e55942f5ad97a2fc40363670bdf6ee71aa",
    "109:7681ccdee1573f629f28b0edd84b4b3346b691850e629df0e50cfbda5c574f69",
    "122:40bacb62eec931f9daac1315038e9d99ce82e3ac12fa6cb14ab800a494214b9c",
    "128:929780b28d88f0ff4f94fe7da64c021ce5cc7b86f442c7e031e0fc4ba057ba06",
    "143:12791be06135b0821afb37082111f9cea2ac2cb28e990cb78c866f336b2e0715",
    "148:064b5aac43a27e60acc44998c890d687fceb182bd349837ba3af8494c058e722",
];

fn lines() -> Vec<RawEntry> {
    let text = std::fs::read_to_string(GOLDEN).unwrap();
    let lines = text
        .lines()
        .map(|line| RawEntry::from_line(line.as_bytes()));
    lines.collect::<Result<_, _>>().unwrap()
}

/// The names that one field of a type can have, which serde lists where it meets another.
fn names<T: DeserializeOwned>(tag: &str) -> BTreeSet<String> {
    let error = serde_json::from_value::<T>(json!({tag: "no such", "body": {}}));
    let error = error.err().unwrap().to_string();
    let (_, listed) = error.split_once("expected one of ").unwrap_or_else(|| {
        // Of a single name, serde says it without a list.
        error.split_once("expected ").expect("the names")
    });
    let names: BTreeSet<String> = listed
        .split('`')
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect();
    assert!(!names.is_empty(), "{error}");
    names
}

/// What stands in a field of this name, at any depth.
fn found(value: &Value, field: &str, into: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                if let (true, Some(text)) = (name == field, value.as_str()) {
                    into.insert(text.to_owned());
                }
                found(value, field, into);
            }
        }
        Value::Array(values) => values.iter().for_each(|value| found(value, field, into)),
        _ => {}
    }
}

#[test]
fn the_golden_log_has_every_kind_of_entry() {
    let lines = lines();
    let mut there: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for line in &lines {
        there.entry("kind").or_default().insert(line.kind.clone());
        let body: Value = serde_json::from_str(line.body.get()).unwrap();
        for field in ["cause", "method", "change"] {
            found(&body, field, there.entry(field).or_default());
        }
    }
    let kinds = [
        names::<Event>("kind"),
        names::<LockEvent>("kind"),
        names::<NameEvent>("kind"),
        names::<UnexplainedEvent>("kind"),
        names::<AttemptEvent>("kind"),
        names::<GroupEvent>("kind"),
    ];
    for (field, wanted) in [
        ("kind", kinds.into_iter().flatten().collect()),
        ("cause", names::<EndCause>("cause")),
        ("method", names::<Removal>("method")),
        ("change", names::<Departure>("change")),
    ] {
        let missing: Vec<_> = wanted.difference(&there[field]).collect();
        assert!(
            missing.is_empty(),
            "golden.jsonl has no {field} {missing:?}"
        );
    }
}

#[test]
fn no_entry_of_the_golden_log_hashes_an_address_a_reason_or_a_ticket() {
    for line in lines() {
        let hashed = line.canonical();
        for personal in ["@example.com", "failing", "not today", "stolen", "INC-4211"] {
            assert!(!hashed.contains(personal), "{hashed}");
        }
        assert!(line.is_canonical());
    }
}

#[tokio::test]
async fn the_golden_log_is_whole_and_only_grows() {
    let lines = lines();
    let places: Vec<String> = lines
        .iter()
        .map(|line| format!("{}:{}", line.seq, line.hash))
        .collect();
    for place in PLACES {
        assert!(places.iter().any(|it| it == place), "{place} is gone");
    }
    assert_eq!(places.last().map(String::as_str), PLACES.last().copied());
    let log = Log::in_file(GOLDEN.as_ref(), 0).await.unwrap();
    let whole = verify(log, Known::default()).await.unwrap();
    assert_eq!(whole.entries, lines.len() as u64);
}

#[test]
fn every_entry_of_the_golden_log_folds() {
    let mut locks = LocksInForce::default();
    let mut folds: BTreeMap<String, Fold> = BTreeMap::new();
    for raw in &lines() {
        // What is read is written the same, so that nothing is lost on the way.
        let entry = Entry::try_from(raw).unwrap();
        let mut read = serde_json::to_value(raw).unwrap();
        read["body"] = serde_json::from_str(raw.readable_body().get()).unwrap();
        read.as_object_mut().unwrap().remove("texts");
        assert_eq!(serde_json::to_value(&entry).unwrap(), read);
        match &raw.request_id {
            None => locks.note(raw).unwrap(),
            Some(id) => {
                let fold = folds
                    .entry(id.clone())
                    .or_insert_with(|| Fold::new(id.parse().unwrap()));
                fold.add(raw).unwrap();
            }
        }
    }
    let states: BTreeSet<&str> = folds
        .values()
        .filter_map(Fold::request)
        .map(|request| request.state.name())
        .collect();
    let over = ["denied", "ended", "failed", "lapsed", "withdrawn"];
    assert!(
        over.iter().all(|state| states.contains(state)),
        "{states:?}"
    );
    assert_eq!(locks.rows().len(), 1);
}
