//! The hash chain: what makes the log checkable by anybody, without Keylend.
//!
//! The rows of `events` hold exactly the text that was hashed, so a check compares nothing with
//! copies and parses no event. An entry is hashed like this, and nothing else goes in:
//!
//! 1. `text` = the JSON object with the seven keys `actor`, `at`, `body`, `kind`, `request_id`
//!    (null for locks), `rules`, `seq`, in the canonical form of RFC 8785: keys sorted, no white
//!    space, UTF-8. `at` is RFC 3339 in UTC with exactly three digits of the second and a `Z`.
//! 2. `hash` = SHA-256 over the 64 hexadecimal digits of `prev_hash`, as ASCII text, followed by
//!    `text`; written as 64 lower-case hexadecimal digits.
//! 3. `prev_hash` is the `hash` of the entry before; of the first, 64 zeros. `seq` counts from 1
//!    without a gap.
//!
//! Whoever has an export, one entry a line, can redo it with Python's standard library:
//!
//! ```python
#![doc = include_str!("verify.py")]
//! ```
//!
//! (`json.dumps` writes the canonical form as long as numbers are whole and keys are ASCII, which
//! holds for everything that Keylend says itself; should a backend's parameters hold fractions,
//! take an implementation of RFC 8785.)
//!
//! The chain shows that no entry was changed, taken out or put in without sealing everything behind
//! it anew. Whoever can write the file can do that, or cut off the end: to find it, compare a hash
//! that was noted elsewhere before (with an earlier export, say) with the log's.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Value, value::RawValue};
use sha2::{Digest, Sha256};

use super::Record;

/// What stands for the hash before the first entry.
pub const GENESIS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// An entry of the log as the text that was hashed. In JSON it looks as an
/// [`Entry`](super::Entry) does, and may be read in any layout.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RawEntry {
    /// Its number.
    pub seq: u64,
    /// When; RFC 3339 in UTC with milliseconds.
    pub at: String,
    /// Which request; null for locks.
    pub request_id: Option<String>,
    /// What, in one word.
    pub kind: String,
    /// The particulars, in canonical form.
    #[serde(deserialize_with = "canonical_json")]
    pub body: Box<RawValue>,
    /// By whose word.
    pub actor: String,
    /// Under which rules: an array of names, in canonical form.
    #[serde(deserialize_with = "canonical_json")]
    pub rules: Box<RawValue>,
    /// The hash of the entry before, 64 hexadecimal digits.
    pub prev_hash: String,
    /// The entry's own hash, 64 hexadecimal digits.
    pub hash: String,
}

impl RawEntry {
    /// The canonical JSON that is hashed: everything but the hashes.
    pub fn canonical(&self) -> String {
        let mut text = Vec::new();
        self.write_canonical(&mut text);
        String::from_utf8(text).expect("JSON made of strings is UTF-8")
    }

    /// The keys stand in the order of RFC 8785, and serde_json escapes strings as it demands.
    fn write_canonical(&self, text: &mut Vec<u8>) {
        fn json(text: &mut Vec<u8>, value: impl Serialize) {
            serde_json::to_writer(text, &value).expect("a plain value can be written to memory");
        }
        text.extend_from_slice(b"{\"actor\":");
        json(text, &self.actor);
        text.extend_from_slice(b",\"at\":");
        json(text, &self.at);
        text.extend_from_slice(b",\"body\":");
        text.extend_from_slice(self.body.get().as_bytes());
        text.extend_from_slice(b",\"kind\":");
        json(text, &self.kind);
        text.extend_from_slice(b",\"request_id\":");
        match &self.request_id {
            Some(id) => json(text, id),
            None => text.extend_from_slice(b"null"),
        }
        text.extend_from_slice(b",\"rules\":");
        text.extend_from_slice(self.rules.get().as_bytes());
        text.extend_from_slice(b",\"seq\":");
        json(text, self.seq);
        text.push(b'}');
    }
}

/// The end of a chain: where the next entry is sealed, or checked.
#[derive(Debug, Clone)]
pub struct Chain {
    seq: u64,
    hash: String,
    text: Vec<u8>,
}

impl Default for Chain {
    /// The empty chain.
    fn default() -> Self {
        Self::after(0, GENESIS)
    }
}

/// Where the log is broken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("entry {seq} {why}")]
pub struct Broken {
    /// The first entry that is not what it was.
    pub seq: u64,
    /// How that shows.
    pub why: Why,
}

/// How it shows that a log is broken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Why {
    /// Another entry stands in its place.
    #[error("is missing: entry {found} stands in its place")]
    Missing {
        /// The other entry.
        found: u64,
    },
    /// It names another hash than the entry before has.
    #[error("does not follow from the entry before")]
    Unlinked,
    /// Its own hash is another than its text has.
    #[error("was changed: its text does not have its hash")]
    Altered,
}

