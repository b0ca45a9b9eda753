//! New authentication codes for the whole log, after `secrets.key` was replaced.

use serde_json::{Value, json};

use super::{
    Address, Broken, Chain, OpenError, Origin, RawEntry, StoreKey,
    copy::{CopyError, ExclusiveStore, at_rest},
};

/// Entries that are read and written at a time.
const PAGE: u32 = 1000;

/// Ranges of entries that are named.
const NAMED: usize = 20;

/// What came of it.
#[derive(Debug, Default)]
pub struct Rekeyed {
    /// How many entries the log has.
    pub entries: u64,
    /// How many of them were given another code.
    pub written: u64,
    /// Those that were valid under neither key.
    pub unverified: Unverified,
}

/// Entries that no key says Keylend wrote.
#[derive(Debug, Default)]
pub struct Unverified {
    /// How many there are.
    pub count: u64,
    /// The first and last of each range of them, of the first twenty ranges.
    pub ranges: Vec<(u64, u64)>,
}

/// Why no code was changed.
#[derive(Debug, thiserror::Error)]
pub enum RekeyError {
    /// The store cannot be used.
    #[error(transparent)]
    Store(#[from] CopyError),
    /// The chain is broken.
    #[error("the log is broken: {0}")]
    Broken(#[from] Broken),
    /// Entries are valid under neither key, and nobody said that they are to count.
    #[error("no key says that Keylend wrote {}", .0)]
    Unverified(Unverified),
}

impl std::fmt::Display for Unverified {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let range = |(first, last): &(u64, u64)| match first == last {
            true => first.to_string(),
            false => format!("{first} to {last}"),
        };
        let ranges: Vec<String> = self.ranges.iter().map(range).collect();
        let more = match self.ranges.len() < NAMED {
            true => "",
            false => ", and maybe others",
        };
        let (count, ranges) = (self.count, ranges.join(", "));
        match count {
            1 => write!(f, "1 entry: {ranges}"),
            _ => write!(f, "{count} entries: {ranges}{more}"),
        }
    }
}

impl Unverified {
    fn add(&mut self, seq: u64) {
        self.count += 1;
        let has_room = self.ranges.len() < NAMED;
        match self.ranges.last_mut() {
            Some((_, last)) if *last + 1 == seq => *last = seq,
            _ if has_room => self.ranges.push((seq, seq)),
            _ => {}
        }
    }
}

/// Verifies the log in `address`, and gives each entry a code that is valid under `key`, in one
/// transaction. An entry whose code is valid under `old` has to be Keylend's; one that is valid under
/// neither key counts only if `accepts` says so. What followers of the log keep is given codes as well, where
/// it is valid under `old`, or without `old` all of it.
///
/// # Errors
///
/// If somebody is at work on the store, if its log is broken, or if an entry is valid under neither key.
/// Then nothing has changed.
pub async fn rekey(
    address: &Address,
    key: &StoreKey,
    old: Option<&StoreKey>,
    accepts: bool,
) -> Result<Rekeyed, RekeyError> {
    let failed = |error: sqlx::Error| CopyError::To(OpenError::from(error));
    let mut store = at_rest(address).await?;
    let trigger = store.allow_updates().await.map_err(failed)?;
    let (mut chain, mut done) = (Chain::default(), Rekeyed::default());
    loop {
        let mut page = store
            .entries(chain.seq(), PAGE, key)
            .await
            .map_err(failed)?;
        let is_last = page.len() < PAGE as usize;
        let forged = forged(&page);
        if !forged.is_empty() {
            let theirs = match old {
                Some(old) => forged_under(&mut store, chain.seq(), old).await?,
                None => forged.clone(),
            };
            let unknown = forged.iter().filter(|seq| theirs.contains(seq));
            unknown.for_each(|seq| done.unverified.add(*seq));
        }
        let mut codes: Vec<Value> = Vec::new();
        for entry in &mut page {
            let is_forged = entry.origin == Origin::Forged;
            // Whoever wrote it, the chain has to be whole.
            entry.origin = Origin::Unknown;
            chain.check(entry)?;
            if is_forged {
                codes.push(json!([entry.seq, key.code(entry)]));
            }
        }
        done.entries += page.len() as u64;
        done.written += codes.len() as u64;
        if !codes.is_empty() {
            store.recode(codes).await.map_err(failed)?;
        }
        if is_last {
            break;
        }
    }
    if done.unverified.count > 0 && !accepts {
        return Err(RekeyError::Unverified(done.unverified));
    }
    if done.written > 0 {
        let followers = store.recode_followers(key, old);
        followers.await.map_err(failed)?;
    }
    store.forbid_updates(trigger).await.map_err(failed)?;
    store.commit().await.map_err(failed)?;
    Ok(done)
}

/// The entries of a page that are not valid under this key.
async fn forged_under(
    store: &mut ExclusiveStore,
    after: u64,
    key: &StoreKey,
) -> Result<Vec<u64>, CopyError> {
    let page = store.entries(after, PAGE, key).await;
    let page = page.map_err(|error| CopyError::To(OpenError::from(error)))?;
    Ok(forged(&page))
}

fn forged(page: &[RawEntry]) -> Vec<u64> {
    let forged = page.iter().filter(|entry| entry.origin == Origin::Forged);
    forged.map(|entry| entry.seq).collect()
}
