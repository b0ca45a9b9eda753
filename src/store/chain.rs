//! The hash chain: what makes the log checkable by anybody, without Keylend.
//!
//! The rows of `events` hold exactly the text that was hashed, so a check compares nothing with
//! copies and parses no event. An entry is hashed like this, and nothing else goes in:
//!
//! 1. `text` = the JSON object with the eight keys `actor`, `at`, `body`, `kind`, `request_id`
//!    (null where it is about no request), `rules`, `seq`, `version`, in the canonical form of RFC 8785:
//!    keys sorted, no white space, UTF-8. `at` is RFC 3339 in UTC with exactly three digits of the second
//!    and a `Z`. It is when the event happened by the clock of the replica that wrote it, or the `at` of the
//!    entry before if that is later.
//! 2. `hash` = SHA-256 over the 64 hexadecimal digits of `prev_hash`, as ASCII text, followed by
//!    `text`; written as 64 lower-case hexadecimal digits.
//! 3. `prev_hash` is the `hash` of the entry before; of the first, 64 zeros. `seq` counts from 1
//!    without a gap.
//!
//! Addresses, reasons and tickets are not hashed themselves, so that they can be erased later without
//! breaking the chain. `body` holds a salted digest in the place of each:
//!
//! - Personal are the members `email`, `reason` and `ticket` of every object in `body`, and what
//!   follows `address:` in the strings of its arrays.
//! - A digest is `sha256:` and the 64 hexadecimal digits of SHA-256 over the 32 hexadecimal digits of
//!   the salt, as ASCII text, followed by the text in UTF-8. Every text has a salt of its own.
//! - `texts`, alongside the hashed keys, is an object: from where a digest stands in `body`, as a JSON
//!   pointer (RFC 6901), to the array of its salt and its text.
//!
//! Keylend erases no text yet. So one that is missing leaves the chain whole, but is counted, and
//! verifying exits with 1. A lock without its reason stays in force. A request without one of its texts
//! goes on with the digest in its place, and can only end. About a person whose address is missing,
//! nothing is decided.
//!
//! A line of an export is the entry as canonical JSON too: the same keys, and `hash`, `prev_hash` and
//! `texts` in their places. Only the characters that steer a terminal or turn the direction of text
//! (U+007F to U+009F, U+061C, U+200E, U+200F, U+2028 to U+202E, U+2066 to U+2069) are written as `\u` and
//! four lower-case hexadecimal digits there. A line counts only if it is exactly that, byte for byte.
//! Any other way to write the same entry (a key twice, another key, a space, `1.0` for `1`) would let
//! two readers see two things in it.
//!
//! An export is verified with Python's standard library alone, by the same rules and with the same
//! exit codes as `keylend audit verify --file`:
//!
//! ```python
#![doc = include_str!("verify.py")]
//! ```
//!
//! The script knows nothing of checkpoints: `keylend audit verify --checkpoint` does.
//!
//! The chain shows that no entry was changed, taken out or put in without sealing everything behind
//! it again. Somebody who can write to the tables can do that, or cut off the end: to find it, compare
//! with a hash that was noted elsewhere before (`--head`), or with the signed
//! [checkpoints](crate::checkpoint) that Keylend posts.
//!
//! They can also append an entry with the right hash. Keylend believes none that it did not write: beside
//! each entry, the store has an authentication [code](super::StoreKey), which needs a key that is not in the
//! store. The code is not a part of the chain: whoever has no key verifies the chain, and whoever has it
//! (`keylend audit verify --config`) the codes too.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::{Value, value::RawValue};
use sha2::{Digest, Sha256};

use super::{
    canonical::is_canonical,
    record::{Record, time_text},
    texts::{self, Whole},
};
use crate::{
    clock::Entropy,
    domain::{InstanceId, Time},
    sanitize::{escaped_json, unescaped_json},
};

/// The version of the format in which entries are written: it moves when an entry has other keys, or
/// when a kind of entry that was there before means something else.
pub const VERSION: u32 = 1;

