//! What somebody does who wants to hold more, or longer, or whose access to end: nothing that they can do
//! delays an end, widens a grant or changes a decision.
//!
//! Their moves are part of every history, between what other people do:
//!
//! - They rename the login in a target that access was given to. It is revoked all the same.
//! - They have others give the same access, before or during the grant, or take it back. What others gave
//!   is neither revoked nor taken for Keylend's.
//! - They set a machine's clock forward or back, within what Keylend allows for. No grant lasts longer.
//! - They send a delivery again that they captured, minutes later, to any replica. It has no effect.
//! - They flood approvers with requests, under two ids. The limits are per human.
//! - They own the approvers' group, let somebody in, and put them out again. Authority that was lost
//!   counts for nothing.
//! - They go on under a second id while the first is locked, and approve what others ask for.
//! - They approve more time for their own grant under a second id.
//! - They ask, and leave before they are approved.
//!
//! Locks and leavers, people who move, doubled deliveries and stale clicks are among what people do anyway
//! (`actors`).

use std::time::Duration;

use keylend::{
    broker::{Ask, Intent},
    clock::Entropy as _,
    domain::{
        AskKey, DeliveryKey, Departure, LockTarget, Refusal, Request, RequestId, Span, State,
        UserId,
    },
    store::Invalidation,
};
use tokio::time::sleep;

use crate::{
    clocks::DRIFT,
    intent::intent,
    people::user,
    replica::{NAMES, Replica},
    target::is_of_login,
    world::{SCOPES, World},
};

/// Those who have two ids that everybody can know to be theirs.
const TWICE: [(&str, &str); 3] = [("alice", "alice2"), ("bob", "bob2"), ("bob2", "bob")];

/// How long nobody asks for facts that were learnt before: longer than any fact is fresh, and shorter than
/// a request is pending.
const STALE: Duration = Duration::from_secs(105);

/// A delivery that the adversary can send again.
#[derive(Clone)]
pub(crate) struct Captured {
    by: UserId,
    key: DeliveryKey,
    deed: Deed,
}

/// What a delivery asks for.
#[derive(Debug, Clone)]
enum Deed {
    Lock(LockTarget),
    Unlock(LockTarget),
    Approve(RequestId, u32),
    Extend(RequestId),
    Done(RequestId),
    Revoke(RequestId),
}

impl World {
    /// The adversary does something.
    pub(crate) fn the_adversary_moves(&self, replicas: &mut [Option<Replica>]) {
        match self.rng.below(20) {
            0..=2 => self.a_login_is_renamed(),
            3..=6 => self.others_give_the_same(),
            7 | 8 => self.a_clock_is_set(),
            9 | 10 => self.a_delivery_is_captured(replicas),
            11..=13 => self.a_delivery_is_replayed(replicas),
            14 => self.somebody_floods(replicas),
            15 => self.an_owner_lends_a_group(replicas),
            16 => self.somebody_locked_goes_on(replicas),
            17 | 18 => self.somebody_extends_for_themselves(replicas),
            _ => self.somebody_asks_and_leaves(replicas),
        }
    }

    /// A login has another name, for a while or for good.
    fn a_login_is_renamed(&self) {
        let Some((target, _, login)) = self.any_login() else {
            return;
        };
        let target = self.targets[target].clone();
        target.renames(&login, true);
        if self.rng.once_in(4) {
            return;
        }
        let back = self.rng.millis(1_000..120_000);
        tokio::spawn(async move {
            sleep(back).await;
            target.renames(&login, false);
        });
    }

    /// Others give access that somebody has, will have or had of Keylend, and may take it back.
    fn others_give_the_same(&self) {
        let Some((target, role, login)) = self.any_login() else {
            return;
        };
        let target = self.targets[target].clone();
        let access = target.entitlement(&role, &login);
        target.others_give(access.clone(), true);
        if self.rng.once_in(2) {
            return;
        }
        let back = self.rng.millis(1_000..120_000);
        tokio::spawn(async move {
            sleep(back).await;
            target.others_give(access, false);
        });
    }

    /// A login that a request is about: in which target, with which role, and the login. Rather one that is
    /// open, if there is one.
    fn any_login(&self) -> Option<(usize, String, String)> {
        let request = match self.rng.once_in(4) {
            true => self.any(|_| true),
            false => self.any(Request::is_open),
        }?;
        let layers = request.terms.layers.iter().filter_map(|layer| {
            let role = layer.params["role"].as_str()?;
            let mut targets = self.targets.iter();
            let target = targets.position(|it| layer.backend.as_str() == it.name)?;
            is_of_login(role).then(|| (target, role.to_owned()))
        });
        let mut layers: Vec<_> = layers.collect();
        if layers.is_empty() {
            return None;
        }
        let (target, role) = layers.swap_remove(self.rng.below(layers.len()));
        Some((target, role, request.username.as_str().to_owned()))
    }

