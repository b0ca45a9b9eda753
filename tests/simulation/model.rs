//! The reference model: what a request may be after each entry of the log, written anew from the
//! promises and small enough to be checked by eye. It shares no rule with the code under test.

use std::collections::{BTreeMap, BTreeSet};

use keylend::{
    domain::{
        Actor, EndCause, Entitlement, Environment, Event, LockEvent, LockTarget, NameEvent,
        Removal, RequestId, RevocationMode, ScopeId, Span, Time, UserId,
    },
    store::{Entry, EntryBody},
};

use crate::{
    people::person_of,
    story::{Broken, promised},
    world::{MAX_TOTAL, PENDING},
};

/// All requests, as far as the log has told.
#[derive(Default)]
pub(crate) struct Model {
    pub(crate) lives: BTreeMap<RequestId, Life>,
    /// What is locked, and since when.
    locks: BTreeMap<LockTarget, Time>,
    /// The locks of people that cover all of their ids.
    every_id: BTreeSet<LockTarget>,
    /// What was locked at any time: a lock may be lifted while a grant that it ends is on its way.
    ever_locked: BTreeSet<LockTarget>,
    cap: usize,
    /// The true time.
    now: Time,
}

/// The people who approved, each with the account that they used; a rule has none.
type Approvers = BTreeMap<String, Option<UserId>>;

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
        waiting.unwrap_or(&self.approvers).values().flatten()
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
        match (&entry.body, entry.request_id) {
            (EntryBody::Lock(LockEvent::Locked { target, .. }), _) => {
                self.locks.insert(target.clone(), self.now);
                self.every_id.remove(target);
                self.ever_locked.insert(target.clone());
                Ok(())
            }
            (EntryBody::Lock(LockEvent::Unlocked { target }), _) => {
                let locked = self.locks.remove(target).is_some();
                self.every_id.remove(target);
                promised(6, locked, || format!("{target} was unlocked twice"))
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

    fn happened(&mut self, id: RequestId, event: &Event, entry: &Entry) -> Result<(), Broken> {
        if let Event::Requested {
            requester,
            terms,
            approvals_needed,
            lapses_at,
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
            promised(6, new, || format!("{id} was asked for twice"))?;
            return self.count_pending(id);
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
        let (locks, now) = (&self.ever_locked, self.now);
        let Some(life) = self.lives.get_mut(&id) else {
            return promised(5, false, || format!("{id} was never asked for"));
        };
        let grants = matches!(
            event,
            Event::ApprovalCounted { .. }
                | Event::Approved { .. }
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
            Event::Approved { .. } => self.count(id),
            _ => Ok(()),
        }
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
        locks.map(|(_, since)| *since).min()
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
            person_of(&life.requester) == person_of(requester) && life.stage == Stage::Pending
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
            Event::ApprovalCounted { .. } | Event::Approved { .. } | Event::Extended { .. } => {
                rightly(1, !by_requester && !by_keylend)?;
                let (lapses_at, approvers) = match &mut self.extension {
                    Some((lapses_at, approvers, _)) => (*lapses_at, approvers),
                    None => (self.lapses_at, &mut self.approvers),
                };
                rightly(6, at < lapses_at)?;
                let (person, account) = match &entry.actor {
                    Actor::Person(id) => (person_of(id).to_owned(), Some(id.clone())),
                    other => (other.to_string(), None),
                };
                rightly(6, approvers.insert(person, account).is_none())?;
                let enough = approvers.len() >= self.needed;
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
                        rightly(3, *expires_at == self.duration.after(at))?;
                        self.approved_at = Some(facts.at);
                        self.expires_at = Some(*expires_at);
                        self.truly_ends_at = Some(self.duration.after(now));
                        self.after.clone_from(after);
                        let planned = layers.iter().map(|plan| Layer {
                            entitlement: plan.entitlement.clone(),
                            is_by_time: plan.revocation == RevocationMode::TimeLimit,
                            is: Is::Planned,
                        });
                        self.layers = planned.collect();
                        self.stage = Stage::Approved;
                    }
                    (Event::Extended { expires_at, .. }, Some((_, _, more))) => {
                        from(&[Stage::Active])?;
                        rightly(1, enough)?;
                        let end = self.expires_at.filter(|end| at < *end);
                        rightly(3, end.map(|end| more.after(end)) == Some(*expires_at))?;
                        let total = self
                            .approved_at
                            .map(|from| (*expires_at - from).num_seconds());
                        let most = i64::from(MAX_TOTAL.as_seconds());
                        rightly(7, total.is_some_and(|total| total <= most))?;
                        self.expires_at = Some(*expires_at);
                        self.truly_ends_at = self.truly_ends_at.map(|end| more.after(end));
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
            Event::LeaveNoticed { .. } => from(&[Stage::Approved, Stage::Active])?,
            Event::RevocationStarted { cause } => {
                from(&[Stage::Approved, Stage::Active])?;
                match cause {
                    EndCause::Expired => {
                        rightly(3, self.expires_at.is_some_and(|end| at >= end))?;
                    }
                    EndCause::Done => rightly(1, by_requester)?,
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
            // The simulation's people ask for access at once.
            Event::Started { .. } => rightly(2, false)?,
            // Nobody in the simulation may use break-glass.
            Event::GlassBroken { .. }
            | Event::ReviewSignedOff { .. }
            | Event::ReviewReminded { .. } => rightly(1, false)?,
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