/// The `prev_hash` of the first entry.
pub const GENESIS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// An entry of the log as the text that was hashed. Its JSON has the form of an
/// [`Entry`](super::Entry).
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RawEntry {
    /// The number of the entry, from 1 on.
    pub seq: u64,
    /// The time of the event: RFC 3339 in UTC, with milliseconds.
    pub at: String,
    /// The request that it is about, or `null`.
    pub request_id: Option<String>,
    /// The kind of the event.
    pub kind: String,
    /// The data of the event, in canonical form (RFC 8785).
    pub body: Box<RawValue>,
    /// By whose word.
    pub actor: String,
    /// Under which rules: an array of names, in canonical form.
    pub rules: Box<RawValue>,
    /// The hash of the entry before, 64 hexadecimal digits.
    pub prev_hash: String,
    /// The entry's own hash, 64 hexadecimal digits.
    pub hash: String,
    /// The version of the format in which it was written.
    pub version: u32,
    /// The texts whose digests are in the body, with their salts, in canonical form.
    pub texts: Box<RawValue>,
    /// Whether Keylend wrote it. Not a part of an export.
    #[serde(skip)]
    pub origin: Origin,
}

/// Whether Keylend wrote an entry, by the [authentication code](super::StoreKey) beside it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Origin {
    /// Not known: it is not from a store, or the store was opened for reading without the key.
    #[default]
    Unknown,
    /// It did: the code is valid.
    Authentic,
    /// It did not, or did under another key: the code is not valid.
    Forged,
}

/// How many digits of the first entry's hash tell one Keylend from another.
const INSTANCE: usize = 32;

/// The columns of an entry, in the order in which they are read and written.
macro_rules! entry_columns {
    () => {
        "seq, at, request_id, kind, actor, rules, body, prev_hash, hash, version, texts, mac"
    };
}
pub(super) use entry_columns;

/// The text is not an entry in canonical form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an entry in canonical form (RFC 8785)")]
pub struct NotCanonical;

/// What a canonical text of an entry is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Purpose {
    /// To be hashed: without the hashes and the texts.
    Hash,
    /// To be exported: with all there is.
    Export,
}

impl RawEntry {
    /// The canonical JSON that is hashed.
    pub fn canonical(&self) -> String {
        self.text(Purpose::Hash)
    }

    /// The entry as a line of an export, without the end of the line: canonical, but for characters that
    /// would steer a terminal or turn the direction of text, which are written as escapes.
    pub fn line(&self) -> String {
        escaped_json(&self.text(Purpose::Export))
    }

    /// Reads a line of an export.
    ///
    /// # Errors
    ///
    /// If it is anything but [`line`](Self::line) of an entry, byte for byte.
    pub fn from_line(line: &[u8]) -> Result<Self, NotCanonical> {
        let text = std::str::from_utf8(line).map_err(|_| NotCanonical)?;
        let text = unescaped_json(text).ok_or(NotCanonical)?;
        let entry: Self = serde_json::from_str(&text).map_err(|_| NotCanonical)?;
        if entry.text(Purpose::Export) == text && is_canonical(&text) {
            Ok(entry)
        } else {
            Err(NotCanonical)
        }
    }

    /// Whether what is kept as it was written is canonical.
    pub fn is_canonical(&self) -> bool {
        [&self.body, &self.rules, &self.texts]
            .iter()
            .all(|json| is_canonical(json.get()))
    }

