//! The weekly digest, from the configuration to the audit channel and the command line.

use std::time::Duration;

use clap::Parser;
use keylend::cli::Audit;
use sqlx::{Connection as _, SqliteConnection};

use crate::support::fixture::{Fixture, REQUEST};

#[derive(Parser)]
struct Keylend {
    #[command(subcommand)]
    audit: Audit,
}

/// Waits until the service knows which weeks were told.
async fn until_noted(fixture: &Fixture) {
    let url = format!("sqlite://{}", fixture.database().display());
    let mut connection = SqliteConnection::connect(&url).await.unwrap();
    loop {
        let noted = "SELECT count(*) FROM documents WHERE collection = 'digests'";
        let noted: i64 = sqlx::query_scalar(noted)
            .fetch_one(&mut connection)
            .await
            .unwrap();
        if noted > 0 {
            break;
        }
        // A round trip through the service gives it its share of the machine.
        fixture.page("/healthz").await;
    }
    connection.close().await.unwrap();
}

#[tokio::test]
async fn the_audit_channel_reads_each_week_what_the_command_line_says() {
    // The story begins on a Saturday at 02:00.
    let config = |config: &str| format!("{config}\n[digest]\nday = \"saturday\"\nhour = 3\n");
    let fixture = Fixture::with(config, "").await;
    until_noted(&fixture).await;
    fixture.granted(REQUEST).await;
    fixture.clock.advance(Duration::from_secs(3_600));
    let said = fixture.audited("*Weekly digest*").await;
    let counts = "1 request: 1 granted, 0 approved by a rule, 0 denied, 0 lapsed, 0 failed.";
    assert!(said.says(counts), "{}", said.text);
    assert!(
        said.says("Grants by scope: `db-prod:write` 1."),
        "{}",
        said.text
    );

    let config = fixture.config_file().display().to_string();
    let args = [
        "audit",
        "digest",
        "--config",
        &config,
        "--until",
        "2099-11-21 03:00",
    ];
    let command = Keylend::try_parse_from(args).unwrap().audit;
    let mut out = Vec::new();
    command.run(&mut out).await.unwrap();
    let out = String::from_utf8(out).unwrap();
    assert!(
        out.starts_with("Weekly digest, 2099-11-14 03:00:00Z to"),
        "{out}"
    );
    for line in [counts, "Grants by scope: db-prod:write 1."] {
        assert!(out.lines().any(|said| said == line), "{out}");
    }
}
