//! What a week brought, as the log tells it: the digest for those who look after policy.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{Actor, Event, Occurred, Request, RequestId, ScopeId, Span, Time, UserId};

/// The time that a digest is about.
const WEEK: Span = Span::minutes(7 * 24 * 60);

/// How many of a list a digest names. The rest is counted.
const NAMED: usize = 5;

/// How many times as long as the longest grant a scope's maximum is, at least, if it is far above use.
const FAR_ABOVE: u32 = 4;

/// The fewest grants of a scope that tell how long it is used.
const GRANTS: u32 = 3;

/// The longest that a decision within seconds takes.
const QUICK: Span = Span::seconds(10);

/// The fewest approvals of somebody that tell how they decide.
const APPROVALS: u32 = 5;

/// What a week brought. Every list is complete and in the order in which it is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WeeklyDigest {
    /// When the week began.
    pub from: Time,
    /// When it ended; what happened at that moment is not part of it.
    pub until: Time,
    /// How many requests were made.
    pub requested: u32,
    /// How many grants of each scope became active, most first.
    pub granted: Vec<(ScopeId, u32)>,
    /// How many requests a rule approved.
    pub automatic: u32,
    /// How many requests were denied.
    pub denied: u32,
    /// How many requests nobody answered.
    pub lapsed: u32,
    /// How many approved requests never became active.
    pub failed: u32,
    /// How long requests took to be approved by people; nothing if people approved none.
    pub waited: Option<Waited>,
    /// Of how many grants a target failed to revoke something.
    pub revoke_failed: u32,
    /// The grants of which a target still had not revoked something when the week ended, oldest first.
    pub stuck: Vec<Stuck>,
    /// The scopes whose maximum is far above what was used, by name.
    pub oversized: Vec<Oversized>,
    /// The people who approved everything within seconds, most approvals first.
    pub hasty: Vec<Hasty>,
}

/// How long requests took to be approved by people, from the request to the last approval.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waited {
    /// Of half of them, at most.
    pub median: Span,
    /// Of nine in ten, at most.
    pub p90: Span,
    /// How many there were.
    pub approved: u32,
}

/// A grant that is over and that a target has failed to revoke.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stuck {
    /// What it gave.
    pub scope: ScopeId,
    /// Who had it.
    pub requester: UserId,
    /// When its revocation began.
    pub since: Time,
}

/// A scope whose maximum is far above what was used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Oversized {
    /// The scope.
    pub scope: ScopeId,
    /// The longest that one approval may give.
    pub maximum: Span,
    /// The longest of the grants that ended in the week.
    pub longest: Span,
    /// How many grants ended.
    pub grants: u32,
}

/// Somebody who approved everything within seconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hasty {
    /// Who.
    pub approver: UserId,
    /// How many requests and extensions they approved; they denied none.
    pub approvals: u32,
    /// The longest that one of them took.
    pub slowest: Span,
}

/// The log's entries, folded to a digest. It has to see the whole log, since what ends in a week may have
/// begun long before; it keeps what is open, and counts.
#[derive(Debug)]
pub struct DigestFold {
    from: Time,
    until: Time,
    open: HashMap<RequestId, Followed>,
    requested: u32,
    granted: BTreeMap<ScopeId, u32>,
    automatic: u32,
    denied: u32,
    lapsed: u32,
    failed: u32,
    waits: Vec<Span>,
    revoke_failed: BTreeSet<RequestId>,
    held: BTreeMap<ScopeId, Held>,
    approvers: BTreeMap<UserId, Votes>,
}

#[derive(Debug)]
struct Followed {
    request: Request,
    active_since: Option<Time>,
    /// When what waits, or waited last, for a decision was asked for.
    asked_at: Time,
}

#[derive(Debug, Default)]
struct Held {
    grants: u32,
    longest: Span,
}

#[derive(Debug, Default)]
struct Votes {
    approvals: u32,
    denials: u32,
    slowest: Span,
}

impl DigestFold {
    /// A fold for the week that ends at `until`.
    pub fn until(until: Time) -> Self {
        Self {
            from: WEEK.before(until),
            until,
            open: HashMap::new(),
            requested: 0,
            granted: BTreeMap::new(),
            automatic: 0,
            denied: 0,
            lapsed: 0,
            failed: 0,
            waits: Vec::new(),
            revoke_failed: BTreeSet::new(),
            held: BTreeMap::new(),
            approvers: BTreeMap::new(),
        }
    }

