//! The directory that decisions ask: fresh facts, or none.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use chrono::TimeDelta;
use chrono_tz::Tz;
use tokio::sync::Mutex as AsyncMutex;

use super::{
    FRESH, FactsUnavailable, Identities, PeopleSource, Profile, RECENT, Schedule, Schedules,
};
use crate::{
    clock::Clock,
    domain::{Email, GroupListedIn, GroupName, GroupRead, Human, Person, Time, UserId},
};

/// Where the members of a group come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GroupSource {
    /// A Slack user group, live.
    SlackUsergroup(String),
    /// People listed in the configuration.
    Members(BTreeSet<UserId>),
    /// The people on call by a schedule, live.
    Schedule(Schedule),
}

impl GroupSource {
    /// The schedule whose people on call are the members, if they are.
    pub fn schedule(&self) -> Option<&Schedule> {
        match self {
            Self::Schedule(schedule) => Some(schedule),
            Self::SlackUsergroup(_) | Self::Members(_) => None,
        }
    }
}

/// The members of a group as they were read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupReading {
    /// The Slack ids of the members.
    pub members: BTreeSet<UserId>,
    /// The group, the source, and the time at which it was read.
    pub read: GroupRead,
}

/// How often one user group is forgotten in [`FORGETTING`] at most. `usergroups.users.list` is of
/// Slack's Tier 2, 20 calls a minute.
const FORGOTTEN: usize = 2;

/// See [`FORGOTTEN`].
const FORGETTING: TimeDelta = TimeDelta::minutes(1);

/// How many groups are read ahead at a time: a quarter of the calls that Slack allows in a minute.
const AHEAD: usize = 5;

/// Facts about people, no older than [`FRESH`].
pub struct Directory {
    source: Arc<dyn PeopleSource>,
    clock: Arc<dyn Clock>,
    groups: BTreeMap<GroupName, GroupSource>,
    identities: Identities,
    profiles: Cache<UserId, Option<Profile>>,
    usergroups: Cache<String, BTreeSet<UserId>>,
    schedules: Schedules,
    on_call: Cache<GroupName, (GroupListedIn, BTreeSet<UserId>)>,
    /// When each user group was forgotten lately.
    forgotten: Mutex<HashMap<String, Vec<Time>>>,
    /// Held while groups are read ahead.
    ahead: AsyncMutex<()>,
}

impl Directory {
    /// A directory over `source`, with what the configuration says of groups and people.
    pub fn new(
        source: Arc<dyn PeopleSource>,
        clock: Arc<dyn Clock>,
        groups: BTreeMap<GroupName, GroupSource>,
        identities: Identities,
    ) -> Self {
        let (profiles, usergroups) = (Cache::default(), Cache::default());
        Self {
            source,
            clock,
            groups,
            identities,
            profiles,
            usergroups,
            schedules: Schedules::default(),
            on_call: Cache::default(),
            forgotten: Mutex::default(),
            ahead: AsyncMutex::default(),
        }
    }

    /// The same directory, with the schedules of its groups. Without them, the members of a group
    /// that has a schedule are unknown.
    #[must_use]
    pub fn with_schedules(self, schedules: Schedules) -> Self {
        Self { schedules, ..self }
    }

    /// One person, and which of `groups` they are in. A group whose members cannot be had fresh is
    /// one of [`Person::unknown_groups`].
    ///
    /// # Errors
    ///
    /// If what Slack says of the person cannot be had fresh.
    pub async fn person(
        &self,
        id: &UserId,
        groups: &BTreeSet<&GroupName>,
    ) -> Result<Person, FactsUnavailable> {
        let (mut member_of, mut groups_read) = (BTreeSet::new(), Vec::new());
        let mut unknown_groups = BTreeMap::new();
        for name in groups {
            match self.reading_within(FRESH, name).await {
                Ok(reading) if reading.members.contains(id) => {
                    member_of.insert((*name).clone());
                    groups_read.push(reading.read);
                }
                Ok(_) => {}
                Err(error) => {
                    unknown_groups.insert((*name).clone(), error.0);
                }
            }
        }
        // Last, since it says most and is learnt fastest: groups may take their time, and somebody
        // who left meanwhile is not taken for who they were before.
        let profile = self
            .profiles
            .known(id, FRESH, &*self.clock, || self.source.profile(id))
            .await?
            .ok_or_else(|| FactsUnavailable(format!("Slack knows nobody by the id {id}")))?;
        let email = self.identities.address(&profile);
        Ok(Person {
            human: self.identities.human(id, email.as_ref()),
            username: self.identities.username(id, email.as_ref()),
            id: profile.id,
            name: profile.name,
            standing: profile.standing,
            email,
            groups: member_of,
            groups_read,
            unknown_groups,
        })
    }

