//! What a person is told of a configuration that is wrong.
#![expect(clippy::unwrap_used, reason = "a test stops where it cannot go on")]

use std::{fmt::Write as _, fs, net::SocketAddr, process::Command};

use keylend::{
    config::{Config, Identity, Mode, Problems, Secrets, Store},
    directory::{GroupSource, PersonEntry},
    domain::{
        ChannelId, GroupName, Notify, OnLimit, ReasonRule, ScopeId, Span, UserId, Username, Weekly,
    },
};
use tempfile::TempDir;

/// A configuration with every key, and its rules.
pub(crate) const GOOD: &str = r##"
[server]
listen = "127.0.0.1:8080"

[store]
url = "sqlite://keylend.db"

[slack]
mode = "http"
bot_token = { file = "{folder}/bot" }
signing_secret = { file = "{folder}/secret" }
app_token = { env = "KEYLEND_TEST_UNUSED" }
api_url = "https://slack.com/api"
audit_channel = "C0AUDIT"
incident_channels = ["inc-*", "#sev-?"]
team_id = "T0TEAM"
app_id = "A0APP"
shared_channels = ["C0VENDOR"]
[api]
tokens = [{ name = "gateway", token = { file = "{folder}/secret" } }]

[secrets]
key = { file = "{folder}/key" }

[identity]
email_domains = ["Example.com", "sub.example.org"]
require_confirmed = true

[people.alice]
username = "alice.l"
slack_ids = ["U0ALICE", "W0ALICE"]

[people.bob]
slack_ids = ["U0BOB", "W0BOB"]

[policy]
files = ["policies/*.cedar"]
administrators = ["leads"]

[groups]
engineers = { slack_usergroup = "S0ENG" }
leads = { members = ["U0ALICE", "U0BOB"] }

[limits]
max_active_per_person = 2
on_limit = "end_oldest"
pending_timeout = "30m"
min_duration = "5m"

[[exclusive]]
environments = ["prod", "research"]

[backends.pg-prod.postgres]
url = { file = "{folder}/url" }

[backends.hook.webhook]
url = "https://access.example.com/keylend"
secret = { file = "{folder}/secret" }

[scopes."db-prod:write"]
title = "Production database, write"
environment = "prod"
risk = "high"
default_duration = "30m"
max_duration = "1h"
requesters = ["engineers"]
approvers = ["leads"]
approvals = 2
approval_channel = "C0DBA"
reason = "optional"
ticket = { pattern = "^INC-[0-9]+$", required = false }
layers = [{ backend = "pg-prod", role = "app_writer" }]

[scopes."lab:shell"]
title = "A shell in the lab"
environment = "research"
risk = "low"
default_duration = "1h"
max_duration = "8h"
requesters = ["engineers"]
approvers = ["engineers", "leads"]
approval_channel = "C0LAB"
layers = [{ backend = "hook", host = "lab-1", ports = [22, 2222] }]
"##;

pub(crate) const RULES: &str = r#"
@id("low-risk")
permit (principal in Group::"engineers", action == Action::"auto_approve", resource)
when { resource.risk == Risk::"low" };
"#;

/// A folder with a configuration, its rules and its secrets.
pub(crate) fn folder(config: &str, rules: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let config = config.replace("{folder}", &folder.path().display().to_string());
    fs::write(at("keylend.toml"), config).unwrap();
    fs::create_dir(at("policies")).unwrap();
    fs::write(at("policies/own.cedar"), rules).unwrap();
    fs::write(at("secret"), "0123456789abcdef".repeat(2)).unwrap();
    fs::write(at("bot"), "xoxb-1").unwrap();
    fs::write(at("key"), "ab".repeat(32)).unwrap();
    fs::write(
        at("url"),
        "postgres://keylend:hunter2@db.example.com/app?sslmode=require",
    )
    .unwrap();
    folder
}

pub(crate) fn load(config: &str, rules: &str) -> Result<Config, (Problems, TempDir)> {
    let folder = folder(config, rules);
    Config::load(&folder.path().join("keylend.toml"), Secrets::Checked)
        .map_err(|problems| (problems, folder))
}

/// What is said of the good configuration after some changes.
pub(crate) fn said_after(changes: &[(&str, &str)]) -> String {
    let mut config = GOOD.to_owned();
    for (from, to) in changes {
        assert!(config.contains(from), "{from}");
        config = config.replacen(from, to, 1);
    }
    said_of(&config, RULES)
}

pub(crate) fn said_of(config: &str, rules: &str) -> String {
    let (problems, folder) = load(config, rules).unwrap_err();
    let folder = format!("{}/", folder.path().display());
    problems.to_string().replace(&folder, "")
}

#[test]
fn a_good_configuration_is_read_whole() {
    let config = load(GOOD, RULES).unwrap_or_else(|(problems, _)| panic!("{problems}"));
    assert_eq!(
        config.server.listen,
        SocketAddr::from(([127, 0, 0, 1], 8080))
    );
    assert_eq!(config.store, Store::Written("sqlite://keylend.db".into()));
    assert_eq!(config.slack.api_url.as_str(), "https://slack.com/api/");
    assert!(config.slack.incident_channels[0].matches("inc-42"));
    assert!(config.slack.incident_channels[1].matches("sev-1"));
    assert_eq!(
        config.slack.shared_channels,
        [ChannelId::new("C0VENDOR")].into()
    );
    assert_eq!(config.api.tokens[0].name, "gateway");
    assert_eq!(
        config.identity.email_domains,
        ["example.com", "sub.example.org"]
    );
    assert!(config.identity.require_confirmed);
    let alice = UserId::new("U0ALICE");
    let entry = PersonEntry {
        username: Some(Username::new("alice.l")),
        slack_ids: [alice.clone(), UserId::new("W0ALICE")].into(),
    };
    assert_eq!(config.people["alice"], entry);
    assert_eq!(config.people["bob"].username, None);
    let leads = &config.groups[&GroupName::new("leads")];
    assert_eq!(
        *leads,
        GroupSource::Members([alice, UserId::new("U0BOB")].into())
    );
    assert_eq!(config.administrators, [GroupName::new("leads")].into());
    assert_eq!(config.limits.on_limit, OnLimit::EndOldest);
    assert_eq!(config.limits.pending_timeout, Span::minutes(30));
    assert_eq!(config.limits.exclusive.len(), 1);
    assert!(
        config
            .policy
            .groups()
            .contains(&GroupName::new("engineers"))
    );
    let scope = &config.catalogue[&"db-prod:write".parse().unwrap()];
    assert_eq!(scope.max_total, scope.max_duration);
    assert_eq!(scope.reason, ReasonRule::Optional);
    assert_eq!(scope.approvals.get(), 2);
    assert_eq!(scope.layers[0].params["role"], "app_writer");
    let lab = &config.catalogue[&"lab:shell".parse().unwrap()];
    assert_eq!(lab.layers[0].params["ports"], serde_json::json!([22, 2222]));
    assert_eq!(config.warnings, []);
}