    fn a_clock_is_set(&self) {
        let most = i64::from(DRIFT.as_seconds()) * 1_000;
        let host = self.rng.pick(&NAMES);
        let ahead = match self.rng.below(4) {
            0 => most,
            1 => -most,
            2 => 0,
            _ => {
                i64::try_from(self.rng.below(2 * DRIFT.as_seconds() as usize)).unwrap_or(0) * 1_000
                    - most
            }
        };
        self.story
            .tell(format_args!("~~ the clock of {host} is {ahead} ms ahead"));
        self.clocks.set(host, ahead);
    }

    /// Somebody who may do it locks, unlocks or decides something, and the adversary reads along.
    fn a_delivery_is_captured(&self, replicas: &mut [Option<Replica>]) {
        let scope = self.rng.pick(&SCOPES).parse().expect("a scope");
        let is_active = |it: &Request| matches!(it.state, State::Active { .. });
        let (by, deed) = match self.rng.below(8) {
            0..=3 => {
                // What is locked is unlocked again, and both can be sent again.
                let target = LockTarget::Scope(scope);
                self.delivers(
                    replicas,
                    self.captured(user("ada"), Deed::Lock(target.clone())),
                    Duration::ZERO,
                );
                let lifted = self.captured(user("ada"), Deed::Unlock(target));
                return self.delivers(replicas, lifted, self.rng.millis(2_000..15_000));
            }
            4 => {
                let Some(request) = self.any(Request::awaits_decision) else {
                    return;
                };
                (user("erin"), Deed::Approve(request.id, request.revision))
            }
            button => {
                let Some(request) = self.any(is_active) else {
                    return;
                };
                match button {
                    5 => (request.requester, Deed::Extend(request.id)),
                    6 => (request.requester, Deed::Done(request.id)),
                    _ => (user("erin"), Deed::Revoke(request.id)),
                }
            }
        };
        self.delivers(replicas, self.captured(by, deed), Duration::ZERO);
    }

    fn captured(&self, by: UserId, deed: Deed) -> Captured {
        let mut nonce = [0; 16];
        self.rng.fill(&mut nonce);
        let key = DeliveryKey::derive(&nonce);
        let captured = Captured { by, key, deed };
        self.captured.lock().unwrap().push(captured.clone());
        captured
    }

    /// What was captured is sent again, often more than once.
    fn a_delivery_is_replayed(&self, replicas: &mut [Option<Replica>]) {
        let captured = self.captured.lock().unwrap().clone();
        if captured.is_empty() {
            return;
        }
        let captured = captured[self.rng.below(captured.len())].clone();
        for _ in 0..1 + self.rng.below(2) {
            self.delivers(replicas, captured.clone(), Duration::ZERO);
        }
    }

    fn delivers(&self, replicas: &mut [Option<Replica>], captured: Captured, pause: Duration) {
        let Captured { by, key, deed } = captured;
        let what = format!("{} from {by}: {deed:?}", &key.as_str()[..8]);
        self.at_any(replicas, what, async move |broker| {
            sleep(pause).await;
            let intent = Intent::new(by, key);
            match deed {
                Deed::Lock(target) => {
                    broker.lock(&intent, target, "a leak").await?;
                    Err(Refusal::NotDue.into())
                }
                Deed::Unlock(target) => {
                    broker.unlock(&intent, target).await?;
                    Err(Refusal::NotDue.into())
                }
                Deed::Approve(id, revision) => broker.approve(&intent, id, revision).await,
                Deed::Extend(id) => {
                    let more = Some(Span::seconds(30));
                    broker.extend(&intent, id, more, "").await
                }
                Deed::Done(id) => broker.done(&intent, id).await,
                Deed::Revoke(id) => broker.revoke(&intent, id, "enough").await,
            }
        });
    }

    /// One human asks for one thing under both of their ids, as often as they can.
    fn somebody_floods(&self, replicas: &mut [Option<Replica>]) {
        let (first, second) = self.rng.pick(&TWICE);
        let scope = self.ask().scope;
        for name in [first, second, first, second, first, second] {
            let ask = Ask {
                by: user(name),
                scope: scope.clone(),
                ..self.ask()
            };
            self.asks(replicas, ask);
        }
    }

