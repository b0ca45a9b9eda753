//! What the log says of people: which identities are one human's, to whom the names in the targets
//! belong, and what each human has open.
//!
//! No decision takes it from a table, so that whoever writes to the tables changes none. Each replica folds
//! the log and keeps what follows from it in memory, which grows with the people that there are and with
//! what is open. It also writes that down, for the next start to go on from ([`LoggedPeople::to_keep`]); the broker seals it, so that nobody else can write it. Before an answer a replica reads on to the
//! log's end, and looks that the last
//! entry it knows is still there: a log that was rewritten or cut off while it ran is found at once.
//! Where the chain is broken, nothing behind that place counts.

mod cache;
mod told;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::{Arc, atomic::AtomicU64},
};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tokio::{sync::Mutex, time::timeout};

pub use told::{DecidedOn, Told};

use super::{
    Broken, Chain, Comparisons, RawEntry, Store, StoreError, Why,
    answer::{PATIENCE, unavailable},
    entry::particulars,
};
use crate::domain::{
    Actor, Environment, Event, Human, Humans, IdentityKey, NameEvent, NameOwners, RequestId,
    Review, ScopeId, Span, Terms, Time, UserId, Username,
};

/// Entries that are read at a time.
const PAGE: u32 = 1000;

/// For how long it is known who requested how often.
pub const LATELY: Span = Span::minutes(60);

/// The kinds of entries that say something of people, besides a request's last.
macro_rules! kinds_of_people {
    () => {
        "'requested', 'approval_counted', 'approved', 'extension_requested', 'extended',
         'layer_reappeared', 'name_released', 'started'"
    };
}
pub(super) use kinds_of_people;

/// What the log says of people, as one replica knows it.
#[derive(Default)]
pub struct LoggedPeople {
    people: Mutex<People>,
    /// The last entry that is in what is kept.
    kept: AtomicU64,
}

/// What the log says of people up to one entry.
#[derive(Default)]
pub struct People {
    /// What is moved on with it.
    comparisons: Arc<Comparisons>,
    chain: Chain,
    broken: Option<Broken>,
    /// The last entry that was in what was kept, and its hash.
    restored: Option<(u64, String)>,
    /// Where the chain is broken before that.
    damaged: Option<Broken>,
    humans: Humans,
    /// One identity of each human who was granted access under a name since it was last released.
    names: BTreeMap<Username, BTreeSet<IdentityKey>>,
    open: BTreeMap<RequestId, OpenRequest>,
    open_by: BTreeMap<UserId, BTreeSet<RequestId>>,
    /// Who requested something in the last [`LATELY`] of the log, in its order.
    asked: VecDeque<(Time, UserId)>,
    /// Requests that are over, with how many of their layers are still to be inspected once more: they
    /// are open again if the access is there.
    inspected_later: BTreeMap<RequestId, (usize, OpenRequest)>,
    /// What was taken by break-glass and is open for review, whether or not the access has ended.
    reviews: BTreeMap<RequestId, OpenReview>,
    /// Identities of humans of whom the log has lost an address.
    incomplete: BTreeSet<IdentityKey>,
}

/// A request that is not over, as far as it says something of its requester.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenRequest {
    /// The id of the request.
    pub id: RequestId,
    /// The Slack id of the requester.
    pub requester: UserId,
    /// The requester's name in the targets.
    pub username: Username,
    /// The scope.
    pub scope: ScopeId,
    /// The purpose, as [`Terms::purpose`] returns it.
    pub purpose: String,
    /// The environment of the scope, if it has one.
    pub environment: Option<Environment>,
    /// The time of the request.
    pub asked_at: Time,
    /// Whether it was approved and, if that is later, started, so that it counts against what its requester
    /// may hold.
    pub is_held: bool,
    /// Whether it starts later than at its approval.
    #[serde(default)]
    pub is_scheduled: bool,
    /// Whether it can end before its time.
    pub ends_early: bool,
}

/// A review that is open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct OpenReview {
    /// The Slack id of whoever used break-glass.
    pub requester: UserId,
    /// Since when it is open.
    pub opened_at: Time,
    /// How many people still have to sign off.
    pub left: usize,
}

/// What the log says of people is not known for certain, so nobody comes closer to access.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Uncertain {
    /// The chain is broken.
    #[error("the log is broken: {0}")]
    Broken(#[from] Broken),
    /// An address of somebody whom the decision is about is gone.
    #[error("the log has lost an address of {0}")]
    Incomplete(IdentityKey),
}

