//! One history: some minutes in which much goes wrong, and the time it takes to come to rest.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use keylend::domain::Request;
use tokio::time::sleep;

use crate::{
    mutants::Mutant,
    replica::{NAMES, Replica},
    story::{Broken, promised},
    target::{Mood, Target},
    world::World,
};

/// The longest that a history may take to come to rest once nothing goes wrong any more.
const REST: Duration = Duration::from_secs(1_500);

/// What came of a history.
pub(crate) struct Told {
    pub(crate) lines: Vec<String>,
    pub(crate) broken: Option<Broken>,
}

/// Lives the history of `seed` through, on one thread and a clock of its own.
pub(crate) fn history(seed: u64, mutant: Arc<dyn Mutant>) -> Told {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let world = World::new(seed, mutant);
        let mut replicas = [const { None }; NAMES.len()];
        world.live(&mut replicas).await;
        Told {
            lines: world.story.lines(),
            broken: world.story.broken(),
        }
    })
}

impl World {
    async fn live(&self, replicas: &mut [Option<Replica>; NAMES.len()]) {
        let mut started = 0;
        let many = 1 + self.rng.below(NAMES.len());
        self.start(&mut replicas[..many], &mut started).await;
        for _ in 0..20 + self.rng.below(30) {
            self.faults_change(replicas);
            if self.rng.once_in(6) {
                self.start(&mut replicas[..many], &mut started).await;
            }
            if self.rng.once_in(25) && self.a_scope_is_tightened(replicas) {
                self.start(&mut replicas[..many], &mut started).await;
            }
            for _ in 0..self.rng.below(3) {
                self.somebody_acts(replicas);
            }
            if self.rng.once_in(2) {
                self.somebody_goes_another_way(replicas);
            }
            if self.rng.once_in(8) {
                self.the_adversary_moves(replicas);
            }
            let pause = match self.rng.once_in(5) {
                true => self.rng.millis(5_000..20_000),
                false => self.rng.millis(1..3_000),
            };
            self.pass(replicas, pause).await;
            if self.story.broken().is_some() {
                return;
            }
        }
        self.clear_up();
        self.start(&mut replicas[..many], &mut started).await;
        if self.rng.once_in(3) {
            self.somebody_stays(replicas);
        }
        // Whatever is still on its way arrives, from replicas that were cut off too.
        self.pass(replicas, Duration::from_secs(40)).await;
        if let Some(leaver) = self.somebody_leaves(replicas) {
            let left = self.clock.elapsed();
            while self.clock.elapsed() - left < leaver.within && self.story.broken().is_none() {
                self.pass(replicas, Duration::from_secs(5)).await;
            }
            let tables = self.database.tables();
            self.referee.has_nothing(&leaver, &tables);
        }
        let began = self.clock.elapsed();
        let is_open = |world: &Self| {
            world
                .database
                .tables()
                .every_request()
                .any(Request::is_open)
        };
        while is_open(self) && self.clock.elapsed() - began < REST && self.story.broken().is_none()
        {
            self.pass(replicas, Duration::from_secs(5)).await;
        }
        // Messages that failed again and again are tried every five minutes at the latest.
        let settled = |world: &Self| {
            let tables = world.database.tables();
            tables.is_shown()
                && ["audit", "mirror", "dm"]
                    .iter()
                    .all(|feed| tables.cursor(feed) == tables.head())
        };
        // Somebody may still lock something who waited to do so, so what is settled is looked at once more.
        loop {
            self.pass(replicas, Duration::from_secs(5)).await;
            let is_late = self.clock.elapsed() - began >= REST;
            if settled(self) || is_late || self.story.broken().is_some() {
                break;
            }
        }
        let tables = self.database.tables();
        self.referee.rests(&tables);
        self.story
            .check(self.slack.tells_the_truth(&tables, &self.people));
        for target in &self.targets {
            let secret = !self.slack.says(|text| target.gives_away(text));
            self.story
                .check(promised(8, secret, || "Slack has a password".to_owned()));
        }
    }

    /// Starts the replicas that are down.
    async fn start(&self, replicas: &mut [Option<Replica>], started: &mut u64) {
        for (replica, name) in replicas.iter_mut().zip(NAMES) {
            if replica.is_none() {
                *started += 1;
                *replica = Some(Replica::start(self, name, *started).await);
            }
        }
    }

    fn faults_change(&self, replicas: &mut [Option<Replica>]) {
        match self.rng.below(30) {
            0..=4 => {
                let mood = self.rng.pick(&[
                    Mood::Well,
                    Mood::Well,
                    Mood::Away,
                    Mood::Refusing,
                    Mood::Hanging,
                    Mood::Forgetful,
                    Mood::Busy,
                ]);
                self.any_target().is(mood);
            }
            5 => self.any_target().restart(),
            6..=8 => {
                let (who, is_member) = self.people.change();
                self.slack_tells_of(who, is_member, replicas);
            }
            13 => self.people.away(self.rng.once_in(3)),
            9 | 10 => {
                let which = self.rng.below(replicas.len());
                if let Some(replica) = replicas[which].take() {
                    replica.crash(self);
                }
            }
            11 | 12 => {
                let which = self.rng.below(replicas.len());
                if let Some(replica) = &replicas[which] {
                    replica.cut_off(self, self.rng.millis(2_000..40_000));
                }
            }
            _ => {}
        }
    }

    fn any_target(&self) -> &Target {
        &self.targets[self.rng.below(self.targets.len())]
    }

    /// From here on nothing goes wrong.
    fn clear_up(&self) {
        self.story.tell("~~ nothing goes wrong from here on");
        self.faults.is_fair.store(true, Ordering::Relaxed);
        self.people.away(false);
        self.clocks.set_right();
        for target in &self.targets {
            target.is(Mood::Well);
        }
    }

    /// Lets time pass, then looks at everything.
    async fn pass(&self, replicas: &mut [Option<Replica>], time: Duration) {
        sleep(time).await;
        self.referee.looks(&self.database.tables());
        for replica in replicas.iter_mut().flatten() {
            while replica.tasks.try_join_next().is_some() {}
            self.time_went_on(replica);
            self.gateway_asks(replica).await;
        }
    }

    /// What was over for a replica is not open again because its machine's clock was set back.
    fn time_went_on(&self, replica: &mut Replica) {
        let (before, now) = (replica.latest, replica.own.now());
        replica.latest = now;
        self.story.check(promised(3, now >= before, || {
            format!(
                "the time of {} went back from {before} to {now}",
                replica.name
            )
        }));
    }

    /// A gateway asks for everybody who ever asked, by either of their names.
    async fn gateway_asks(&self, replica: &Replica) {
        let Ok(checks) = replica.grants.caught_up_within(Duration::ZERO).await else {
            return;
        };
        let asked: Vec<_> = {
            let tables = self.database.tables();
            let asked = tables.every_request();
            asked
                .map(|it| {
                    (
                        it.requester.clone(),
                        it.email.clone(),
                        it.terms.scope.clone(),
                    )
                })
                .collect()
        };
        let on_replica = replica.own.now();
        for (person, email, scope) in asked {
            for subject in [person.as_str(), email.as_str()] {
                if let Some(held) = checks.check(subject, &scope, replica.clock.now()) {
                    self.referee.admitted(&person, &scope, held, on_replica);
                }
            }
        }
    }
}
