//! What `[tickets]` of the configuration may say.

use keylend::{config::Config, tickets::Tracker};

use crate::config::{GOOD, RULES, load, said_of};

const JIRA: &str = r#"[tickets]
kind = "jira"
url = "https://example.atlassian.net"
user = "keylend@example.com"
token = { file = "{folder}/secret" }
scopes = ["db-prod:*"]
"#;

fn with(tickets: &str) -> String {
    format!("{tickets}{GOOD}")
}

fn read(tickets: &str) -> Config {
    load(&with(tickets), RULES).unwrap_or_else(|(problems, _)| panic!("{problems}"))
}

#[test]
fn a_tracker_is_read_with_the_scopes_that_need_it() {
    let config = read(JIRA);
    assert!(config.warnings.is_empty());
    let tickets = config.tickets.unwrap();
    assert!(matches!(tickets.tracker, Tracker::Jira { .. }));
    assert!(!tickets.assigned);
    assert!(tickets.scopes[0].matches("db-prod:write"));

    let service = JIRA.replace("\"jira\"", "\"webhook\"") + "assigned = true\n";
    let tickets = read(&service).tickets.unwrap();
    assert!(matches!(tickets.tracker, Tracker::Webhook { .. }));
    assert!(tickets.assigned);
    assert!(read("").tickets.is_none());
}

#[test]
fn a_pattern_without_a_scope_is_a_warning() {
    let config = read(&JIRA.replace("db-prod:*", "db-prd:*"));
    let warnings: Vec<String> = config.warnings.iter().map(ToString::to_string).collect();
    assert!(
        warnings.len() == 1 && warnings[0].contains("no scope has such a name"),
        "{warnings:?}"
    );
}

#[test]
fn what_is_missing_or_unsafe_is_a_problem() {
    for (from, to, words) in [
        ("\"jira\"", "\"gira\"", "did you mean `jira`"),
        ("kind = \"jira\"\n", "", "`kind` is missing"),
        (
            "https://example.atlassian.net",
            "http://example.atlassian.net",
            "must start with `https://`",
        ),
        (
            "https://example",
            "https://me:hunter2@example",
            "remove the user and password",
        ),
        (
            "atlassian.net",
            "atlassian.net/?a=b",
            "remove what follows the path",
        ),
        ("user = \"keylend@example.com\"\n", "", "`user` is missing"),
        (
            "keylend@example.com",
            "a:b",
            "not the email address of a Jira account",
        ),
        ("{folder}/secret", "{folder}/nothing", "nothing"),
        ("[\"db-prod:*\"]", "[]", "`scopes` is empty"),
        ("db-prod:*", "db-prod:***", "not a pattern"),
    ] {
        assert!(JIRA.contains(from), "{from}");
        let said = said_of(&with(&JIRA.replacen(from, to, 1)), RULES);
        assert!(said.contains(words), "{to}: {said}");
        assert!(!said.contains("hunter2"), "{said}");
    }
}