impl LoggedPeople {
    /// Moves on what these have verified, while the log is read.
    pub fn new(comparisons: Arc<Comparisons>) -> Self {
        let people = People {
            comparisons,
            ..People::default()
        };
        Self {
            people: Mutex::new(people),
            kept: AtomicU64::default(),
        }
    }

    /// Asks what the log says, read to its end.
    ///
    /// # Errors
    ///
    /// If the store does not answer, or the log is still being read for the first time.
    pub async fn read<T>(
        &self,
        store: &dyn Store,
        ask: impl FnOnce(&People) -> T,
    ) -> Result<T, StoreError> {
        let reading = async {
            let mut people = self.people.lock().await;
            people.read_on(store).await?;
            Ok(ask(&people))
        };
        match timeout(PATIENCE, reading).await {
            Ok(answer) => answer,
            Err(elapsed) => Err(unavailable("read the log to its end", elapsed)),
        }
    }

    /// Reads the log for the first time, which takes a while where it is long.
    ///
    /// # Errors
    ///
    /// If the store does not answer. What was read until then is kept.
    pub async fn load(&self, store: &dyn Store) -> Result<(), StoreError> {
        self.people.lock().await.read_on(store).await
    }
}

impl People {
    /// Whether all that was read is whole.
    ///
    /// # Errors
    ///
    /// If the chain is broken.
    pub fn check(&self) -> Result<(), Uncertain> {
        match self.broken.as_ref().or(self.damaged.as_ref()) {
            Some(broken) => Err(broken.clone().into()),
            None => Ok(()),
        }
    }

    /// Whether every identity of these people is known.
    ///
    /// # Errors
    ///
    /// If the chain is broken, or the log has lost an address of one of them.
    pub fn check_people(&self, people: &[Human]) -> Result<(), Uncertain> {
        self.check()?;
        let mut keys = people.iter().flat_map(Human::keys);
        match keys.find(|key| self.incomplete.contains(key)) {
            Some(key) => Err(Uncertain::Incomplete(key.clone())),
            None => Ok(()),
        }
    }

    /// The last entry that was read.
    pub fn seq(&self) -> u64 {
        self.chain.seq()
    }

    /// The date of that entry; nothing before the first.
    pub fn last_at(&self) -> Option<Time> {
        self.chain.at().parse().ok()
    }

    /// The same human with every identity that the log has of them.
    pub fn known(&self, human: &Human) -> Human {
        self.humans.known(human)
    }

    /// To whom a name in the targets belongs.
    pub fn owners(&self, name: &Username) -> NameOwners {
        let mut owners = NameOwners::default();
        for key in self.names.get(&name.folded()).into_iter().flatten() {
            owners.bind(&self.known(&Human::from_iter([key.clone()])));
        }
        owners
    }

    /// What a human has open under any of their identities, oldest first.
    pub fn open_of(&self, human: &Human) -> Vec<OpenRequest> {
        let human = self.known(human);
        let mut open: Vec<OpenRequest> = ids(&human)
            .filter_map(|id| self.open_by.get(id))
            .flatten()
            .filter_map(|id| self.open.get(id).cloned())
            .collect();
        open.sort_by_key(|request| (request.asked_at, request.id));
        open
    }

    /// What is open for review, oldest first.
    pub fn reviews(&self) -> Vec<RequestId> {
        let mut reviews: Vec<_> = self.reviews.iter().collect();
        reviews.sort_by_key(|(id, review)| (review.opened_at, **id));
        reviews.into_iter().map(|(id, _)| *id).collect()
    }

    /// What a human took by break-glass under any of their identities and is open for review since the longest;
    /// and since when.
    pub fn unreviewed(&self, human: &Human) -> Option<(RequestId, Time)> {
        let human = self.known(human);
        let ids: BTreeSet<&UserId> = ids(&human).collect();
        let theirs = self.reviews.iter();
        let theirs = theirs.filter(|(_, review)| ids.contains(&review.requester));
        theirs
            .map(|(id, review)| (*id, review.opened_at))
            .min_by_key(|(id, opened_at)| (*opened_at, *id))
    }

    /// When a human requested something under any of their identities in the [`LATELY`] before `now`,
    /// oldest first.
    pub fn asked_lately(&self, human: &Human, now: Time) -> Vec<Time> {
        let (human, lately) = (self.known(human), LATELY.before(now));
        let ids: BTreeSet<&UserId> = ids(&human).collect();
        let asked = self.asked.iter();
        let asked = asked.filter(|(at, id)| *at > lately && ids.contains(id));
        asked.map(|(at, _)| *at).collect()
    }