    /// The owner of the approvers' group lets somebody in, who approves, and puts them out again, of which
    /// nobody is told. Later they approve once more, and so does somebody else.
    fn an_owner_lends_a_group(&self, replicas: &mut [Option<Replica>]) {
        let ask = Ask {
            by: user("carol"),
            ..self.ask()
        };
        let (people, mutant) = (self.people.clone(), self.mutant.clone());
        let pause = self.rng.millis(1..5_000);
        let what = format!("mallory approves {} while they may", ask.key.as_str());
        self.at_any(replicas, what, async move |broker| {
            people.joins_approvers("mallory");
            let _ = broker
                .outdated(Invalidation::Usergroup("S0DBA".to_owned()))
                .await;
            let asked = mutant.ask(&broker, ask.clone()).await;
            if let Ok(asked) = &asked {
                sleep(pause).await;
                let _ = mutant.approve(&broker, &user("mallory"), asked.id, 1).await;
            }
            people.leaves_approvers("mallory");
            let first = asked?;
            sleep(Duration::from_secs(30)).await;
            let again = Ask {
                key: AskKey::derive(ask.key.as_str()),
                reason: format!("{} again", ask.reason),
                ..ask
            };
            let again = mutant.ask(&broker, again).await;
            sleep(STALE - Duration::from_secs(30)).await;
            let mallory = user("mallory");
            if let Ok(again) = again {
                let _ = mutant.approve(&broker, &mallory, again.id, 1).await;
            }
            mutant.approve(&broker, &mallory, first.id, 1).await
        });
    }

    /// A human who approves is locked, and goes on under their other id.
    fn somebody_locked_goes_on(&self, replicas: &mut [Option<Replica>]) {
        let (first, second) = self.rng.pick(&TWICE[1..]);
        let ask = Ask {
            by: user(second),
            ..self.ask()
        };
        let (referee, mutant, story) = (
            self.referee.clone(),
            self.mutant.clone(),
            self.story.clone(),
        );
        let lifts = self.rng.millis(1_000..10_000);
        let what = format!("{first} is locked, and {second} gets {}", ask.key.as_str());
        self.at_any(replicas, what, async move |broker| {
            let (ada, target) = (intent(&user("ada")), LockTarget::Person(user(first)));
            let locked = broker.lock(&ada, target.clone(), "a leak").await?;
            if locked.is_person_known {
                referee.locks_every_id(&target);
            }
            let of_another = Ask {
                by: user("carol"),
                key: AskKey::derive(ask.key.as_str()),
                ..ask.clone()
            };
            let asked = mutant.ask(&broker, ask).await;
            let approved = match asked {
                Ok(asked) => mutant.approve(&broker, &user("erin"), asked.id, 1).await,
                refused => refused,
            };
            if let Ok(asked) = mutant.ask(&broker, of_another).await {
                let _ = mutant.approve(&broker, &user(second), asked.id, 1).await;
            }
            sleep(lifts).await;
            let lifted = broker.unlock(&intent(&user("ada")), target).await;
            story.tell(format_args!("{first} is unlocked: {lifted:?}"));
            approved
        });
    }

    /// Somebody asks for more time, and approves it under their other id.
    fn somebody_extends_for_themselves(&self, replicas: &mut [Option<Replica>]) {
        let second = |by: &UserId| {
            let mut twice = TWICE.iter();
            twice.find_map(|(first, second)| (user(first) == *by).then(|| user(second)))
        };
        let is_theirs = |it: &Request| {
            matches!(it.state, State::Active { .. }) && second(&it.requester).is_some()
        };
        let Some(held) = self.any(is_theirs) else {
            return;
        };
        let (id, by, mutant) = (held.id, held.requester.clone(), self.mutant.clone());
        let second = second(&by).expect("a second id");
        let what = format!("{by} extends {id}, and {second} approves");
        self.at_any(replicas, what, async move |broker| {
            let more = Some(Span::seconds(30));
            let asked = broker.extend(&intent(&by), id, more, "").await?;
            mutant.approve(&broker, &second, id, asked.revision).await
        });
    }

    /// Somebody asks and leaves, of which nobody is told. They are approved when nobody can take them for
    /// who they were any more.
    fn somebody_asks_and_leaves(&self, replicas: &mut [Option<Replica>]) {
        let ask = Ask {
            by: user("mallory"),
            ..self.ask()
        };
        let departure = self.rng.pick(&[0, 1]);
        let (people, mutant) = (self.people.clone(), self.mutant.clone());
        let what = format!("mallory asks for {} and leaves", ask.key.as_str());
        self.at_any(replicas, what, async move |broker| {
            let asked = mutant.ask(&broker, ask).await?;
            let departure = match departure {
                0 => Departure::Deactivated,
                _ => Departure::Guest,
            };
            people.leaves(&user("mallory"), &departure);
            sleep(STALE).await;
            let approved = mutant.approve(&broker, &user("erin"), asked.id, 1).await;
            people.comes_back(&user("mallory"));
            approved
        });
    }
}
