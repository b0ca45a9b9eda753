//! Refused attempts of a flood, on three replicas of one store: the log gets as many as its limits say.
#![expect(clippy::unwrap_used, reason = "a test stops where it cannot go on")]

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use async_trait::async_trait;
use keylend::{
    broker::{Broker, Intent, Parts},
    clock::{Clock, SystemEntropy},
    directory::{
        Confirmed, Directory, FactsUnavailable, GroupSource, Identities, PeopleSource, Profile,
    },
    domain::{
        Actor, AttemptEvent, Attempted, Catalogue, DeliveryKey, Email, GroupName, Limits,
        LockTarget, Standing, TeamId, UserId,
    },
    policy::Policy,
    store::{Database, Entry, EntryBody, PostgresStore},
    vault::Vault,
};
use tokio_util::sync::CancellationToken;

use crate::support::{clock::TestClock, postgres::Postgres};

/// Everybody is a member, and nobody is in a group.
struct Members;

#[async_trait]
impl PeopleSource for Members {
    async fn profile(&self, id: &UserId) -> Result<Option<Profile>, FactsUnavailable> {
        Ok(Some(Profile {
            id: id.clone(),
            name: id.to_string(),
            standing: Standing::Member,
            email: Some(Email::new(format!("{id}@example.com"))),
            confirmed: Confirmed::Unsaid,
            time_zone: None,
        }))
    }

    async fn usergroup(&self, _: &str) -> Result<BTreeSet<UserId>, FactsUnavailable> {
        Ok(BTreeSet::new())
    }
}

fn replica(store: Arc<dyn Database>, clock: &Arc<TestClock>) -> Broker {
    let admins = GroupName::new("admins");
    let clock: Arc<dyn Clock> = clock.clone();
    let groups = [(admins.clone(), GroupSource::Members(BTreeSet::new()))];
    let identities = Identities::new(vec!["example.com".to_owned()], false, BTreeMap::new());
    let directory = Directory::new(Arc::new(Members), clock.clone(), groups.into(), identities);
    Broker::new(Parts {
        ledger: store.clone(),
        claims: store,
        comparisons: Arc::default(),
        policy: Policy::base(),
        directory: Arc::new(directory),
        backends: Arc::default(),
        catalogue: Catalogue::default(),
        limits: Limits::default(),
        administrators: [admins].into(),
        vault: Vault::new(&"00".repeat(32).into()).unwrap(),
        metrics: Arc::default(),
        alerts: Arc::default(),
        clock,
        entropy: Arc::new(SystemEntropy),
    })
}

/// How many attempts of these people are in the log, and how many entries that say that there are no
/// more.
fn count(log: &[Entry], of: impl Fn(&Actor) -> bool) -> (usize, usize) {
    let theirs = log.iter().filter(|entry| of(&entry.actor));
    let (refused, last): (Vec<_>, Vec<_>) = theirs.partition(|entry| {
        let EntryBody::Attempt(event) = &entry.body else {
            panic!("{entry:?}");
        };
        matches!(event, AttemptEvent::AttemptRefused { .. })
    });
    (refused.len(), last.len())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_attempts_on_three_replicas_stays_within_the_limits() {
    let server = Postgres::start().await;
    PostgresStore::migrate(&server.admin_url()).await.unwrap();
    let clock = TestClock::at("2026-11-27T10:00:00Z");
    let mut replicas = Vec::new();
    for _ in 0..3 {
        let store = PostgresStore::open(
            &server.admin_url(),
            "the configuration",
            &keylend::store::StoreKey::derive(&[0x5e; 32]),
        )
        .await;
        let store: Arc<dyn Database> = Arc::new(store.unwrap());
        replicas.push((replica(store.clone(), &clock), store));
    }
    let stranger = |number: usize| UserId::new(format!("U0STRANGER{number}"));
    let bob = UserId::new("U0BOB");
    for (broker, _) in &replicas {
        for number in 0..30 {
            let key = DeliveryKey::derive(format!("{number}").as_bytes());
            let intent = Intent::new(bob.clone(), key);
            let locked = broker.lock(&intent, LockTarget::Everything, "now").await;
            locked.unwrap_err();
            for again in 0..10 {
                let team = TeamId::new("T0OTHER");
                broker.note_outsider(stranger(number + again), team, Attempted::Approve, None);
            }
        }
    }
    // What waits is written before they stop.
    let stopped = CancellationToken::new();
    stopped.cancel();
    let [one, two, three] = &replicas[..] else {
        panic!("three replicas");
    };
    tokio::join!(
        one.0.write_attempts(stopped.clone()),
        two.0.write_attempts(stopped.clone()),
        three.0.write_attempts(stopped.clone()),
    );
    let log = one.1.entries(0, u32::MAX).await.unwrap();
    let bobs = Actor::Person(bob);
    assert_eq!(count(&log, |actor| *actor == bobs), (20, 1));
    assert_eq!(count(&log, |actor| *actor == Actor::Keylend), (0, 1));
    let (refused, last) = count(&log, |actor| *actor != bobs && *actor != Actor::Keylend);
    assert_eq!(refused + last, 100);
}
