//! What is logged names the request that it is about.

use std::{
    io::{self, Write},
    sync::{Arc, Mutex},
};

use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection as _};
use tracing_subscriber::filter::LevelFilter;

use crate::support::{
    fixture::{ALICE, Fixture, REQUEST, SCOPE},
    target::Mood,
};

/// The lines that this process logs, as `keylend serve` writes them for collectors.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Lines {
    /// The id of the request in the span of this name around each line with this message.
    fn requests(&self, span: &str, message: &str) -> Vec<String> {
        let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
        let about = lines.filter(|line: &Value| line["message"] == message);
        let found = about.map(|line| {
            let spans = line["spans"].as_array().cloned().unwrap_or_default();
            let around = spans.iter().find(|it| it["name"] == span);
            let around = around.unwrap_or_else(|| panic!("it is not within `{span}`: {line}"));
            around["request.id"].as_str().unwrap_or_default().to_owned()
        });
        found.collect()
    }
}

#[tokio::test]
async fn what_is_logged_of_a_click_a_check_and_a_target_names_the_request() {
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_max_level(LevelFilter::DEBUG)
        .with_writer(move || writer.clone())
        .finish();
    // Of the whole process, since the service has threads of its own.
    tracing::subscriber::set_global_default(subscriber).unwrap();
    let fixture = Fixture::start().await;
    let card = fixture.asked(REQUEST).await;
    let alice = fixture.alice();
    let before = alice.ephemerals().len();
    alice.click(&card, "approve").await;
    fixture
        .in_time(|_| alice.ephemerals().into_iter().nth(before))
        .await;
    let url = format!("sqlite://{}", fixture.database().display());
    let mut store = sqlx::SqliteConnection::connect(&url).await.unwrap();
    let id = sqlx::query_as("SELECT id FROM requests").fetch_one(&mut store);
    let (id,): (String,) = id.await.unwrap();
    let refused = lines.requests("slack", "refused");
    assert!(refused.contains(&id), "{refused:?}");
    // A store that fails refuses nothing.
    let rename = |from, to| AssertSqlSafe(format!("ALTER TABLE {from} RENAME TO {to}"));
    let away = sqlx::query(rename("requests", "away"));
    away.execute(&mut store).await.unwrap();
    alice.click(&card, "approve").await;
    fixture
        .in_time(|_| alice.ephemerals().into_iter().nth(before + 1))
        .await;
    let back = sqlx::query(rename("away", "requests"));
    back.execute(&mut store).await.unwrap();
    let failed = lines.requests(
        "slack",
        "failed to process an interaction: the store failed",
    );
    assert_eq!(failed, std::slice::from_ref(&id));
    assert_eq!(lines.requests("slack", "refused"), refused);

    fixture.bob().click(&card, "approve").await;
    fixture.console.until_admits("alice").await;
    while !fixture.admitted(ALICE, SCOPE).await {
        tokio::task::yield_now().await;
    }
    fixture.console.mood("revoke", Mood::Failing);
    fixture.advance_minutes(30);
    fixture.told(ALICE, "Revoking your").await;
    let failed = || lines.requests("work", "failed to revoke a layer; Keylend retries");
    fixture
        .in_time(|_| failed().contains(&id).then_some(()))
        .await;
    let checked = lines.requests("check", "answered a check");
    assert!(checked.contains(&id), "{checked:?}");
}
