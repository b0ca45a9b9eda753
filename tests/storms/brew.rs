//! How a storm is prepared: three replicas on one PostgreSQL, and many people with access that ends
//! in the same second.

use std::{sync::Arc, time::Duration};

use futures_util::{StreamExt, stream};
use keylend::store::PostgresStore;
use sqlx::Row;

use crate::{
    clock::TestClock,
    story::Story,
    support::{
        postgres::Postgres,
        stage::{BEGINNING, BOB, Stage},
    },
};

/// Commits that are under way at a time while a storm is prepared.
const AT_ONCE: usize = 64;

/// How long anything may take while the clock stands.
const PATIENCE: Duration = Duration::from_secs(180);

pub(crate) struct Storm {
    pub(crate) stage: Stage,
    server: Postgres,
}

impl Storm {
    /// Each of so many engineers has access to each of these targets and scopes, for half an hour.
    pub(crate) async fn brew(engineers: usize, targets: &[(&str, &str)]) -> Self {
        let server = Postgres::start().await;
        let url = server.admin_url();
        PostgresStore::migrate(&url).await.unwrap();
        approve(engineers, targets, &url).await;

        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("store");
        std::fs::write(&file, &url).unwrap();
        let kept = format!("url = {{ file = \"{}\" }}", file.display());
        let on_postgres = |config: &str| config.replace("url = \"sqlite://DIR/keylend.db\"", &kept);
        let mut stage = Stage::with(on_postgres, "").await;
        stage.join().await;
        stage.join().await;
        let storm = Self { stage, server };
        storm.logged("activated", engineers * targets.len()).await;
        storm
    }

    /// Waits until the log has so many entries of this kind.
    pub(crate) async fn logged(&self, kind: &str, enough: usize) {
        let coming = async {
            while self.entries(kind).await < enough {
                // A round trip through the service gives it its share of the machine.
                self.stage.page("/healthz").await;
            }
        };
        if tokio::time::timeout(PATIENCE, coming).await.is_err() {
            panic!("{kind}: {} of {enough}", self.entries(kind).await);
        }
    }

    /// How many entries of this kind the log has.
    pub(crate) async fn entries(&self, kind: &str) -> usize {
        let sql = format!("SELECT count(*)::text AS n FROM events WHERE kind = '{kind}'");
        let rows = self.server.query(&sql).await;
        rows[0].get::<&str, _>("n").parse().unwrap()
    }
}

pub(crate) fn engineer(number: usize) -> String {
    format!("engineer{number}")
}

/// Writes approved requests, as another replica would have left them.
async fn approve(engineers: usize, targets: &[(&str, &str)], url: &str) {
    let store = Arc::new(PostgresStore::open(url, "before the storm").await.unwrap());
    let clock = TestClock::at(BEGINNING);
    let story = Story { store, clock };
    for (backend, scope) in targets {
        stream::iter(0..engineers)
            .for_each_concurrent(AT_ONCE, async |number| {
                let name = engineer(number);
                let mut request = story.ask(&name, scope, 30, "a storm").await;
                story.approve(&mut request, BOB, backend).await;
            })
            .await;
    }
    story.store.close().await;
}
