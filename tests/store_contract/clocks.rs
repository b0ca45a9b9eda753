//! Replicas whose clocks differ from the store's.

use std::{sync::Arc, time::Duration};

use keylend::{
    clock::{Clock as _, SteadyClock},
    domain::Lane,
    store::{Address, ClockComparison, Clocks, Database as Opened, Ledger as _, Off, Store as _},
};
use tokio::time::timeout;

use crate::{
    clock::TestClock,
    postgres::Database,
    story::{asked, at, commit, is_unavailable, only, withdrawn},
};

const CONFIGURATION: &str = "the configuration";

const BEGINNING: &str = "2099-11-21T02:00:00Z";

const PATIENCE: Duration = Duration::from_secs(20);

/// A replica with a clock of its own.
struct Replica {
    store: Arc<dyn Opened>,
    /// The machine's clock.
    machine: Arc<TestClock>,
    clock: Arc<SteadyClock>,
}

impl Replica {
    async fn start(database: &Database, store_clock: &Arc<TestClock>) -> Self {
        let machine = TestClock::at(BEGINNING);
        let clock = Arc::new(SteadyClock::new(machine.clone()));
        let clocks = Clocks {
            own: clock.clone(),
            store: Some(store_clock.clone()),
        };
        let address: Address = database.server().admin_url().parse().unwrap();
        let store = address
            .open_in_step(
                CONFIGURATION,
                &keylend::store::StoreKey::derive(&[0x5e; 32]),
                clocks,
            )
            .await
            .unwrap();
        Self {
            store,
            machine,
            clock,
        }
    }

    /// Waits until the clocks compare like this by what the replica has heard.
    async fn until(&self, expected: ClockComparison) {
        let hearing = async {
            while self.store.clocks() != expected {
                // A claim is asked for over the connection that finds it out.
                drop(self.store.claim("anything").await.unwrap());
            }
        };
        let heard = timeout(PATIENCE, hearing).await;
        heard.unwrap_or_else(|_| panic!("{:?}", self.store.clocks()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_with_a_wrong_clock_is_on_standby_until_it_is_right() {
    let database = Database::new().await;
    let store_clock = TestClock::at(BEGINNING);
    let right = Replica::start(&database, &store_clock).await;
    let wrong = Replica::start(&database, &store_clock).await;
    let request = commit(&*wrong.store, asked("one", "alice", "db-prod:write", at(0))).await;
    let claim = wrong.store.claim("slack").await.unwrap().unwrap();

    wrong.machine.advance(Duration::from_secs(3));
    // At once, and not only when it was heard of again.
    let later = asked("two", "alice", "db-prod:write", at(0));
    assert!(is_unavailable(wrong.store.commit(only(later)).await));
    wrong
        .until(ClockComparison {
            own: Some(Off::Ahead),
            is_another_right: true,
            is_another_wrong: false,
        })
        .await;
    let why = wrong.store.standby_reason().unwrap();
    assert!(why.contains("more than 2 s ahead of the store's"), "{why}");
    let ended = only(withdrawn(&request, at(1)));
    assert!(is_unavailable(wrong.store.commit(ended).await));
    let due = wrong.store.claim_due(&Lane::Clock, at(9999), 9).await;
    assert!(due.unwrap().is_empty());
    timeout(PATIENCE, claim.lost()).await.unwrap();
    drop(claim);

    right
        .until(ClockComparison {
            is_another_wrong: true,
            ..ClockComparison::default()
        })
        .await;
    assert_eq!(right.store.standby_reason(), None);
    let taken = async {
        loop {
            if let Some(claim) = right.store.claim("slack").await.unwrap() {
                return claim;
            }
        }
    };
    drop(timeout(PATIENCE, taken).await.unwrap());
    let due = right.store.claim_due(&Lane::Clock, at(9999), 9).await;
    assert_eq!(due.unwrap().len(), 1);

    wrong.machine.set(BEGINNING.parse().unwrap());
    wrong.clock.follow();
    wrong
        .until(ClockComparison {
            is_another_right: true,
            ..ClockComparison::default()
        })
        .await;
    assert_eq!(wrong.store.standby_reason(), None);
    commit(&*wrong.store, withdrawn(&request, at(1))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_no_clock_is_right_access_still_ends_by_the_later_one_and_nothing_else_is_done() {
    let database = Database::new().await;
    let store_clock = TestClock::at(BEGINNING);
    let replica = Replica::start(&database, &store_clock).await;
    let request = commit(
        &*replica.store,
        asked("one", "alice", "db-prod:write", at(0)),
    )
    .await;
    let hour = Duration::from_secs(3600);

    store_clock.advance(hour);
    replica
        .until(ClockComparison {
            own: Some(Off::Behind),
            ..ClockComparison::default()
        })
        .await;
    let why = replica.store.standby_reason().unwrap();
    assert!(why.contains("No replica's clock agrees"), "{why}");
    assert_eq!(replica.clock.now(), store_clock.now());
    assert_eq!(replica.clock.own(), replica.machine.now());
    let later = asked("two", "alice", "db-prod:write", at(0));
    assert!(is_unavailable(replica.store.commit(only(later)).await));
    let due = replica.store.claim_due(&Lane::Clock, at(9999), 9).await;
    assert_eq!(due.unwrap().len(), 1);
    commit(&*replica.store, withdrawn(&request, at(1))).await;

    store_clock.set(BEGINNING.parse().unwrap());
    replica.until(ClockComparison::default()).await;
    assert_eq!(replica.clock.now(), replica.machine.now());
    commit(
        &*replica.store,
        asked("two", "alice", "db-prod:write", at(0)),
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_high_water_mark_goes_up_until_it_is_lowered() {
    let database = Database::new().await;
    let store = database.open().await;
    assert_eq!(store.high_water().await.unwrap(), None);
    for (raised, mark) in [(5, 5), (3, 5), (7, 7)] {
        store.raise_high_water(at(raised)).await.unwrap();
        assert_eq!(store.high_water().await.unwrap(), Some(at(mark)));
    }
    store.lower_high_water(at(2)).await.unwrap();
    assert_eq!(store.high_water().await.unwrap(), Some(at(2)));
}
