//! The follower: what each entry of the log calls for, and what it makes old.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use tokio_util::sync::CancellationToken;

use super::{
    CURSOR, Retry, card,
    card::{calls_for_cards, new_cards},
    home, written,
};
use crate::{
    clock::{Clock, Entropy},
    domain::{ChannelId, Event, LockEvent, Request, RequestId, Time},
    store::{
        DocumentWrites, Documents, Entry, EntryBody, Origin, RawEntry, Step, Store, StoreError,
        followed, logged,
    },
};

/// The cursor that says up to which entry a store was rebuilt from its log. Who saw what until then
/// is not known, so messages are posted again, but only of what is open.
pub const REBUILT: &str = "rebuilt";

/// Entries that are followed together.
const BATCH: u32 = 1_000;

/// How many waiting requests have their cards made anew when a lock is set or lifted.
const WAITING: u32 = 500;

/// Goes through the log and says what is to be shown.
pub struct Follower {
    store: Arc<dyn Store>,
    documents: Arc<dyn Documents>,
    audit_channel: ChannelId,
    retry: Retry,
}

/// What some entries affect.
#[derive(Default)]
struct Affected {
    /// The requests that they tell of.
    changed: BTreeSet<RequestId>,
    /// What calls for cards.
    calls: Vec<(u64, RequestId, Event)>,
    is_locked: bool,
    /// Whether a lock was set or lifted: the cards of what waits say whether one covers it, and the Homes of
    /// those who may see them list them.
    has_locks: bool,
    /// Whether a review was opened, or somebody signed one off: the Homes of reviewers list them.
    has_reviews: bool,
}

