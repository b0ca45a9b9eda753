//! The key of the authentication codes by which Keylend knows the entries that it wrote.
//!
//! Anybody can compute the hash of an entry, so a right hash says nothing about who wrote it. Beside each
//! entry, the table `events` has a code in the column `mac`: HMAC-SHA256 over the entry's number as eight
//! bytes, most significant first, and the 64 digits of its hash, as 64 hexadecimal digits. The hash covers
//! everything else, the entry before included, so each entry is authentic by itself, and only in its place.
//! The code is not hashed and not exported: without the key, the log is verified as before.
//!
//! The key is derived from `secrets.key`, which is not in the store. After that was replaced, `rekey` gives
//! each entry a new code.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::{Origin, RawEntry};

/// What the key is derived for, so that nothing else is ever authentic under it.
const LABEL: &[u8] = b"keylend log entry v1";

/// Bytes of a code and of the key.
const LENGTH: usize = 32;

/// The key of the authentication codes beside the entries of the log: HMAC-SHA256 over an entry's number, as
/// eight bytes, and the 64 digits of its hash. It is erased from memory when it is dropped.
#[derive(Clone)]
pub struct StoreKey(Zeroizing<[u8; LENGTH]>);

impl StoreKey {
    /// The key that belongs to the bytes of `secrets.key`.
    pub fn derive(secret: &[u8]) -> Self {
        let derived = hmac(secret).chain_update(LABEL).finalize();
        Self(Zeroizing::new(derived.into_bytes().into()))
    }

    /// The code of an entry: 64 hexadecimal digits.
    pub fn code(&self, entry: &RawEntry) -> String {
        hex::encode(self.over(entry).finalize().into_bytes())
    }

    /// Where an entry comes from that stands in the store with this code.
    pub fn origin(&self, entry: &RawEntry, code: &str) -> Origin {
        let mut bytes = [0; LENGTH];
        let is_right = hex::decode_to_slice(code, &mut bytes).is_ok()
            && self.over(entry).verify_slice(&bytes).is_ok();
        match is_right {
            true => Origin::Authentic,
            false => Origin::Forged,
        }
    }

    fn over(&self, entry: &RawEntry) -> Hmac<Sha256> {
        hmac(&*self.0)
            .chain_update(entry.seq.to_be_bytes())
            .chain_update(&entry.hash)
    }
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
        assert!(!format!("{key:?}").contains(&hex::encode(*key.0)));
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
