//! The referee: holds every commit, every order and every check against the ten promises.
//!
//! It sees what no part of Keylend sees at once: the store, the targets and the people as they are.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, OnceLock},
    time::Duration,
};

use keylend::{
    backend::LayerRequest,
    clock::Clock as _,
    domain::{
        Actor, DeliveryKey, Departure, EndCause, Entitlement, Event, Layer, LockEvent, LockTarget,
        NameEvent, Progress, Request, RequestId, RevocationMode, ScopeId, Span, State, Time,
        UserId,
    },
    grants::ActiveGrant,
    store::{Chain, Entry, EntryBody, RawEntry},
};

use crate::{
    actors::Leaver,
    clocks::APART,
    model::{Is, Life, Model, Stage},
    people::{People, person_of},
    seed::VirtualClock,
    store::Tables,
    story::{Broken, Story, promised},
    target::Target,
    world::{STAGED, WARNS},
};

/// How long a check may take to learn of an end that another replica committed: the news of it,
/// and the time for which what was seen counts as the present.
const NEWS: Duration = Duration::from_secs(7);

/// How long a lock may be in force after its time is over: Keylend's clocks are late, and it looks at locks
/// every two seconds.
const LIFTED: Span = Span::seconds(60);

pub(crate) struct Referee {
    clock: VirtualClock,
    story: Arc<Story>,
    people: Arc<People>,
    targets: OnceLock<Vec<Arc<Target>>>,
    /// What people had before Keylend came.
    standing: BTreeSet<Entitlement>,
    seen: Mutex<Seen>,
}

struct Seen {
    model: Model,
    chain: Chain,
    folded: BTreeMap<RequestId, Request>,
    /// The deliveries of which something was committed.
    carried_out: BTreeSet<DeliveryKey>,
}

impl Referee {
    pub(crate) fn new(
        clock: VirtualClock,
        story: Arc<Story>,
        people: Arc<People>,
        cap: usize,
        standing: BTreeSet<Entitlement>,
    ) -> Arc<Self> {
        let seen = Seen {
            model: Model::with_cap(cap),
            chain: Chain::default(),
            folded: BTreeMap::new(),
            carried_out: BTreeSet::new(),
        };
        Arc::new(Self {
            clock,
            story,
            people,
            targets: OnceLock::new(),
            standing,
            seen: Mutex::new(seen),
        })
    }

    /// The targets, which are known later: they tell the referee what they do.
    pub(crate) fn watches(&self, targets: Vec<Arc<Target>>) {
        assert!(self.targets.set(targets).is_ok(), "they are told once");
    }

    /// From now on, nothing of this scope is given that two did not approve.
    pub(crate) fn tightens(&self, scope: &ScopeId) {
        self.seen.lock().unwrap().model.tightens(scope);
    }

    /// A lock of a person is in force under all of their ids: whoever locked was told that it is known
    /// who they are.
    pub(crate) fn locks_every_id(&self, target: &LockTarget) {
        self.seen.lock().unwrap().model.locks_every_id(target);
    }

    /// Something was committed for a delivery, which nothing was before, on any replica.
    pub(crate) fn carried_out(&self, delivery: Option<DeliveryKey>) {
        let mut seen = self.seen.lock().unwrap();
        let new = delivery.is_none_or(|key| seen.carried_out.insert(key));
        drop(seen);
        self.story.check(promised(6, new, || {
            "a delivery was carried out again".to_owned()
        }));
    }

    fn targets(&self) -> &[Arc<Target>] {
        self.targets.get().map_or(&[], Vec::as_slice)
    }

    /// What people have of Keylend, or had before it came. What others give meanwhile does not count.
    fn holders(&self) -> BTreeSet<Entitlement> {
        let targets = self.targets().iter();
        targets.flat_map(|target| target.holders()).collect()
    }

    /// After every commit, and after every step.
    pub(crate) fn looks(&self, tables: &Tables) {
        self.story.check(self.log(tables));
        self.story.check(self.access(tables));
    }

    /// The log goes on as the model allows, says who may say what, and agrees with the snapshots.
    fn log(&self, tables: &Tables) -> Result<(), Broken> {
        let mut seen = self.seen.lock().unwrap();
        let known = seen.chain.seq();
        let now = self.clock.now();
        seen.model.is_at(now);
        for raw in tables.entries(known, u32::MAX) {
            let linked = seen.chain.check(raw);
            promised(5, linked.is_ok(), || format!("{linked:?}"))?;
            self.keeps_secrets(raw)?;
            let logged = Entry::try_from(raw).expect("an entry that this program wrote");
            seen.fold(&logged)?;
            self.keeps_receipt(&seen, &logged)?;
            // What was right is judged for the moment of the decision.
            let entry = Entry {
                at: tables.decided_at(raw.seq),
                ..logged
            };
            self.story.tell(format_args!(
                "   #{} {} {} by {} {}",
                raw.seq,
                raw.request_id.as_deref().unwrap_or("-"),
                raw.kind,
                raw.actor,
                raw.body
            ));
            self.authority(&seen.model, &entry, now)?;
            self.departure(&seen.model, &entry, now)?;
            seen.model.apply(&entry)?;
        }
        seen.model.goes_on(None)?;
        for request in tables.every_request() {
            promised(5, seen.folded.get(&request.id) == Some(request), || {
                format!("the log does not tell how {} came to be", request.id)
            })?;
        }
        Ok(())
    }

