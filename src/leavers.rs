//! Looking whether the people who hold access are still who they were: at once when Slack says that
//! something changed, and otherwise in rounds through everybody, as fast as Slack's limits allow.
//!
//! The replica that Slack told looks by itself. The rounds are one replica's, which has claimed
//! them; they find what no event told, or what an event told that could not be looked at then.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::{
    alerts::Alerts,
    broker::{Broker, Changed, Error, Memberships},
    clock::{Clock, Entropy, until_any},
    directory::FRESH,
    domain::{GroupName, Request, Span, Standing, Time, UserId, backoff},
    metrics::Metrics,
};

/// What is claimed by the replica that makes the rounds.
const CLAIM: &str = "leavers";

/// How long to wait before the claim is asked for again.
const PAUSE: Duration = Duration::from_secs(1);

/// The shortest round: facts are this old at most, so a shorter one would learn nothing.
const ROUND: Duration = FRESH;

/// Between two people: half of what Slack allows for `users.info`, 100 a minute.
const PERSON: Duration = Duration::from_millis(1_200);

/// Between two user groups: half of what Slack allows for `usergroups.users.list`, 20 a minute.
const GROUP: Duration = Duration::from_secs(6);

/// How long to wait before something that changed is looked at again: at first, and at most.
const RETRY: (Span, Span) = (Span::seconds(1), Span::seconds(30));

/// How often something that changed is looked at; then it is left to the rounds.
const TRIES: u32 = 8;

/// What is raised while it is not known of somebody who holds access whether they left.
const UNCHECKED: &str = "leavers_unchecked";

/// Looks whether people left who hold access.
pub struct Leavers {
    broker: Arc<Broker>,
    alerts: Arc<Alerts>,
    metrics: Arc<Metrics>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    /// Of whom it is not known whether they left, and why not.
    unchecked: Mutex<BTreeMap<UserId, String>>,
}

/// When somebody of whom Slack said that they changed is looked at again: a grant that was approved
/// on what they were before may become active only after the first look.
const AGAIN: [Duration; 3] = [
    Duration::from_secs(5),
    Duration::from_secs(15),
    Duration::from_secs(30),
];

/// Something that Slack said has changed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Change {
    Person(UserId),
    Usergroup(String),
}

/// When it is looked at, and how often it was looked at in vain.
#[derive(Debug, Clone, Copy)]
struct PendingCheck {
    at: Time,
    failures: u32,
    /// How often it was looked at well.
    looks: usize,
}

/// When Slack may be asked again, of whatever round. Counted from the answer, so that a question that
/// was late does not bring the next one closer.
struct NextCalls {
    person: Time,
    group: Time,
}

impl NextCalls {
    fn starting(now: Time) -> Self {
        Self {
            person: now,
            group: now,
        }
    }
}

/// It could not be learnt whether somebody left.
struct Unknown;

/// Who holds access, and on which groups it depends.
#[derive(Default)]
struct Held {
    holders: BTreeSet<UserId>,
    groups: BTreeSet<GroupName>,
}