    /// Reads on to the log's end.
    async fn read_on(&mut self, store: &dyn Store) -> Result<(), StoreError> {
        loop {
            // The last known entry is read again.
            let last = self.seq().saturating_sub(1);
            let page = store.raw_entries(last, PAGE).await?;
            self.broken = self.follow(&page).err();
            if self.broken.is_some() || page.len() < PAGE as usize {
                return Ok(());
            }
        }
    }

    fn follow(&mut self, page: &[RawEntry]) -> Result<(), Broken> {
        let mut page = page.iter();
        if self.seq() > 0 {
            let why = match page.next() {
                None => Some(Why::Gone),
                Some(last) if last.seq != self.seq() => Some(Why::Missing { found: last.seq }),
                Some(last) if last.hash != self.chain.hash() => Some(Why::Rewritten),
                Some(_) => None,
            };
            if let Some(why) = why {
                let seq = self.seq();
                return Err(Broken { seq, why });
            }
        }
        for raw in page {
            let whole = self.chain.check_whole(raw)?;
            let is_identity =
                |place: &String| !place.ends_with("/reason") && !place.ends_with("/ticket");
            let is_incomplete = whole.missing.iter().any(is_identity);
            self.note(raw, &whole.body, is_incomplete)
                .map_err(|_| Broken {
                    seq: raw.seq,
                    why: Why::Unreadable,
                })?;
            self.chain.advance(raw);
            let request = raw.request_id.as_ref().and_then(|id| id.parse().ok());
            let request = request.map(|id| {
                let can_be_open = self.open.contains_key(&id)
                    || self.inspected_later.contains_key(&id)
                    || self.reviews.contains_key(&id);
                (id, can_be_open)
            });
            self.comparisons.verified().follow(raw, request);
        }
        Ok(())
    }

    fn note(
        &mut self,
        raw: &RawEntry,
        body: &RawValue,
        is_incomplete: bool,
    ) -> Result<(), serde_json::Error> {
        use serde::de::Error as _;

        let id = raw.request_id.as_ref();
        let id: Option<RequestId> = id
            .map(|id| id.parse().map_err(serde_json::Error::custom))
            .transpose()?;
        let Some(id) = id else {
            if raw.kind == "name_released" {
                let NameEvent::NameReleased { name, .. } = particulars(raw, body)?;
                self.names.remove(&name.folded());
            }
            return Ok(());
        };
        let says_nothing = !matches!(
            raw.kind.as_str(),
            "layer_revoked"
                | "layer_absence_confirmed"
                | "layer_inspection_abandoned"
                | "layer_reappeared"
                | "requested"
                | "revised"
                | "approval_counted"
                | "approved"
                | "extension_requested"
                | "extended"
                | "started"
                | "glass_broken"
                | "review_signed_off"
        );
        if says_nothing {
            if Event::is_last(&raw.kind) {
                self.close(id);
            }
            return Ok(());
        }
        self.note_event(id, raw, &particulars(raw, body)?, is_incomplete)
    }