    /// Notes what happened next to a request.
    pub fn note(&mut self, id: RequestId, occurred: &Occurred) {
        if occurred.at >= self.until {
            return;
        }
        let in_week = self.from <= occurred.at;
        if let Some(request) = Request::first(id, occurred) {
            self.requested += u32::from(in_week);
            let followed = Followed {
                request,
                active_since: None,
                asked_at: occurred.at,
            };
            self.open.insert(id, followed);
            return;
        }
        let Some(mut followed) = self.open.remove(&id) else {
            return;
        };
        followed.note(occurred);
        if in_week {
            self.count(&followed, occurred);
        }
        if let Event::RevocationStarted { .. } = occurred.event {
            followed.active_since = None;
        }
        followed.request.apply(occurred);
        // What its target is still to be inspected for can come back.
        if followed.request.is_open() || !followed.request.due().is_empty() {
            self.open.insert(id, followed);
        }
    }

    fn count(&mut self, followed: &Followed, occurred: &Occurred) {
        let request = &followed.request;
        let scope = &request.terms.scope;
        let took = Span::between(followed.asked_at, occurred.at);
        match &occurred.event {
            Event::Approved { .. } => {
                match occurred.actor {
                    Actor::Rule(_) => self.automatic += 1,
                    _ => self.waits.push(took),
                }
                self.approved(&occurred.actor, took);
            }
            Event::ApprovalCounted { .. } | Event::Extended { .. } => {
                self.approved(&occurred.actor, took);
            }
            Event::Denied { .. } => {
                self.denied += 1;
                self.refused(&occurred.actor);
            }
            Event::ExtensionDenied { .. } => self.refused(&occurred.actor),
            Event::Lapsed {} => self.lapsed += 1,
            Event::Failed { .. } => self.failed += 1,
            Event::Activated {} => *self.granted.entry(scope.clone()).or_default() += 1,
            Event::RevocationStarted { .. } => {
                if let Some(since) = followed.active_since {
                    let held = self.held.entry(scope.clone()).or_default();
                    held.grants += 1;
                    held.longest = held.longest.max(Span::between(since, occurred.at));
                }
            }
            Event::LayerRevokeFailed { .. } => drop(self.revoke_failed.insert(request.id)),
            _ => {}
        }
    }

    fn approved(&mut self, by: &Actor, took: Span) {
        if let Actor::Person(person) = by {
            let votes = self.approvers.entry(person.clone()).or_default();
            votes.approvals += 1;
            votes.slowest = votes.slowest.max(took);
        }
    }

    fn refused(&mut self, by: &Actor) {
        if let Actor::Person(person) = by {
            self.approvers.entry(person.clone()).or_default().denials += 1;
        }
    }

    /// The digest, once everything was noted. `maxima` is the longest that one approval of each scope may
    /// give, of the scopes that there are.
    pub fn digest(mut self, maxima: &BTreeMap<ScopeId, Span>) -> WeeklyDigest {
        let mut granted = Vec::from_iter(self.granted);
        granted.sort_by_key(|(_, grants)| std::cmp::Reverse(*grants));
        let mut stuck: Vec<Stuck> = self.open.values().filter_map(Followed::stuck).collect();
        stuck.sort_by(|one, other| {
            (one.since, &one.scope, &one.requester).cmp(&(
                other.since,
                &other.scope,
                &other.requester,
            ))
        });
        let oversized = self.held.into_iter().filter_map(|(scope, held)| {
            let maximum = *maxima.get(&scope)?;
            let far = held.longest.as_seconds().saturating_mul(FAR_ABOVE);
            (held.grants >= GRANTS && maximum.as_seconds() >= far).then_some(Oversized {
                scope,
                maximum,
                longest: held.longest,
                grants: held.grants,
            })
        });
        let hasty = self.approvers.into_iter().filter_map(|(approver, votes)| {
            let is_hasty =
                votes.approvals >= APPROVALS && votes.denials == 0 && votes.slowest <= QUICK;
            is_hasty.then_some(Hasty {
                approver,
                approvals: votes.approvals,
                slowest: votes.slowest,
            })
        });
        let mut hasty: Vec<Hasty> = hasty.collect();
        hasty.sort_by_key(|one| std::cmp::Reverse(one.approvals));
        WeeklyDigest {
            from: self.from,
            until: self.until,
            requested: self.requested,
            granted,
            automatic: self.automatic,
            denied: self.denied,
            lapsed: self.lapsed,
            failed: self.failed,
            waited: waited(&mut self.waits),
            revoke_failed: u32::try_from(self.revoke_failed.len()).unwrap_or(u32::MAX),
            stuck,
            oversized: oversized.collect(),
            hasty,
        }
    }
}

