//! The tables, and what one commit does to them: all of it, or nothing.

use std::collections::{BTreeMap, BTreeSet};

use keylend::{
    clock::Entropy,
    domain::{
        ChannelId, DeliveryKey, Entitlement, Human, Lock, LockTarget, Progress, Request, RequestId,
        State, Time,
    },
    domain::{Lane, UserId},
    presentation::{Card, Home, Place},
    store::{
        Chain, Change, Changed, Commit, CommitError, Entry, EntryBody, LockChange, Open, RawEntry,
        Record, SealedCredential, Sharing, Told,
    },
};

use super::{documents::Kept, trouble};

/// The same salt for every text, so that a story that is told again has the same hashes.
struct OneSalt;

impl Entropy for OneSalt {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(0);
    }
}

/// Everything that is kept. Maps are ordered, so that every answer is the same in every run.
#[derive(Default)]
pub(crate) struct Tables {
    pub(super) requests: BTreeMap<RequestId, Row>,
    locks: BTreeMap<LockTarget, Lock>,
    /// Set for a planted bug.
    pub(crate) ignores_locks: bool,
    pub(super) credentials: BTreeMap<(RequestId, usize), SealedCredential>,
    pub(super) people: Option<Vec<u8>>,
    pub(super) log: Vec<RawEntry>,
    /// When each entry was decided: the log dates it later if another came first.
    decided: Vec<Time>,
    chain: Chain,
    due: BTreeMap<(Lane, RequestId), Time>,
    delivered: BTreeSet<DeliveryKey>,
    pub(super) kept: Kept,
}

/// One request and the last entry about it.
pub(super) struct Row {
    pub(super) request: Request,
    pub(super) last_seq: u64,
}

impl Tables {
    pub(crate) fn request(&self, id: RequestId) -> Option<&Request> {
        self.requests.get(&id).map(|row| &row.request)
    }

    /// The number of the log's last entry about a request; 0 if there is none.
    pub(crate) fn last_seq(&self, id: RequestId) -> u64 {
        let id = id.to_string();
        let mut of_it = self.log.iter().rev();
        let last = of_it.find(|entry| entry.request_id.as_ref() == Some(&id));
        last.map_or(0, |entry| entry.seq)
    }

    /// When an entry was decided, by the clock of its replica.
    pub(crate) fn decided_at(&self, seq: u64) -> Time {
        let index = usize::try_from(seq - 1).expect("a small log");
        self.decided[index]
    }

    /// Every request there ever was.
    pub(crate) fn every_request(&self) -> impl Iterator<Item = &Request> {
        self.requests.values().map(|row| &row.request)
    }

    pub(crate) fn head(&self) -> u64 {
        self.chain.seq()
    }

    pub(crate) fn every_card(&self) -> impl Iterator<Item = Card> {
        self.kept.of("cards").filter_map(Card::read)
    }

    /// One card, by the channel that was asked for or by the one that it is in.
    pub(crate) fn card(&self, id: RequestId, place: Place, channel: &ChannelId) -> Option<Card> {
        self.every_card().find(|card| {
            (card.request, card.place) == (id, place)
                && (card.asked_for == *channel || card.channel == *channel)
        })
    }

    /// The version of a document; 0 if it is not there.
    pub(crate) fn version(&self, collection: &str, key: &str) -> u64 {
        let document = self.kept.document(collection, key);
        document.map_or(0, |document| document.version)
    }

    /// How far the feed of this name has told.
    pub(crate) fn cursor(&self, feed: &str) -> u64 {
        self.kept.cursor(feed)
    }

    /// Whether every card and every Home shows what is, as far as the store knows.
    pub(crate) fn is_shown(&self) -> bool {
        self.kept.rests()
    }

    /// Those who opened their Home.
    pub(crate) fn homes(&self) -> impl Iterator<Item = UserId> {
        let homes = self.kept.of("homes").filter_map(Home::read);
        homes.map(|home| home.person)
    }

    /// What is over of somebody's, latest first.
    pub(crate) fn past(&self, person: &UserId, limit: usize) -> Vec<Request> {
        let rows = self.requests.values();
        let mut past: Vec<_> = rows
            .filter(|row| row.request.requester == *person && !row.request.is_open())
            .collect();
        past.sort_by_key(|row| std::cmp::Reverse(row.last_seq));
        let past = past.into_iter().take(limit);
        past.map(|row| row.request.clone()).collect()
    }