    /// The time zone of a person as it was within the last ten minutes, if the source knows it.
    ///
    /// # Errors
    ///
    /// If what Slack says of the person cannot be had.
    pub async fn time_zone(&self, id: &UserId) -> Result<Option<Tz>, FactsUnavailable> {
        let profile = self
            .profiles
            .known(id, RECENT, &*self.clock, || self.source.profile(id))
            .await?;
        Ok(profile.and_then(|profile| profile.time_zone))
    }

    /// The person whose id and address these are, with all that the configuration says of them.
    /// Asks nobody, so it serves for what was recorded too.
    pub fn human(&self, id: &UserId, email: Option<&Email>) -> Human {
        self.identities.human(id, email)
    }

    /// The members of one group.
    ///
    /// # Errors
    ///
    /// If they cannot be had fresh, or the configuration has no such group.
    pub async fn members(&self, group: &GroupName) -> Result<BTreeSet<UserId>, FactsUnavailable> {
        Ok(self.reading_within(FRESH, group).await?.members)
    }

    /// The members of one group as they were within the last ten minutes: who is worth asking
    /// about. Nothing may be decided on it. What Slack said to have changed is asked anew.
    ///
    /// # Errors
    ///
    /// If they cannot be had, or the configuration has no such group.
    pub async fn recent_members(
        &self,
        group: &GroupName,
    ) -> Result<BTreeSet<UserId>, FactsUnavailable> {
        Ok(self.recent_reading(group).await?.members)
    }

    /// The same, with where and when they were read.
    ///
    /// # Errors
    ///
    /// If they cannot be had, or the configuration has no such group.
    pub async fn recent_reading(
        &self,
        group: &GroupName,
    ) -> Result<GroupReading, FactsUnavailable> {
        self.reading_within(RECENT, group).await
    }

    /// Whether a person is in a group, as it was read within the last ten minutes; nothing if it was not
    /// read since, or is being read. Asks nobody, and nothing may be decided on it.
    pub fn known_membership(&self, id: &UserId, group: &GroupName) -> Option<bool> {
        match self.groups.get(group)? {
            GroupSource::Members(members) => Some(members.contains(id)),
            GroupSource::SlackUsergroup(usergroup) => {
                let is_in = |members: &BTreeSet<UserId>| members.contains(id);
                self.usergroups.peek(usergroup, RECENT, &*self.clock, is_in)
            }
            GroupSource::Schedule(_) => {
                let is_in = |(_, members): &(_, BTreeSet<UserId>)| members.contains(id);
                self.on_call.peek(group, RECENT, &*self.clock, is_in)
            }
        }
    }

    /// Reads these groups, the first five of them, so that
    /// [`known_membership`](Self::known_membership) can answer. Does nothing while other groups are read
    /// ahead, so that decisions keep most of what Slack allows.
    pub async fn read_ahead(&self, groups: &[GroupName]) {
        let Ok(_reading) = self.ahead.try_lock() else {
            return;
        };
        for group in groups.iter().take(AHEAD) {
            if let Err(error) = self.recent_reading(group).await {
                tracing::debug!(%group, %error, "failed to read the members of a group ahead");
            }
        }
    }