impl Followed {
    fn note(&mut self, occurred: &Occurred) {
        match occurred.event {
            Event::Activated {} => self.active_since = Some(occurred.at),
            Event::ExtensionRequested { .. } => self.asked_at = occurred.at,
            _ => {}
        }
    }

    fn stuck(&self) -> Option<Stuck> {
        let super::State::Ending { since, .. } = self.request.state else {
            return None;
        };
        (self.request.stuck_failures() > 0).then(|| Stuck {
            scope: self.request.terms.scope.clone(),
            requester: self.request.requester.clone(),
            since,
        })
    }
}

fn waited(waits: &mut [Span]) -> Option<Waited> {
    waits.sort_unstable();
    // The nearest rank: so many of a hundred waited at most that long.
    let percentile = |percent: usize| {
        let rank = (waits.len() * percent).div_ceil(100).max(1);
        waits.get(rank - 1).copied()
    };
    Some(Waited {
        median: percentile(50)?,
        p90: percentile(90)?,
        approved: u32::try_from(waits.len()).unwrap_or(u32::MAX),
    })
}

/// How a digest's text names things, where it is read.
pub struct Names<'a> {
    /// A scope.
    pub scope: &'a dyn Fn(&ScopeId) -> String,
    /// A person.
    pub person: &'a dyn Fn(&UserId) -> String,
    /// A moment.
    pub time: &'a dyn Fn(Time) -> String,
}

impl WeeklyDigest {
    /// The digest in sentences, one each; at most seven. What there is nothing of is left out, but for the
    /// first.
    pub fn sentences(&self, names: &Names<'_>) -> Vec<String> {
        let mut sentences = vec![self.counts()];
        sentences.extend(self.waited.map(|waited| {
            format!(
                "Time to approve: median {}, 90th percentile {} ({} by people).",
                waited.median,
                waited.p90,
                counted(waited.approved, "approval")
            )
        }));
        let granted = self.granted.iter();
        let granted = granted.map(|(scope, grants)| format!("{} {grants}", (names.scope)(scope)));
        sentences.extend(list("Grants by scope", granted));
        if self.revoke_failed > 0 {
            sentences.push(format!(
                "A target failed to revoke access of {} at least once.",
                counted(self.revoke_failed, "grant")
            ));
        }
        let stuck = self.stuck.iter().map(|stuck| {
            format!(
                "{} of {} since {}",
                (names.scope)(&stuck.scope),
                (names.person)(&stuck.requester),
                (names.time)(stuck.since)
            )
        });
        sentences.extend(list("Still not revoked", stuck));
        let oversized = self.oversized.iter().map(|it| {
            format!(
                "{} allows {}, and the longest of {} lasted {}",
                (names.scope)(&it.scope),
                it.maximum,
                counted(it.grants, "grant"),
                it.longest
            )
        });
        sentences.extend(list("Maximum far above use", oversized));
        let hasty = self.hasty.iter().map(|it| {
            format!(
                "{} ({}, each within {}, and no denial)",
                (names.person)(&it.approver),
                counted(it.approvals, "approval"),
                it.slowest.max(Span::seconds(1))
            )
        });
        sentences.extend(list("Approved everything within seconds", hasty));
        sentences
    }

    fn counts(&self) -> String {
        let granted: u32 = self.granted.iter().map(|(_, grants)| grants).sum();
        format!(
            "{}: {} granted, {} approved by a rule, {} denied, {} lapsed, {} failed.",
            counted(self.requested, "request"),
            granted,
            self.automatic,
            self.denied,
            self.lapsed,
            self.failed
        )
    }
}

/// A sentence that lists something, and counts what it does not name; nothing for an empty list.
fn list(what: &str, items: impl ExactSizeIterator<Item = String>) -> Option<String> {
    let all = items.len();
    let mut named: Vec<String> = items.take(NAMED).collect();
    if all > NAMED {
        named.push(format!("and {} more", all - NAMED));
    }
    (all > 0).then(|| format!("{what}: {}.", named.join("; ")))
}

fn counted(number: u32, of: &str) -> String {
    match number {
        1 => format!("1 {of}"),
        many => format!("{many} {of}s"),
    }
}