#[test]
fn what_may_be_left_out_has_a_default() {
    let least = r#"
        [store]
        url = "sqlite:///var/lib/keylend/keylend.db"
        [slack]
        bot_token = { file = "{folder}/secret" }
        signing_secret = { file = "{folder}/secret" }
        audit_channel = "C0AUDIT"
        [secrets]
        key = { file = "{folder}/key" }
    "#;
    let config = load(least, "").unwrap_or_else(|(problems, _)| panic!("{problems}"));
    assert_eq!(
        config.server.listen,
        SocketAddr::from(([127, 0, 0, 1], 8080))
    );
    assert_eq!(config.server.max_connections, 1024);
    assert_eq!(config.server.max_connections_per_address, 256);
    assert_eq!(config.server.trusted_proxies, []);
    assert_eq!(config.slack.api_url.as_str(), "https://slack.com/api/");
    assert_eq!(config.limits, keylend::domain::Limits::default());
    assert_eq!(config.policy.rules().len(), 12);
}

#[test]
fn a_misspelt_key_is_recognised() {
    insta::assert_snapshot!(
        said_after(&[
            ("[server]", "[serve]"),
            ("signing_secret", "signing_secrt"),
            ("username", "user_name"),
            ("max_duration", "max_durations"),
            ("role =", "rolle ="),
        ]),
        @r#"
    keylend.toml:2:2: serve: unknown section `serve`; did you mean `server`?
    2 | [serve]
      |  ^^^^^

    keylend.toml:11:1: slack.signing_secrt: unknown key `signing_secrt`; did you mean `signing_secret`?
    11 | signing_secrt = { file = "secret" }
       | ^^^^^^^^^^^^^

    keylend.toml:30:1: people.alice.user_name: unknown key `user_name`; did you mean `username`?
    30 | user_name = "alice.l"
       | ^^^^^^^^^

    keylend.toml:65:1: scopes."db-prod:write".max_durations: unknown key `max_durations`; did you mean `max_duration`?
    65 | max_durations = "1h"
       | ^^^^^^^^^^^^^
    "#
    );
}