    fn note_event(
        &mut self,
        id: RequestId,
        raw: &RawEntry,
        event: &Event,
        is_incomplete: bool,
    ) -> Result<(), serde_json::Error> {
        use serde::de::Error as _;

        match event {
            Event::Requested {
                requester,
                username,
                terms,
                starts_at,
                ..
            } => {
                let asked_at: Time = raw.at.parse().map_err(serde_json::Error::custom)?;
                self.asked.push_back((asked_at, requester.clone()));
                let lately = LATELY.before(asked_at);
                while self.asked.front().is_some_and(|(at, _)| *at <= lately) {
                    self.asked.pop_front();
                }
                let request = OpenRequest {
                    id,
                    requester: requester.clone(),
                    username: username.clone(),
                    scope: terms.scope.clone(),
                    purpose: Terms::purpose(terms.ticket.as_deref(), &terms.reason),
                    environment: terms.environment.clone(),
                    asked_at,
                    is_held: false,
                    is_scheduled: starts_at.is_some(),
                    ends_early: terms.ends_early,
                };
                self.open(request);
            }
            Event::LayerRevoked { removal, .. } => {
                if let (true, Some(request)) = (removal.is_inspected_later(), self.open.get(&id)) {
                    let later = self.inspected_later.entry(id);
                    later.or_insert_with(|| (0, request.clone())).0 += 1;
                }
            }
            Event::LayerAbsenceConfirmed { .. } | Event::LayerInspectionAbandoned { .. } => {
                drop(self.inspected(id));
            }
            Event::LayerReappeared { .. } => {
                if let Some(request) = self.inspected(id) {
                    self.open(request);
                }
            }
            Event::GlassBroken { .. } => {
                if let Some(request) = self.open.get(&id) {
                    let review = OpenReview {
                        requester: request.requester.clone(),
                        opened_at: raw.at.parse().map_err(serde_json::Error::custom)?,
                        left: Review::NEEDED,
                    };
                    self.reviews.insert(id, review);
                }
            }
            Event::ReviewSignedOff { .. } => {
                if let Some(review) = self.reviews.get_mut(&id) {
                    review.left = review.left.saturating_sub(1);
                    if review.left == 0 {
                        self.reviews.remove(&id);
                    }
                }
            }
            Event::Revised { terms, .. } => {
                if let Some(request) = self.open.get_mut(&id) {
                    request.environment.clone_from(&terms.environment);
                    request.ends_early = terms.ends_early;
                }
            }
            _ => {}
        }
        let Some(request) = self.open.get_mut(&id) else {
            return Ok(());
        };
        request.is_held |= match event {
            Event::Approved { .. } => !request.is_scheduled,
            Event::Started { .. } => true,
            _ => false,
        };
        let actor: Actor = serde_json::from_value(raw.actor.clone().into())?;
        let Some(told) = Told::of_request(event, &actor, &request.username) else {
            return Ok(());
        };
        let requester = IdentityKey::Id(request.requester.clone());
        for human in &told.people {
            self.humans.add(human);
            if is_incomplete {
                self.incomplete.extend(human.keys().next().cloned());
            }
        }
        if let Some(name) = told.name {
            self.names.entry(name).or_default().insert(requester);
        }
        Ok(())
    }

    /// One layer of a request that is over was inspected once more. Answers the request.
    fn inspected(&mut self, id: RequestId) -> Option<OpenRequest> {
        let (layers, request) = self.inspected_later.get_mut(&id)?;
        let request = request.clone();
        *layers -= 1;
        if *layers == 0 {
            self.inspected_later.remove(&id);
        }
        Some(request)
    }

    fn open(&mut self, request: OpenRequest) {
        let open_by = self.open_by.entry(request.requester.clone()).or_default();
        open_by.insert(request.id);
        self.open.insert(request.id, request);
    }

    fn close(&mut self, id: RequestId) {
        let Some(request) = self.open.remove(&id) else {
            return;
        };
        if let Some(open_by) = self.open_by.get_mut(&request.requester) {
            open_by.remove(&id);
            if open_by.is_empty() {
                self.open_by.remove(&request.requester);
            }
        }
    }
}