    /// Carries out `commit`, or nothing of it.
    pub(crate) fn commit(&mut self, commit: &Commit) -> Result<u64, CommitError> {
        self.check(commit)?;
        if let Some(delivered) = &commit.delivered {
            self.delivered.insert(delivered.key.clone());
        }
        if let Some(record) = &commit.release {
            self.append(record);
        }
        if let Some(note) = &commit.note {
            self.append(&note.record);
        }
        match &commit.lock {
            Some(LockChange::Set(lock, record)) => {
                let at = self.chain.not_before(lock.at);
                let lock = Lock { at, ..lock.clone() };
                let before = self.locks.get(&lock.target).cloned();
                let lock = lock.in_place_of(before.as_ref());
                self.locks.insert(lock.target.clone(), lock);
                self.append(record);
            }
            Some(LockChange::Lift(target, record) | LockChange::LiftOver(target, record)) => {
                self.locks.remove(target);
                self.append(record);
            }
            None => {}
        }
        for change in &commit.changes {
            self.change(change);
        }
        for credential in &commit.credentials {
            let key = (credential.request, credential.layer);
            self.credentials.insert(key, credential.clone());
        }
        for change in commit.changes.iter().filter(|it| !it.after().is_open()) {
            self.credentials
                .retain(|(id, _), _| *id != change.after().id);
        }
        Ok(self.head())
    }

    fn check(&self, commit: &Commit) -> Result<(), CommitError> {
        let conflict = Err(CommitError::Conflict);
        if let Some(delivered) = &commit.delivered
            && self.delivered.contains(&delivered.key)
        {
            return Err(CommitError::AlreadyDone);
        }
        if let Some(decided_on) = &commit.decided_on {
            let mut behind = self.entries(decided_on.seq, u32::MAX).iter();
            let told = |raw| Some(decided_on.is_changed_by(&self.told(raw)?));
            if behind.any(|raw| told(raw) == Some(true)) {
                return conflict;
            }
        }
        if let Some(note) = &commit.note {
            let unrelated = self.log.iter().rev().find(|raw| raw.request_id.is_none());
            if unrelated.map_or(0, |raw| raw.seq) != note.last_seq {
                return conflict;
            }
        }
        if let Some(LockChange::Lift(target, _)) = &commit.lock
            && !self.locks.contains_key(target)
        {
            return conflict;
        }
        let mut people = commit.decided_on.iter().flat_map(|it| &it.people);
        let is_locked = |person: &Human| self.locks.values().any(|lock| lock.is_of(person));
        if commit.changes.iter().any(Change::grants) && !self.ignores_locks && people.any(is_locked)
        {
            return conflict;
        }
        if let Some(LockChange::LiftOver(target, record)) = &commit.lock
            && !self
                .locks
                .get(target)
                .is_some_and(|lock| lock.is_over(record.at))
        {
            return conflict;
        }
        for change in &commit.changes {
            if change.events().is_empty() {
                return Err(trouble("commit", "nothing happened").into());
            }
            let version = self
                .request(change.after().id)
                .map(|request| request.version);
            let moved_on = |last_seq| last_seq != self.last_seq(change.after().id);
            if version != change.before() || change.last_seq.is_some_and(moved_on) {
                return conflict;
            }
            let key = &change.after().ask_key;
            if change.before().is_none() && self.every_request().any(|it| it.ask_key == *key) {
                return conflict;
            }
            let covers = |lock: &Lock| lock.covers_request(change.after());
            if change.grants() && !self.ignores_locks && self.locks.values().any(covers) {
                return conflict;
            }
        }
        for credential in &commit.credentials {
            let after = commit.changes.iter().map(|change| change.after());
            let mut after = after.filter(|request| request.id == credential.request);
            let request = after.next().or_else(|| self.request(credential.request));
            if !request.is_some_and(Request::is_open) {
                return conflict;
            }
        }
        Ok(())
    }

    /// What an entry says of people.
    fn told(&self, raw: &RawEntry) -> Option<Told> {
        let entry = Entry::try_from(raw).expect("an entry that was sealed here");
        match &entry.body {
            EntryBody::Request(event) => {
                let username = &self.request(entry.request_id?)?.username;
                Told::of_request(event, &entry.actor, username)
            }
            EntryBody::Name(event) => Some(Told::of_name(event)),
            EntryBody::Lock(_)
            | EntryBody::Unexplained(_)
            | EntryBody::Attempt(_)
            | EntryBody::Group(_) => None,
        }
    }

    fn change(&mut self, change: &Change) {
        self.decided.extend(change.events().iter().map(|it| it.at));
        let change = change.not_before(&self.chain).into_owned();
        let request = change.after();
        for occurred in change.events() {
            self.seal(&Record::of(request.id, occurred));
        }
        self.put(request.clone());
    }