    /// The particulars with the texts in their places; digests stand where a text is not there or is
    /// not the one that was written.
    pub fn readable_body(&self) -> Cow<'_, RawValue> {
        match texts::restore(&self.body, &self.texts) {
            Ok(whole) => whole.body,
            Err(_) => Cow::Borrowed(&self.body),
        }
    }

    /// Its hash as bytes: the leaf that it is in the tree of a [`checkpoint`](crate::checkpoint). Zeros
    /// if it has no hash of its form, as no entry that was verified.
    pub fn leaf(&self) -> [u8; 32] {
        let mut leaf = [0; 32];
        match hex::decode_to_slice(&self.hash, &mut leaf) {
            Ok(()) => leaf,
            Err(_) => [0; 32],
        }
    }

    /// Which Keylend began the log, if this is its first entry: 32 hexadecimal digits of its hash, in which
    /// there is a time and usually a salt.
    ///
    /// # Errors
    ///
    /// If it is not the first entry as it was written. By whom does not count here, since access ends by this
    /// name also after `secrets.key` was replaced: another first entry is the beginning of another log.
    pub(super) fn instance(&self) -> Result<InstanceId, Broken> {
        Chain::default().check_text(self)?;
        Ok(InstanceId::new(&self.hash[..INSTANCE]))
    }

    /// Whether its hash is the one that its text has, behind the entry that it names.
    pub fn has_its_hash(&self) -> bool {
        let mut before = Chain::after(self.seq.saturating_sub(1), &self.prev_hash);
        before.check_text(self).is_ok()
    }

    /// Whether it is known that Keylend did not write it as it is: its text does not have its hash, or its
    /// authentication code is not valid. What is wrong with it; nothing if that is not known.
    pub fn why_not_genuine(&self) -> Option<Why> {
        let mut before = Chain::after(self.seq.saturating_sub(1), &self.prev_hash);
        before.check_hashed(self).err().map(|broken| broken.why)
    }

    fn text(&self, purpose: Purpose) -> String {
        let mut text = Vec::new();
        self.write_canonical(&mut text, purpose);
        String::from_utf8(text).expect("JSON made of strings is UTF-8")
    }

    /// The keys stand in the order of RFC 8785, and serde_json escapes strings as it demands.
    fn write_canonical(&self, text: &mut Vec<u8>, purpose: Purpose) {
        fn json(text: &mut Vec<u8>, value: impl Serialize) {
            serde_json::to_writer(text, &value).expect("a plain value can be written to memory");
        }
        text.extend_from_slice(b"{\"actor\":");
        json(text, &self.actor);
        text.extend_from_slice(b",\"at\":");
        json(text, &self.at);
        text.extend_from_slice(b",\"body\":");
        text.extend_from_slice(self.body.get().as_bytes());
        if purpose == Purpose::Export {
            text.extend_from_slice(b",\"hash\":");
            json(text, &self.hash);
        }
        text.extend_from_slice(b",\"kind\":");
        json(text, &self.kind);
        if purpose == Purpose::Export {
            text.extend_from_slice(b",\"prev_hash\":");
            json(text, &self.prev_hash);
        }
        text.extend_from_slice(b",\"request_id\":");
        match &self.request_id {
            Some(id) => json(text, id),
            None => text.extend_from_slice(b"null"),
        }
        text.extend_from_slice(b",\"rules\":");
        text.extend_from_slice(self.rules.get().as_bytes());
        text.extend_from_slice(b",\"seq\":");
        json(text, self.seq);
        if purpose == Purpose::Export {
            text.extend_from_slice(b",\"texts\":");
            text.extend_from_slice(self.texts.get().as_bytes());
        }
        text.extend_from_slice(b",\"version\":");
        json(text, self.version);
        text.push(b'}');
    }
}

/// The end of a chain: where the next entry is sealed, or checked.
#[derive(Debug, Clone)]
pub struct Chain {
    seq: u64,
    hash: String,
    at: String,
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
    /// Its authentication code is not valid: somebody else wrote it, or the key is another.
    #[error(
        "was not written by this Keylend: its authentication code is not valid under the key in \
         `secrets.key`"
    )]
    Forged,
    /// A text has another digest than the entry holds.
    #[error("was changed: the text of {place} does not have its digest")]
    TextAltered {
        /// Where the digest stands in the body, as a JSON pointer.
        place: String,
    },
    /// Its date is not as Keylend writes it.
    #[error("has no valid date: {at:?}")]
    Undated {
        /// What it has.
        at: String,
    },
    /// It cannot be read.
    #[error("cannot be read")]
    Unreadable,
    /// It was there before, and the log ends before it now.
    #[error("is gone: the log ends before it")]
    Gone,
    /// Another one stood in its place before.
    #[error("is not the one that was there before")]
    Rewritten,
    /// It is dated before the entry before it.
    #[error("is dated {at}, before the entry before it")]
    Backdated {
        /// Its date.
        at: String,
    },
}

impl Chain {
    /// The chain whose last entry is number `seq` and has this hash. Nothing is known of its date.
    pub fn after(seq: u64, hash: &str) -> Self {
        Self {
            seq,
            hash: hash.to_owned(),
            at: String::new(),
            text: Vec::new(),
        }
    }

    /// The same chain, whose last entry has this date.
    #[must_use]
    pub fn dated(mut self, at: String) -> Self {
        self.at = at;
        self
    }

    /// `at`, or the date of the last entry if that is later: the earliest that the next entry can
    /// have.
    pub fn not_before(&self, at: Time) -> Time {
        if time_text(at) >= self.at {
            return at;
        }
        self.at.parse().unwrap_or(at)
    }

    /// The number of the last entry, 0 at first.
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// The date of the last entry; empty at first.
    pub(super) fn at(&self) -> &str {
        &self.at
    }