/// The ids among somebody's identities.
fn ids(human: &Human) -> impl Iterator<Item = &UserId> {
    human.keys().filter_map(|key| match key {
        IdentityKey::Id(id) => Some(id),
        IdentityKey::Address(_) | IdentityKey::Person(_) => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        clock::SystemEntropy,
        domain::{ApprovalFacts, AskKey, ChannelId, Email, Occurred, Refusal, Risk},
        store::{EntryBody, Expected, Fold, Lost, Record},
    };

    pub(super) fn human(id: &str, email: &str) -> Human {
        Human::new(&UserId::new(id), Some(&Email::new(email)))
    }

    /// The log of requests for one name, each approved, in this order.
    pub(super) fn log(people: &[Human]) -> Vec<RawEntry> {
        let (mut chain, mut log) = (Chain::default(), Vec::new());
        for (number, human) in (0..).zip(people) {
            let id = RequestId::new(Time::UNIX_EPOCH, number);
            let requester = human.keys().find_map(|key| match key {
                IdentityKey::Id(id) => Some(id.clone()),
                _ => None,
            });
            let requester = requester.unwrap();
            let requested = Event::Requested {
                ask_key: AskKey::derive(&number.to_string()),
                requester: requester.clone(),
                email: Email::new(format!("{requester}@example.com")),
                human: human.clone(),
                username: Username::new("App"),
                terms: Terms {
                    scope: "db-prod:write".parse().unwrap(),
                    title: String::new(),
                    environment: Some(Environment::new("prod")),
                    risk: Risk::Low,
                    duration: Span::minutes(10),
                    reason: String::new(),
                    ticket: None,
                    layers: Vec::new(),
                    residual: Span::default(),
                    ends_early: true,
                    dangerous: false,
                },
                approvals_needed: 1,
                stages: Vec::new(),
                approval_channel: ChannelId::new("C0DBA"),
                mirrors: Vec::new(),
                lapses_at: Time::UNIX_EPOCH,
                starts_at: None,
            };
            let approved = Event::Approved {
                expires_at: Time::UNIX_EPOCH,
                layers: Vec::new(),
                after: Vec::new(),
                human: Human::default(),
                requester: human.clone(),
                facts: ApprovalFacts::default(),
                groups: Vec::new(),
                duration: None,
            };
            for event in [requested, approved] {
                let occurred = Occurred {
                    at: Time::UNIX_EPOCH,
                    actor: Actor::Person(requester.clone()),
                    rules: Vec::new(),
                    event,
                };
                log.push(chain.seal(&Record::of(id, &occurred), &SystemEntropy));
            }
        }
        log
    }

    fn read(log: &[RawEntry]) -> People {
        let mut people = People::default();
        people.follow(log).unwrap();
        people
    }

    #[test]
    fn a_name_that_two_have_used_is_theirs_once_the_log_says_that_they_are_one() {
        let name = Username::new("app");
        let (one, other) = (
            human("U0ONE", "one@x.example"),
            human("U0TWO", "two@x.example"),
        );
        let used = [one.clone(), other.clone()];
        let people = read(&log(&used));
        for human in [&one, &other] {
            let refused = people.owners(&name).admit(&name, human);
            assert_eq!(refused, Err(Refusal::NameContested(name.clone())));
        }
        let both = human("U0ONE", "two@x.example");
        let people = read(&log(&[&used[..], &[both]].concat()));
        for human in [one, other] {
            let human = people.known(&human);
            assert_eq!(people.owners(&name).admit(&name, &human), Ok(()));
            assert_eq!(people.open_of(&human).len(), 3);
        }
    }

    #[test]
    fn the_last_known_entry_is_looked_at_again_and_what_is_behind_a_break_does_not_count() {
        let log = log(&[
            human("U0ONE", "one@x.example"),
            human("U0TWO", "two@x.example"),
        ]);
        let mut people = read(&log[..2]);
        let gone = Broken {
            seq: 2,
            why: Why::Gone,
        };
        assert_eq!(people.follow(&[]), Err(gone));
        let mut other = log[1].clone();
        other.hash = log[0].hash.clone();
        let rewritten = Broken {
            seq: 2,
            why: Why::Rewritten,
        };
        assert_eq!(people.follow(&[other]), Err(rewritten));
        let mut changed = log.clone();
        changed[2].actor = "keylend".to_owned();
        let altered = Broken {
            seq: 3,
            why: Why::Altered,
        };
        assert_eq!(people.follow(&changed[1..]), Err(altered));
        assert_eq!(people.seq(), 2);
        // What is put right again counts.
        people.follow(&log[1..]).unwrap();
        assert_eq!(people.seq(), 4);
    }

    #[test]
    fn a_request_that_the_log_has_lost_entries_of_is_told_from_a_whole_one() {
        let log = log(&[human("U0ONE", "one@x.example")]);
        let id = RequestId::new(Time::UNIX_EPOCH, 0);
        let folded = |entries: &[RawEntry]| {
            let mut fold = Fold::new(id);
            for raw in entries {
                fold.add(raw).unwrap();
            }
            fold
        };
        let before = read(&log[..1]);
        let expected = before.comparisons.verified().expected(id);
        // What was committed since it was asked for is not expected.
        assert_eq!(folded(&log).check(&expected), Ok(()));
        let people = read(&log);
        let expected = people.comparisons.verified().expected(id);
        assert_eq!(folded(&log).check(&expected), Ok(()));
        assert_eq!(folded(&log[..1]).check(&expected), Err(Lost::Entries));
        let over = Expected {
            extent: None,
            ..expected
        };
        assert_eq!(folded(&log).check(&over), Err(Lost::End));
    }

    #[test]
    fn a_released_name_is_free() {
        let mut log = log(&[human("U0ONE", "one@x.example")]);
        let last = log.last().unwrap();
        let mut chain = Chain::after(last.seq, &last.hash);
        let record = Record {
            at: Time::UNIX_EPOCH,
            request: None,
            actor: Actor::Keylend,
            rules: Vec::new(),
            body: EntryBody::Name(NameEvent::NameReleased {
                name: Username::new("app"),
                reason: "another login".to_owned(),
            }),
        };
        let name = Username::new("APP");
        assert!(!read(&log).owners(&name).is_free());
        log.push(chain.seal(&record, &SystemEntropy));
        assert!(read(&log).owners(&name).is_free());
    }
}
