//! Whether the log is whole.

use std::{fmt, str::FromStr};

use super::log::{Fault, Log};
use crate::store::{Chain, GENESIS};

/// A place in the log: the number of an entry and its hash. Written `128:9f86d0…`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The entry's number; 0 for an empty log.
    pub seq: u64,
    /// The entry's hash, 64 hexadecimal digits in lower case.
    pub hash: String,
}

impl fmt::Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.seq, self.hash)
    }
}

/// The text is not a place in the log.
#[derive(Debug, thiserror::Error)]
#[error("a head is written as a number, a colon and 64 hexadecimal digits")]
pub struct InvalidHead;

impl FromStr for Head {
    type Err = InvalidHead;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (seq, hash) = text.split_once(':').ok_or(InvalidHead)?;
        let digits = hash.bytes().all(|byte| byte.is_ascii_hexdigit());
        match seq.parse() {
            Ok(seq) if digits && hash.len() == GENESIS.len() => Ok(Self {
                seq,
                hash: hash.to_ascii_lowercase(),
            }),
            _ => Err(InvalidHead),
        }
    }
}

/// A log that is whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Whole {
    /// How many entries were checked.
    pub entries: u64,
    /// The last of them.
    pub head: Head,
}

/// Checks every entry of `log` and, if `anchor` is a head that is known from before, that the log
/// still contains it. An export that begins later is checked from there on.
///
/// # Errors
///
/// The first thing that is wrong.
pub async fn verify(mut log: Log, anchor: Option<Head>) -> Result<Whole, Fault> {
    let (mut chain, mut entries) = (Chain::default(), 0);
    while let Some(entry) = log.next().await? {
        if entries == 0 && entry.seq > 1 && log.may_begin_later() {
            chain = Chain::after(entry.seq - 1, &entry.prev_hash);
        }
        chain.check(&entry)?;
        if let Some(anchor) = anchor.as_ref().filter(|anchor| anchor.seq == entry.seq)
            && anchor.hash != entry.hash
        {
            return Err(Fault::Rewritten {
                seq: anchor.seq,
                hash: anchor.hash.clone(),
            });
        }
        entries += 1;
    }
    let head = Head {
        seq: chain.seq(),
        hash: chain.hash().to_owned(),
    };
    match anchor {
        Some(anchor) if anchor.seq > head.seq => Err(Fault::CutOff {
            expected: anchor.seq,
            last: head.seq,
        }),
        _ => Ok(Whole { entries, head }),
    }
}