    /// The hash of the last entry, [`GENESIS`] at first.
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// Gives `record` its place at the end. It is dated [`not_before`](Self::not_before) the last
    /// entry.
    pub fn seal(&mut self, record: &Record, entropy: &dyn Entropy) -> RawEntry {
        let mut particulars =
            serde_json::to_value(&record.body).expect("an event can be written as JSON");
        let Value::String(kind) = particulars["kind"].take() else {
            unreachable!("an event is tagged with its kind");
        };
        let body = &mut particulars["body"];
        let texts = canonical(&texts::separate(body, entropy));
        let mut entry = RawEntry {
            seq: self.seq + 1,
            at: time_text(self.not_before(record.at)),
            request_id: record.request.map(|id| id.to_string()),
            kind,
            body: canonical(body),
            actor: record.actor.to_string(),
            rules: canonical(&record.rules),
            prev_hash: self.hash.clone(),
            hash: String::new(),
            version: VERSION,
            texts,
            origin: Origin::Unknown,
        };
        let hash = self.hash_of(&entry);
        entry.hash = hash.iter().copied().map(char::from).collect();
        self.advance(&entry);
        entry
    }

    /// Checks that `entry` comes next and is what was sealed, and moves on to it. Answers how many of
    /// its texts are not there.
    ///
    /// # Errors
    ///
    /// If it does not or is not; the chain then stays where it was.
    pub fn check(&mut self, entry: &RawEntry) -> Result<usize, Broken> {
        let missing = self.check_whole(entry)?.missing.len();
        self.advance(entry);
        Ok(missing)
    }

    /// The same without moving on. Answers the body with the texts in their places.
    pub(super) fn check_whole<'a>(&mut self, entry: &'a RawEntry) -> Result<Whole<'a>, Broken> {
        self.check_hashed(entry)?;
        texts::restore(&entry.body, &entry.texts).map_err(|altered| Broken {
            seq: entry.seq,
            why: Why::TextAltered {
                place: altered.place,
            },
        })
    }

    /// Checks that `entry` comes next, has its hash, and is not known to be written by somebody else.
    fn check_hashed(&mut self, entry: &RawEntry) -> Result<(), Broken> {
        self.check_text(entry)?;
        match entry.origin {
            Origin::Unknown | Origin::Authentic => Ok(()),
            Origin::Forged => Err(Broken {
                seq: entry.seq,
                why: Why::Forged,
            }),
        }
    }

    /// Checks that `entry` comes next and has its hash, whoever wrote it.
    fn check_text(&mut self, entry: &RawEntry) -> Result<(), Broken> {
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
        if !is_date(&entry.at) {
            return broken(Why::Undated {
                at: entry.at.clone(),
            });
        }
        if entry.at < self.at {
            return broken(Why::Backdated {
                at: entry.at.clone(),
            });
        }
        Ok(())
    }

    /// Moves on to `entry`, which was checked.
    pub(super) fn advance(&mut self, entry: &RawEntry) {
        self.seq = entry.seq;
        self.hash.clone_from(&entry.hash);
        self.at.clone_from(&entry.at);
    }

    /// The entry's hash as hexadecimal digits.
    fn hash_of(&mut self, entry: &RawEntry) -> [u8; GENESIS.len()] {
        self.text.clear();
        self.text.extend_from_slice(self.hash.as_bytes());
        entry.write_canonical(&mut self.text, Purpose::Hash);
        let mut digits = [0; GENESIS.len()];
        hex::encode_to_slice(Sha256::digest(&self.text), &mut digits)
            .expect("a hash has half as many bytes as digits");
        digits
    }
}

/// Whether dates like this one can be compared as text.
fn is_date(at: &str) -> bool {
    const FORM: &[u8] = b"0000-00-00T00:00:00.000Z";

    let fits = |(byte, form): (u8, &u8)| match form {
        b'0' => byte.is_ascii_digit(),
        form => byte == *form,
    };
    at.len() == FORM.len() && at.bytes().zip(FORM).all(fits)
}

