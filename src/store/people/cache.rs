//! What is known of people, written down, so that a start need not read the whole log again.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::atomic::Ordering,
};

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{LoggedPeople, OpenRequest, OpenReview, PAGE, People};
use crate::{
    domain::{Humans, IdentityKey, Lock, RequestId, Time, UserId, Username},
    store::{Broken, Chain, RawEntry, Store, StoreError, Why, verified::Extent},
};

/// The form in which it is written. What was written in another is not read.
const FORMAT: u32 = 2;

#[derive(Serialize, Deserialize)]
struct Written {
    format: u32,
    seq: u64,
    hash: String,
    at: String,
    humans: Humans,
    names: BTreeMap<Username, BTreeSet<IdentityKey>>,
    open: Vec<OpenRequest>,
    asked: VecDeque<(Time, UserId)>,
    inspected_later: BTreeMap<RequestId, (usize, OpenRequest)>,
    #[serde(default)]
    reviews: BTreeMap<RequestId, OpenReview>,
    incomplete: BTreeSet<IdentityKey>,
    /// Of each request that is open or can be open again.
    extents: BTreeMap<RequestId, Extent>,
    locks: Vec<Lock>,
}

impl LoggedPeople {
    /// Writes down what is known up to the last entry that was read, and which one that is, if the log has
    /// grown by so many entries since. Nothing while the chain is broken. The text has people's addresses
    /// in it.
    pub async fn to_keep(&self, entries: u64) -> Option<(u64, Zeroizing<Vec<u8>>)> {
        let people = self.people.lock().await;
        let due = self.kept.load(Ordering::Relaxed).saturating_add(entries);
        if people.check().is_err() || people.seq() < due {
            return None;
        }
        let (extents, locks) = people.comparisons.verified().to_keep();
        let written = Written {
            format: FORMAT,
            seq: people.seq(),
            hash: people.chain.hash().to_owned(),
            at: people.chain.at().to_owned(),
            humans: people.humans.clone(),
            names: people.names.clone(),
            open: people.open.values().cloned().collect(),
            asked: people.asked.clone(),
            inspected_later: people.inspected_later.clone(),
            reviews: people.reviews.clone(),
            incomplete: people.incomplete.clone(),
            extents,
            locks,
        };
        drop(people);
        let text = serde_json::to_vec(&written).expect("texts and numbers are always JSON");
        Some((written.seq, text.into()))
    }

    /// Notes that what was known up to this entry is kept.
    pub fn note_kept(&self, seq: u64) {
        self.kept.store(seq, Ordering::Relaxed);
    }

    /// Takes on what was written down, unless the log is being read already, and answers up to which entry;
    /// nothing if it cannot be read. The log is read on from there. Whoever calls this vouches for the text.
    pub async fn restore(&self, text: &[u8]) -> Option<u64> {
        let written: Written = serde_json::from_slice(text).ok()?;
        if written.format != FORMAT {
            return None;
        }
        let mut people = self.people.lock().await;
        if people.seq() >= written.seq {
            return Some(people.seq());
        }
        self.note_kept(written.seq);
        let comparisons = people.comparisons.clone();
        comparisons
            .verified()
            .restore(written.seq, written.extents, written.locks);
        *people = People {
            comparisons,
            restored: Some((written.seq, written.hash.clone())),
            chain: Chain::after(written.seq, &written.hash).dated(written.at),
            humans: written.humans,
            names: written.names,
            asked: written.asked,
            inspected_later: written.inspected_later,
            reviews: written.reviews,
            incomplete: written.incomplete,
            ..People::default()
        };
        for request in written.open {
            people.open(request);
        }
        Some(written.seq)
    }

    /// Verifies one page of the log before what was [restored](Self::restore), from where `chain` ends, and
    /// answers whether that was the last. If the chain is broken there, nothing is decided any more.
    ///
    /// # Errors
    ///
    /// If the store does not answer.
    pub async fn verify_before(
        &self,
        store: &dyn Store,
        chain: &mut Chain,
    ) -> Result<bool, StoreError> {
        let Some((last, hash)) = self.people.lock().await.restored.clone() else {
            return Ok(true);
        };
        let page = store.raw_entries(chain.seq(), PAGE).await?;
        match verify_page(&page, chain, last, &hash) {
            Ok(()) => Ok(chain.seq() == last),
            Err(broken) => {
                self.people.lock().await.damaged = Some(broken);
                Ok(true)
            }
        }
    }
}