impl Follower {
    /// A follower of `store`'s log that writes to `documents`.
    pub fn new(
        store: Arc<dyn Store>,
        documents: Arc<dyn Documents>,
        audit_channel: ChannelId,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Self {
        Self {
            store,
            documents,
            audit_channel,
            retry: Retry { clock, entropy },
        }
    }

    /// Follows until told to stop, which it answers with nothing. Calls `told` whenever its cursor may
    /// have moved.
    pub async fn follow(&self, shutdown: &CancellationToken, told: impl Fn() + Sync) -> Option<()> {
        let mut head = self.store.head();
        let rebuilt = || self.documents.cursor(REBUILT);
        let rebuilt = self.retry.retry_forever(shutdown, rebuilt).await?;
        loop {
            // Seen before the log is read: an entry written in between wakes us.
            head.borrow_and_update();
            let step = || self.step(rebuilt);
            let has_more = self.retry.retry_forever(shutdown, step).await?;
            // Also where there was nothing to follow: the answer to the last step may have been lost.
            told();
            if has_more {
                continue;
            }
            tokio::select! {
                biased;
                () = shutdown.cancelled() => return None,
                moved = head.changed() => moved.ok()?,
            }
        }
    }

    /// Follows the next entries. False if there are none.
    async fn step(&self, rebuilt: u64) -> Result<bool, StoreError> {
        let from = self.documents.cursor(CURSOR).await?;
        let entries = followed(&*self.store, from, BATCH).await?;
        let Some(last) = entries.last() else {
            return Ok(false);
        };
        let to = last.seq;
        let affected = Affected::of(&entries, rebuilt);
        let requests = self.requests(from, &affected).await?;
        // By this replica's clock: what is shown at once is shown at once, also where the clock of
        // the replica that wrote the entry is ahead.
        let at = self.retry.clock.now();
        let mut writes = DocumentWrites {
            step: Some(Step {
                cursor: CURSOR.to_owned(),
                from,
                to,
            }),
            ..self.writes(&affected, &requests, rebuilt, at)
        };
        if affected.has_locks {
            let waiting = self.store.awaiting(WAITING).await?;
            let waiting = waiting.iter().map(|request| request.id);
            writes.touch.extend(card::touch(waiting, at));
        }
        // Where somebody else has taken the step, the next one begins where they stand.
        written(self.documents.write(writes).await)?;
        Ok(true)
    }

    /// The requests that entries affect: as the log tells them where cards are made, since
    /// those stay.
    async fn requests(
        &self,
        from: u64,
        affected: &Affected,
    ) -> Result<HashMap<RequestId, Request>, StoreError> {
        let mut requests = HashMap::new();
        if !affected.changed.is_empty() {
            let (changed, _) = self.store.changed(from, BATCH).await?;
            let readable = changed
                .into_iter()
                .filter_map(|it| Some((it.id, it.request?)));
            requests.extend(readable);
        }
        let of_cards = affected.calls.iter().map(|(_, id, _)| *id);
        let unreadable = affected.changed.iter().copied();
        let unreadable = unreadable.filter(|id| !requests.contains_key(id));
        let asked: BTreeSet<RequestId> = of_cards.chain(unreadable).collect();
        if !asked.is_empty() {
            let asked = Vec::from_iter(asked);
            let told = logged(&*self.store, &asked).await?;
            requests.extend(told.into_iter().map(|(id, (request, _))| (id, request)));
        }
        Ok(requests)
    }

    fn writes(
        &self,
        affected: &Affected,
        requests: &HashMap<RequestId, Request>,
        rebuilt: u64,
        at: Time,
    ) -> DocumentWrites {
        let mut writes = DocumentWrites::default();
        for (seq, id, event) in &affected.calls {
            let request = requests.get(id);
            let is_reviewed = |request: &Request| {
                let review = request.review.as_ref();
                matches!(event, Event::GlassBroken { .. }) && review.is_some_and(|it| it.is_open())
            };
            let request = request.filter(|it| *seq > rebuilt || it.is_open() || is_reviewed(it));
            let Some(request) = request else {
                continue;
            };
            let cards = new_cards(request, event, &self.audit_channel);
            let cards = cards.iter().map(|card| card.document(Some(at)));
            writes.add.extend(cards);
        }
        let requesters = affected.changed.iter().filter_map(|id| requests.get(id));
        let requesters = requesters.map(|request| &request.requester);
        writes
            .touch
            .extend(card::touch(affected.changed.iter().copied(), at));
        writes.touch.extend(home::touch_by(requesters, at));
        if affected.is_locked {
            writes.touch.extend(home::touch_asked(at));
        }
        if affected.has_locks {
            writes.touch.extend(home::touch_locks(at));
        }
        if affected.has_reviews {
            writes.touch.extend(home::touch_reviews(at));
        }
        writes
    }
}

impl Affected {
    fn of(entries: &[RawEntry], rebuilt: u64) -> Self {
        let mut affected = Self::default();
        // What Keylend did not write calls for nothing. An alert names it.
        let written = |raw: &&RawEntry| raw.origin != Origin::Forged;
        for raw in entries.iter().filter(written) {
            let entry = match Entry::try_from(raw) {
                Ok(entry) => entry,
                Err(error) => {
                    let seq = raw.seq;
                    tracing::error!(
                        seq, %error,
                        "failed to read an entry of the log; Slack does not show it: run `keylend audit \
                         verify`"
                    );
                    continue;
                }
            };
            match (entry.request_id, entry.body) {
                (Some(id), EntryBody::Request(event)) => {
                    // Nobody saw anything of what came before.
                    if raw.seq > rebuilt {
                        affected.changed.insert(id);
                    }
                    affected.has_reviews |= matches!(
                        event,
                        Event::GlassBroken { .. } | Event::ReviewSignedOff { .. }
                    );
                    if calls_for_cards(&event) {
                        affected.calls.push((raw.seq, id, event));
                    }
                }
                (_, EntryBody::Lock(event)) => {
                    affected.has_locks = true;
                    affected.is_locked |= matches!(event, LockEvent::Locked { .. });
                }
                _ => {}
            }
        }
        affected
    }
}