fn canonical(value: &impl Serialize) -> Box<RawValue> {
    let text = serde_json_canonicalizer::to_string(value).expect("an event has a canonical form");
    RawValue::from_string(text).expect("the canonical form is JSON")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        clock::SystemEntropy,
        domain::{
            Actor, Email, Event, Human, LockEvent, LockTarget, RequestId, RuleId, Time, UserId,
        },
        store::{Entry, EntryBody},
    };

    fn record(reason: &str, millis: i64) -> Record {
        let at = Time::from_timestamp_millis(millis).unwrap();
        Record {
            at,
            request: Some(RequestId::new(at, 1)),
            actor: Actor::Person(UserId::new("U0ALICE")),
            rules: vec![RuleId::new("approver-group"), RuleId::new("max-duration")],
            body: EntryBody::Request(Event::LayerRevokeFailed {
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
            .map(|(reason, millis)| chain.seal(&record(reason, millis), &SystemEntropy))
            .collect()
    }

    fn first_broken(entries: &[RawEntry]) -> Option<Broken> {
        let mut chain = Chain::default();
        entries.iter().find_map(|entry| chain.check(entry).err())
    }

    #[test]
    fn an_entry_is_hashed_as_the_recipe_says() {
        let mut chain = Chain::default();
        let unlocked = Record {
            at: Time::from_timestamp_millis(1_700_000_000_000).unwrap(),
            request: None,
            actor: Actor::Keylend,
            rules: Vec::new(),
            body: EntryBody::Lock(LockEvent::Unlocked {
                target: LockTarget::Everything,
            }),
        };
        let entry = chain.seal(&unlocked, &SystemEntropy);
        assert_eq!(
            entry.canonical(),
            concat!(
                r#"{"actor":"keylend","at":"2023-11-14T22:13:20.000Z","#,
                r#""body":{"target":"everything"},"kind":"unlocked","#,
                r#""request_id":null,"rules":[],"seq":1,"version":1}"#
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
            |entry| entry.version += 1,
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
    fn an_entry_of_a_later_version_is_hashed_but_not_understood() {
        let mut later = sealed().remove(0);
        later.version += 1;
        let mut chain = Chain::default();
        later.hash = String::from_utf8(chain.hash_of(&later).to_vec()).unwrap();
        assert_eq!(chain.check(&later), Ok(0));
        let error = Entry::try_from(&later).unwrap_err().to_string();
        assert!(error.contains("later Keylend"), "{error}");
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
        entries[2] = forger.seal(&record("something else", 1_000), &SystemEntropy);
        assert_eq!(
            first_broken(&entries),
            Some(Broken {
                seq: 4,
                why: Why::Unlinked
            })
        );
    }

    /// A lock of Alice, for a reason.
    fn locked(reason: &str) -> Record {
        let alice = UserId::new("U0ALICE");
        Record {
            request: None,
            body: EntryBody::Lock(LockEvent::Locked {
                target: LockTarget::Person(alice.clone()),
                person: Human::new(&alice, Some(&Email::new("alice@example.com"))),
                reason: reason.to_owned(),
                until: None,
            }),
            ..record("", 0)
        }
    }

    #[test]
    fn personal_data_is_hashed_as_salted_digests() {
        let mut chain = Chain::default();
        let [one, two] = [(); 2].map(|()| chain.seal(&locked("lost laptop"), &SystemEntropy));
        for text in ["lost laptop", "alice@example.com"] {
            assert!(!one.canonical().contains(text));
            assert!(one.texts.get().contains(text));
        }
        let digests = |entry: &RawEntry| {
            let body: Value = serde_json::from_str(entry.body.get()).unwrap();
            let address = body["person"][1].as_str().unwrap().to_owned();
            (address, body["reason"].as_str().unwrap().to_owned())
        };
        let (address, reason) = digests(&one);
        assert!(address.starts_with("address:sha256:"), "{address}");
        let texts: Value = serde_json::from_str(one.texts.get()).unwrap();
        let [salt, text] = [0, 1].map(|at| texts["/reason"][at].as_str().unwrap());
        let hash = Sha256::digest(format!("{salt}{text}"));
        assert_eq!(reason, format!("sha256:{}", hex::encode(hash)));
        let (other_address, other_reason) = digests(&two);
        assert_ne!((address, reason), (other_address, other_reason));
        assert_eq!(
            Entry::try_from(&one).unwrap().body,
            locked("lost laptop").body
        );
    }

    #[test]
    fn a_text_that_is_not_there_leaves_the_chain_whole_but_is_missed() {
        let mut entry = Chain::default().seal(&locked("lost laptop"), &SystemEntropy);
        let mut texts: Value = serde_json::from_str(entry.texts.get()).unwrap();
        texts.as_object_mut().unwrap().remove("/reason");
        entry.texts = canonical(&texts);
        assert_eq!(Chain::default().check(&entry), Ok(1));
        let error = Entry::try_from(&entry).unwrap_err().to_string();
        assert_eq!(error, "the text of /reason is missing");
        assert!(entry.readable_body().get().contains("alice@example.com"));
    }

    #[test]
    fn every_change_to_a_text_is_found() {
        let entry = Chain::default().seal(&locked("lost laptop"), &SystemEntropy);
        let texts: Value = serde_json::from_str(entry.texts.get()).unwrap();
        let salt = texts["/reason"][0].as_str().unwrap();
        let (short, last) = salt.split_at(salt.len() - 1);
        let another = serde_json::json!([salt, "stolen laptop"]);
        let moved = serde_json::json!([short, format!("{last}lost laptop")]);
        for (place, text) in [
            ("/reason", &another),
            ("/reason", &moved),
            ("/reason", &texts["/person/1"]),
            ("/target/person", &another),
            ("/target", &another),
        ] {
            let mut changed = entry.clone();
            let mut texts = texts.clone();
            texts[place] = text.clone();
            changed.texts = canonical(&texts);
            let why = Why::TextAltered {
                place: place.to_owned(),
            };
            let broken = Err(Broken { seq: 1, why });
            let mut chain = Chain::default();
            assert_eq!(chain.check(&changed), broken, "{place}: {text}");
            assert_eq!(chain.seq(), 0);
            assert!(Entry::try_from(&changed).is_err());
        }
    }

    #[test]
    fn no_entry_is_dated_before_the_entry_before_it() {
        let mut chain = Chain::default();
        let entries = [1_000, 400, 1_001].map(|at| chain.seal(&record("", at), &SystemEntropy));
        let dates = entries.each_ref().map(|entry| entry.at.as_str());
        let second = "1970-01-01T00:00:01";
        let wanted = [".000Z", ".000Z", ".001Z"].map(|end| format!("{second}{end}"));
        assert_eq!(dates, wanted.each_ref().map(String::as_str));
        assert_eq!(first_broken(&entries), None);
        let mut forger = Chain::after(1, &entries[0].hash);
        let backdated = forger.seal(&record("", 999), &SystemEntropy);
        let at = backdated.at.clone();
        let why = Why::Backdated { at };
        let broken = first_broken(&[entries[0].clone(), backdated]);
        assert_eq!(broken, Some(Broken { seq: 2, why }));
    }

    #[test]
    fn an_entry_has_a_date_that_can_be_compared() {
        for at in [
            "",
            "now",
            "zzzz",
            "1970-01-01T00:00:00Z",
            "1970-01-01T00:00:00.000+",
        ] {
            let mut entry = sealed().remove(0);
            entry.at = at.to_owned();
            let hash = Chain::default().hash_of(&entry);
            entry.hash = String::from_utf8(hash.to_vec()).unwrap();
            let why = Why::Undated { at: at.to_owned() };
            let broken = Err(Broken { seq: 1, why });
            assert_eq!(Chain::default().check(&entry), broken);
        }
    }

    proptest! {
        #[test]
        fn an_entry_keeps_its_hash_through_an_export(
            reason in prop_oneof![any::<String>(), Just("\u{2028}\u{202e}".to_owned())],
            // The years 1 to 9999.
            millis in -62_135_596_800_000_i64..253_402_300_800_000,
        ) {
            let record = record(&reason, millis);
            let raw = Chain::default().seal(&record, &SystemEntropy);
            let entry = Entry::try_from(&raw).unwrap();
            prop_assert_eq!((entry.at, &entry.body), (record.at, &record.body));
            let read = RawEntry::from_line(raw.line().as_bytes()).unwrap();
            prop_assert_eq!(Chain::default().check(&read), Ok(0));
            prop_assert_eq!(read.line(), raw.line());
            let (text, line) = (raw.canonical(), raw.line());
            prop_assert_eq!(serde_json_canonicalizer::pipe(&text).unwrap(), text);
            // A line differs from the canonical text in its escapes alone.
            let text = unescaped_json(&line).unwrap();
            prop_assert_eq!(serde_json_canonicalizer::pipe(&line).unwrap(), text);
            let pretty = serde_json::to_string_pretty(&entry).unwrap();
            prop_assert!(RawEntry::from_line(pretty.as_bytes()).is_err());
        }
    }
}