    /// The snapshot, and what follows from it, without a word in the log.
    pub(crate) fn put(&mut self, request: Request) {
        let id = request.id;
        self.due.retain(|(_, other), _| *other != id);
        for (lane, at) in request.due_by_lane() {
            self.due.insert((lane, id), at);
        }
        let last_seq = self.head();
        self.requests.insert(id, Row { request, last_seq });
    }

    fn append(&mut self, record: &Record) {
        self.decided.push(record.at);
        self.seal(record);
    }

    fn seal(&mut self, record: &Record) {
        let entry = self.chain.seal(record, &OneSalt);
        self.log.push(entry);
    }

    /// The open requests, oldest first.
    pub(super) fn open(&self, which: &Open) -> Vec<Request> {
        self.oldest_first(|request| {
            request.is_open()
                && match which {
                    Open::All => true,
                    Open::Of(person) => request.requester == *person,
                    Open::For(scope) => request.terms.scope == *scope,
                }
        })
    }

    pub(super) fn oldest_first(&self, wanted: impl Fn(&Request) -> bool) -> Vec<Request> {
        let found = self.every_request().filter(|request| wanted(request));
        let mut found: Vec<_> = found.cloned().collect();
        found.sort_by_key(|request| (request.asked_at, request.id));
        found
    }

    pub(super) fn sharing(&self, entitlement: &Entitlement, except: RequestId) -> Vec<Sharing> {
        let others = self.every_request().filter(|other| other.id != except);
        let standing = others.filter_map(|other| {
            let managed: Vec<bool> = other
                .layers
                .iter()
                .filter(|layer| layer.plan.entitlement == *entitlement)
                .filter_map(|layer| match layer.progress {
                    Progress::Inspected { managed } | Progress::Granted { managed, .. } => {
                        Some(managed)
                    }
                    Progress::Planned | Progress::Revoked { .. } => None,
                })
                .collect();
            (!managed.is_empty()).then(|| Sharing {
                request: other.id,
                managed: managed.contains(&true),
                goes_on: matches!(other.state, State::Approved | State::Active { .. }),
            })
        });
        standing.collect()
    }

    /// The requests with work due in a lane, longest due first.
    pub(crate) fn due(&self, lane: &Lane, now: Time) -> Vec<RequestId> {
        let latest = lane.latest(now);
        let is_due = |at: Time| at <= now || latest.is_some_and(|latest| at > latest);
        let mut due: Vec<_> = self.of_lane(lane).filter(|(at, _)| is_due(*at)).collect();
        due.sort();
        due.into_iter().map(|(_, id)| id).collect()
    }

    pub(super) fn next_due(&self, lane: &Lane, now: Time) -> Option<Time> {
        let later = self.of_lane(lane).map(|(at, _)| at);
        later.filter(|at| *at > now).min()
    }

    fn of_lane(&self, lane: &Lane) -> impl Iterator<Item = (Time, RequestId)> {
        let of_lane = self.due.iter().filter(move |((of, _), _)| of == lane);
        of_lane.map(|((_, id), at)| (*at, *id))
    }

    /// The locks, oldest first.
    pub(crate) fn locks(&self) -> Vec<Lock> {
        let mut locks: Vec<_> = self.locks.values().cloned().collect();
        locks.sort_by(|one, other| (one.at, &one.target).cmp(&(other.at, &other.target)));
        locks
    }

    /// The requests that the entries behind `after` tell of, as far as `limit` entries reach.
    pub(super) fn changed(&self, after: u64, limit: u32) -> (Vec<Changed>, u64) {
        let upto = (after + u64::from(limit)).min(self.head());
        let told: BTreeSet<&str> = self
            .entries(after, limit)
            .iter()
            .filter_map(|entry| entry.request_id.as_deref())
            .collect();
        let ids = told.iter().map(|id| id.parse().expect("the log's ids"));
        let changed = |id: RequestId| {
            let last_seq = self.last_seq(id);
            Changed {
                id,
                request: self.request(id).cloned(),
                last_seq,
                last_kind: self.log[last_seq as usize - 1].kind.clone(),
            }
        };
        let mut changed: Vec<Changed> = ids.map(changed).collect();
        changed.sort_by_key(|changed| changed.last_seq);
        (changed, upto)
    }

    pub(crate) fn entries(&self, after: u64, limit: u32) -> &[RawEntry] {
        let behind = self.log.get(after as usize..).unwrap_or_default();
        &behind[..behind.len().min(limit as usize)]
    }
}
