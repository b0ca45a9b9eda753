//! The other ways to access: approved in stages, for less time than was asked for, for a moment that is
//! still to come, and by break-glass, which others review.

use std::time::Duration;

use keylend::{
    broker::Ask,
    clock::Clock as _,
    domain::{Actor, LockTarget, Request, Span},
};
use tokio::time::sleep;

use crate::{
    intent::intent,
    people::{APPROVING, BREAKING, REVIEWING, user},
    replica::Replica,
    story::promised,
    world::{BREAKABLE, SCOPES, STAGED, World},
};

impl World {
    /// Somebody gets access in another way than others, or reviews what somebody got.
    pub(crate) fn somebody_goes_another_way(&self, replicas: &mut [Option<Replica>]) {
        match self.rng.below(12) {
            0 | 1 => self.somebody_asks_in_stages(replicas),
            2..=4 => self.somebody_approves_less(replicas),
            5 | 6 => self.somebody_plans(replicas),
            7 => self.a_voter_leaves_before_the_start(replicas),
            8 | 9 => self.somebody_breaks_the_glass(replicas),
            _ => self.somebody_reviews(replicas),
        }
    }

    /// Somebody asks for what two stages approve, and approvers come in any order: those of one stage, of
    /// both, of none, and one human under both of their ids.
    fn somebody_asks_in_stages(&self, replicas: &mut [Option<Replica>]) {
        let ask = Ask {
            by: user(self.rng.pick(&["alice", "carol", "carol", "dave"])),
            scope: STAGED.parse().expect("a scope"),
            ..self.ask()
        };
        let approvers = (0..3 + self.rng.below(4)).map(|_| user(self.rng.pick(&APPROVING)));
        let approvers: Vec<_> = match self.rng.once_in(3) {
            true => ["bob", "bob2", "sue"].map(user).into(),
            false => approvers.collect(),
        };
        let mutant = self.mutant.clone();
        let what = format!("{} asks for {STAGED} as {}", ask.by, ask.key.as_str());
        self.at_any(replicas, what, async move |broker| {
            let asked = broker.ask(ask).await?;
            for approver in approvers {
                // Whoever fills no stage is told so.
                let _ = mutant.approve(&broker, &approver, asked.id, 1).await;
            }
            broker.request(asked.id).await
        });
    }

    /// An approver allows less than what was asked for, or tries to allow more.
    fn somebody_approves_less(&self, replicas: &mut [Option<Replica>]) {
        let Some(request) = self.any(Request::awaits_decision) else {
            return;
        };
        let (id, revision) = (request.id, request.revision);
        let by = user(self.rng.pick(&APPROVING));
        let chosen = self.rng.pick(&[20, 30, 60, 300].map(Span::seconds));
        let what = format!("{by} approves {id} for {chosen}");
        let story = self.story.clone();
        self.at_any(replicas, what, async move |broker| {
            let after = broker
                .approve_for(&intent(&by), id, revision, Some(chosen))
                .await?;
            let asked = request.asked_duration();
            let by = Actor::Person(by);
            let mut given = after.approvals.iter();
            // What becomes of more time that is approved, the model says.
            let kept = request.extension.is_some()
                || given.any(|it| it.by == by && it.duration.unwrap_or(asked) == chosen.min(asked));
            story.check(promised(3, chosen <= asked && kept, || {
                format!("{by} approved {id} for {chosen}, which is nowhere noted")
            }));
            Ok(after)
        });
    }

    /// Somebody asks for a moment that is still to come, and is approved before it. Some do not want it any
    /// more then; and somebody may lock it shortly before.
    fn somebody_plans(&self, replicas: &mut [Option<Replica>]) {
        let ahead = self.rng.millis(25_000..100_000);
        let ask = Ask {
            starts_at: Some(self.clock.now() + ahead),
            ..self.ask()
        };
        let locked = LockTarget::Scope(ask.scope.clone());
        let by = ask.by.clone();
        self.gets(replicas, ask);
        if self.rng.once_in(2) {
            let before = ahead.saturating_sub(self.rng.millis(0..10_000));
            self.locks(replicas, user("ada"), locked, before);
        }
        if self.rng.once_in(4) {
            let planned = |it: &Request| it.requester == by && it.waits_for_start();
            if let Some(request) = self.any(planned) {
                let what = format!("{by} withdraws {}", request.id);
                self.at_any(replicas, what, async move |broker| {
                    broker.withdraw(&intent(&by), request.id).await
                });
            }
        }
    }

    /// Whoever approved what starts later may not approve it any more when it does.
    fn a_voter_leaves_before_the_start(&self, replicas: &mut [Option<Replica>]) {
        let ahead = Duration::from_secs(118);
        let ask = Ask {
            by: user("carol"),
            scope: self.rng.pick(&SCOPES).parse().expect("a scope"),
            duration: Some(Span::seconds(90)),
            starts_at: Some(self.clock.now() + ahead),
            ..self.ask()
        };
        let people = self.people.clone();
        let what = format!("dave approves {} and leaves", ask.key.as_str());
        self.at_any(replicas, what, async move |broker| {
            let asked = broker.ask(ask).await?;
            let approved = broker.approve(&intent(&user("dave")), asked.id, 1).await;
            people.leaves_approvers("dave");
            // Until it has started, by any clock.
            sleep(ahead + Duration::from_secs(40)).await;
            people.joins_approvers("dave");
            approved
        });
    }

    /// Somebody uses break-glass; it may be delivered twice.
    fn somebody_breaks_the_glass(&self, replicas: &mut [Option<Replica>]) {
        let scope = match self.rng.once_in(6) {
            true => self.rng.pick(&SCOPES),
            false => self.rng.pick(&BREAKABLE),
        };
        let ask = Ask {
            by: user(self.rng.pick(&BREAKING)),
            scope: scope.parse().expect("a scope"),
            ..self.ask()
        };
        for _ in 0..1 + usize::from(self.rng.once_in(4)) {
            let ask = ask.clone();
            let what = format!(
                "{} breaks the glass for {} as {}",
                ask.by,
                ask.scope,
                ask.key.as_str()
            );
            self.at_any(replicas, what, async move |broker| {
                broker.break_glass(ask).await
            });
        }
    }

    /// Some sign off what somebody got by break-glass: reviewers, others, whoever used it, and one human under
    /// both of their ids.
    fn somebody_reviews(&self, replicas: &mut [Option<Replica>]) {
        let Some(request) = self.any(|it| it.review.is_some()) else {
            return;
        };
        let id = request.id;
        if self.rng.once_in(4) {
            let mutant = self.mutant.clone();
            let what = format!("bob signs {id} off under both of his ids");
            return self.at_any(replicas, what, async move |broker| {
                let _ = mutant.sign_off(&broker, &user("bob"), id).await;
                mutant.sign_off(&broker, &user("bob2"), id).await
            });
        }
        for _ in 0..1 + self.rng.below(3) {
            let by = match self.rng.once_in(4) {
                true => request.requester.clone(),
                false => user(self.rng.pick(&REVIEWING)),
            };
            let mutant = self.mutant.clone();
            let what = format!("{by} signs {id} off");
            self.at_any(replicas, what, async move |broker| {
                mutant.sign_off(&broker, &by, id).await
            });
        }
    }
}
