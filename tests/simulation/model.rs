//! The reference model: what a request may be after each entry of the log, written anew from the
//! promises and small enough to be checked by eye. It shares no rule with the code under test.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use keylend::{
    domain::{
        Actor, EndCause, Entitlement, Environment, Event, LockEvent, LockTarget, NameEvent,
        Removal, RequestId, RevocationMode, ScopeId, Span, Time, UserId,
    },
    store::{Entry, EntryBody},
};

use crate::{
    clocks::APART,
    people::person_of,
    story::{Broken, promised},
    world::{MAX_TOTAL, PENDING, UNREVIEWED},
};

/// How long it takes at most from a decision to its commit.
const DECIDED: Duration = Duration::from_secs(20);

/// All requests, as far as the log has told.
#[derive(Default)]
pub(crate) struct Model {
    pub(crate) lives: BTreeMap<RequestId, Life>,
    /// What is locked.
    locks: BTreeMap<LockTarget, InForce>,
    /// The locks of people that cover all of their ids.
    every_id: BTreeSet<LockTarget>,
    /// What was locked at any time: a lock may be lifted while a grant that it ends is on its way.
    ever_locked: BTreeSet<LockTarget>,
    cap: usize,
    /// The true time.
    now: Time,
    /// What was asked for with the last entry: the next one says whether it is pending.
    just_asked: Option<RequestId>,
    /// What a rule granted with the last entry: the next one opens the review.
    unreviewed: Option<RequestId>,
}

/// A lock.
struct InForce {
    since: Time,
    /// When Keylend may lift it; nothing if only people may.
    until: Option<Time>,
}

/// The people who approved.
type Approvers = BTreeMap<String, Vote>;

/// One approval.
struct Vote {
    /// The account that they used; a rule has none.
    account: Option<UserId>,
    /// How long they allow, if less than was asked for.
    at_most: Option<Span>,
}

/// What two others have to sign off.
struct Review {
    since: Time,
    signed_off: BTreeSet<String>,
}

/// One request.
pub(crate) struct Life {
    pub(crate) requester: UserId,
    pub(crate) scope: ScopeId,
    environment: Option<Environment>,
    duration: Span,
    needed: usize,
    revision: u32,
    approvers: Approvers,
    lapses_at: Time,
    /// When it is to start; nothing if that is at its approval.
    starts_at: Option<Time>,
    /// Whether a rule granted it.
    by_rule: bool,
    review: Option<Review>,
    pub(crate) stage: Stage,
    /// For when its approval was decided.
    approved_at: Option<Time>,
    pub(crate) expires_at: Option<Time>,
    /// When it ends by the true time: what was approved, from when that was committed.
    pub(crate) truly_ends_at: Option<Time>,
    pub(crate) layers: Vec<Layer>,
    after: Vec<RequestId>,
    extension: Option<(Time, Approvers, Span)>,
    /// Which reminder the approvers had last of what waits.
    reminded: u8,
    /// By the true time.
    pub(crate) ended_at: Option<Time>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    Pending,
    /// Approved, and its start has not come.
    Waiting,
    Approved,
    Active,
    Ending,
    Over,
}

pub(crate) struct Layer {
    pub(crate) entitlement: Entitlement,
    /// Whether only a time limit ends it.
    is_by_time: bool,
    pub(crate) is: Is,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Is {
    Planned,
    Inspected { managed: bool },
    Granted { managed: bool },
    Revoked,
}

impl Life {
    fn is_locked_by(&self, lock: &LockTarget) -> bool {
        match lock {
            LockTarget::Everything => true,
            LockTarget::Scope(scope) => *scope == self.scope,
            LockTarget::Person(person) => person_of(person) == person_of(&self.requester),
            // Nobody locks one.
            LockTarget::Target(_) => false,
        }
    }

    /// The accounts whose approvals of what waits count so far.
    pub(crate) fn voters(&self) -> impl Iterator<Item = &UserId> {
        let waiting = self.extension.as_ref().map(|(_, approvers, _)| approvers);
        let votes = waiting.unwrap_or(&self.approvers).values();
        votes.filter_map(|vote| vote.account.as_ref())
    }

    /// Whether two others have signed it off; nothing if it needs no review.
    pub(crate) fn is_reviewed(&self) -> Option<bool> {
        let review = self.review.as_ref();
        review.map(|review| review.signed_off.len() == 2)
    }