fn verify_page(page: &[RawEntry], chain: &mut Chain, last: u64, hash: &str) -> Result<(), Broken> {
    if page.is_empty() {
        let (seq, why) = (chain.seq() + 1, Why::Gone);
        return Err(Broken { seq, why });
    }
    let room = usize::try_from(last - chain.seq()).unwrap_or(usize::MAX);
    for entry in page.iter().take(room) {
        chain.check(entry)?;
    }
    match chain.seq() == last && chain.hash() != hash {
        true => Err(Broken {
            seq: last,
            why: Why::Rewritten,
        }),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::Username,
        store::{
            Fold, Lost,
            people::{
                LATELY,
                tests::{human, log},
            },
        },
    };

    async fn kept(log: &[RawEntry]) -> (LoggedPeople, Zeroizing<Vec<u8>>) {
        let people = LoggedPeople::default();
        people.people.lock().await.follow(log).unwrap();
        let (seq, text) = people.to_keep(1).await.unwrap();
        people.note_kept(seq);
        (people, text)
    }

    #[tokio::test]
    async fn the_log_is_read_on_from_what_was_kept_as_if_all_of_it_had_been_read() {
        let (one, other) = (
            human("U0ONE", "one@x.example"),
            human("U0TWO", "two@x.example"),
        );
        let both = human("U0ONE", "two@x.example");
        let log = log(&[one.clone(), other.clone(), both]);
        let (people, text) = kept(&log[..4]).await;
        assert!(people.to_keep(1).await.is_none(), "it is kept already");

        let restored = LoggedPeople::default();
        assert_eq!(restored.restore(&text).await, Some(4));
        let mut people = restored.people.lock().await;
        people.follow(&log[3..]).unwrap();
        assert_eq!(people.seq(), 6);
        let id = RequestId::new(Time::UNIX_EPOCH, 0);
        let mut fold = Fold::new(id);
        fold.add(&log[0]).unwrap();
        let expected = people.comparisons.verified().expected(id);
        assert_eq!(fold.check(&expected), Err(Lost::Entries));
        for human in [one, other] {
            let human = people.known(&human);
            let name = Username::new("app");
            assert_eq!(people.owners(&name).admit(&name, &human), Ok(()));
            assert_eq!(people.open_of(&human).len(), 3);
            let then = LATELY.after(Time::UNIX_EPOCH);
            let before = then - std::time::Duration::from_millis(1);
            assert_eq!(people.asked_lately(&human, before).len(), 3);
            assert!(people.asked_lately(&human, then).is_empty());
        }
    }

    #[tokio::test]
    async fn a_log_that_does_not_go_on_from_what_was_kept_is_broken() {
        let log = log(&[human("U0ONE", "one@x.example")]);
        let (_, text) = kept(&log).await;
        let mut rewritten = log[1].clone();
        rewritten.hash = log[0].hash.clone();
        for (page, why) in [(vec![], Why::Gone), (vec![rewritten], Why::Rewritten)] {
            let restored = LoggedPeople::default();
            restored.restore(&text).await.unwrap();
            let mut people = restored.people.lock().await;
            assert_eq!(people.follow(&page), Err(Broken { seq: 2, why }));
        }
    }

    #[tokio::test]
    async fn nothing_is_kept_while_the_chain_is_broken_and_what_cannot_be_read_is_not_taken_on() {
        let mut log = log(&[human("U0ONE", "one@x.example")]);
        let (people, text) = kept(&log[..1]).await;
        log[1].actor = "keylend".to_owned();
        let mut broken = people.people.lock().await;
        broken.broken = broken.follow(&log).err();
        assert!(broken.broken.is_some());
        drop(broken);
        people.note_kept(0);
        assert!(people.to_keep(1).await.is_none());

        let other = String::from_utf8(text.to_vec()).unwrap();
        let other = other.replace("\"format\":2", "\"format\":0");
        for unreadable in [other.as_bytes(), b"", b"{}"] {
            let restored = LoggedPeople::default();
            assert_eq!(restored.restore(unreadable).await, None);
            assert_eq!(restored.people.lock().await.seq(), 0);
        }
    }
}