    /// The groups that are this user group of Slack.
    pub fn groups_of(&self, usergroup: &str) -> BTreeSet<GroupName> {
        let is_it = |source: &GroupSource| match source {
            GroupSource::SlackUsergroup(followed) => followed == usergroup,
            GroupSource::Members(_) | GroupSource::Schedule(_) => false,
        };
        let groups = self.groups.iter().filter(|(_, source)| is_it(source));
        groups.map(|(name, _)| name.clone()).collect()
    }

    /// The id of the Slack user group that this group is; nothing if it is none.
    pub fn slack_usergroup(&self, group: &GroupName) -> Option<&str> {
        match self.groups.get(group) {
            Some(GroupSource::SlackUsergroup(id)) => Some(id),
            _ => None,
        }
    }

    /// Whether somebody is asked for the members of this group: Slack, or whoever has its schedule.
    pub fn is_live(&self, group: &GroupName) -> bool {
        match self.groups.get(group) {
            Some(GroupSource::SlackUsergroup(_) | GroupSource::Schedule(_)) => true,
            Some(GroupSource::Members(_)) | None => false,
        }
    }

    /// Whether the members of this group are the people on call by a schedule.
    pub fn is_schedule(&self, group: &GroupName) -> bool {
        let source = self.groups.get(group);
        source.and_then(GroupSource::schedule).is_some()
    }

    async fn reading_within(
        &self,
        age: Duration,
        group: &GroupName,
    ) -> Result<GroupReading, FactsUnavailable> {
        let (source, (read_at, members)) = match self.groups.get(group) {
            Some(GroupSource::Members(members)) => {
                let reading = (self.clock.now(), members.clone());
                (GroupListedIn::Configuration, reading)
            }
            Some(GroupSource::SlackUsergroup(id)) => {
                let reading = self
                    .usergroups
                    .learnt(id, age, &*self.clock, || self.source.usergroup(id));
                (GroupListedIn::SlackUsergroup(id.clone()), reading.await?)
            }
            Some(GroupSource::Schedule(_)) => {
                let reading = self
                    .on_call
                    .learnt(group, age, &*self.clock, || self.on_call(group));
                let (read_at, (source, members)) = reading.await?;
                (source, (read_at, members))
            }
            None => return Err(FactsUnavailable(format!("there is no group `{group}`"))),
        };
        Ok(GroupReading {
            members,
            read: GroupRead {
                group: group.clone(),
                source,
                read_at,
            },
        })
    }

    /// The people who are on call for a group, and where they are listed. A person who has no account in
    /// Slack, or whose address there does not count, is left out: they can do nothing here.
    async fn on_call(
        &self,
        group: &GroupName,
    ) -> Result<(GroupListedIn, BTreeSet<UserId>), FactsUnavailable> {
        let (listed_in, addresses) = self.schedules.on_call(group, self.clock.now()).await?;
        let mut members = BTreeSet::new();
        for address in addresses {
            let Some(profile) = self.source.by_address(&address).await? else {
                continue;
            };
            let counted = self.identities.address(&profile);
            let is_theirs =
                |counted: Email| counted.as_str().to_ascii_lowercase() == address.as_str();
            if counted.is_some_and(is_theirs) {
                members.insert(profile.id);
            }
        }
        Ok((listed_in, members))
    }

    /// Forgets what is known of a person: Slack says that it changed.
    pub fn forget_person(&self, id: &UserId) {
        self.profiles.forget(id);
    }

    /// Forgets who is in a user group: Slack says that it changed. Whoever may change one group can
    /// change it as often as they like, and Slack's limit is one for all of them. So beyond twice in a
    /// row what is known of that group stays until it is [`FRESH`] no more; other groups are forgotten
    /// all the same.
    pub fn forget_usergroup(&self, id: &str) {
        if self.groups_of(id).is_empty() {
            return;
        }
        let mut forgotten = self
            .forgotten
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let forgotten = forgotten.entry(id.to_owned()).or_default();
        let now = self.clock.now();
        forgotten.retain(|at| now - *at < FORGETTING && now >= *at);
        if forgotten.len() < FORGOTTEN {
            forgotten.push(now);
            self.ask_again(id);
        }
    }