    /// Whether it counts against the cap as it is allowed to be: what makes room is not counted.
    fn counts(&self) -> bool {
        matches!(self.stage, Stage::Approved | Stage::Active)
    }
}

impl Model {
    pub(crate) fn with_cap(cap: usize) -> Self {
        Self {
            cap,
            ..Self::default()
        }
    }

    /// It is this late by now.
    pub(crate) fn is_at(&mut self, now: Time) {
        self.now = now;
    }

    /// A lock of a person covers all of their ids, until it is set anew or lifted.
    pub(crate) fn locks_every_id(&mut self, target: &LockTarget) {
        if self.locks.contains_key(target) {
            self.every_id.insert(target.clone());
        }
    }

    /// From now on, nothing of this scope is given that two did not approve.
    pub(crate) fn tightens(&mut self, scope: &ScopeId) {
        for life in self.lives.values_mut().filter(|life| life.scope == *scope) {
            life.needed = life.needed.max(2);
        }
    }

    /// Takes the next entry in, if it may come next.
    pub(crate) fn apply(&mut self, entry: &Entry) -> Result<(), Broken> {
        self.goes_on(Some(entry))?;
        match (&entry.body, entry.request_id) {
            (EntryBody::Lock(LockEvent::Locked { target, until, .. }), _) => {
                // A lock that is set anew ends no earlier.
                let until = match self.locks.get(target) {
                    Some(before) => before.until.zip(*until).map(|(one, other)| one.max(other)),
                    None => *until,
                };
                let since = self.now;
                self.locks.insert(target.clone(), InForce { since, until });
                self.every_id.remove(target);
                self.ever_locked.insert(target.clone());
                Ok(())
            }
            (EntryBody::Lock(LockEvent::Unlocked { target }), _) => {
                let lock = self.locks.remove(target);
                self.every_id.remove(target);
                let is_over = |lock: &InForce| lock.until.is_some_and(|until| until <= entry.at);
                let by_keylend = entry.actor == Actor::Keylend;
                let rightly = !by_keylend || lock.as_ref().is_some_and(is_over);
                promised(7, rightly, || format!("{target} was unlocked too early"))?;
                promised(6, lock.is_some(), || format!("{target} was unlocked twice"))
            }
            (EntryBody::Name(NameEvent::NameReleased { .. }), _)
            | (EntryBody::Unexplained(_) | EntryBody::Attempt(_) | EntryBody::Group(_), _) => {
                Ok(())
            }
            (EntryBody::Request(event), Some(id)) => self.happened(id, event, entry),
            (EntryBody::Request(_), None) => Err(Broken {
                promise: 5,
                found: format!("entry {} names no request", entry.seq),
            }),
        }
    }

    /// What the last entry left open, the `next` one of the commit says: that a rule granted at once what was
    /// asked for, and who reviews that.
    pub(crate) fn goes_on(&mut self, next: Option<&Entry>) -> Result<(), Broken> {
        let of_next = next.and_then(|next| Some((next.request_id?, &next.actor, &next.body)));
        if let Some(asked) = self.just_asked.take() {
            let is_granted = matches!(
                of_next,
                Some((id, Actor::Rule(_), EntryBody::Request(Event::Approved { .. }))) if id == asked
            );
            if !is_granted {
                self.count_pending(asked)?;
            }
        }
        if let Some(granted) = self.unreviewed.take() {
            let is_opened = matches!(
                of_next,
                Some((id, _, EntryBody::Request(Event::GlassBroken { .. }))) if id == granted
            );
            promised(1, is_opened, || {
                format!("{granted} was approved by nobody, and nobody reviews it")
            })?;
        }
        Ok(())
    }