    /// What a target answered last to recognise access by is in the log with what came of the order.
    fn keeps_receipt(&self, seen: &Seen, entry: &Entry) -> Result<(), Broken> {
        let EntryBody::Request(
            Event::LayerGranted { layer, .. } | Event::LayerGrantFailed { layer, .. },
        ) = entry.body
        else {
            return Ok(());
        };
        let folded = entry.request_id.and_then(|id| seen.folded.get(&id));
        let Some(layer) = folded.and_then(|request| request.layers.get(layer)) else {
            return Ok(());
        };
        let target = self.targets().iter();
        let mut target = target.filter(|it| layer.plan.backend.as_str() == it.name);
        let answered = target.next().and_then(|it| it.answered(&layer.plan.handle));
        promised(4, answered.is_none() || answered == layer.receipt, || {
            format!("entry {} has lost the receipt {answered:?}", entry.seq)
        })
    }

    /// An order carries what the log has to recognise the access by.
    pub(crate) fn carries(&self, order: &LayerRequest) -> Result<(), Broken> {
        let seen = self.seen.lock().unwrap();
        let folded = seen.folded.get(&order.request);
        let current = folded.filter(|request| request.version == order.generation);
        let mut layers = current.into_iter().flat_map(|request| &request.layers);
        let layer = layers.find(|layer| layer.plan.handle == order.handle);
        // What is read back right behind a grant carries what that was answered with.
        let carries = layer.is_none_or(|layer| {
            order.receipt == layer.receipt
                || self.targets().iter().any(|it| {
                    layer.plan.backend.as_str() == it.name
                        && it.answered(&order.handle) == order.receipt
                })
        });
        promised(4, carries, || {
            format!("an order for {} carries {:?}", order.request, order.receipt)
        })
    }

    fn keeps_secrets(&self, raw: &RawEntry) -> Result<(), Broken> {
        let line = raw.line();
        let given_away = |target: &Arc<Target>| target.gives_away(&line);
        promised(8, !self.targets().iter().any(given_away), || {
            format!("entry {} has a password", raw.seq)
        })
    }

    /// A grant ends, or somebody is told, because its holder left only if they did; and it ends
    /// unless it was a group that they left and the scope only warns of that.
    fn departure(&self, model: &Model, entry: &Entry, now: Time) -> Result<(), Broken> {
        let (departure, ends) = match &entry.body {
            EntryBody::Request(Event::RevocationStarted {
                cause: EndCause::Left { departure, .. },
            }) => (departure, true),
            EntryBody::Request(Event::LeaveNoticed { departure }) => (departure, false),
            _ => return Ok(()),
        };
        let life = entry.request_id.and_then(|id| model.lives.get(&id));
        let Some(Life {
            requester, scope, ..
        }) = life
        else {
            return Ok(());
        };
        promised(7, self.people.had_left(requester, departure, now), || {
            format!("entry {} says that {requester} left", entry.seq)
        })?;
        promised(7, ends != only_warns(scope, departure), || {
            format!(
                "entry {}: whoever {departure} loses {scope}: {ends}",
                entry.seq
            )
        })
    }

    /// Who left some time ago holds nothing but what only warns of it, and has.
    pub(crate) fn has_nothing(&self, leaver: &Leaver, tables: &Tables) {
        let Leaver {
            person, departure, ..
        } = leaver;
        let held = tables.every_request().find(|request| {
            let goes_on = matches!(request.state, State::Approved | State::Active { .. });
            let warned = only_warns(&request.terms.scope, departure) && request.departure.is_some();
            request.requester == *person && goes_on && !warned
        });
        self.story.check(promised(7, held.is_none(), || {
            format!("{person} left and still holds {:?}", held.map(|it| it.id))
        }));
    }