    /// Has a user group asked for again, however often it was: for who asks no more than Slack allows.
    pub fn ask_again(&self, usergroup: &str) {
        self.usergroups.forget(&usergroup.to_owned());
    }

    /// Forgets everything that was learnt.
    pub fn forget_everything(&self) {
        self.profiles.forget_all();
        self.usergroups.forget_all();
        self.on_call.forget_all();
    }
}

/// Facts of one kind by key. One fetch at a time for each key; who waited takes its answer.
struct Cache<K, V>(Mutex<HashMap<K, Slot<V>>>);

/// One fact, and when it was learnt.
type Learnt<V> = (Time, V);

/// What is known, and what had [elapsed](Clock::elapsed) when it was learnt.
type Slot<V> = Arc<AsyncMutex<Option<(Learnt<V>, Duration)>>>;

impl<K, V> Default for Cache<K, V> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

/// Keys that a cache keeps; beyond it the cache starts anew.
const CACHE_SIZE: usize = 20_000;

impl<K: Clone + Eq + std::hash::Hash, V: Clone> Cache<K, V> {
    /// The fact as it was no longer ago than `oldest`.
    async fn known<F>(
        &self,
        key: &K,
        oldest: Duration,
        clock: &dyn Clock,
        fetch: impl FnOnce() -> F,
    ) -> Result<V, FactsUnavailable>
    where
        F: Future<Output = Result<V, FactsUnavailable>>,
    {
        let learnt = self.learnt(key, oldest, clock, fetch);
        learnt.await.map(|(_, value)| value)
    }

    /// The same, with when it was learnt.
    async fn learnt<F>(
        &self,
        key: &K,
        oldest: Duration,
        clock: &dyn Clock,
        fetch: impl FnOnce() -> F,
    ) -> Result<Learnt<V>, FactsUnavailable>
    where
        F: Future<Output = Result<V, FactsUnavailable>>,
    {
        let slot = {
            let mut slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if slots.len() >= CACHE_SIZE && !slots.contains_key(key) {
                slots.clear();
            }
            slots.entry(key.clone()).or_default().clone()
        };
        let mut fact = slot.lock().await;
        let (asked_at, elapsed) = (clock.now(), clock.elapsed());
        if let Some(((learnt, value), elapsed_then)) = &*fact
            && is_within(oldest, (*learnt, *elapsed_then), (asked_at, elapsed))
        {
            return Ok((*learnt, value.clone()));
        }
        let value = fetch().await?;
        // As old as the question: the answer may have been on its way for a while.
        *fact = Some(((asked_at, value.clone()), elapsed));
        Ok((asked_at, value))
    }

    /// What `look` sees in the fact as it was no longer ago than `oldest`; nothing if it is not known or is
    /// being fetched.
    fn peek<T>(
        &self,
        key: &K,
        oldest: Duration,
        clock: &dyn Clock,
        look: impl FnOnce(&V) -> T,
    ) -> Option<T> {
        let slot = {
            let slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            slots.get(key)?.clone()
        };
        let fact = slot.try_lock().ok()?;
        let ((learnt, value), elapsed_then) = fact.as_ref()?;
        let now = (clock.now(), clock.elapsed());
        is_within(oldest, (*learnt, *elapsed_then), now).then(|| look(value))
    }

    fn forget(&self, key: &K) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(key);
    }

    fn forget_all(&self) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }
}

/// Whether what was learnt `then` is no older than `oldest` by `now`. Both are the clock's time and what had
/// [elapsed](Clock::elapsed).
fn is_within(oldest: Duration, then: (Time, Duration), now: (Time, Duration)) -> bool {
    (now.0 - then.0).to_std().is_ok_and(|age| age <= oldest)
        // Where the clock went back meanwhile, the fact is older than it seems.
        && now.1.saturating_sub(then.1) <= oldest
}