    fn happened(&mut self, id: RequestId, event: &Event, entry: &Entry) -> Result<(), Broken> {
        if let Event::Requested {
            requester,
            terms,
            approvals_needed,
            lapses_at,
            starts_at,
            ..
        } = event
        {
            let life = Life {
                requester: requester.clone(),
                scope: terms.scope.clone(),
                environment: terms.environment.clone(),
                duration: terms.duration,
                needed: usize::from(*approvals_needed),
                revision: 1,
                approvers: Approvers::new(),
                lapses_at: *lapses_at,
                starts_at: *starts_at,
                by_rule: false,
                review: None,
                stage: Stage::Pending,
                approved_at: None,
                expires_at: None,
                truly_ends_at: None,
                layers: Vec::new(),
                after: Vec::new(),
                extension: None,
                reminded: 0,
                ended_at: None,
            };
            let new = self.lives.insert(id, life).is_none();
            self.just_asked = Some(id);
            return promised(6, new, || format!("{id} was asked for twice"));
        }
        let over: BTreeSet<RequestId> = self
            .lives
            .iter()
            .filter(|(_, life)| life.stage == Stage::Over)
            .map(|(id, _)| *id)
            .collect();
        if let Event::ApprovalCounted { .. } | Event::Approved { .. } | Event::Extended { .. } =
            event
            && let Actor::Person(approver) = &entry.actor
        {
            promised(1, !self.locks_person(approver), || {
                format!(
                    "{id} at entry {}: {event:?} by somebody who is locked",
                    entry.seq
                )
            })?;
        }
        let is_locked = self.locked_since(id).is_some();
        if let Event::GlassBroken { .. } = event {
            self.has_reviewed(id)?;
        }
        let (locks, now) = (&self.ever_locked, self.now);
        let Some(life) = self.lives.get_mut(&id) else {
            return promised(5, false, || format!("{id} was never asked for"));
        };
        let grants = matches!(
            event,
            Event::ApprovalCounted { .. }
                | Event::Approved { .. }
                | Event::Started { .. }
                | Event::Activated {}
                | Event::Extended { .. }
        );
        promised(7, !(grants && is_locked), || {
            format!("{id} at entry {}: {event:?} under a lock", entry.seq)
        })?;
        life.happened(event, entry, now, &over, locks)
            .map_err(|broken| Broken {
                found: format!("{id} at entry {}: {}", entry.seq, broken.found),
                ..broken
            })?;
        match event {
            Event::Approved { .. } => {
                self.unreviewed = life.by_rule.then_some(id);
                self.count(id)
            }
            Event::Started { .. } => self.count(id),
            _ => Ok(()),
        }
    }

    /// Whoever uses break-glass left no review open for long, but for what clocks may differ by.
    fn has_reviewed(&self, id: RequestId) -> Result<(), Broken> {
        let requester = self.lives.get(&id).map(|life| person_of(&life.requester));
        let latest = |review: &Review| APART.after(UNREVIEWED.after(review.since)) + DECIDED;
        let mut theirs = self
            .lives
            .values()
            .filter(|life| Some(person_of(&life.requester)) == requester);
        let overdue = theirs.find(|life| {
            let open = life.review.as_ref().filter(|it| it.signed_off.len() < 2);
            open.is_some_and(|review| latest(review) < self.now)
        });
        promised(12, overdue.is_none(), || {
            format!("{requester:?} used break-glass again in {id}, with a review overdue")
        })
    }

    /// Since when a lock covers this request, if one does.
    pub(crate) fn locked_since(&self, id: RequestId) -> Option<Time> {
        let life = self.lives.get(&id)?;
        let covers = |lock: &LockTarget| match lock {
            LockTarget::Everything => true,
            LockTarget::Scope(scope) => *scope == life.scope,
            LockTarget::Person(person) => {
                *person == life.requester
                    || self.every_id.contains(lock)
                        && person_of(person) == person_of(&life.requester)
            }
            // Nobody locks one.
            LockTarget::Target(_) => false,
        };
        let locks = self.locks.iter().filter(|(lock, _)| covers(lock));
        locks.map(|(_, lock)| lock.since).min()
    }

    /// Whether this account is somebody's who is locked.
    fn locks_person(&self, account: &UserId) -> bool {
        self.locks.keys().any(|lock| match lock {
            LockTarget::Person(person) => {
                person == account
                    || self.every_id.contains(lock) && person_of(person) == person_of(account)
            }
            LockTarget::Everything | LockTarget::Scope(_) | LockTarget::Target(_) => false,
        })
    }

    /// Nobody makes approvers read more than so much at once.
    fn count_pending(&self, asked: RequestId) -> Result<(), Broken> {
        let Life {
            requester, scope, ..
        } = &self.lives[&asked];
        let pending = self.lives.values().filter(|life| {
            person_of(&life.requester) == person_of(requester)
                && matches!(life.stage, Stage::Pending | Stage::Waiting)
        });
        let (all, same) = pending.fold((0, 0), |(all, same), life| {
            (all + 1, same + u32::from(life.scope == *scope))
        });
        let may = all <= PENDING.0 && same <= PENDING.1;
        promised(12, may, || {
            format!("{requester} has {all} requests pending, {same} of them for {scope}")
        })
    }

