//! What people do: they ask, click twice, race, approve what they may not, and press buttons that
//! are out of date.

use std::{future::Future, sync::Arc, time::Duration};

use keylend::{
    broker::{Ask, Broker, Error},
    clock::Clock,
    domain::{
        AskKey, ChannelId, Departure, GroupName, LockTarget, Refusal, Request, Span, State, UserId,
    },
    store::Invalidation,
};
use tokio::time::sleep;

use crate::{
    intent::intent,
    people::{APPROVING, ASKING, MOVING, NAMES, user},
    replica::Replica,
    story::promised,
    world::{SCOPES, WARNS, World},
};

/// Somebody who left, how, and how long they may go on to hold access.
pub(crate) struct Leaver {
    pub(crate) person: UserId,
    pub(crate) departure: Departure,
    pub(crate) within: Duration,
}

impl World {
    /// Somebody does something at one of `replicas`; often more than once, and elsewhere too.
    pub(crate) fn somebody_acts(&self, replicas: &mut [Option<Replica>]) {
        match self.rng.below(32) {
            0..=6 => self.somebody_asks(replicas),
            7..=15 => self.somebody_approves(replicas),
            16 => self.somebody_races(replicas),
            17 => self.somebody_locks(replicas),
            18 | 19 => self.somebody_renews(replicas),
            20 => self.somebody_approves_everything(replicas),
            21 => self.somebody_opens_their_home(replicas),
            22 => self.somebody_extends_again(replicas),
            23 => self.somebody_locks_meanwhile(replicas),
            24 => self.a_voter_leaves(replicas),
            25 => self.somebody_moves(replicas),
            _ => self.somebody_clicks(replicas),
        }
    }

    fn somebody_asks(&self, replicas: &mut [Option<Replica>]) {
        let ask = self.ask();
        // A payload that is delivered twice, to whoever answers.
        for _ in 0..1 + usize::from(self.rng.once_in(4)) {
            self.asks(replicas, ask.clone());
        }
    }

    /// One person asks for as much as they can at once.
    fn somebody_races(&self, replicas: &mut [Option<Replica>]) {
        let first = self.ask();
        for _ in 0..5 {
            let (by, ask) = (first.by.clone(), self.ask());
            self.asks(replicas, Ask { by, ..ask });
        }
    }

    pub(crate) fn ask(&self) -> Ask {
        let mut nonce = [0; 8];
        keylend::clock::Entropy::fill(&*self.rng, &mut nonce);
        Ask {
            key: AskKey::derive(&hex::encode(nonce)),
            by: user(self.rng.pick(&ASKING)),
            scope: self.rng.pick(&SCOPES).parse().expect("a scope"),
            duration: self
                .rng
                .once_in(2)
                .then(|| self.rng.pick(&[10, 30, 90, 180, 300].map(Span::seconds))),
            ticket: None,
            // Asked for the same reason, it would be the same request.
            reason: hex::encode(nonce),
            mirrors: match self.rng.once_in(4) {
                true => vec![ChannelId::new("C0INC")],
                false => Vec::new(),
            },
            starts_at: None,
        }
    }

    pub(crate) fn asks(&self, replicas: &mut [Option<Replica>], ask: Ask) {
        let what = format!("{} asks for {} as {}", ask.by, ask.scope, ask.key.as_str());
        let mutant = self.mutant.clone();
        self.at_any(replicas, what, async move |broker| {
            mutant.ask(&broker, ask).await
        });
    }

    /// Approvers come one by one or together, click twice, and click what they saw before.
    fn somebody_approves(&self, replicas: &mut [Option<Replica>]) {
        let Some(request) = self.any(Request::awaits_decision) else {
            return;
        };
        let stale = self.rng.once_in(12);
        let revision = request.revision - u32::from(stale && request.revision > 1);
        for _ in 0..1 + self.rng.below(3) {
            let by = match self.rng.once_in(12) {
                true => request.requester.clone(),
                false => user(self.rng.pick(&APPROVING)),
            };
            for _ in 0..1 + usize::from(self.rng.once_in(4)) {
                let (id, by, mutant) = (request.id, by.clone(), self.mutant.clone());
                let what = format!("{by} approves {id}");
                self.at_any(replicas, what, async move |broker| {
                    mutant.approve(&broker, &by, id, revision).await
                });
            }
        }
    }