#[test]
fn whose_addresses_give_names_is_said_wherever_a_name_reaches_a_target() {
    let domains = "email_domains = [\"Example.com\", \"sub.example.org\"]\n";
    insta::assert_snapshot!(said_after(&[(domains, "")]), @r#"
    keylend.toml:25:2: identity.email_domains: `db-prod:write` grants access to the requester's login, which comes from their email address: add `email_domains = ["example.com"]` to [identity], with your main domain first
    25 | [identity]
       |  ^^^^^^^^
    "#);
    let section = GOOD.split_once("[identity]").unwrap().1;
    let section = section.split_once("[people.alice]").unwrap().0;
    let section = format!("[identity]{section}");
    insta::assert_snapshot!(said_after(&[(&section, "")]), @r#"
    keylend.toml:1:1: identity.email_domains: `db-prod:write` grants access to the requester's login, which comes from their email address: add `email_domains = ["example.com"]` to [identity], with your main domain first
    "#);

    // A login that is made for the grant is nobody's name.
    let generated = GOOD
        .replace(&section, "")
        .replace(
            "role = \"app_writer\"",
            "role = \"app_writer\", login = \"generated\"",
        )
        .replace(
            "{ backend = \"hook\", host = \"lab-1\", ports = [22, 2222] }",
            "{ backend = \"pg-prod\", role = \"lab\", login = \"generated\" }",
        );
    let config = load(&generated, RULES).unwrap_or_else(|(problems, _)| panic!("{problems}"));
    assert_eq!(config.identity, Identity::default());
}

#[test]
fn a_domain_is_written_out_and_nothing_else() {
    let domains = "[\"Example.com\", \"sub.example.org\"]";
    let wrong = "[\"example.com\", \"EXAMPLE.com\", \"\", \"@example.com\", \"*.example.com\", \
                 \"example .com\", \"example..com\", \"b\u{fc}cher.example\"]";
    insta::assert_snapshot!(said_after(&[(domains, wrong)]), @r#"
    keylend.toml:26:33: identity.email_domains[1]: `example.com` is listed twice
    26 | email_domains = ["example.com", "EXAMPLE.com", "", "@example.com", "*.example.com", "example .com", "example..com", "bücher.example"]
       |                                 ^^^^^^^^^^^^^

    keylend.toml:26:48: identity.email_domains[2]: the domain is empty
    26 | email_domains = ["example.com", "EXAMPLE.com", "", "@example.com", "*.example.com", "example .com", "example..com", "bücher.example"]
       |                                                ^^

    keylend.toml:26:52: identity.email_domains[3]: `@example.com` is not a domain such as `example.com`: remove the `@` and everything before it
    26 | email_domains = ["example.com", "EXAMPLE.com", "", "@example.com", "*.example.com", "example .com", "example..com", "bücher.example"]
       |                                                    ^^^^^^^^^^^^^^

    keylend.toml:26:68: identity.email_domains[4]: `*.example.com` is not a domain such as `example.com`: list each domain; wildcards are not allowed
    26 | email_domains = ["example.com", "EXAMPLE.com", "", "@example.com", "*.example.com", "example .com", "example..com", "bücher.example"]
       |                                                                    ^^^^^^^^^^^^^^^

    keylend.toml:26:85: identity.email_domains[5]: `example .com` is not a domain such as `example.com`: it contains a space
    26 | email_domains = ["example.com", "EXAMPLE.com", "", "@example.com", "*.example.com", "example .com", "example..com", "bücher.example"]
       |                                                                                     ^^^^^^^^^^^^^^

    keylend.toml:26:101: identity.email_domains[6]: `example..com` is not a domain such as `example.com`: use ASCII letters, digits and `-`, separated by dots
    26 | email_domains = ["example.com", "EXAMPLE.com", "", "@example.com", "*.example.com", "example .com", "example..com", "bücher.example"]
       |                                                                                                     ^^^^^^^^^^^^^^

    keylend.toml:26:117: identity.email_domains[7]: `bücher.example` is not a domain such as `example.com`: use ASCII letters, digits and `-`, separated by dots
    26 | email_domains = ["example.com", "EXAMPLE.com", "", "@example.com", "*.example.com", "example .com", "example..com", "bücher.example"]
       |                                                                                                                     ^^^^^^^^^^^^^^^^
    "#);
}

#[test]
fn two_people_share_neither_a_name_nor_an_id() {
    let bob = "[people.bob]\nslack_ids = [\"U0BOB\", \"W0BOB\"]";
    let wrong = "[people.bob]\nusername = \"Alice.L\"\nslack_ids = [\"U0BOB\", \"W0ALICE\", \"U0BOB\"]\n\
                 [people.aaron]\nusername = \"app\\n\"\nslack_ids = []";
    insta::assert_snapshot!(said_after(&[(bob, wrong)]), @r#"
    keylend.toml:34:12: people.bob.username: `Alice.L` is already the username of `people.alice`, line 30
    34 | username = "Alice.L"
       |            ^^^^^^^^^

    keylend.toml:35:23: people.bob.slack_ids[1]: `W0ALICE` is already listed in `people.alice`, line 31
    35 | slack_ids = ["U0BOB", "W0ALICE", "U0BOB"]
       |                       ^^^^^^^^^

    keylend.toml:35:34: people.bob.slack_ids[2]: `U0BOB` is already listed in `people.bob`, line 35
    35 | slack_ids = ["U0BOB", "W0ALICE", "U0BOB"]
       |                                  ^^^^^^^

    keylend.toml:37:12: people.aaron.username: `username` contains control characters
    37 | username = "app\n"
       |            ^^^^^^^

    keylend.toml:38:13: people.aaron.slack_ids: `slack_ids` is empty; list at least one Slack id
    38 | slack_ids = []
       |             ^^
    "#);
}

#[test]
fn a_missing_key_is_named() {
    insta::assert_snapshot!(
        said_after(&[
            ("url = \"sqlite://keylend.db\"", ""),
            ("risk = \"high\"\n", ""),
            ("backend = \"hook\", ", ""),
            ("[secrets]\nkey = { file = \"{folder}/key\" }", ""),
        ]),
        @r#"
    keylend.toml: the section [secrets] is missing: add `[secrets]` with `key = { env = "KEYLEND_SECRETS_KEY" }`

    keylend.toml:5:1: store: the key `url` is missing: add one, such as `url = "sqlite:///var/lib/keylend/keylend.db"`
    5 | [store]
      | ^^^^^^^

    keylend.toml:59:1: scopes."db-prod:write": the key `risk` is missing: add one, such as `risk = "high"`
    59 | [scopes."db-prod:write"]
       | ^^^^^^^^^^^^^^^^^^^^^^^^

    keylend.toml:81:11: scopes."lab:shell".layers[0]: the key `backend` is missing: name one of [backends], such as `backend = "hook"`
    81 | layers = [{ host = "lab-1", ports = [22, 2222] }]
       |           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    "#
    );
}

#[test]
fn the_bounds_of_the_server_have_to_leave_somebody_in_and_say_whom_to_believe() {
    let server = r#"[server]
max_connections = 4
max_connections_per_address = 0
trusted_proxies = ["10.0.0.0/8", "0.0.0.0/0", "proxy.example.com", "2001:db8::1"]"#;
    insta::assert_snapshot!(said_after(&[("[server]", server)]), @r#"
    keylend.toml:3:19: server.max_connections: this is too few for Slack and your gateways: use at least 16
    3 | max_connections = 4
      |                   ^

    keylend.toml:4:31: server.max_connections_per_address: this lets nobody connect: use at least 1
    4 | max_connections_per_address = 0
      |                               ^

    keylend.toml:5:34: server.trusted_proxies[1]: this covers every address, so every client could pretend to have another's: list only the networks of your proxies
    5 | trusted_proxies = ["10.0.0.0/8", "0.0.0.0/0", "proxy.example.com", "2001:db8::1"]
      |                                  ^^^^^^^^^^^

    keylend.toml:5:47: server.trusted_proxies[2]: `proxy.example.com` is not a network or an IP address, such as `10.0.0.0/8` or `10.1.2.3`
    5 | trusted_proxies = ["10.0.0.0/8", "0.0.0.0/0", "proxy.example.com", "2001:db8::1"]
      |                                               ^^^^^^^^^^^^^^^^^^^
    "#);
}

#[test]
fn a_value_of_the_wrong_type_is_pointed_at() {
    insta::assert_snapshot!(
        said_after(&[
            ("\"127.0.0.1:8080\"", "\"localhost\""),
            ("max_active_per_person = 2", "max_active_per_person = \"2\""),
            ("risk = \"high\"", "risk = \"hihg\""),
            ("max_duration = \"8h\"", "max_duration = 8"),
        ]),
        @r#"
    keylend.toml:3:10: server.listen: `localhost` is not an IP address with a port, such as `127.0.0.1:8080`
    3 | listen = "localhost"
      |          ^^^^^^^^^^^

    keylend.toml:45:25: limits.max_active_per_person: this must be a number, without quotes: write `2`
    45 | max_active_per_person = "2"
       |                         ^^^

    keylend.toml:63:8: scopes."db-prod:write".risk: `hihg` is not one of `low`, `medium`, `high`, `critical`; did you mean `high`?
    63 | risk = "hihg"
       |        ^^^^^^

    keylend.toml:79:16: scopes."lab:shell".max_duration: this must be a duration such as "30m" or "1h30m": a number with a unit, in quotes
    79 | max_duration = 8
       |                ^
    "#
    );
}

#[test]
fn the_limits_of_requests_are_read() {
    let limits = "max_pending_per_person = 5\nmax_pending_per_scope = 2\n\
                  max_requests_per_hour = 20\nmin_duration";
    let config = GOOD.replacen("min_duration", limits, 1);
    let config = load(&config, RULES).unwrap_or_else(|(problems, _)| panic!("{problems}"));
    let limits = &config.limits;
    assert_eq!(limits.max_pending_per_person, 5);
    assert_eq!(limits.max_pending_per_scope, 2);
    assert_eq!(limits.max_requests_per_hour, 20);
}

#[test]
fn the_weekly_digest_is_posted_by_the_clock_of_the_policy_and_not_without_a_day() {
    let read = |digest: &str| {
        let digest = format!("timezone = \"Europe/Berlin\"\n\n[digest]\n{digest}\n\n[groups]");
        let config = GOOD.replacen("[groups]", &digest, 1);
        load(&config, RULES).map(|config| config.weekly_digest)
    };
    let weekly = |hour| Weekly {
        day: chrono::Weekday::Mon,
        hour,
        zone: chrono_tz::Europe::Berlin,
    };
    assert_eq!(read("day = \"monday\"").unwrap(), Some(weekly(9)));
    assert_eq!(
        read("day = \"monday\"\nhour = 23").unwrap(),
        Some(weekly(23))
    );
    assert_eq!(read("hour = 3").unwrap(), None);
    for (digest, said) in [
        ("day = \"someday\"", "\"someday\" is not a day of the week"),
        ("day = \"monday\"\nhour = 24", "24 is not an hour"),
    ] {
        let (problems, _) = read(digest).unwrap_err();
        assert!(problems.to_string().contains(said), "{problems}");
    }
}

#[test]
fn a_log_is_signed_with_a_key_under_a_name() {
    let log = |section: &str| format!("{GOOD}[log]\n{section}");
    let good =
        log("origin = \"keylend.example.com/log\"\nsigning_key = { file = \"{folder}/key\" }");
    let config = load(&good, RULES).unwrap_or_else(|(problems, _)| panic!("{problems}"));
    let settings = config.log.unwrap();
    assert_eq!(settings.checkpoint_file, None);
    assert_eq!(settings.origin, "keylend.example.com/log");

    for (section, problem) in [
        (
            "signing_key = { file = \"{folder}/key\" }",
            "log.signing_key: `origin` is missing, which names the log in its checkpoints",
        ),
        (
            "origin = \"keylend.example.com/log\"",
            "log.origin: nothing is signed without `signing_key`",
        ),
        (
            "checkpoint_file = \"/var/lib/keylend/checkpoints\"",
            "log.checkpoint_file: nothing is signed without `signing_key`",
        ),
        (
            "origin = \"my log+1\"\nsigning_key = { file = \"{folder}/key\" }",
            "log.origin: `my log+1` is not an origin such as",
        ),
        (
            "origin = \"log\"\nsigning_key = { file = \"{folder}/secret\" }",
            "log.signing_key: the key must be 32 bytes",
        ),
        (
            "origin = \"log\"\nsigning_key = { file = \"{folder}/none\" }",
            "log.signing_key: the file `none` cannot be read",
        ),
    ] {
        let said = said_of(&log(section), RULES);
        assert!(said.contains(problem), "{said}");
    }
}

#[test]
fn a_scope_says_whom_a_waiting_request_notifies() {
    let approvers = "approvers = [\"leads\"]";
    let with = |keys: &str| GOOD.replacen(approvers, &format!("{approvers}\n{keys}"), 1);
    let scope: ScopeId = "db-prod:write".parse().unwrap();
    let config = load(GOOD, RULES).map_err(|(problems, _)| problems).unwrap();
    let notify = &config.notifications[&scope];
    assert_eq!(notify.notify, Notify::Channel);
    assert!(notify.escalate_to.is_empty());
    let config = load(
        &with("notify = \"direct\"\nescalate_to = [\"leads\"]"),
        RULES,
    );
    let config = config.map_err(|(problems, _)| problems).unwrap();
    let notify = &config.notifications[&scope];
    assert_eq!(notify.notify, Notify::Direct);
    assert_eq!(notify.escalate_to, notify.approvers);
    let said = said_of(&with("escalate_to = [\"lead\"]"), RULES);
    assert!(
        said.contains("there is no group `lead` in [groups]"),
        "{said}"
    );
    assert!(said.contains("did you mean `leads`?"), "{said}");
}

#[test]
fn limits_and_durations_are_checked() {
    insta::assert_snapshot!(
        said_after(&[
            ("on_limit = \"end_oldest\"", "max_pending_per_scope = 0"),
            ("\"30m\"\nmin", "\"0s\"\nmin"),
            ("default_duration = \"30m\"", "default_duration = \"30 mints\""),
            ("default_duration = \"1h\"", "default_duration = \"9h\""),
            ("max_duration = \"8h\"", "max_duration = \"8h\"\nmax_total = \"7h\""),
        ]),
        @r#"
    keylend.toml:46:25: limits.max_pending_per_scope: this allows nobody to request anything: use at least 1
    46 | max_pending_per_scope = 0
       |                         ^

    keylend.toml:47:19: limits.pending_timeout: this is too short: use at least `1s`
    47 | pending_timeout = "0s"
       |                   ^^^^

    keylend.toml:64:20: scopes."db-prod:write".default_duration: `30 mints` is not a duration such as `30m` or `1h30m`
    64 | default_duration = "30 mints"
       |                    ^^^^^^^^^^

    keylend.toml:78:20: scopes."lab:shell".default_duration: 9h is longer than `max_duration`, 8h
    78 | default_duration = "9h"
       |                    ^^^^

    keylend.toml:80:13: scopes."lab:shell".max_total: 7h is shorter than `max_duration`, 8h
    80 | max_total = "7h"
       |             ^^^^
    "#
    );
    let short = said_after(&[("default_duration = \"1h\"", "default_duration = \"1m\"")]);
    assert!(
        short.contains("1m is shorter than `limits.min_duration`, 5m"),
        "{short}"
    );
}

#[test]
fn what_a_scope_names_has_to_be_there() {
    insta::assert_snapshot!(
        said_after(&[
            ("requesters = [\"engineers\"]", "requesters = [\"enginers\"]"),
            ("approvers = [\"engineers\", \"leads\"]", "approvers = [\"engineers\", \"sre\"]"),
            ("backend = \"pg-prod\"", "backend = \"pg-porod\""),
            ("administrators = [\"leads\"]", "administrators = [\"lead\"]"),
            ("\"prod\", \"research\"", "\"prod\", \"reserch\""),
            ("[scopes.\"lab:shell\"]", "[scopes.\"lab shell\"]"),
        ]),
        @r#"
    keylend.toml:38:19: policy.administrators[0]: there is no group `lead` in [groups]; did you mean `leads`?
    38 | administrators = ["lead"]
       |                   ^^^^^^

    keylend.toml:51:25: exclusive[0].environments[1]: no scope is in the environment `reserch`; did you mean `research`?
    51 | environments = ["prod", "reserch"]
       |                         ^^^^^^^^^

    keylend.toml:66:15: scopes."db-prod:write".requesters[0]: there is no group `enginers` in [groups]; did you mean `engineers`?
    66 | requesters = ["enginers"]
       |               ^^^^^^^^^^

    keylend.toml:72:23: scopes."db-prod:write".layers[0].backend: there is no backend `pg-porod` in [backends]; did you mean `pg-prod`?
    72 | layers = [{ backend = "pg-porod", role = "app_writer" }]
       |                       ^^^^^^^^^^

    keylend.toml:74:9: scopes."lab shell": `lab shell` is not the name of a scope: write `resource:action`, such as `db-prod:write`, with at most 75 letters, digits, `.`, `_`, `-` and `/`
    74 | [scopes."lab shell"]
       |         ^^^^^^^^^^^
    "#
    );
}

#[test]
fn approvals_have_to_be_possible() {
    insta::assert_snapshot!(
        said_after(&[
            ("approvals = 2", "approvals = 3"),
            ("approvers = [\"engineers\", \"leads\"]", "approvers = []\napprovals = 0"),
        ]),
        @r#"
    keylend.toml:68:13: scopes."db-prod:write".approvals: a request needs 3 approvals, and the approver groups have only 2 members: add people, or lower `approvals`
    68 | approvals = 3
       |             ^

    keylend.toml:81:13: scopes."lab:shell".approvers: `approvers` is empty; list at least one group
    81 | approvers = []
       |             ^^

    keylend.toml:82:13: scopes."lab:shell".approvals: a request needs at least 1 approval. To approve it without a person, add a rule that permits `auto_approve`
    82 | approvals = 0
       |             ^
    "#
    );
}

/// Whoever approves has to see the whole request.
#[test]
fn no_request_is_decided_in_a_channel_that_another_company_reads() {
    let said = said_after(&[("\"C0VENDOR\"", "\"C0DBA\", \"#vendor\"")]);
    let refused = "approval_channel: `C0DBA` is one of slack.shared_channels. Approvers have to see the \
                   whole request, which people of another company must not read: use a channel that is \
                   not shared";
    assert!(said.contains(refused), "{said}");
    let refused = "slack.shared_channels[1]: `#vendor` is not a channel's id";
    assert!(said.contains(refused), "{said}");
}

#[test]
fn a_time_zone_that_there_is_not_is_refused() {
    let administrators = "administrators = [\"leads\"]\n";
    let zone = |name: &str| {
        let with_zone = format!("{administrators}timezone = \"{name}\"\n");
        said_after(&[(administrators, &with_zone)])
    };
    let said = zone("Berlin");
    assert!(
        said.contains("\"Berlin\" is not a time zone") && said.contains("`Europe/Berlin`"),
        "{said}"
    );
    let with_zone = format!("{administrators}timezone = \"Europe/Berlin\"\n");
    assert!(load(&GOOD.replacen(administrators, &with_zone, 1), RULES).is_ok());
}

#[test]
fn names_where_slack_wants_ids_are_refused() {
    insta::assert_snapshot!(
        said_after(&[
            ("\"C0AUDIT\"", "\"#audit\""),
            ("\"C0DBA\"", "\"D0DIRECT\""),
            ("\"S0ENG\"", "\"@engineers\""),
            ("\"U0ALICE\", \"U0BOB\"", "\"U0ALICE\", \"bob@example.com\""),
            ("\"T0TEAM\"", "\"acme\""),
        ]),
        @r##"
    keylend.toml:14:17: slack.audit_channel: `#audit` is not a channel's id, such as `C0123ABCD`: Slack shows it at the bottom of the channel's details
    14 | audit_channel = "#audit"
       |                 ^^^^^^^^

    keylend.toml:16:11: slack.team_id: `acme` is not the id of a workspace, such as `T0123ABCD`: it is in the address of Slack in a browser
    16 | team_id = "acme"
       |           ^^^^^^

    keylend.toml:41:33: groups.engineers.slack_usergroup: `@engineers` is not a user group's id, such as `S0123ABCD`: Slack shows it in the menu of the group, as "Copy group ID"
    41 | engineers = { slack_usergroup = "@engineers" }
       |                                 ^^^^^^^^^^^^

    keylend.toml:42:33: groups.leads.members[1]: `bob@example.com` is not a person's id, such as `U0123ABCD`: Slack shows it in the menu of their profile, as "Copy member ID"
    42 | leads = { members = ["U0ALICE", "bob@example.com"] }
       |                                 ^^^^^^^^^^^^^^^^^

    keylend.toml:68:13: scopes."db-prod:write".approvals: a request needs 2 approvals, and the approver groups have only 1 member: add people, or lower `approvals`
    68 | approvals = 2
       |             ^

    keylend.toml:69:20: scopes."db-prod:write".approval_channel: `D0DIRECT` is not a channel's id, such as `C0123ABCD`: Slack shows it at the bottom of the channel's details
    69 | approval_channel = "D0DIRECT"
       |                    ^^^^^^^^^^
    "##
    );
}

#[test]
fn an_example_of_a_ticket_matches_its_pattern() {
    let example = r#", required = false, example = "4211" }"#;
    insta::assert_snapshot!(
        said_after(&[(", required = false }", example)]),
        @r##"
    keylend.toml:71:66: scopes."db-prod:write".ticket.example: the example does not match the pattern, so people would be shown a ticket that is refused
    71 | ticket = { pattern = "^INC-[0-9]+$", required = false, example = "4211" }
       |                                                                  ^^^^^^
    "##
    );
}

#[test]
fn a_pattern_that_does_not_compile_is_explained() {
    insta::assert_snapshot!(
        said_after(&[("^INC-[0-9]+$", "^INC-([0-9]+$"), ("inc-*", "inc-***")]),
        @r##"
    keylend.toml:15:22: slack.incident_channels[0]: `inc-***` is not a pattern of channels' names, such as `inc-*`: Pattern syntax error near position 6: wildcards are either regular `*` or recursive `**`
    15 | incident_channels = ["inc-***", "#sev-?"]
       |                      ^^^^^^^^^

    keylend.toml:71:22: scopes."db-prod:write".ticket.pattern: this is not a regular expression, such as `^INC-[0-9]+$`: unclosed group
    71 | ticket = { pattern = "^INC-([0-9]+$", required = false }
       |                      ^^^^^^^^^^^^^^^
    "##
    );
}

#[test]
fn a_secret_that_was_written_down_is_refused_and_not_shown() {
    let inline = said_after(&[("{ file = \"{folder}/secret\" }", "\"hunter2\"")]);
    assert!(!inline.contains("hunter2"), "{inline}");
    assert!(
        inline.contains("slack.signing_secret: do not write the secret into this file"),
        "{inline}"
    );

    let said = said_after(&[
        (
            "{ file = \"{folder}/url\" }",
            "\"postgres://keylend:hunter2@db/app\"",
        ),
        ("{ file = \"{folder}/key\" }", "{ value = \"hunter2\" }"),
        ("app_token =", "app_tokens = \"hunter2\" #"),
    ]);
    assert!(!said.contains("hunter2"), "{said}");
    insta::assert_snapshot!(said, @r#"
    keylend.toml:12:1: slack.app_tokens: unknown key `app_tokens`; did you mean `app_token`?

    keylend.toml:23:7: secrets.key: do not write the secret into this file; write where it is: `{ env = "NAME" }` or `{ file = "PATH" }`

    keylend.toml:54:7: backends.pg-prod.postgres.url: do not write the secret into this file; write where it is: `{ env = "NAME" }` or `{ file = "PATH" }`
    "#);
    let broken = said_after(&[("{ file = \"{folder}/secret\" }", "\"hunter2")]);
    assert!(!broken.contains("hunter2"), "{broken}");
}

#[test]
fn a_secret_that_is_not_there_is_missed_before_it_is_needed() {
    insta::assert_snapshot!(
        said_after(&[
            ("bot_token = { file = \"{folder}/bot\" }", "bot_token = { env = \"KEYLEND_TEST_NOT_SET\" }"),
            ("token = { file = \"{folder}/secret\" } }]", "token = { file = \"{folder}/none\" } }]"),
            ("{folder}/key", "{folder}/secret"),
            ("{folder}/url", "{folder}/secret"),
        ]),
        @r#"
    keylend.toml:10:1: slack.bot_token: the environment variable `KEYLEND_TEST_NOT_SET` is not set
    10 | bot_token = { env = "KEYLEND_TEST_NOT_SET" }
       | ^^^^^^^^^

    keylend.toml:20:31: api.tokens[0].token: the file `none` cannot be read: No such file or directory (os error 2)
    20 | tokens = [{ name = "gateway", token = { file = "none" } }]
       |                               ^^^^^

    keylend.toml:23:1: secrets.key: the key must be 32 bytes, written as 64 hexadecimal digits or as base64: create one with `openssl rand -hex 32`
    23 | key = { file = "secret" }
       | ^^^

    keylend.toml:54:1: backends.pg-prod.postgres.url: the file `secret` does not hold the URL of a PostgreSQL server: it must start with `postgres://`, such as `postgres://keylend:PASSWORD@db.example.com/app?sslmode=verify-full`
    54 | url = { file = "secret" }
       | ^^^
    "#
    );
}

#[test]
fn a_store_is_named_and_its_password_is_not() {
    let url = "postgres://keylend@db.example.com/keylend?sslmode=verify-full";
    let config = load(&GOOD.replace("sqlite://keylend.db", url), RULES);
    let config = config.unwrap_or_else(|(problems, _)| panic!("{problems}"));
    assert_eq!(config.store, Store::Written(url.to_owned()));
    let wrong = [
        (
            "\"postgres://keylend:hunter2@db.example.com/keylend\"",
            "store.url: this URL holds a password: do not write the secret into this file",
        ),
        (
            "\"mysql://db.example.com/keylend\"",
            "store.url: this is not the URL of a store: it must start with `sqlite://` or `postgres://`",
        ),
        (
            "\"postgres://db.example.com/keylend\"",
            "store.url: the store's URL doesn't say whether the connection is encrypted",
        ),
        (
            "{ env = \"KEYLEND_TEST_UNSET\" }",
            "store.url: the environment variable `KEYLEND_TEST_UNSET` is not set",
        ),
    ];
    for (url, problem) in wrong {
        let said = said_after(&[("\"sqlite://keylend.db\"", url)]);
        assert!(said.starts_with("keylend.toml:6:"), "{said}");
        assert!(said.contains(problem), "{said}");
        assert!(!said.contains("hunter2"), "{said}");
    }
}

#[test]
fn replicas_agree_by_what_they_mean() {
    let digest = |text: &str| {
        // Where the secrets are counts, so they are in one place.
        let text = text.replace("{folder}", "/run/secrets");
        let file = tempfile::tempdir().unwrap();
        let config = file.path().join("keylend.toml");
        fs::create_dir(file.path().join("policies")).unwrap();
        fs::write(file.path().join("policies/own.cedar"), RULES).unwrap();
        fs::write(&config, text).unwrap();
        Config::load(&config, Secrets::Unchecked).unwrap().digest
    };
    let text = GOOD;
    let same = [
        ("[server]", "# Elsewhere.\n[server]"),
        (
            "sqlite://keylend.db",
            "postgres://db.example.com/keylend?sslmode=verify-full",
        ),
    ];
    for (from, to) in same {
        assert_eq!(digest(&text.replace(from, to)), digest(text), "{to}");
    }
    let other = text.replace("approvals = 2", "approvals = 1");
    assert_ne!(digest(&other), digest(text));
}

#[test]
fn the_token_is_not_sent_in_clear() {
    insta::assert_snapshot!(
        said_after(&[("https://slack.com/api", "http://slack.example.com/api")]),
        @r#"
    keylend.toml:13:11: slack.api_url: the URL must start with `https://`, because Keylend sends the bot token there; `http://` is allowed only to this machine
    13 | api_url = "http://slack.example.com/api"
       |           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    "#
    );
}

#[test]
fn each_mode_needs_its_own_secret_and_leaves_the_other_alone() {
    let socket = GOOD.replace("mode = \"http\"", "mode = \"socket\"");
    let token = "app_token = { env = \"KEYLEND_TEST_UNUSED\" }\n";
    let secret = "signing_secret = { file = \"{folder}/secret\" }\n";
    let said = [
        said_of(&socket, RULES),
        said_of(&socket.replace(token, ""), RULES),
        said_after(&[(secret, "")]),
        said_after(&[("mode = \"http\"", "mode = \"websocket\"")]),
    ];
    insta::assert_snapshot!(said.join("\n\n"), @r#"
    keylend.toml:12:1: slack.app_token: the environment variable `KEYLEND_TEST_UNUSED` is not set
    12 | app_token = { env = "KEYLEND_TEST_UNUSED" }
       | ^^^^^^^^^

    keylend.toml:8:2: slack.app_token: `mode = "socket"` requires this key: write where an app-level token with the scope `connections:write` is, such as `app_token = { env = "SLACK_APP_TOKEN" }`
    8 | [slack]
      |  ^^^^^

    keylend.toml:8:2: slack.signing_secret: `mode = "http"` requires this key: write where the app's signing secret is, such as `signing_secret = { env = "SLACK_SIGNING_SECRET" }`
    8 | [slack]
      |  ^^^^^

    keylend.toml:9:8: slack.mode: `websocket` is not one of `http`, `socket`; did you mean `socket`?
    9 | mode = "websocket"
      |        ^^^^^^^^^^^
    "#);

    let app_token = "app_token = { file = \"{folder}/secret\" }\n";
    let socket = socket.replace(token, app_token).replace(secret, "");
    let config = load(&socket, RULES).unwrap_or_else(|(problems, _)| panic!("{problems}"));
    assert!(matches!(config.slack.mode, Mode::Socket { .. }));
}

#[test]
fn what_is_no_signing_secret_of_slack_is_refused() {
    for (text, problem) in [
        (
            "xoxb-1",
            "holds a bot token. Use the signing secret, 32 hexadecimal digits",
        ),
        (
            "0123456789abcdef0123456789abcde",
            "holds fewer than 32 characters. Use the signing secret",
        ),
    ] {
        let secret = "signing_secret = { file = \"{folder}/secret\" }";
        let config = GOOD.replace(secret, &secret.replace("/secret", "/short"));
        let folder = folder(&config, RULES);
        fs::write(folder.path().join("short"), text).unwrap();
        let loaded = Config::load(&folder.path().join("keylend.toml"), Secrets::Checked);
        let problems = loaded.unwrap_err();
        let said = problems.to_string();
        assert!(
            said.contains("slack.signing_secret: ") && said.contains(problem),
            "{said}"
        );
        assert!(!said.contains(text), "{said}");
    }
}

#[test]
fn a_token_of_another_kind_is_recognised_and_not_shown() {
    let folder = folder(
        &GOOD
            .replace("mode = \"http\"", "mode = \"socket\"")
            .replace(
                "{ env = \"KEYLEND_TEST_UNUSED\" }",
                "{ file = \"{folder}/bot\" }",
            )
            .replacen("{folder}/bot", "{folder}/app", 1),
        RULES,
    );
    fs::write(folder.path().join("app"), "xapp-1").unwrap();
    let problems = Config::load(&folder.path().join("keylend.toml"), Secrets::Checked).unwrap_err();
    let said = problems.to_string();
    let said = said.replace(&format!("{}/", folder.path().display()), "");
    insta::assert_snapshot!(said, @r#"
    keylend.toml:10:1: slack.bot_token: the file `app` holds an app-level token. Use the bot token, which begins with `xoxb-`: in the app's settings, "OAuth & Permissions", "Bot User OAuth Token"
    10 | bot_token = { file = "app" }
       | ^^^^^^^^^

    keylend.toml:12:1: slack.app_token: the file `bot` holds a bot token. Use an app-level token, which begins with `xapp-`: in the app's settings, "Basic Information", "App-Level Tokens"
    12 | app_token = { file = "bot" }
       | ^^^^^^^^^
    "#);
}

#[test]
fn a_bad_policy_file_is_pointed_at() {
    let rules = "@id(\"x\")\npermit (principal in Group::\"enginers\", action == Action::\"lock\", resource);\n\
        @id(\"y\")\n@reason(\"No.\")\nforbid (principal, action, resource) when { resource.risk == Risk::\"low\" };\n";
    insta::assert_snapshot!(said_of(GOOD, rules), @r#"
    policies/own.cedar:5:45: in the rule `y`: attribute `risk` on entity type `Everything` not found (write `resource is Scope`: a lock can cover everything)
    5 | forbid (principal, action, resource) when { resource.risk == Risk::"low" };
      |                                             ^^^^^^^^^^^^^
    "#);
    insta::assert_snapshot!(
        said_of(GOOD, "@id(\"x\")\npermit (principal in Group::\"enginers\", action == Action::\"lock\", resource);"),
        @r#"
    policies/own.cedar:1:1: the rule `x` names the group `enginers`, which is not in [groups]
    1 | @id("x")
      | ^^^^^^^^
    "#
    );
    let none = said_after(&[("policies/*.cedar", "policies/owm.cedar")]);
    assert!(
        none.contains("policy.files[0]: there is no file `policies/owm.cedar`"),
        "{none}"
    );
}

#[test]
fn broken_toml_is_pointed_at() {
    insta::assert_snapshot!(
        said_after(&[("listen = \"127.0.0.1:8080\"", "listen = 127.0.0.1:8080"), ("[store]", "[store")]),
        @r#"
    keylend.toml:3:15: this is not a number: write text in quotes, such as `"text"`
    3 | listen = 127.0.0.1:8080
      |               ^^^^^^^^^

    keylend.toml:5:7: the name of the section is not closed: write `[section]`
    5 | [store
      |       ^
    "#
    );
}

#[test]
fn what_is_allowed_and_probably_not_meant_is_a_warning() {
    let config = GOOD
        .replace("^INC-[0-9]+$", "INC-[0-9]+")
        .replace("risk = \"high\"", "risk = \"critical\"");
    let config = load(&config, RULES).unwrap_or_else(|(problems, _)| panic!("{problems}"));
    let mut said = String::new();
    for warning in &config.warnings {
        let file = format!("{}", warning.file.display());
        writeln!(
            said,
            "{}\n",
            warning.to_string().replace(&file, "keylend.toml")
        )
        .unwrap();
    }
    insta::assert_snapshot!(said, @r#"
    keylend.toml:71:22: scopes."db-prod:write".ticket.pattern: the pattern matches anywhere in a text; write `^INC-[0-9]+$` if it is meant for the whole ticket
    71 | ticket = { pattern = "INC-[0-9]+", required = false }
       |                      ^^^^^^^^^^^^

    keylend.toml:72:10: scopes."db-prod:write".layers: the risk is critical, and no target ends this access by itself: while Keylend is down, the access does not end
    72 | layers = [{ backend = "pg-prod", role = "app_writer" }]
       |          ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    "#);
}

#[test]
fn a_scope_has_the_residual_of_its_slowest_target() {
    let lab = "layers = [{ backend = \"hook\", host = \"lab-1\", ports = [22, 2222] }]";
    let config = GOOD
        .replace(
            "[backends.hook.webhook]",
            "[backends.other.webhook]
            url = \"https://other.example.com/\"
            secret = { file = \"{folder}/secret\" }
            residual = \"1h 5m\"

            [backends.hook.webhook]
            residual = \"15m\"",
        )
        .replace(
            lab,
            "layers = [{ backend = \"hook\" }, { backend = \"other\" }, { backend = \"pg-prod\", role = \"app\" }]",
        );
    let config = load(&config, RULES).unwrap_or_else(|(problems, _)| panic!("{problems}"));
    let residual = |scope: &str| config.catalogue[&scope.parse().unwrap()].residual;
    assert_eq!(residual("lab:shell"), Span::minutes(65));
    assert_eq!(residual("db-prod:write"), Span::default());
}

#[test]
fn what_is_yet_to_come_is_a_warning_and_what_is_nearly_there_a_slip() {
    let config = GOOD.replace("policies/*.cedar", "rules/*.cedar").replace(
        "environments = [\"prod\", \"research\"]",
        "environments = [\"prod\", \"europe\"]",
    );
    let config = load(&config, RULES).unwrap_or_else(|(problems, _)| panic!("{problems}"));
    let said: Vec<String> = config.warnings.iter().map(ToString::to_string).collect();
    let said = said.join("\n");
    assert!(said.contains("no file matches"), "{said}");
    assert!(
        said.contains("no scope is in the environment `europe`"),
        "{said}"
    );
}

#[test]
fn ten_thousand_scopes_load() {
    let (head, scope) = GOOD.split_once("[scopes.\"lab:shell\"]").unwrap();
    let mut config = head.to_owned();
    for number in 0..10_000 {
        write!(config, "[scopes.\"lab-{number}:shell\"]{scope}").unwrap();
    }
    let config = load(&config, RULES).unwrap_or_else(|(problems, _)| panic!("{problems}"));
    assert_eq!(config.catalogue.len(), 10_001);
}

/// Runs `keylend check` in a folder without a secret in its environment.
fn check(folder: &TempDir, arguments: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_keylend"))
        .arg("check")
        .args(arguments)
        .current_dir(folder.path())
        .output()
        .unwrap();
    (
        output.status.code(),
        String::from_utf8(output.stdout).unwrap(),
    )
}

#[test]
fn check_says_what_is_there_and_exits_with_0() {
    let good = "Configuration is valid: 2 scopes, 2 backends, 13 rules\n".to_owned();
    let folder = folder(GOOD, RULES);
    assert_eq!(check(&folder, &[]), (Some(0), good.clone()));
    assert_eq!(
        check(&folder, &["--config", "keylend.toml"]),
        (Some(0), good.clone())
    );

    fs::remove_file(folder.path().join("secret")).unwrap();
    assert_eq!(check(&folder, &["--without-secrets"]), (Some(0), good));
    let (code, said) = check(&folder, &[]);
    assert_eq!(code, Some(1));
    assert!(said.contains("slack.signing_secret: the file"), "{said}");
}

#[test]
fn check_exits_with_1_for_what_is_wrong_and_2_for_what_makes_no_sense() {
    let folder = folder(&GOOD.replace("\"C0AUDIT\"", "\"#audit\""), RULES);
    let (code, said) = check(&folder, &[]);
    assert_eq!(code, Some(1));
    assert!(
        said.ends_with("Configuration is invalid: 1 problem\n"),
        "{said}"
    );

    let (code, said) = check(&folder, &["--config", "none.toml"]);
    assert_eq!(code, Some(1));
    assert!(
        said.starts_with("none.toml: the configuration cannot be read"),
        "{said}"
    );

    assert_eq!(check(&folder, &["--confg", "x"]).0, Some(2));
}

#[test]
fn a_scope_has_either_approvers_or_stages() {
    let approvers = "approvers = [\"engineers\", \"leads\"]";
    let stages = |stages: &str| said_after(&[(approvers, stages)]);
    let both = stages("approvers = [\"leads\"]\nstages = [[\"leads\"]]");
    assert!(
        both.contains("a scope has either `approvers` or `stages`: remove one of them"),
        "{both}"
    );
    let several = stages("approvals = 2\nstages = [[\"leads\"], [\"engineers\"]]");
    assert!(
        several.contains("each of the `stages` needs one approval: remove `approvals`"),
        "{several}"
    );
    let neither = stages("");
    assert!(
        neither.contains("the key `approvers` is missing"),
        "{neither}"
    );
    let unknown = stages("stages = [[\"leads\"], [\"enginers\"]]");
    assert!(
        unknown.contains("there is no group `enginers` in [groups]"),
        "{unknown}"
    );
    let empty = stages("stages = [[]]");
    assert!(
        empty.contains("the stage is empty; list at least one group"),
        "{empty}"
    );
    let many = stages(&format!("stages = [{}]", "[\"leads\"], ".repeat(9)));
    assert!(
        many.contains("list at least 1 and at most 8 stages"),
        "{many}"
    );
}