    /// Nobody holds more than they may, in places that exclude each other neither.
    fn count(&self, granted: RequestId) -> Result<(), Broken> {
        let person = &self.lives[&granted].requester;
        let held = self.lives.values();
        let held: Vec<_> = held
            .filter(|life| person_of(&life.requester) == person_of(person) && life.counts())
            .collect();
        promised(7, held.len() <= self.cap, || {
            format!("{person} holds {} grants", held.len())
        })?;
        let places: BTreeSet<_> = held
            .iter()
            .filter_map(|it| it.environment.as_ref())
            .collect();
        promised(7, places.len() <= 1, || {
            format!("{person} is in {places:?} at once")
        })
    }
}

impl Life {
    fn happened(
        &mut self,
        event: &Event,
        entry: &Entry,
        now: Time,
        over: &BTreeSet<RequestId>,
        locks: &BTreeSet<LockTarget>,
    ) -> Result<(), Broken> {
        let at = entry.at;
        let by_requester = matches!(
            &entry.actor,
            Actor::Person(id) if person_of(id) == person_of(&self.requester)
        );
        let by_keylend = entry.actor == Actor::Keylend;
        let stage = self.stage;
        let from = |stages: &[Stage]| {
            promised(6, stages.contains(&stage), || {
                format!("{event:?} while it is {stage:?}")
            })
        };
        let rightly = |promise, holds| promised(promise, holds, || format!("{event:?}"));
        match event {
            Event::Requested { .. } => unreachable!("the model took it in before"),
            Event::ApprovalCounted {
                duration: at_most, ..
            }
            | Event::Approved {
                duration: at_most, ..
            }
            | Event::Extended {
                duration: at_most, ..
            } => {
                rightly(1, !by_requester && !by_keylend)?;
                let (lapses_at, approvers, asked) = match &mut self.extension {
                    Some((lapses_at, approvers, more)) => (*lapses_at, approvers, *more),
                    None => (self.lapses_at, &mut self.approvers, self.duration),
                };
                rightly(6, at < lapses_at)?;
                rightly(3, at_most.is_none_or(|at_most| at_most < asked))?;
                // A rule approves by break-glass alone.
                let by_rule = matches!(entry.actor, Actor::Rule(_));
                rightly(1, !by_rule || matches!(event, Event::Approved { .. }))?;
                let (person, account) = match &entry.actor {
                    Actor::Person(id) => (person_of(id).to_owned(), Some(id.clone())),
                    other => (other.to_string(), None),
                };
                let vote = Vote {
                    account,
                    at_most: *at_most,
                };
                rightly(6, approvers.insert(person, vote).is_none())?;
                let enough = by_rule || approvers.len() >= self.needed;
                // The least that one of them allows.
                let shortest = approvers.values().filter_map(|vote| vote.at_most).min();
                let granted = shortest.map_or(asked, |shortest| shortest.min(asked));
                match (event, &self.extension) {
                    (
                        Event::Approved {
                            expires_at,
                            layers,
                            after,
                            facts,
                            ..
                        },
                        None,
                    ) => {
                        from(&[Stage::Pending])?;
                        rightly(1, enough)?;
                        let begins = |at: Time| self.starts_at.map_or(at, |start| start.max(at));
                        rightly(3, *expires_at == granted.after(begins(at)))?;
                        rightly(7, self.starts_at.is_none() || after.is_empty())?;
                        self.approved_at = Some(facts.at);
                        self.expires_at = Some(*expires_at);
                        self.truly_ends_at = Some(granted.after(begins(now)));
                        self.after.clone_from(after);
                        self.by_rule = by_rule;
                        let planned = layers.iter().map(|plan| Layer {
                            entitlement: plan.entitlement.clone(),
                            is_by_time: plan.revocation == RevocationMode::TimeLimit,
                            is: Is::Planned,
                        });
                        self.layers = planned.collect();
                        self.stage = match self.starts_at {
                            Some(_) => Stage::Waiting,
                            None => Stage::Approved,
                        };
                    }
                    (Event::Extended { expires_at, .. }, Some(_)) => {
                        from(&[Stage::Active])?;
                        rightly(1, enough)?;
                        let end = self.expires_at.filter(|end| at < *end);
                        rightly(3, end.map(|end| granted.after(end)) == Some(*expires_at))?;
                        let total = self
                            .approved_at
                            .map(|from| (*expires_at - from).num_seconds());
                        let most = i64::from(MAX_TOTAL.as_seconds());
                        rightly(7, total.is_some_and(|total| total <= most))?;
                        self.expires_at = Some(*expires_at);
                        self.truly_ends_at = self.truly_ends_at.map(|end| granted.after(end));
                        self.extension = None;
                    }
                    (Event::ApprovalCounted { .. }, Some(_)) => from(&[Stage::Active])?,
                    (Event::ApprovalCounted { .. }, None) => from(&[Stage::Pending])?,
                    _ => rightly(6, false)?,
                }
            }
            Event::ApprovalVoided { approver, .. } => {
                rightly(1, by_keylend)?;
                let approvers = match &mut self.extension {
                    Some((_, approvers, _)) => approvers,
                    None => &mut self.approvers,
                };
                rightly(6, approvers.remove(person_of(approver)).is_some())?;
            }
            Event::Revised {
                terms,
                approvals_needed,
                revision,
                ..
            } => {
                from(&[Stage::Pending, Stage::Active])?;
                rightly(
                    1,
                    by_keylend && usize::from(*approvals_needed) >= self.needed,
                )?;
                rightly(7, terms.duration <= self.duration)?;
                self.needed = (*approvals_needed).into();
                self.duration = terms.duration;
                if *revision != self.revision {
                    self.revision = *revision;
                    self.approvers.clear();
                }
            }
            Event::Denied { .. } => {
                from(&[Stage::Pending])?;
                rightly(1, !by_requester)?;
                self.stage = Stage::Over;
            }
            Event::Withdrawn {} => {
                from(&[Stage::Pending])?;
                rightly(1, by_requester)?;
                self.stage = Stage::Over;
            }
            Event::Lapsed {} => {
                from(&[Stage::Pending])?;
                rightly(3, at >= self.lapses_at)?;
                self.stage = Stage::Over;
            }
            Event::LayerInspected { layer, managed, .. } => {
                from(&[Stage::Approved])?;
                rightly(7, self.after.iter().all(|other| over.contains(other)))?;
                rightly(2, self.layers[*layer].is == Is::Planned)?;
                self.layers[*layer].is = Is::Inspected { managed: *managed };
            }
            Event::LayerGranted {
                layer,
                until,
                ends_at,
                ..
            } => {
                // What was on its way when the end began may still be noted.
                from(&[Stage::Approved, Stage::Active, Stage::Ending])?;
                let (Is::Inspected { managed } | Is::Granted { managed }) = self.layers[*layer].is
                else {
                    return rightly(2, false);
                };
                self.layers[*layer].is = Is::Granted { managed };
                if self.expires_at <= Some(*until) && stage != Stage::Ending {
                    self.expires_at = self.expires_at.min(ends_at.or(self.expires_at));
                }
            }
            Event::LayerGrantFailed { .. } => {
                from(&[Stage::Approved, Stage::Active, Stage::Ending])?;
            }
            Event::Activated {} => {
                from(&[Stage::Approved])?;
                let made = |layer: &Layer| matches!(layer.is, Is::Granted { .. });
                rightly(10, self.layers.iter().all(made))?;
                self.stage = Stage::Active;
            }
            Event::Warned {} => from(&[Stage::Active])?,
            Event::LeaveNoticed { .. } => {
                from(&[Stage::Waiting, Stage::Approved, Stage::Active])?;
            }
            Event::RevocationStarted { cause } => {
                from(&[Stage::Waiting, Stage::Approved, Stage::Active])?;
                let waits = stage == Stage::Waiting;
                match cause {
                    EndCause::Expired => {
                        rightly(3, self.expires_at.is_some_and(|end| at >= end))?;
                    }
                    EndCause::Done => rightly(1, by_requester && !waits)?,
                    EndCause::Withdrawn => rightly(1, by_requester && waits)?,
                    EndCause::StartRefused { .. } => {
                        let has_come = self.starts_at.is_some_and(|start| at >= start);
                        rightly(6, by_keylend && waits && has_come)?;
                    }
                    // No scope needs an open ticket.
                    EndCause::TicketClosed { .. } => rightly(6, false)?,
                    EndCause::Locked { .. } => {
                        rightly(6, locks.iter().any(|it| self.is_locked_by(it)))?
                    }
                    _ => {}
                }
                self.extension = None;
                self.stage = Stage::Ending;
                self.ended_at = Some(now);
            }
            Event::LayerRevoked {
                layer,
                removal: how,
                ..
            } => {
                from(&[Stage::Ending])?;
                let is_by_time = self.layers[*layer].is_by_time;
                let was = std::mem::replace(&mut self.layers[*layer].is, Is::Revoked);
                let managed = matches!(
                    was,
                    Is::Inspected { managed: true } | Is::Granted { managed: true }
                );
                rightly(
                    4,
                    match how {
                        Removal::NotGranted => was == Is::Planned,
                        Removal::Removed => managed && !is_by_time,
                        Removal::Expired | Removal::Absent => managed && is_by_time,
                        Removal::RetainedByGrant { .. } => managed,
                        Removal::Preexisting => !managed && was != Is::Revoked,
                    },
                )?;
            }
            Event::LayerRevokeFailed { .. } => from(&[Stage::Ending])?,
            Event::LayerAbsenceConfirmed { layer }
            | Event::LayerInspectionAbandoned { layer, .. } => {
                from(&[Stage::Over])?;
                rightly(4, self.layers[*layer].is == Is::Revoked)?;
            }
            // A target carries out what it was sent before what it was sent later.
            Event::LayerReappeared { .. } => rightly(4, false)?,
            Event::Ended {} | Event::Failed { .. } => {
                from(&[Stage::Ending])?;
                rightly(4, self.layers.iter().all(|layer| layer.is == Is::Revoked))?;
                self.stage = Stage::Over;
            }
            Event::ExtensionRequested {
                duration,
                lapses_at,
                revision,
                ..
            } => {
                self.revision = *revision;
                from(&[Stage::Active])?;
                rightly(1, by_requester)?;
                rightly(6, self.extension.is_none())?;
                self.extension = Some((*lapses_at, Approvers::new(), *duration));
                self.reminded = 0;
            }
            Event::ExtensionWithdrawn {} => {
                from(&[Stage::Active])?;
                rightly(1, by_requester)?;
                rightly(6, self.extension.take().is_some())?;
            }
            Event::ExtensionDenied { .. } | Event::ExtensionLapsed {} => {
                from(&[Stage::Active])?;
                rightly(1, !by_requester)?;
                rightly(6, self.extension.take().is_some())?;
            }
            Event::Reminded { step, revision } => {
                from(&[Stage::Pending, Stage::Active])?;
                let is_next = self.reminded < *step && *step <= 2;
                let waits = stage == Stage::Pending || self.extension.is_some();
                let is_current = *revision == self.revision;
                rightly(6, by_keylend && is_next && waits && is_current)?;
                self.reminded = *step;
            }
            Event::QuestionAsked { .. } | Event::QuestionAnswered { .. } => {
                from(&[Stage::Pending, Stage::Active])?;
                let waits = stage == Stage::Pending || self.extension.is_some();
                let is_answer = matches!(event, Event::QuestionAnswered { .. });
                rightly(1, !by_keylend && waits && by_requester == is_answer)?;
            }
            Event::Started { after, facts, .. } => {
                from(&[Stage::Waiting])?;
                rightly(1, by_keylend)?;
                rightly(3, self.starts_at.is_some_and(|start| at >= start))?;
                rightly(3, self.expires_at.is_some_and(|end| at < end))?;
                rightly(1, self.approvers.len() >= self.needed)?;
                self.after.clone_from(after);
                self.approved_at = Some(facts.at);
                self.stage = Stage::Approved;
            }
            Event::GlassBroken { .. } => {
                from(&[Stage::Approved])?;
                rightly(1, by_requester && self.by_rule && self.review.is_none())?;
                self.review = Some(Review {
                    since: now,
                    signed_off: BTreeSet::new(),
                });
            }
            Event::ReviewSignedOff { reason, .. } => {
                let (Some(review), Actor::Person(by)) = (&mut self.review, &entry.actor) else {
                    return rightly(6, false);
                };
                rightly(1, !by_requester && !reason.trim().is_empty())?;
                rightly(6, review.signed_off.len() < 2)?;
                rightly(1, review.signed_off.insert(person_of(by).to_owned()))?;
            }
            // No history lasts a week.
            Event::ReviewReminded { .. } => rightly(6, false)?,
            Event::CredentialShown {} => {
                from(&[Stage::Active])?;
                rightly(
                    8,
                    by_requester && self.expires_at.is_some_and(|end| at < end),
                )?;
            }
        }
        Ok(())
    }
}
