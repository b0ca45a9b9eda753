//! The key of the authentication codes by which Keylend knows the entries that it wrote.
//!
//! Anybody can compute the hash of an entry, so a right hash says nothing about who wrote it. Beside each
//! entry, the table `events` has a code in the column `mac`: HMAC-SHA256 over the entry's number as eight
//! bytes, most significant first, and the 64 digits of its hash, as 64 hexadecimal digits. The hash covers
//! everything else, the entry before included, so each entry is authentic by itself, and only in its place.
//! The code is not hashed and not exported: without the key, the log is verified as before.
//!
//! What those who follow the log keep has codes too, under a key of its own: each document over its collection,
//! key and body, and each cursor over its name and number. An older row put back is valid.
//!
//! The keys are derived from `secrets.key`, which is not in the store. After that was replaced, `rekey` gives
//! each entry a new code.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::{Origin, RawEntry};

/// What the keys are derived for, so that nothing else is ever authentic under it.
const LOG: &[u8] = b"keylend log entry v1";
const FOLLOWERS: &[u8] = b"keylend follower v1";

/// Bytes of a code and of the key.
const LENGTH: usize = 32;

/// The key of the authentication codes in the store, which is erased from memory when it is dropped.
#[derive(Clone)]
pub struct StoreKey {
    log: Zeroizing<[u8; LENGTH]>,
    /// Of what followers of the log keep.
    followers: Zeroizing<[u8; LENGTH]>,
}

impl StoreKey {
    /// The key that belongs to the bytes of `secrets.key`.
    pub fn derive(secret: &[u8]) -> Self {
        let derived = |label| {
            let derived = hmac(secret).chain_update(label).finalize();
            Zeroizing::new(derived.into_bytes().into())
        };
        Self {
            log: derived(LOG),
            followers: derived(FOLLOWERS),
        }
    }

    /// The code of an entry: 64 hexadecimal digits.
    pub fn code(&self, entry: &RawEntry) -> String {
        hex::encode(self.over(entry.seq, &entry.hash).finalize().into_bytes())
    }

    /// Whether this is the code of the entry with this number and hash.
    pub(super) fn is_entry(&self, seq: u64, hash: &str, code: &str) -> bool {
        is_code(self.over(seq, hash), code)
    }

    /// Where an entry comes from that stands in the store with this code.
    pub fn origin(&self, entry: &RawEntry, code: &str) -> Origin {
        match self.is_entry(entry.seq, &entry.hash, code) {
            true => Origin::Authentic,
            false => Origin::Forged,
        }
    }

    /// The code of a document's body.
    pub(super) fn document_code(&self, collection: &str, key: &str, body: &str) -> String {
        let over = self.over_kept(&["document", collection, key, body]);
        hex::encode(over.finalize().into_bytes())
    }

    /// Whether this is the code of a document's body.
    pub(super) fn is_document(
        &self,
        (collection, key, body): (&str, &str, &str),
        code: &str,
    ) -> bool {
        is_code(self.over_kept(&["document", collection, key, body]), code)
    }

    /// The code of a cursor that stands at an entry.
    pub(super) fn cursor_code(&self, name: &str, seq: u64) -> String {
        let over = self.over_kept(&["cursor", name, &seq.to_string()]);
        hex::encode(over.finalize().into_bytes())
    }

    /// Whether this is the code of a cursor that stands at an entry.
    pub(super) fn is_cursor(&self, (name, seq): (&str, u64), code: &str) -> bool {
        is_code(self.over_kept(&["cursor", name, &seq.to_string()]), code)
    }

    fn over(&self, seq: u64, hash: &str) -> Hmac<Sha256> {
        hmac(&*self.log)
            .chain_update(seq.to_be_bytes())
            .chain_update(hash)
    }

    /// Over texts, as a JSON array: where one ends is unmistakable.
    fn over_kept(&self, texts: &[&str]) -> Hmac<Sha256> {
        let text = serde_json::to_vec(texts).expect("texts can be written as JSON");
        hmac(&*self.followers).chain_update(text)
    }
}

fn is_code(over: Hmac<Sha256>, code: &str) -> bool {
    let mut bytes = [0; LENGTH];
    hex::decode_to_slice(code, &mut bytes).is_ok() && over.verify_slice(&bytes).is_ok()
}

fn hmac(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes a key of any length")
}

impl fmt::Debug for StoreKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreKey").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        clock::SystemEntropy,
        domain::{Actor, LockEvent, LockTarget, Time},
        store::{Chain, EntryBody, Record, Why},
    };

    fn entries() -> [RawEntry; 2] {
        let mut chain = Chain::default();
        let record = Record {
            at: Time::UNIX_EPOCH,
            request: None,
            actor: Actor::Keylend,
            rules: Vec::new(),
            body: EntryBody::Lock(LockEvent::Unlocked {
                target: LockTarget::Everything,
            }),
        };
        [(); 2].map(|()| chain.seal(&record, &SystemEntropy))
    }

    #[test]
    fn a_code_is_valid_for_its_entry_and_key_alone() {
        let (key, other) = (StoreKey::derive(&[1; 32]), StoreKey::derive(&[2; 32]));
        let [first, second] = entries();
        let code = key.code(&first);
        assert_eq!(key.origin(&first, &code), Origin::Authentic);
        assert_eq!(key.origin(&second, &code), Origin::Forged);
        assert_eq!(other.origin(&first, &code), Origin::Forged);
        let mut moved = first.clone();
        moved.seq = 2;
        assert_eq!(key.origin(&moved, &code), Origin::Forged);
        for not_a_code in ["", "00", &code[1..], &format!("{code}00"), &"é".repeat(32)] {
            assert_eq!(key.origin(&first, not_a_code), Origin::Forged);
        }
        assert!(!format!("{key:?}").contains(&hex::encode(*key.log)));
    }

    #[test]
    fn a_code_of_what_followers_keep_is_valid_for_that_alone() {
        let key = StoreKey::derive(&[1; 32]);
        let code = key.document_code("cards", "a", "{}");
        assert!(key.is_document(("cards", "a", "{}"), &code));
        for other in [
            ("cards", "b", "{}"),
            ("card", "sa", "{}"),
            ("cards", "a", "{ }"),
        ] {
            assert!(!key.is_document(other, &code));
        }
        let code = key.cursor_code("audit", 12);
        assert!(key.is_cursor(("audit", 12), &code));
        assert!(!key.is_cursor(("audit", 1), &code) && !key.is_cursor(("audit1", 2), &code));
    }

    #[test]
    fn a_forged_entry_breaks_the_chain_and_an_export_says_nothing_of_codes() {
        let [mut first, _] = entries();
        first.origin = Origin::Forged;
        let broken = Chain::default().check(&first).unwrap_err();
        assert_eq!((broken.seq, broken.why), (1, Why::Forged));
        let read = RawEntry::from_line(first.line().as_bytes()).unwrap();
        assert_eq!(read.origin, Origin::Unknown);
        assert_eq!(Chain::default().check(&read), Ok(0));
    }
}
