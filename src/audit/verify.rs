//! Whether the log is whole.

use std::{collections::BTreeMap, fmt, str::FromStr};

use super::log::{Fault, Log};
use crate::{
    checkpoint::{Checkpoint, Hash, Tree},
    store::{Chain, GENESIS, RawEntry},
};

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
        let (number, hash) = text.split_once(':').ok_or(InvalidHead)?;
        let seq: u64 = number.parse().map_err(|_| InvalidHead)?;
        let hash = hash.to_ascii_lowercase();
        let is_hash =
            hash.len() == GENESIS.len() && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
        // An empty log has one hash only.
        let is_place = seq > 0 || hash == GENESIS;
        if number == seq.to_string() && is_hash && is_place {
            Ok(Self { seq, hash })
        } else {
            Err(InvalidHead)
        }
    }
}

/// What is known of a log from elsewhere.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// The place before the first entry that is verified; nothing for a log from its beginning.
    pub after: Option<Head>,
    /// A head that was noted before: the log has to contain it.
    pub head: Option<Head>,
    /// Checkpoints whose signatures were verified: the log has to match all of them. They cover it from
    /// its first entry on, so nothing can be left out before.
    pub checkpoints: Vec<Checkpoint>,
}

/// A range of a log that is whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Whole {
    /// The first entry that was checked.
    pub first: u64,
    /// How many entries were checked.
    pub entries: u64,
    /// How many of their texts (addresses, reasons and tickets) are not there. Their digests are.
    pub missing_texts: usize,
    /// The last of them.
    pub head: Head,
}

impl fmt::Display for Whole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (first, entries, head) = (self.first, self.entries, &self.head);
        match entries {
            0 => write!(f, "the log is empty: 0 entries, head {head}"),
            _ => {
                let last = head.seq;
                write!(f, "verified entries {first} to {last}: {entries} entries, ")?;
                if self.missing_texts > 0 {
                    write!(f, "{} texts missing, ", self.missing_texts)?;
                }
                write!(f, "head {head}")
            }
        }
    }
}

/// Checks every entry of `log`, and that the log contains what is `known` of it from before. An
/// export has to begin with the log's first entry, or behind a place that is known.
///
/// # Errors
///
/// The first thing that is wrong, or the evidence that is missing.
pub async fn verify(mut log: Log, known: Known) -> Result<Whole, Fault> {
    verify_each(&mut log, known, |_| Ok(())).await
}

/// The same, and shows each entry that is in its place to `look`.
pub(super) async fn verify_each(
    log: &mut Log,
    known: Known,
    mut look: impl FnMut(&RawEntry) -> Result<(), Fault>,
) -> Result<Whole, Fault> {
    let Known {
        after,
        head,
        checkpoints,
    } = known;
    let mut signed = Signed::new(checkpoints)?;
    let begins_anywhere = after.is_none() && log.is_export();
    let mut chain = match after {
        Some(after) => Chain::after(after.seq, &after.hash),
        None => Chain::default(),
    };
    let first = chain.seq() + 1;
    if first > 1 && !signed.roots.is_empty() {
        return Err(Fault::Beginning { first });
    }
    if let Some(head) = head.as_ref().filter(|head| head.seq < first)
        && (head.seq, head.hash.as_str()) != (chain.seq(), chain.hash())
    {
        let head = head.seq;
        return Err(Fault::HeadBefore { head, first });
    }
    let (mut entries, mut missing_texts) = (0, 0);
    while let Some(entry) = log.next().await? {
        if entries == 0 && entry.seq > 1 && begins_anywhere {
            return Err(Fault::Beginning { first: entry.seq });
        }
        missing_texts += chain.check(&entry)?;
        look(&entry)?;
        signed.compare(&entry)?;
        if let Some(head) = head.as_ref().filter(|head| head.seq == entry.seq)
            && head.hash != entry.hash
        {
            return Err(Fault::Rewritten {
                seq: head.seq,
                hash: head.hash.clone(),
            });
        }
        entries += 1;
    }
    if entries == 0 && log.is_export() {
        return Err(Fault::Empty);
    }
    signed.finish(chain.seq())?;
    match head {
        Some(head) if head.seq > chain.seq() => Err(Fault::CutOff {
            expected: head.seq,
            last: chain.seq(),
        }),
        _ => Ok(Whole {
            first,
            entries,
            missing_texts,
            head: Head {
                seq: chain.seq(),
                hash: chain.hash().to_owned(),
            },
        }),
    }
}

/// The checkpoints that a log has to match, while it is read.
struct Signed {
    tree: Tree,
    /// The roots that are still to be compared, by the number of entries.
    roots: BTreeMap<u64, Hash>,
    /// The largest checkpoint that the log matches so far.
    matched: u64,
}

impl Signed {
    fn new(checkpoints: Vec<Checkpoint>) -> Result<Self, Fault> {
        let mut roots = BTreeMap::new();
        for Checkpoint { size, root } in checkpoints {
            if roots.insert(size, root).is_some_and(|other| other != root) {
                return Err(Fault::Forked { size });
            }
        }
        Ok(Self {
            tree: Tree::default(),
            roots,
            matched: 0,
        })
    }

    /// Adds the log's next entry, whose hash was verified.
    fn compare(&mut self, entry: &RawEntry) -> Result<(), Fault> {
        // Most logs are verified without any.
        if self.roots.is_empty() {
            return Ok(());
        }
        self.tree.add(&entry.leaf());
        let last = self.tree.size();
        match self.roots.remove(&last) {
            Some(root) if root != self.tree.root() => Err(Fault::NotAsSigned {
                first: self.matched + 1,
                last,
            }),
            Some(_) => {
                self.matched = last;
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// Checks that the log, which ends with entry `last`, has all that was signed.
    fn finish(self, last: u64) -> Result<(), Fault> {
        match self.roots.last_key_value() {
            Some((&signed, _)) if signed > last => Err(Fault::CutOffBehind { signed, last }),
            _ => Ok(()),
        }
    }
}
