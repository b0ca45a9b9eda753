//! A clock that goes back lengthens nothing, and a replica whose clock is not the store's is on standby.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use chrono::TimeDelta;
use keylend::{
    clock::{Clock, SystemEntropy},
    domain::Time,
    serve::{self, Outside},
    store::{PostgresStore, SqliteStore, Store as _},
};
use sqlx::{Connection as _, SqliteConnection};

use crate::support::{
    clock::TestClock,
    fixture::{ALICE, Fixture, REQUEST, SCOPE},
    postgres::Postgres,
};

const PATIENCE: Duration = Duration::from_secs(30);

/// Sets the machine's clock back by so much.
fn set_back(fixture: &Fixture, by: TimeDelta) {
    fixture.clock.set(fixture.now() - by);
}

/// Waits until `/readyz` says this, or says it no more, while the clock stands.
async fn until_ready_page(fixture: &Fixture, words: &str, says: bool) {
    let coming = async {
        while fixture.page("/readyz").await.1.contains(words) != says {
            tokio::task::yield_now().await;
        }
    };
    if tokio::time::timeout(PATIENCE, coming).await.is_err() {
        panic!("{words} {says}: {}", fixture.page("/readyz").await.1);
    }
}

/// Waits until the store knows that Keylend was at work now.
async fn until_marked(fixture: &Fixture) {
    let store = SqliteStore::open_read_only(
        &fixture.database(),
        Some(&keylend::store::StoreKey::derive(&[0x5e; 32])),
    )
    .await
    .unwrap();
    let marking = async {
        while store.high_water().await.unwrap() < Some(fixture.now()) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, marking)
        .await
        .expect("a mark");
}

/// Waits until a service that did not start has let go of the store.
async fn until_free(fixture: &Fixture) {
    let freeing = async {
        loop {
            match SqliteStore::open(
                &fixture.database(),
                &keylend::store::StoreKey::derive(&[0x5e; 32]),
            )
            .await
            {
                Ok(store) => return store.close().await,
                Err(_) => tokio::task::yield_now().await,
            }
        }
    };
    tokio::time::timeout(PATIENCE, freeing)
        .await
        .expect("a free store");
}

/// Does something to the file without Keylend.
async fn meddle(fixture: &Fixture, statement: &'static str) {
    let url = format!("sqlite://{}", fixture.database().display());
    let mut file = SqliteConnection::connect(&url).await.unwrap();
    let done = sqlx::query(statement).execute(&mut file).await.unwrap();
    assert_eq!(done.rows_affected(), 1);
    file.close().await.unwrap();
}

/// Alice's access ends at its minute, of which twenty are left.
async fn ends_in_twenty_minutes(fixture: &Fixture) {
    fixture.advance_minutes(15);
    assert!(fixture.admitted(ALICE, SCOPE).await);
    fixture.advance_minutes(5);
    assert!(!fixture.admitted(ALICE, SCOPE).await);
    fixture.told(ALICE, "has ended:").await;
    assert!(!fixture.console.admits("alice"));
}

#[tokio::test]
async fn a_grant_ends_on_time_if_the_clock_is_set_back() {
    let fixture = Fixture::start().await;
    fixture.granted(REQUEST).await;
    fixture.advance_minutes(10);
    set_back(&fixture, TimeDelta::hours(1));
    until_ready_page(&fixture, "clock_went_back", true).await;
    fixture.audited("*Alert* `clock_went_back`").await;
    ends_in_twenty_minutes(&fixture).await;

    // Nothing is open any more that could be lengthened.
    until_ready_page(&fixture, "clock_went_back", false).await;
}

#[tokio::test]
async fn a_grant_ends_on_time_if_keylend_starts_with_a_slow_clock() {
    let mut fixture = Fixture::start().await;
    fixture.granted(REQUEST).await;
    fixture.advance_minutes(10);
    until_marked(&fixture).await;
    fixture.crash().await;
    set_back(&fixture, TimeDelta::hours(1));
    fixture.boot().await;
    until_ready_page(&fixture, "clock_went_back", true).await;
    ends_in_twenty_minutes(&fixture).await;
}