    /// The first of two approvers leaves before the second comes.
    fn a_voter_leaves(&self, replicas: &mut [Option<Replica>]) {
        let ask = Ask {
            by: user("carol"),
            scope: "db:admin".parse().expect("a scope"),
            ..self.ask()
        };
        let (people, mutant) = (self.people.clone(), self.mutant.clone());
        let what = format!("bob approves {} and leaves", ask.key.as_str());
        self.at_any(replicas, what, async move |broker| {
            let asked = broker.ask(ask).await?;
            let first = broker.approve(&intent(&user("bob")), asked.id, 1).await;
            people.leaves_approvers("bob");
            first?;
            // Until no fact is fresh enough any more, and before the request lapses.
            sleep(Duration::from_secs(105)).await;
            let second = mutant.approve(&broker, &user("erin"), asked.id, 1).await;
            people.joins_approvers("bob");
            second
        });
    }

    /// Somebody asks, takes another address, and approves with their second account.
    fn somebody_moves(&self, replicas: &mut [Option<Replica>]) {
        let (name, second, email) = self.rng.pick(&MOVING);
        let ask = Ask {
            by: user(name),
            ..self.ask()
        };
        let (people, mutant) = (self.people.clone(), self.mutant.clone());
        let what = format!(
            "{name} asks for {}, moves and approves {}",
            ask.scope,
            ask.key.as_str()
        );
        self.at_any(replicas, what, async move |broker| {
            let asked = broker.ask(ask).await?;
            people.moves(name, email);
            // Until no fact is fresh enough any more, and before the request lapses.
            sleep(Duration::from_secs(105)).await;
            mutant.approve(&broker, &user(second), asked.id, 1).await
        });
    }

    /// A new configuration asks for two approvals of something that somebody waits for, and every
    /// replica is started anew with it. Answers whether it is so.
    pub(crate) fn a_scope_is_tightened(&self, replicas: &mut [Option<Replica>]) -> bool {
        let waits = |it: &Request| it.awaits_decision() && it.approvals_needed == 1;
        let waiting = self.any(waits).filter(|_| self.tightened.get().is_none());
        let Some(request) = waiting else {
            return false;
        };
        let scope = request.terms.scope;
        self.story
            .tell(format_args!("~~ {scope} needs two approvals"));
        for replica in replicas.iter_mut().filter_map(Option::take) {
            replica.crash(self);
        }
        self.referee.tightens(&scope);
        self.tightened.set(scope).is_ok()
    }

    /// An approver goes through everything that waits, as fast as they can.
    fn somebody_approves_everything(&self, replicas: &mut [Option<Replica>]) {
        let waiting = self.all(Request::awaits_decision);
        let by = user(self.rng.pick(&["bob", "erin"]));
        for request in waiting {
            let (id, revision, by) = (request.id, request.revision, by.clone());
            let (what, mutant) = (format!("{by} approves {id}"), self.mutant.clone());
            self.at_any(replicas, what, async move |broker| {
                mutant.approve(&broker, &by, id, revision).await
            });
        }
    }

    /// Somebody gets the same access once more, and is done with the first grant meanwhile.
    fn somebody_renews(&self, replicas: &mut [Option<Replica>]) {
        let Some(old) = self.any(|request| matches!(request.state, State::Active { .. })) else {
            return;
        };
        let ask = Ask {
            by: old.requester.clone(),
            scope: old.terms.scope.clone(),
            duration: None,
            ..self.ask()
        };
        let (id, by) = (old.id, old.requester.clone());
        let pause = self.rng.millis(1..4_000);
        self.gets(replicas, ask);
        let what = format!("{by} is done with {id}");
        self.at_any(replicas, what, async move |broker| {
            sleep(pause).await;
            broker.done(&intent(&by), id).await
        });
    }

    /// Somebody has what they get for as long as they can.
    pub(crate) fn somebody_stays(&self, replicas: &mut [Option<Replica>]) {
        let ask = self.ask();
        let scope = match self.rng.once_in(2) {
            true => WARNS.parse().expect("a scope"),
            false => ask.scope,
        };
        let duration = Some(Span::minutes(3));
        self.gets(
            replicas,
            Ask {
                scope,
                duration,
                ..ask
            },
        );
    }

    /// Somebody asks, and everybody who may approve it does.
    pub(crate) fn gets(&self, replicas: &mut [Option<Replica>], ask: Ask) {
        let what = format!("{} gets {} as {}", ask.by, ask.scope, ask.key.as_str());
        let mutant = self.mutant.clone();
        self.at_any(replicas, what, async move |broker| {
            let new = broker.ask(ask).await?;
            for approver in ["bob", "erin", "dave", "sue"] {
                let approved = mutant.approve(&broker, &user(approver), new.id, 1).await;
                if approved.is_ok_and(|request| request.goes_on()) {
                    break;
                }
            }
            broker.request(new.id).await
        });
    }