impl Chain {
    /// The chain whose last entry is number `seq` and has this hash.
    pub fn after(seq: u64, hash: &str) -> Self {
        Self {
            seq,
            hash: hash.to_owned(),
            text: Vec::new(),
        }
    }

    /// The number of the last entry, 0 at first.
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// The hash of the last entry, [`GENESIS`] at first.
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// Gives `record` its place at the end.
    pub fn seal(&mut self, record: &Record) -> RawEntry {
        let mut particulars =
            serde_json::to_value(&record.body).expect("an event can be written as JSON");
        let Value::String(kind) = particulars["kind"].take() else {
            unreachable!("an event is tagged with its kind");
        };
        let mut entry = RawEntry {
            seq: self.seq + 1,
            at: super::entry::time_text(record.at),
            request_id: record.request.map(|id| id.to_string()),
            kind,
            body: canonical(&particulars["body"]),
            actor: record.actor.to_string(),
            rules: canonical(&record.rules),
            prev_hash: self.hash.clone(),
            hash: String::new(),
        };
        let hash = self.hash_of(&entry);
        entry.hash = hash.iter().copied().map(char::from).collect();
        self.seq = entry.seq;
        self.hash.clone_from(&entry.hash);
        entry
    }

    /// Checks that `entry` comes next and is what was sealed, and moves on to it.
    ///
    /// # Errors
    ///
    /// If it does not or is not; the chain then stays where it was.
    pub fn check(&mut self, entry: &RawEntry) -> Result<(), Broken> {
        let seq = self.seq + 1;
        let broken = |why| Err(Broken { seq, why });
        if entry.seq != seq {
            return broken(Why::Missing { found: entry.seq });
        }
        if entry.prev_hash != self.hash {
            return broken(Why::Unlinked);
        }
        if entry.hash.as_bytes() != self.hash_of(entry) {
            return broken(Why::Altered);
        }
        self.seq = seq;
        self.hash.clone_from(&entry.hash);
        Ok(())
    }

    /// The entry's hash as hexadecimal digits.
    fn hash_of(&mut self, entry: &RawEntry) -> [u8; GENESIS.len()] {
        self.text.clear();
        self.text.extend_from_slice(self.hash.as_bytes());
        entry.write_canonical(&mut self.text);
        let mut digits = [0; GENESIS.len()];
        hex::encode_to_slice(Sha256::digest(&self.text), &mut digits)
            .expect("a hash has half as many bytes as digits");
        digits
    }
}

fn canonical(value: &impl Serialize) -> Box<RawValue> {
    let text = serde_json_canonicalizer::to_string(value).expect("an event has a canonical form");
    RawValue::from_string(text).expect("the canonical form is JSON")
}

fn canonical_json<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Box<RawValue>, D::Error> {
    Value::deserialize(deserializer).map(|value| canonical(&value))
}

#[cfg(test)]
mod tests {
    use std::{fs, process::Command};

    use proptest::prelude::*;

    use super::*;
    use crate::{
        domain::{Actor, Event, LockEvent, LockTarget, RequestId, RuleId, Time, UserId},
        store::{Entry, EntryBody},
    };

    fn record(reason: &str, millis: i64) -> Record {
        let at = Time::from_timestamp_millis(millis).unwrap();
        Record {
            at,
            request: Some(RequestId::derive(reason)),
            actor: Actor::Person(UserId::new("U0ALICE")),
            rules: vec![RuleId::new("approver-group"), RuleId::new("max-duration")],
            body: EntryBody::Request(Event::LayerNotGone {
                layer: 1,
                error: reason.to_owned(),
                retry_at: at,
            }),
        }
    }

    /// Text that is written differently by those who escape too much or too little.
    const REASONS: [&str; 5] = [
        "writes are failing",
        "Größe „ß“ 東京 \u{1F511}",
        "\"quoted\" \\ / <b> & \u{7f} \u{2028}",
        "\u{0} \u{1f} \u{8} \u{c} \n \r \t",
        "",
    ];

    fn sealed() -> Vec<RawEntry> {
        let mut chain = Chain::default();
        REASONS
            .iter()
            .zip([0, 1, 1_000, 1_700_000_000_120, 1_700_000_000_123])
            .map(|(reason, millis)| chain.seal(&record(reason, millis)))
            .collect()
    }

    fn first_broken(entries: &[RawEntry]) -> Option<Broken> {
        let mut chain = Chain::default();
        entries.iter().find_map(|entry| chain.check(entry).err())
    }