#[tokio::test]
async fn a_high_water_mark_a_day_ahead_stops_the_start_and_says_what_to_do() {
    let mut fixture = Fixture::start().await;
    fixture.granted(REQUEST).await;
    fixture.stop().await;
    meddle(&fixture, "UPDATE high_water SET at = at + 2 * 86400000").await;
    let outside = Outside {
        clock: fixture.clock.clone(),
        store_clock: None,
        entropy: Arc::new(SystemEntropy),
    };
    let refused = serve::start(fixture.config(), outside).await;
    let why = refused.err().expect("a refusal").to_string();
    assert!(why.contains("2099-11-23"), "{why}");
    assert!(
        why.contains("delete the row in the table `high_water`"),
        "{why}"
    );

    meddle(&fixture, "DELETE FROM high_water").await;
    until_free(&fixture).await;
    fixture.boot().await;
    assert!(fixture.admitted(ALICE, SCOPE).await);
    fixture.advance_minutes(10);
    ends_in_twenty_minutes(&fixture).await;
}

#[tokio::test]
async fn a_high_water_mark_that_is_ahead_ends_access_early() {
    let mut fixture = Fixture::start().await;
    fixture.granted(REQUEST).await;
    let forge = "UPDATE high_water SET at = at + 2 * 3600000";
    meddle(&fixture, forge).await;
    fixture.advance_minutes(1);
    until_ready_page(&fixture, "high_water_ahead", true).await;
    assert!(fixture.admitted(ALICE, SCOPE).await, "nobody obeys it yet");

    fixture.stop().await;
    fixture.boot().await;
    assert!(!fixture.admitted(ALICE, SCOPE).await);
    fixture.told(ALICE, "has ended:").await;
    until_ready_page(&fixture, "clock_went_back", false).await;
    fixture.answer(ALICE, "status").await;
}

/// A clock that differs from another.
struct Differing {
    clock: Arc<TestClock>,
    /// In milliseconds.
    ahead: AtomicI64,
}

impl Differing {
    fn set_ahead(&self, by: TimeDelta) {
        self.ahead.store(by.num_milliseconds(), Ordering::SeqCst);
    }
}

impl Clock for Differing {
    fn now(&self) -> Time {
        self.clock.now() + TimeDelta::milliseconds(self.ahead.load(Ordering::SeqCst))
    }

    fn until(&self, _: Time) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        unreachable!("nobody waits for the store's clock")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_with_a_wrong_clock_raises_an_alert_and_grants_nothing() {
    let server = Postgres::start().await;
    let url = server.admin_url();
    PostgresStore::migrate(&url).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("store");
    std::fs::write(&file, &url).unwrap();
    let kept = format!("url = {{ file = \"{}\" }}", file.display());
    let on_postgres = |config: &str| config.replace("url = \"sqlite://DIR/keylend.db\"", &kept);
    let mut fixture = Fixture::with(on_postgres, "").await;
    fixture.stop().await;
    let store_clock = Arc::new(Differing {
        clock: fixture.clock.clone(),
        ahead: AtomicI64::new(3_000),
    });
    fixture.store_clock = Some(store_clock.clone());

    fixture.boot_unready().await;
    let alert = "\"store_clock_differs\"";
    until_ready_page(&fixture, alert, true).await;
    until_ready_page(&fixture, "\"slack\":true", true).await;
    let (status, page) = fixture.page("/readyz").await;
    assert_eq!(status, 503);
    assert!(page.contains("more than 2 s behind the store's"), "{page}");
    fixture.audited("*Alert* `store_clock_differs`").await;
    let refused = fixture.answer(ALICE, REQUEST).await;
    assert!(
        refused.says("can't write to its database"),
        "{}",
        refused.text
    );

    store_clock.set_ahead(TimeDelta::seconds(1));
    until_ready_page(&fixture, alert, false).await;
    assert_eq!(fixture.page("/readyz").await.0, 200);
    fixture.granted(REQUEST).await;

    // Whoever is wrong, access does not last longer.
    store_clock.set_ahead(TimeDelta::minutes(30));
    until_ready_page(&fixture, alert, true).await;
    assert!(!fixture.admitted(ALICE, SCOPE).await);
    fixture.told(ALICE, "has ended:").await;
    assert!(!fixture.console.admits("alice"));
}