    /// Somebody looks at their Home; Slack may tell it twice.
    fn somebody_opens_their_home(&self, replicas: &mut [Option<Replica>]) {
        let person = user(self.rng.pick(&NAMES));
        for _ in 0..1 + usize::from(self.rng.once_in(4)) {
            let Some(replica) = self.any_of(replicas) else {
                return;
            };
            let (homes, person) = (replica.homes.clone(), person.clone());
            replica
                .tasks
                .spawn(async move { drop(homes.opened(&person).await) });
        }
    }

    /// Slack tells one of the replicas that somebody changed, and again until it has heard.
    pub(crate) fn slack_tells_of(
        &self,
        person: UserId,
        is_member: bool,
        replicas: &mut [Option<Replica>],
    ) {
        let Some(replica) = self.any_of(replicas) else {
            return;
        };
        let (broker, homes) = (replica.broker.clone(), replica.homes.clone());
        replica.tasks.spawn(async move {
            // Nobody else is told: the others' facts may be a minute old.
            let _ = broker.outdated(Invalidation::Person(person.clone())).await;
            if !is_member {
                broker.may_have_left(person.clone());
            }
            for group in ["S0DBA", "S0ENG", "S0SEC", "S0ONCALL"] {
                let _ = broker
                    .outdated(Invalidation::Usergroup(group.to_owned()))
                    .await;
                broker.may_have_lost_members(group.to_owned());
            }
            while homes.person_changed(&person, is_member).await.is_err() {
                sleep(Duration::from_secs(1)).await;
            }
        });
    }

    /// Somebody who holds access for a while yet is deactivated, becomes a guest, or leaves the
    /// engineers. Slack may tell of it; then it ends within a minute, and otherwise when the next round
    /// has come by.
    pub(crate) fn somebody_leaves(&self, replicas: &mut [Option<Replica>]) -> Option<Leaver> {
        let is_told = self.rng.once_in(2);
        let now = self.clock.now();
        let within = Duration::from_secs(if is_told { 60 } else { 150 });
        let lasts = |request: &Request| {
            let goes_on = matches!(request.state, State::Approved | State::Active { .. });
            goes_on && request.expires_at.is_some_and(|end| end > now + within)
        };
        let request = self.any(lasts)?;
        let person = request.requester;
        let departure = match self.rng.below(3) {
            0 => Departure::Deactivated,
            1 => Departure::Guest,
            _ => Departure::Group {
                groups: [GroupName::new("engineers")].into(),
            },
        };
        self.people.leaves(&person, &departure);
        if is_told {
            let is_member = matches!(departure, Departure::Group { .. });
            self.slack_tells_of(person.clone(), is_member, replicas);
        }
        Some(Leaver {
            person,
            departure,
            within,
        })
    }

