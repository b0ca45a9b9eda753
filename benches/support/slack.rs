//! A Slack for the program under load, and a sender of signed commands at a steady rate.

use std::{
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use slack_sim::{Channel, Person, Sim, Workspace};

use super::places;

/// The token that checks are asked with.
pub const TOKEN: &str = "a token of the benchmark";

pub async fn start() -> Sim {
    let people = (0..100)
        .map(|number| format!("U0ENG{number}"))
        .collect::<Vec<_>>();
    let mut workspace = Workspace::new().person(Person::member("U0BOB", "bob"));
    for (number, id) in people.iter().enumerate() {
        workspace = workspace.person(Person::member(id, format!("engineer{number}")));
    }
    let members = people;
    let workspace = workspace
        .channel(Channel::new("C0DBA", "dba", members.clone()))
        .channel(Channel::new("C0AUDIT", "audit", members.clone()))
        .channel(Channel::new("C0GENERAL", "general", members.clone()));
    Sim::start(workspace).await
}

/// Writes a configuration for the store in `folder`; answers its file.
pub fn config(folder: &Path, sim: &Sim) -> PathBuf {
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let secrets = [
        ("bot_token", sim.bot_token().to_owned()),
        ("signing_secret", sim.signing_secret().to_owned()),
        ("api_token", TOKEN.to_owned()),
        ("key", "00".repeat(32)),
        ("webhook_secret", "a secret of the benchmark".to_owned()),
    ];
    for (name, secret) in secrets {
        fs::write(folder.join(name), secret).unwrap();
    }
    let engineers: Vec<String> = (0..100)
        .map(|number| format!("\"U0ENG{number}\""))
        .collect();
    let text = format!(
        r#"
[server]
listen = "127.0.0.1:{port}"
[store]
url = "sqlite://{database}"
[slack]
mode = "http"
bot_token = {{ file = "{folder}/bot_token" }}
signing_secret = {{ file = "{folder}/signing_secret" }}
api_url = "{slack}"
audit_channel = "C0AUDIT"
[api]
tokens = [{{ name = "gateway", token = {{ file = "{folder}/api_token" }} }}]
[secrets]
key = {{ file = "{folder}/key" }}
[identity]
email_domains = ["example.com"]
[groups]
engineers = {{ members = [{engineers}] }}
dba = {{ members = ["U0BOB"] }}
[limits]
max_pending_per_person = 1000000
max_pending_per_scope = 1000000
max_requests_per_hour = 1000000
[backends.memory.webhook]
url = "http://127.0.0.1:9/"
secret = {{ file = "{folder}/webhook_secret" }}
[scopes."db-prod:write"]
title = "Production database, write"
environment = "prod"
risk = "high"
default_duration = "30m"
max_duration = "1h"
requesters = ["engineers"]
approvers = ["dba"]
approval_channel = "C0DBA"
reason = "required"
layers = [{{ backend = "memory", role = "app_writer" }}]
"#,
        folder = folder.display(),
        database = places::file(folder).display(),
        slack = sim.api_url(),
        engineers = engineers.join(", "),
    );
    let file = folder.join("keylend.toml");
    fs::write(&file, text).unwrap();
    file
}

/// Where the program of this configuration listens.
pub fn address(config: &Path) -> String {
    let text = fs::read_to_string(config).unwrap();
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("listen = "))
        .unwrap();
    format!("http://{}", line.trim_matches('"'))
}

/// Sends `rate` commands a second to `url` for `span`, whether or not earlier ones were answered;
/// answers how long each answer took.
pub async fn commands(url: &str, rate: u32, span: Duration) -> Vec<Duration> {
    let http = reqwest::Client::new();
    let start = tokio::time::Instant::now();
    let mut sending = tokio::task::JoinSet::new();
    let count = rate * u32::try_from(span.as_secs()).unwrap();
    for number in 0..count {
        tokio::time::sleep_until(start + Duration::from_secs(1) * number / rate).await;
        let (http, url) = (http.clone(), url.to_owned());
        sending.spawn(async move {
            let body = body(number);
            let timestamp = super::now().timestamp();
            let signature = slack_sim::signature(slack_sim::SIGNING_SECRET, timestamp, &body);
            let sent = Instant::now();
            let answer = http
                .post(url)
                .header("content-type", "application/x-www-form-urlencoded")
                .header("x-slack-request-timestamp", timestamp.to_string())
                .header("x-slack-signature", signature)
                .body(body)
                .send()
                .await
                .unwrap();
            assert_eq!(answer.status(), 200);
            sent.elapsed()
        });
    }
    sending.join_all().await
}

fn body(number: u32) -> String {
    let fields = [
        ("team_id", "T0LOCAL".to_owned()),
        ("team_domain", "local".to_owned()),
        ("channel_id", "C0GENERAL".to_owned()),
        ("channel_name", "general".to_owned()),
        ("user_id", format!("U0ENG{}", number % 100)),
        ("user_name", format!("engineer{}", number % 100)),
        ("command", "/jit".to_owned()),
        (
            "text",
            format!("request db-prod:write 30m writes are failing, {number}"),
        ),
        ("api_app_id", "A0KEYLEND".to_owned()),
        ("is_enterprise_install", "false".to_owned()),
        ("trigger_id", format!("{number}.benchmark")),
        (
            "response_url",
            "https://hooks.slack.com/commands/benchmark".to_owned(),
        ),
    ];
    serde_urlencoded::to_string(fields).unwrap()
}
