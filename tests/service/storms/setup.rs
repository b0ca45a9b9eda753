//! How a storm is prepared: three replicas on one PostgreSQL, and many people with access that ends
//! in the same second.

use std::{sync::Arc, time::Duration};

use keylend::{
    domain::{Entitlement, Request},
    presentation,
    store::{Documents as _, PostgresStore, Store as _},
};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use sqlx::Row as _;

use crate::{
    story::Story,
    support::{
        clock::TestClock,
        fixture::{BEGINNING, Fixture},
        postgres::Postgres,
    },
};

/// How long anything may take while the clock stands.
const PATIENCE: Duration = Duration::from_secs(300);

pub(crate) struct Storm {
    pub(crate) fixture: Fixture,
    server: Postgres,
}

impl Storm {
    /// Each of so many engineers has access to each of these targets and scopes, for half an hour.
    pub(crate) async fn setup(engineers: usize, targets: &[(&str, &str)]) -> Self {
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

        // Another replica gives the access, and leaves.
        let config = fixture.config();
        let store = Arc::new(
            PostgresStore::open(
                &url,
                &config.digest,
                &keylend::store::StoreKey::derive(&[0x5e; 32]),
            )
            .await
            .unwrap(),
        );
        let clock = TestClock::at(BEGINNING);
        let story = Story {
            store: store.clone(),
            clock,
        };
        let names: Vec<_> = (0..engineers).map(engineer).collect();
        for (backend, scope) in targets {
            let target = match *backend {
                "console" => &fixture.console,
                _ => &fixture.bastion,
            };
            let make = |request: &Request| {
                let entitlement = entitlement(request);
                target.admit(&entitlement, request.username.as_str());
                Entitlement::new(format!("{backend}/{entitlement}"))
            };
            story.hold(&names, scope, 30, backend, make).await;
        }
        // Slack shows none of it: how long that takes is not what a storm is about.
        let head = *store.head().borrow();
        let followed = store.move_cursor(presentation::CURSOR, head).await;
        followed.unwrap();
        store.close().await;
        fixture.boot().await;
        fixture.join().await;
        fixture.join().await;
        let last = format!("{}@example.com", engineer(engineers - 1));
        for (_, scope) in targets {
            let heard = async { while !fixture.admitted_anywhere(&last, scope).await {} };
            let heard = tokio::time::timeout(PATIENCE, heard).await;
            heard.expect("the replicas hear of what another has committed");
        }
        Self { fixture, server }
    }

    /// Waits until the log has so many entries of this kind.
    pub(crate) async fn logged(&self, kind: &str, enough: usize) {
        let coming = async {
            while self.entries(kind).await < enough {
                // A round trip through the service gives it its share of the machine.
                self.fixture.page("/healthz").await;
            }
        };
        if tokio::time::timeout(PATIENCE, coming).await.is_err() {
            let sql =
                "SELECT kind || ': ' || count(*) AS n FROM events GROUP BY kind ORDER BY kind";
            let rows = self.server.query(sql).await;
            let all: Vec<&str> = rows.iter().map(|row| row.get("n")).collect();
            panic!("{enough} of {kind} did not come: {all:?}");
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

/// What a webhook calls a person's access without parameters.
fn entitlement(request: &Request) -> String {
    let held = serde_json::to_vec(&json!([request.username, {}])).unwrap();
    hex::encode(Sha256::digest(held))
}