    fn any_of<'a>(&self, replicas: &'a mut [Option<Replica>]) -> Option<&'a mut Replica> {
        let mut running: Vec<_> = replicas.iter_mut().flatten().collect();
        let which = self.rng.below(running.len().max(1));
        (!running.is_empty()).then(|| running.swap_remove(which))
    }

    /// Somebody gets more time, and at once asks for more again.
    fn somebody_extends_again(&self, replicas: &mut [Option<Replica>]) {
        let Some(held) = self.any(|request| matches!(request.state, State::Active { .. })) else {
            return;
        };
        let (id, by) = (held.id, held.requester.clone());
        let what = format!("{by} extends {id} twice");
        self.at_any(replicas, what, async move |broker| {
            let asked = broker
                .extend(&intent(&by), id, Some(Span::seconds(30)), "")
                .await?;
            for approver in ["bob", "erin", "dave"] {
                let approved = broker
                    .approve(&intent(&user(approver)), id, asked.revision)
                    .await;
                if approved.is_ok_and(|request| request.extension.is_none()) {
                    break;
                }
            }
            broker
                .extend(&intent(&by), id, Some(Span::seconds(30)), "")
                .await
        });
    }

    fn somebody_locks(&self, replicas: &mut [Option<Replica>]) {
        let scope = self.rng.pick(&SCOPES).parse().expect("a scope");
        let target = match self.rng.below(3) {
            0 => LockTarget::Everything,
            1 => LockTarget::Person(user(self.rng.pick(&ASKING))),
            _ => LockTarget::Scope(scope),
        };
        let by = user(self.rng.pick(&["ada", "ada", "ada", "mallory"]));
        self.locks(replicas, by, target, Duration::ZERO);
    }

    /// An administrator locks everything while approvals are under way.
    fn somebody_locks_meanwhile(&self, replicas: &mut [Option<Replica>]) {
        self.somebody_approves_everything(replicas);
        self.somebody_approves_everything(replicas);
        let pause = self.rng.millis(1..600);
        self.locks(replicas, user("ada"), LockTarget::Everything, pause);
    }

    pub(crate) fn locks(
        &self,
        replicas: &mut [Option<Replica>],
        by: UserId,
        target: LockTarget,
        pause: Duration,
    ) {
        let what = format!("{by} locks {target}");
        let lifts = self.rng.millis(1_000..20_000);
        // Whoever says how long it is to last leaves it to Keylend to lift it.
        let length = self
            .rng
            .once_in(3)
            .then(|| self.rng.pick(&[5, 15, 40].map(Span::seconds)));
        let story = self.story.clone();
        self.at_any(replicas, what, async move |broker| {
            sleep(pause).await;
            let locked = broker
                .lock_for(&intent(&by), target.clone(), "a leak", length)
                .await;
            if length.is_some() {
                return Err(locked.err().unwrap_or(Refusal::NotDue.into()));
            }
            sleep(lifts).await;
            let lifted = broker.unlock(&intent(&by), target.clone()).await;
            story.tell(format_args!("{by} unlocks {target}: {lifted:?}"));
            Err(locked.err().unwrap_or(Refusal::NotDue.into()))
        });
    }

    /// Somebody presses a button of some request.
    fn somebody_clicks(&self, replicas: &mut [Option<Replica>]) {
        let button = self.rng.below(7);
        let fits = |request: &Request| match button {
            0 | 1 => request.awaits_decision(),
            2 | 3 => matches!(request.state, State::Active { .. }),
            _ => request.is_held(),
        };
        let Some(request) = self.any(fits) else {
            return;
        };
        let by = match self.rng.once_in(6) {
            true => user(self.rng.pick(&APPROVING)),
            false => request.requester.clone(),
        };
        let (id, revision) = (request.id, request.revision);
        let approver = user(self.rng.pick(&APPROVING));
        match button {
            0 => self.at_any(replicas, format!("{by} withdraws {id}"), async move |it| {
                it.withdraw(&intent(&by), id).await
            }),
            1 => {
                let what = format!("{approver} denies {id}");
                self.at_any(replicas, what, async move |it| {
                    it.deny(&intent(&approver), id, revision, "no").await
                });
            }
            2 => self.at_any(replicas, format!("{by} extends {id}"), async move |it| {
                it.extend(&intent(&by), id, Some(Span::seconds(45)), "")
                    .await
            }),
            3 => {
                let what = format!("{by} looks at the credentials of {id}");
                self.at_any(replicas, what, async move |it| {
                    it.show_credentials(&intent(&by), id).await?;
                    it.request(id).await
                });
            }
            4 => {
                let what = format!("{approver} revokes {id}");
                self.at_any(replicas, what, async move |it| {
                    it.revoke(&intent(&approver), id, "enough").await
                });
            }
            _ => self.at_any(
                replicas,
                format!("{by} is done with {id}"),
                async move |it| it.done(&intent(&by), id).await,
            ),
        }
    }

    /// Any request of the kind, as it is at this moment; it may be another when the click arrives.
    pub(crate) fn any(&self, of: impl Fn(&Request) -> bool) -> Option<Request> {
        let mut found = self.all(of);
        (!found.is_empty()).then(|| found.swap_remove(self.rng.below(found.len())))
    }

    fn all(&self, of: impl Fn(&Request) -> bool) -> Vec<Request> {
        let tables = self.database.tables();
        let found = tables.every_request().filter(|it| of(it));
        found.cloned().collect()
    }

    /// Lets a replica do it, and hears the answer if one comes: what was answered well is there.
    pub(crate) fn at_any<F>(
        &self,
        replicas: &mut [Option<Replica>],
        what: String,
        act: impl FnOnce(Arc<Broker>) -> F,
    ) where
        F: Future<Output = Result<Request, Error>> + Send + 'static,
    {
        let Some(replica) = self.any_of(replicas) else {
            return;
        };
        let at = replica.name;
        self.story.tell(format_args!("{what} at {at}"));
        let answer = act(replica.broker.clone());
        let (story, database) = (self.story.clone(), self.database.clone());
        replica.tasks.spawn(async move {
            match answer.await {
                Ok(after) => {
                    story.tell(format_args!("{what}: {}", after.state.name()));
                    let tables = database.tables();
                    let kept = tables.request(after.id);
                    let kept = kept.is_some_and(|kept| kept.version >= after.version);
                    story.check(promised(5, kept, || format!("`{what}` is not in the log")));
                }
                Err(error) => story.tell(format_args!("{what}: {error}")),
            }
        });
    }
}