    #[test]
    fn an_entry_is_hashed_as_the_recipe_says() {
        let mut chain = Chain::default();
        let entry = chain.seal(&Record {
            at: Time::from_timestamp_millis(1_700_000_000_000).unwrap(),
            request: None,
            actor: Actor::Keylend,
            rules: Vec::new(),
            body: EntryBody::Lock(LockEvent::Unlocked {
                target: LockTarget::Everything,
            }),
        });
        assert_eq!(
            entry.canonical(),
            concat!(
                r#"{"actor":"keylend","at":"2023-11-14T22:13:20.000Z","#,
                r#""body":{"target":"everything"},"kind":"unlocked","#,
                r#""request_id":null,"rules":[],"seq":1}"#
            )
        );
        let hashed = format!("{GENESIS}{}", entry.canonical());
        assert_eq!(entry.hash, hex::encode(Sha256::digest(hashed)));
        assert_eq!((chain.seq(), chain.hash()), (1, entry.hash.as_str()));
    }

    #[test]
    fn every_change_to_an_entry_is_found_at_that_entry() {
        type Change = fn(&mut RawEntry);
        let json = |text: &str| RawValue::from_string(text.to_owned()).unwrap();
        let altered = [
            (|entry| entry.at.replace_range(0..4, "1999")) as Change,
            |entry| entry.request_id = None,
            |entry| entry.kind.push('x'),
            |entry| entry.actor = "person:U0MALLORY".to_owned(),
            |entry| entry.hash.replace_range(0..1, "g"),
        ];
        for change in altered {
            let mut entries = sealed();
            change(&mut entries[2]);
            let why = Why::Altered;
            assert_eq!(first_broken(&entries), Some(Broken { seq: 3, why }));
        }
        let mut entries = sealed();
        entries[2].body = json(r#"{"error":"","layer":1}"#);
        assert_eq!(first_broken(&entries).unwrap().why, Why::Altered);
        entries = sealed();
        entries[2].rules = json("[]");
        assert_eq!(first_broken(&entries).unwrap().why, Why::Altered);
        entries = sealed();
        entries[2].prev_hash = GENESIS.to_owned();
        assert_eq!(first_broken(&entries).unwrap().why, Why::Unlinked);
        assert_eq!(first_broken(&sealed()), None);
    }

    #[test]
    fn an_entry_taken_out_or_put_in_is_found() {
        let mut entries = sealed();
        entries.remove(1);
        let why = Why::Missing { found: 3 };
        assert_eq!(first_broken(&entries), Some(Broken { seq: 2, why }));
        // Whoever seals the rest anew after taking one out ends with another hash.
        let mut entries = sealed();
        let mut forger = Chain::after(2, &entries[1].hash);
        entries[2] = forger.seal(&record("something else", 1_000));
        assert_eq!(
            first_broken(&entries),
            Some(Broken {
                seq: 4,
                why: Why::Unlinked
            })
        );
    }

    #[test]
    fn an_export_is_checked_without_keylend() {
        let folder = tempfile::tempdir().unwrap();
        let (script, export) = (folder.path().join("verify.py"), folder.path().join("log"));
        fs::write(&script, include_str!("verify.py")).unwrap();
        let check = |entries: &[RawEntry]| {
            let lines: String = entries
                .iter()
                .map(|entry| {
                    serde_json::to_string(&Entry::try_from(entry).unwrap()).unwrap() + "\n"
                })
                .collect();
            fs::write(&export, lines).unwrap();
            Command::new("python3").arg(&script).arg(&export).output()
        };
        let mut entries = sealed();
        let Ok(output) = check(&entries) else {
            println!("python3 is not there: the recipe was not tried");
            return;
        };
        let said = String::from_utf8(output.stdout).unwrap();
        assert_eq!(said.trim(), format!("5 entries, {}", entries[4].hash));

        entries[3].actor = "person:U0MALLORY".to_owned();
        let said = check(&entries).unwrap().stderr;
        let said = String::from_utf8(said).unwrap();
        assert_eq!(said.trim(), "entry 4 is not what it was");
    }

    proptest! {
        #[test]
        fn an_entry_keeps_its_hash_through_every_form(
            reason in any::<String>(),
            // The years 1 to 9999.
            millis in -62_135_596_800_000_i64..253_402_300_800_000,
        ) {
            let record = record(&reason, millis);
            let raw = Chain::default().seal(&record);
            let entry = Entry::try_from(&raw).unwrap();
            prop_assert_eq!((entry.at, &entry.body), (record.at, &record.body));
            for written in [serde_json::to_string(&raw), serde_json::to_string_pretty(&entry)] {
                let read: RawEntry = serde_json::from_str(&written.unwrap()).unwrap();
                prop_assert_eq!(Chain::default().check(&read), Ok(()));
                prop_assert_eq!(read.canonical(), raw.canonical());
            }
            let canonical = serde_json_canonicalizer::pipe(&raw.canonical()).unwrap();
            prop_assert_eq!(canonical, raw.canonical());
        }
    }
}