    /// Whoever decides may decide, and whoever receives may receive, on facts of the last minute.
    fn authority(&self, model: &Model, entry: &Entry, now: Time) -> Result<(), Broken> {
        let life = entry.request_id.and_then(|id| model.lives.get(&id));
        let is_staged = life.is_some_and(|life| life.scope.as_str() == STAGED);
        let approvers: &[&str] = match is_staged {
            true => &["S0DBA", "S0SEC"],
            false => &["S0DBA"],
        };
        let groups: &[&str] = match &entry.body {
            EntryBody::Lock(LockEvent::Locked { .. } | LockEvent::Unlocked { .. }) => &["S0ADMINS"],
            EntryBody::Name(NameEvent::NameReleased { .. }) => &["S0ADMINS"],
            EntryBody::Unexplained(_) | EntryBody::Attempt(_) | EntryBody::Group(_) => {
                return Ok(());
            }
            EntryBody::Request(event) => match event {
                Event::Requested { .. } | Event::ExtensionRequested { .. } => &["S0ENG"],
                Event::ApprovalCounted { .. }
                | Event::Approved { .. }
                | Event::Extended { .. }
                | Event::Denied { .. }
                | Event::ExtensionDenied { .. } => approvers,
                Event::RevocationStarted {
                    cause: EndCause::Revoked { .. },
                } => match is_staged {
                    true => &["S0DBA", "S0SEC", "S0ADMINS"],
                    false => &["S0DBA", "S0ADMINS"],
                },
                Event::GlassBroken { .. } => &["S0ONCALL"],
                Event::ReviewSignedOff { .. } => &["S0SEC"],
                Event::Started { .. } => &[],
                _ => return Ok(()),
            },
        };
        if let Actor::Person(person) = &entry.actor {
            promised(1, self.people.was(person, groups, now), || {
                format!("{person} may not do what entry {} says", entry.seq)
            })?;
        }
        let receives = matches!(
            entry.body,
            EntryBody::Request(
                Event::Approved { .. } | Event::Extended { .. } | Event::Started { .. }
            )
        );
        if let Some(life) = life.filter(|_| is_staged) {
            self.stages(life, entry, now)?;
        }
        match life {
            Some(life) if receives => {
                let requester = &life.requester;
                promised(1, self.people.was(requester, &["S0ENG"], now), || {
                    format!("{requester} may not receive what entry {} gives", entry.seq)
                })?;
                let lost = |voter: &&UserId| !self.people.was(voter, approvers, now);
                let lost = life.voters().find(lost);
                promised(1, lost.is_none(), || {
                    format!("the vote of {lost:?} counts in entry {}", entry.seq)
                })
            }
            _ => Ok(()),
        }
    }

    /// What two stages have to approve is given if two people did, one of each stage; and nobody's approval
    /// counts who makes no difference to that.
    fn stages(&self, life: &Life, entry: &Entry, now: Time) -> Result<(), Broken> {
        let EntryBody::Request(event) = &entry.body else {
            return Ok(());
        };
        let mut people: Vec<&UserId> = life.voters().collect();
        if let Actor::Person(approver) = &entry.actor {
            people.push(approver);
        }
        let are_enough = people.iter().any(|one| {
            self.people.was(one, &["S0DBA"], now)
                && people.iter().any(|other| {
                    person_of(one) != person_of(other) && self.people.was(other, &["S0SEC"], now)
                })
        });
        let rightly = match event {
            Event::ApprovalCounted { .. } => people.len() == 1,
            Event::Approved { .. } | Event::Extended { .. } | Event::Started { .. } => are_enough,
            _ => true,
        };
        promised(1, rightly, || {
            format!("entry {}: the stages by {people:?}", entry.seq)
        })
    }

    /// What is over is gone, and what is active is there.
    fn access(&self, tables: &Tables) -> Result<(), Broken> {
        let (holders, now) = (self.holders(), self.clock.now());
        for request in tables.every_request() {
            for layer in &request.layers {
                let access = &layer.plan.entitlement;
                if matches!(request.state, State::Active { .. }) && !has_ended(layer, now) {
                    promised(9, holders.contains(access), || {
                        format!("{} is active without {access}", request.id)
                    })?;
                }
                if !request.is_open() && holders.contains(access) {
                    let stands = self.standing.contains(access)
                        || tables.every_request().any(|other| stands_on(other, access));
                    promised(4, stands, || {
                        format!("{} is over, and {access} is still there", request.id)
                    })?;
                }
            }
        }
        Ok(())
    }

