//! The store is away: nothing is admitted, nothing changes, people are told; when it is back, all
//! goes on by itself.

use std::time::{Duration, Instant};

use reqwest::StatusCode;

use crate::{
    replica::Replica,
    support::fixture::{ALICE, BOB, GENERAL},
    world::{PATIENCE, World, eventually},
};

/// What people are told meanwhile.
const TOLD: &str = "Keylend can't write to its database";

/// An answer of a check, however bad things are: three times as long as what memory knows may be
/// old, for a busy machine.
const BOUND: Duration = Duration::from_secs(3 * 2);

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_stopped_changes_nothing() {
    let story = Story::start().await;
    story.world.store.stop().await;
    story.goes_on_without().await;
    story.world.store.start_again().await;
    story.goes_on_with().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_hangs_changes_nothing() {
    let story = Story::start().await;
    story.world.store.hang();
    story.goes_on_without().await;
    story.world.store.resume();
    story.goes_on_with().await;
}

/// Alice has a grant and asks for another; two replicas are at work.
struct Story {
    world: World,
    replicas: [Replica; 2],
    card: slack_sim::Message,
    entries: i64,
}

impl Story {
    async fn start() -> Self {
        let world = World::start().await;
        // Nobody is reminded of the second request while the store is away, which would be an entry.
        let config = std::fs::read_to_string(world.config()).unwrap();
        let patient = config.replace("pending_timeout = \"50s\"", "pending_timeout = \"1h\"");
        assert_ne!(patient, config);
        std::fs::write(world.config(), patient).unwrap();
        let (first, second) = world.two().await;
        world.granted().await;
        let another = "request console:use 30m INC-4212 reads are failing";
        let card = world.asked(another).await;
        for replica in [&first, &second] {
            world.until_checked(replica, true).await;
        }
        world.quiet().await;
        let entries = world.count("SELECT count(*) FROM events").await;
        Self {
            world,
            replicas: [first, second],
            card,
            entries,
        }
    }

    async fn goes_on_without(&self) {
        let world = &self.world;
        for replica in &self.replicas {
            eventually("a check that is not answered", PATIENCE, async || {
                let asked = Instant::now();
                let answer = world.check(replica).await;
                assert!(asked.elapsed() < BOUND, "{:?}", asked.elapsed());
                let away = answer.status() == StatusCode::SERVICE_UNAVAILABLE;
                assert!(away || answer.status() == StatusCode::OK);
                assert!(!away || answer.headers()["retry-after"] == "1");
                away
            })
            .await;
            let (status, readiness) = world.readiness(replica).await;
            assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
            assert_eq!(readiness["store"], "unavailable");

            world.balancer.only(replica.address);
            let (alice, bob) = (world.sim.person(ALICE), world.sim.person(BOB));
            let heard = (alice.ephemerals().len(), bob.ephemerals().len());
            let line = alice.command(GENERAL, "/jit", "status");
            let (line, click) = tokio::join!(line, bob.click(&self.card, "approve"));
            assert!(line.is_ok() && click.is_ok(), "{line:?} {click:?}");
            for (person, heard) in [(&alice, heard.0), (&bob, heard.1)] {
                let told = world.seen(|_| person.ephemerals().into_iter().nth(heard));
                let told = told.await;
                assert!(told.says(TOLD), "{told:?}");
            }
        }
    }

    async fn goes_on_with(&self) {
        let world = &self.world;
        for replica in &self.replicas {
            world.until_checked(replica, true).await;
        }
        let entries = world.count("SELECT count(*) FROM events").await;
        assert_eq!(entries, self.entries, "nothing has happened meanwhile");
        for replica in &self.replicas {
            eventually("a ready replica", PATIENCE, async || {
                world.readiness(replica).await.0 == StatusCode::OK
            })
            .await;
        }
        world.sim.person(BOB).click(&self.card, "approve").await;
        eventually("the second grant", PATIENCE, async || {
            world.entries("activated").await == 2
        })
        .await;
        let told = world.answer(ALICE, "done console:use").await;
        assert!(!told.says(TOLD), "{told:?}");
        world.verify();
    }
}