impl Leavers {
    /// Looks on `broker`'s facts, and raises `alerts` where there are none.
    pub fn new(
        broker: Arc<Broker>,
        alerts: Arc<Alerts>,
        metrics: Arc<Metrics>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Self {
        Self {
            broker,
            alerts,
            metrics,
            clock,
            entropy,
            unchecked: Mutex::default(),
        }
    }

    /// Looks until `shutdown`.
    pub async fn run(self, shutdown: CancellationToken) {
        let work = async { tokio::join!(self.follow_changes(), self.make_rounds()) };
        shutdown.run_until_cancelled(work).await;
    }

    /// Looks at what Slack says has changed.
    async fn follow_changes(&self) {
        let mut pending: BTreeMap<Change, PendingCheck> = BTreeMap::new();
        let mut next_usergroup = self.clock.now();
        loop {
            let next = pending.values().map(|check| check.at).min();
            let due = until_any(&*self.clock, next);
            tokio::select! {
                biased;
                Changed { people, usergroups } = self.broker.changed() => {
                    let now = self.clock.now();
                    let people = people.into_iter().map(|person| (Change::Person(person), now));
                    for (change, at) in people {
                        pending.insert(change, PendingCheck { at, failures: 0, looks: 0 });
                    }
                    // In some workspaces anybody may change groups, as often as they like, and
                    // Slack's limit is one for all groups.
                    for usergroup in usergroups {
                        pending.entry(Change::Usergroup(usergroup)).or_insert_with(|| {
                            let at = now.max(next_usergroup);
                            next_usergroup = at + GROUP;
                            PendingCheck { at, failures: 0, looks: 0 }
                        });
                    }
                }
                () = due => {}
            }
            let now = self.clock.now();
            let due = pending.iter().find(|(_, check)| check.at <= now);
            let Some((change, check)) = due.map(|(change, check)| (change.clone(), *check)) else {
                continue;
            };
            pending.remove(&change);
            let known = self.look_at(&change).await;
            let now = self.clock.now();
            let again = match known {
                Err(Unknown) if check.failures + 1 < TRIES => {
                    let failures = check.failures + 1;
                    let at = now + backoff(failures, RETRY.0, RETRY.1, self.entropy.byte());
                    Some(PendingCheck {
                        at,
                        failures,
                        ..check
                    })
                }
                Ok(()) if matches!(change, Change::Person(_)) => {
                    AGAIN.get(check.looks).map(|wait| {
                        let looks = check.looks + 1;
                        PendingCheck {
                            at: now + *wait,
                            failures: 0,
                            looks,
                        }
                    })
                }
                Err(Unknown) | Ok(()) => None,
            };
            if let Some(check) = again {
                pending.insert(change, check);
            }
        }
    }

    async fn look_at(&self, change: &Change) -> Result<(), Unknown> {
        match change {
            Change::Person(person) => {
                let grants = self.broker.grants_of(person).await;
                self.check_person(person, &grants.map_err(store)?).await
            }
            Change::Usergroup(usergroup) => {
                // Also where it has changed so often that decisions go on with what was known.
                self.broker.directory().ask_again(usergroup);
                let changed = self.broker.directory().groups_of(usergroup);
                let depends =
                    |grant: &Request| !self.broker.groups_behind([grant]).is_disjoint(&changed);
                let mut known = Memberships::new();
                for group in self.held(depends).await?.groups {
                    known.insert(group.clone(), self.broker.members(&group).await);
                }
                self.end_those_who_left(&known, depends).await?;
                let unknown = changed.iter().any(|it| known.get(it) == Some(&None));
                if unknown { Err(Unknown) } else { Ok(()) }
            }
        }
    }

    /// Makes rounds whenever no other replica does.
    async fn make_rounds(&self) {
        loop {
            if self
                .broker
                .work_alone(CLAIM, self.go_round_and_round())
                .await
            {
                self.metrics.leaver_round(Duration::ZERO);
            }
            sleep(PAUSE).await;
        }
    }

    async fn go_round_and_round(&self) {
        let mut next_calls = NextCalls::starting(self.clock.now());
        loop {
            let began = self.clock.now();
            if self.go_round(&mut next_calls).await.is_ok() {
                let took = (self.clock.now() - began).to_std().unwrap_or_default();
                self.metrics.leaver_round(took);
            }
            self.clock.until(began + ROUND).await;
            // Where the clock jumps, a round still gives way to others.
            tokio::task::yield_now().await;
        }
    }

    /// Looks at everybody who holds access, once.
    async fn go_round(&self, next_calls: &mut NextCalls) -> Result<(), Unknown> {
        let Held { holders, groups } = self.held(|_| true).await?;
        let mut known = Memberships::new();
        for group in groups {
            if self.broker.directory().is_live(&group) {
                self.clock.until(next_calls.group).await;
                known.insert(group.clone(), self.broker.members(&group).await);
                next_calls.group = self.clock.now() + GROUP;
            } else {
                known.insert(group.clone(), self.broker.members(&group).await);
            }
        }
        self.end_those_who_left(&known, |_| true).await?;
        self.note(|unchecked| unchecked.retain(|person, _| holders.contains(person)));
        for person in holders {
            self.clock.until(next_calls.person).await;
            // What is unknown is kept in mind; the others are looked at all the same.
            let _ = self.look_at(&Change::Person(person)).await;
            next_calls.person = self.clock.now() + PERSON;
        }
        Ok(())
    }

    /// Who holds grants such as `of`, and the groups on which it depends whether they would receive them
    /// now. The grants themselves are read again when they are looked at: there may be more of them than
    /// fit into memory.
    async fn held(&self, of: impl Fn(&Request) -> bool) -> Result<Held, Unknown> {
        let (mut held, mut pages) = (Held::default(), self.broker.grants());
        while let Some(mut grants) = pages.next().await.map_err(store)? {
            grants.retain(&of);
            held.groups.extend(self.broker.groups_behind(&grants));
            let holders = grants.into_iter().map(|grant| grant.requester);
            held.holders.extend(holders);
        }
        Ok(held)
    }

    /// Ends what this person holds if they are deactivated or a guest.
    async fn check_person(&self, person: &UserId, grants: &[Request]) -> Result<(), Unknown> {
        let why = match grants {
            [] => None,
            grants => match self.broker.end_if_departed(person, grants).await {
                Ok(Standing::Member | Standing::Deactivated | Standing::Guest) => None,
                Ok(Standing::Stranger | Standing::Bot) => Some(
                    "Slack lists them neither as a full member nor as a guest or deactivated"
                        .to_owned(),
                ),
                Err(Error::Facts(error)) => Some(error.0),
                Err(error) => return Err(store(error)),
            },
        };
        let is_known = why.is_none();
        self.note(|unchecked| match why {
            None => drop(unchecked.remove(person)),
            Some(why) => drop(unchecked.insert(person.clone(), why)),
        });
        if is_known { Ok(()) } else { Err(Unknown) }
    }

    /// Ends grants such as `of` whose holders left the groups by which they received them.
    async fn end_those_who_left(
        &self,
        known: &Memberships,
        of: impl Fn(&Request) -> bool,
    ) -> Result<(), Unknown> {
        let mut pages = self.broker.grants();
        while let Some(grants) = pages.next().await.map_err(store)? {
            for grant in grants.iter().filter(|grant| of(grant)) {
                self.broker.end_if_left(grant, known).await.map_err(store)?;
            }
        }
        Ok(())
    }

    /// Changes what is known to be unknown, and says so.
    fn note(&self, change: impl FnOnce(&mut BTreeMap<UserId, String>)) {
        let mut unchecked = self
            .unchecked
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        change(&mut unchecked);
        let Some((person, why)) = unchecked.first_key_value() else {
            return self.alerts.clear(UNCHECKED);
        };
        let others = match unchecked.len() - 1 {
            0 => String::new(),
            1 => " and 1 other person".to_owned(),
            others => format!(" and {others} other people"),
        };
        let text = format!(
            "Keylend can't tell whether {person}{others} left: {why}. Their access continues until \
             it expires. To end it now, use `/jit revoke`."
        );
        self.alerts.raise(UNCHECKED, text);
    }
}

fn store(error: impl fmt::Display) -> Unknown {
    tracing::warn!(%error, "failed to check whether holders left; Keylend retries");
    Unknown
}