    /// A target has made access: that was approved, committed and not taken back.
    pub(crate) fn made(&self, order: &LayerRequest) -> Result<(), Broken> {
        let seen = self.seen.lock().unwrap();
        let life = seen.model.lives.get(&order.request);
        let may = |life: &&Life| !matches!(life.stage, Stage::Pending | Stage::Waiting);
        let life = life.filter(|life| may(life) && life.expires_at.is_some());
        let Some(life) = life else {
            return promised(2, false, || format!("{} is not approved", order.request));
        };
        let made = order.handle.as_str().rsplit('_').next();
        let layer = made.and_then(|index| life.layers.get(index.parse::<usize>().ok()?));
        let Some(layer) = layer.filter(|layer| layer.is != Is::Planned) else {
            return promised(2, false, || {
                format!("nobody noted whose the access of {} is", order.request)
            });
        };
        let on = |is| matches!(is, Is::Inspected { .. } | Is::Granted { .. });
        let others = seen.model.lives.values().flat_map(|life| &life.layers);
        let mut others = others.filter(|other| other.entitlement == layer.entitlement);
        let harmless = self.standing.contains(&layer.entitlement);
        promised(6, harmless || others.any(|other| on(other.is)), || {
            format!("{} was over when its access was made", order.request)
        })
    }

    /// A check said yes: the grant is there, its time is not over by the clock of the replica, nor by the
    /// true time but for what clocks may differ by, and nothing ended it that this check could know of.
    pub(crate) fn admitted(
        &self,
        person: &UserId,
        scope: &ScopeId,
        held: ActiveGrant,
        on_replica: Time,
    ) {
        let (seen, now) = (self.seen.lock().unwrap(), self.clock.now());
        let life = seen.model.lives.get(&held.request);
        let rightly = life.is_some_and(|life| {
            let locked = seen.model.locked_since(held.request);
            let known = [life.ended_at, locked]
                .iter()
                .flatten()
                .all(|ended| now < *ended + NEWS);
            person_of(&life.requester) == person_of(person)
                && life.scope == *scope
                && life.expires_at.is_some_and(|end| on_replica < end)
                && life.truly_ends_at.is_some_and(|end| now < APART.after(end))
                && matches!(life.stage, Stage::Active | Stage::Ending | Stage::Over)
                && known
        });
        let result = promised(3, rightly, || {
            format!("a check admits {person} to {scope} by {}", held.request)
        });
        drop(seen);
        self.story.check(result);
    }

    /// When nothing goes wrong any more and time has passed: every request is settled, nobody has what they
    /// had not before, no lock is there whose time is over, and what two people signed off, and nothing
    /// else, is reviewed.
    pub(crate) fn rests(&self, tables: &Tables) {
        let now = self.clock.now();
        for lock in tables.locks() {
            let is_over = lock.until.is_some_and(|until| LIFTED.after(until) < now);
            self.story.check(promised(6, !is_over, || {
                format!("{} is locked for ever", lock.target)
            }));
        }
        let seen = self.seen.lock().unwrap();
        for request in tables.every_request() {
            let life = seen.model.lives.get(&request.id);
            let reviewed = request.review.as_ref().map(|review| !review.is_open());
            let rightly = life.is_some_and(|life| life.is_reviewed() == reviewed);
            self.story.check(promised(6, rightly, || {
                format!("{} is reviewed: {reviewed:?}", request.id)
            }));
        }
        drop(seen);
        for request in tables.every_request() {
            self.story.check(promised(6, !request.is_open(), || {
                format!("{} is {} for ever", request.id, request.state.name())
            }));
        }
        let holders = self.holders();
        self.story.check(promised(4, holders == self.standing, || {
            format!("what is left is {holders:?}")
        }));
    }
}

/// Whether access that only a time limit ends has ended, as far as its target said.
fn has_ended(layer: &Layer, now: Time) -> bool {
    match layer.progress {
        Progress::Granted { until, ends_at, .. } => {
            layer.plan.revocation == RevocationMode::TimeLimit && ends_at.unwrap_or(until) <= now
        }
        _ => false,
    }
}

/// Whether leaving in this way ends nothing of this scope.
fn only_warns(scope: &ScopeId, departure: &Departure) -> bool {
    scope.to_string() == WARNS && matches!(departure, Departure::Group { .. })
}

/// Whether a request that goes on, or is being taken back, stands on this access.
fn stands_on(request: &Request, access: &Entitlement) -> bool {
    request.layers.iter().any(|layer| {
        layer.plan.entitlement == *access
            && matches!(
                layer.progress,
                Progress::Inspected { .. } | Progress::Granted { .. }
            )
    })
}

impl Seen {
    fn fold(&mut self, entry: &Entry) -> Result<(), Broken> {
        let (Some(id), Some(occurred)) = (entry.request_id, entry.occurred()) else {
            return Ok(());
        };
        match self.folded.get_mut(&id) {
            Some(request) => request.apply(&occurred),
            None => {
                let first = Request::first(id, &occurred);
                let first = first.ok_or_else(|| Broken {
                    promise: 5,
                    found: format!("{id} begins with entry {}", entry.seq),
                })?;
                self.folded.insert(id, first);
            }
        }
        Ok(())
    }
}
