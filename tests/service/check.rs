//! What `keylend check` says of the mistakes that people make first.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path, process::Command};

use keylend::config::{Config, Secrets};
use tempfile::TempDir;

use crate::config::{GOOD, RULES, folder, said_after, said_of};

/// The good configuration after some changes.
fn changed(changes: &[(&str, &str)]) -> String {
    let mut config = GOOD.to_owned();
    for (from, to) in changes {
        assert!(config.contains(from), "{from}");
        config = config.replacen(from, to, 1);
    }
    config
}

/// The warnings about a configuration that is valid.
fn warned(folder: &TempDir, secrets: Secrets) -> String {
    let file = folder.path().join("keylend.toml");
    let config = Config::load(&file, secrets).unwrap_or_else(|problems| panic!("{problems}"));
    let warnings: Vec<_> = config.warnings.iter().map(ToString::to_string).collect();
    let warnings = warnings.join("\n\n");
    warnings.replace(&format!("{}/", folder.path().display()), "")
}

fn warned_after(changes: &[(&str, &str)]) -> String {
    warned(&folder(&changed(changes), RULES), Secrets::Checked)
}

fn assert_says(said: &str, expected: &[&str]) {
    for expected in expected {
        assert!(said.contains(expected), "`{expected}` is missing:\n{said}");
    }
}

#[test]
fn a_variable_that_is_empty_is_told_from_one_that_is_not_set() {
    let bot = "{ file = \"{folder}/bot\" }";
    let folder = folder(
        &changed(&[(bot, "{ env = \"KEYLEND_TEST_TOKEN\" }")]),
        RULES,
    );
    let said = |value: Option<&str>| {
        let mut check = Command::new(env!("CARGO_BIN_EXE_keylend"));
        check.arg("check").current_dir(folder.path());
        match value {
            Some(value) => check.env("KEYLEND_TEST_TOKEN", value),
            None => check.env_remove("KEYLEND_TEST_TOKEN"),
        };
        String::from_utf8(check.output().unwrap().stdout).unwrap()
    };
    let variable = "slack.bot_token: the environment variable `KEYLEND_TEST_TOKEN` is";
    assert_says(&said(Some(" ")), &[&format!("{variable} empty")]);
    assert_says(&said(None), &[&format!("{variable} not set")]);
}

#[test]
fn every_kind_of_secret_of_slack_is_recognised() {
    let bot = "\"Bot User OAuth Token\"";
    for (file, text, expected) in [
        (
            "bot",
            "xapp-1",
            [
                "slack.bot_token: the file `bot` holds an app-level token",
                bot,
            ],
        ),
        (
            "bot",
            "xoxp-1",
            ["slack.bot_token: the file `bot` holds a user token", bot],
        ),
        (
            "bot",
            "xoxe.xoxb-1",
            ["holds a token of an app with token rotation", bot],
        ),
    ] {
        let folder = folder(GOOD, RULES);
        fs::write(folder.path().join(file), text).unwrap();
        let config = Config::load(&folder.path().join("keylend.toml"), Secrets::Checked);
        let said = config.unwrap_err().to_string();
        let said = said.replace(&format!("{}/", folder.path().display()), "");
        assert_says(&said, &expected);
        assert!(!said.contains(text), "{said}");
    }
    let signing = "\"App Credentials\", \"Signing Secret\"";
    for (file, text, expected) in [
        (
            "bot",
            "xoxb-…",
            ["slack.bot_token: the file `bot` holds a placeholder", bot],
        ),
        (
            "bot",
            "xoxb-your-token",
            ["slack.bot_token: the file `bot` holds a placeholder", bot],
        ),
        (
            "bot",
            "<token>",
            ["slack.bot_token: the file `bot` holds a placeholder", bot],
        ),
        (
            "bot",
            "changeme",
            ["slack.bot_token: the file `bot` holds a placeholder", bot],
        ),
        (
            "bot",
            "xoxb-xxxx",
            ["slack.bot_token: the file `bot` holds a placeholder", bot],
        ),
        (
            "bot",
            "0123456789abcdef0123456789abcdef",
            [
                "slack.bot_token: the file `bot` probably holds something else",
                bot,
            ],
        ),
        (
            "secret",
            "0123456789abcdef0123456789abcdeg",
            [
                "slack.signing_secret: the file `secret` probably holds something else",
                signing,
            ],
        ),
    ] {
        let folder = folder(GOOD, RULES);
        fs::write(folder.path().join(file), text).unwrap();
        let said = warned(&folder, Secrets::Checked);
        assert_says(&said, &expected);
        assert!(!said.contains(text), "{said}");
    }
}

#[test]
fn a_placeholder_in_place_of_another_secret_is_a_warning() {
    let config = changed(&[
        (
            "\"gateway\", token = { file = \"{folder}/secret\" }",
            "\"gateway\", token = { file = \"{folder}/open\" }",
        ),
        (
            "keylend\"\nsecret = { file = \"{folder}/secret\" }",
            "keylend\"\nsecret = { file = \"{folder}/open\" }",
        ),
    ]);
    let folder = folder(&config, RULES);
    fs::write(folder.path().join("open"), "changeme-changeme-changeme").unwrap();
    let url = "postgres://keylend:PASSWORD@db.example.com/app?sslmode=verify-full";
    fs::write(folder.path().join("url"), url).unwrap();
    let said = warned(&folder, Secrets::Checked);
    assert_says(
        &said,
        &[
            "api.tokens[0].token: the file `open` holds a placeholder: create a token with `openssl rand -hex 32`",
            "backends.hook.webhook.secret: the file `open` holds a placeholder",
            "backends.pg-prod.postgres.url: the password in the URL is a placeholder",
        ],
    );
    assert!(!said.contains("changeme"), "{said}");
    assert_eq!(warned(&folder, Secrets::Unchecked), "");
}

#[test]
fn a_group_says_in_one_way_where_its_members_come_from() {
    let engineers = "engineers = { slack_usergroup = \"S0ENG\" }";
    for (written, expected) in [
        (
            "engineers = { slack_usergroup = \"S0ENG\", members = [\"U0ALICE\"] }",
            "groups.engineers: a group takes its members from one place, and this one has \
             `members` and `slack_usergroup`: keep one of `slack_usergroup`, `members`, \
             `pagerduty` and `icalendar`",
        ),
        (
            "engineers = \"S0ENG\"",
            "groups.engineers: the group does not say where its members come from: write \
             `{ slack_usergroup = \"S0123ABCD\" }`, `{ members = [\"U0123ABCD\"] }`, \
             `{ pagerduty = { schedules = [\"PI7DH85\"], token = { env = \"NAME\" } } }` or \
             `{ icalendar = { url = { env = \"NAME\" } } }`",
        ),
        (
            "engineers = [\"U0ALICE\"]",
            "groups.engineers: the group does not say where its members come from",
        ),
        (
            "engineers = {}",
            "groups.engineers: the group says nothing of its members",
        ),
        (
            "engineers = { pagerduty = { schedules = [], token = { env = \"X\" } } }",
            "groups.engineers.pagerduty.schedules: `schedules` is empty: list one schedule at least",
        ),
        (
            "engineers = { pagerduty = { schedules = [\"daily rota\"], token = { env = \"X\" } } }",
            "groups.engineers.pagerduty.schedules[0]: \"daily rota\" is not a schedule's id, such as \
             `PI7DH85`",
        ),
        (
            "engineers = { pagerduty = { schedules = [\"PI7DH85\"], token = { env = \"X\" }, \
             url = \"http://pagerduty.example.com\" } }",
            "groups.engineers.pagerduty.url: the URL must start with `https://`",
        ),
        (
            "engineers = { pagerduty = { schedules = [\"PI7DH85\"], token = { env = \"X\" }, \
             url = \"https://pagerduty.example.com/?x\" } }",
            "groups.engineers.pagerduty.url: remove what follows the path",
        ),
        (
            "engineers = { pagerduty = { schedules = [\"PI7DH85\"], \
             token = { env = \"KEYLEND_TEST_NO_SUCH\" } } }",
            "groups.engineers.pagerduty.token: the environment variable `KEYLEND_TEST_NO_SUCH` is not set",
        ),
        (
            "engineers = { icalendar = { url = { env = \"KEYLEND_TEST_NO_SUCH\" } } }",
            "groups.engineers.icalendar.url: the environment variable `KEYLEND_TEST_NO_SUCH` is not set",
        ),
        (
            "engineers = { icalendar = { url = { file = \"Cargo.toml\" } } }",
            "groups.engineers.icalendar.url: the file `Cargo.toml` does not hold a URL that starts with",
        ),
        (
            "engineers = { icalendar = { url = \"https://calendar.example.com/x.ics\" } }",
            "do not write the secret into this file",
        ),
        (
            "engineers = { member = [\"U0ALICE\"] }",
            "`member` is not one of `slack_usergroup`, `members`, `pagerduty`, `icalendar`; did you mean `members`?",
        ),
    ] {
        let said = said_after(&[(engineers, written)]);
        assert_says(&said, &["keylend.toml:41:", expected]);
    }
}

#[test]
fn a_backend_is_one_target_of_one_kind() {
    let header = "[backends.hook.webhook]";
    for (written, expected) in [
        (
            "[backends.hook.exec]\nprogram = \"/bin/true\"\n[backends.hook.webhook]",
            "backends.hook: a backend is one target of one kind, and this one has",
        ),
        (
            "[backends.hook]",
            "backends.hook: this does not say which kind of target it is: write \
             `[backends.hook.postgres]`; the kinds are `exec`, `postgres`, `webhook`",
        ),
        (
            "[backends.hook.webhok]",
            "`webhok` is not one of `exec`, `postgres`, `webhook`; did you mean `webhook`?",
        ),
        (
            "[backends.hook]\ntimeout = \"5s\"\n[backends.hook.webhook]",
            "backends.hook: move `timeout` below `[backends.hook.webhook]`",
        ),
    ] {
        assert_says(&said_after(&[(header, written)]), &[expected]);
    }
}

#[test]
fn a_value_of_another_type_is_said_with_what_to_write() {
    let said = said_after(&[
        ("requesters = [\"engineers\"]", "requesters = \"engineers\""),
        ("title = \"A shell in the lab\"", "title = 7"),
        ("[[exclusive]]", "[exclusive]"),
        ("max_active_per_person = 2", "max_active_per_person = -1"),
        ("require_confirmed = true", "require_confirmed = \"yes\""),
        (
            "[backends.hook.webhook]",
            "[backends.hook.webhook]\ntimeout = 15",
        ),
    ]);
    assert_says(
        &said,
        &[
            "scopes.\"db-prod:write\".requesters: this must be a list: write `[\"engineers\"]`",
            "scopes.\"lab:shell\".title: this must be text in quotes: write `\"7\"`",
            "exclusive: this must be a list of sections: write `[[exclusive]]`, with two brackets",
            "limits.max_active_per_person: this must be a whole number from 0 to 4294967295",
            "identity.require_confirmed: this must be `true` or `false`, without quotes",
            "backends.hook.webhook.timeout: this must be text in quotes: write `\"15s\"`",
        ],
    );
    let said = said_after(&[("risk = \"low\"", "risk = 1")]);
    assert_says(
        &said,
        &["risk: this must be text in quotes, such as `risk = \"high\"`"],
    );
    let said = said_after(&[("tokens = [", "tokens = \"hunter2\" # [")]);
    assert_says(&said, &["api.tokens: this must be a list"]);
    assert!(!said.contains("hunter2"), "{said}");
}

#[test]
fn what_is_defined_twice_names_the_line_of_the_first() {
    insta::assert_snapshot!(
        said_after(&[
            ("[secrets]", "[api]"),
            ("leads = { members", "engineers = { members"),
            ("min_duration = \"5m\"", "min_duration = \"5m\"\nmin_duration = \"6m\""),
            ("[backends.hook.webhook]", "[backends.pg-prod.postgres]"),
            ("role = \"app_writer\"", "role = \"app_writer\", role = \"x\""),
            ("[scopes.\"lab:shell\"]", "[scopes.\"db-prod:write\"]"),
        ]),
        @r#"
    keylend.toml:22:2: api: the section [api] is defined twice; it is first defined in line 19. Keep one of them
    22 | [api]
       |  ^^^

    keylend.toml:42:1: groups.engineers: the group `engineers` is defined twice; it is first defined in line 41. Keep one of them
    42 | engineers = { members = ["U0ALICE", "U0BOB"] }
       | ^^^^^^^^^

    keylend.toml:49:1: limits.min_duration: the key `min_duration` is defined twice; it is first defined in line 48. Keep one of them
    49 | min_duration = "6m"
       | ^^^^^^^^^^^^

    keylend.toml:57:19: backends.pg-prod.postgres: the backend `pg-prod` is defined twice; it is first defined in line 54. Keep one of them
    57 | [backends.pg-prod.postgres]
       |                   ^^^^^^^^

    keylend.toml:73:55: scopes."db-prod:write".layers[0].role: the key `role` is defined twice; it is first defined in line 73. Keep one of them
    73 | layers = [{ backend = "pg-prod", role = "app_writer", role = "x" }]
       |                                                       ^^^^

    keylend.toml:75:9: scopes."db-prod:write": the scope `db-prod:write` is defined twice; it is first defined in line 61. Keep one of them
    75 | [scopes."db-prod:write"]
       |         ^^^^^^^^^^^^^^^
    "#
    );
}

#[test]
fn a_rule_that_is_there_twice_names_the_line_of_the_first() {
    let said = said_of(GOOD, &format!("{RULES}{RULES}"));
    assert_says(
        &said,
        &[
            "policies/own.cedar:6:1: there is already a rule `low-risk`, in ",
            "own.cedar:2",
        ],
    );
}

#[test]
fn a_url_without_a_scheme_is_said_to_need_one() {
    for (from, to, expected) in [
        (
            "https://slack.com/api",
            "slack.com/api",
            "slack.api_url: the URL must start with `https://`, such as `https://slack.com/api/`",
        ),
        (
            "https://slack.com/api",
            "slack.com:443/api",
            "slack.api_url: the URL must start with `https://`, because Keylend sends the bot token there",
        ),
        (
            "https://access.example.com/keylend",
            "access.example.com/keylend",
            "backends.hook.webhook.url: this is not a URL: it must start with `https://`, such as",
        ),
        (
            "https://access.example.com/keylend",
            "access.example.com:443/keylend",
            "backends.hook.webhook.url: the URL must start with `https://`, such as",
        ),
        (
            "sqlite://keylend.db",
            "keylend.db",
            "store.url: this is not the URL of a store: it must start with `sqlite://` or `postgres://`",
        ),
    ] {
        assert_says(&said_after(&[(from, to)]), &[expected]);
    }
}

#[test]
fn a_file_that_is_not_utf_8_is_pointed_into() {
    let folder = folder(GOOD, RULES);
    let file = folder.path().join("keylend.toml");
    let said = |bytes: &[u8], file: &Path| {
        fs::write(file, bytes).unwrap();
        let config = Config::load(&folder.path().join("keylend.toml"), Secrets::Checked);
        config.unwrap_err().to_string()
    };
    let good = fs::read(&file).unwrap();
    let latin = said(b"[server]\n# Gr\xfc\xdfe\n", &file);
    assert_says(
        &latin,
        &["keylend.toml:2:5: this file is not UTF-8 at byte offset 13: save it as UTF-8"],
    );
    let wide = said(b"\xff\xfe[\0s\0", &file);
    assert_says(
        &wide,
        &["keylend.toml:1:1: this file is UTF-16: save it as UTF-8"],
    );
    fs::write(&file, good).unwrap();
    let rules = said(b"// \xe9\n", &folder.path().join("policies/own.cedar"));
    assert_says(
        &rules,
        &["own.cedar:1:4: this file is not UTF-8 at byte offset 3"],
    );
    fs::write(folder.path().join("policies/own.cedar"), RULES).unwrap();
    let secret = said(b"\xff", &folder.path().join("bot"));
    assert_says(
        &secret,
        &["slack.bot_token: the file `", "bot` is not UTF-8 text"],
    );
}

#[test]
fn an_encryption_that_is_left_open_is_said_of_the_target_and_the_store() {
    let said_with = |url: &str| {
        let folder = folder(GOOD, RULES);
        fs::write(folder.path().join("url"), url).unwrap();
        let file = folder.path().join("keylend.toml");
        match Config::load(&file, Secrets::Checked) {
            Ok(_) => warned(&folder, Secrets::Checked),
            Err(problems) => problems.to_string(),
        }
    };
    let open = said_with("postgres://keylend:hunter2@db.example.com/app");
    assert_says(
        &open,
        &[
            "keylend.toml:54:1: backends.pg-prod.postgres.url: the URL in the file",
            "sslmode=verify-full",
        ],
    );
    let preferred = said_with("postgres://keylend:hunter2@db.example.com/app?sslmode=prefer");
    assert_says(
        &preferred,
        &[
            "keylend.toml:54:1: backends.pg-prod.postgres.url: the `sslmode` of the URL lets the server choose",
        ],
    );
    let in_vain =
        said_with("postgres://keylend@db.example.com/app?sslmode=require&sslpasword=hunter2");
    assert_says(
        &in_vain,
        &["backends.pg-prod.postgres.url: the URL has a parameter that Keylend ignores"],
    );
    for said in [open, preferred, in_vain] {
        assert!(!said.contains("hunter2"), "{said}");
    }
    let store = "postgres://keylend@db.example.com/keylend";
    let said = said_after(&[("sqlite://keylend.db", store)]);
    assert_says(
        &said,
        &["keylend.toml:6:7: store.url: ", "sslmode=verify-full"],
    );
    let said = warned_after(&[("sqlite://keylend.db", &format!("{store}?sslmode=allow"))]);
    assert_says(
        &said,
        &["keylend.toml:6:7: store.url: the `sslmode` of the URL lets the server choose"],
    );
}

#[test]
fn a_parameter_that_is_ignored_is_not_logged_with_its_value() {
    let folder = folder(GOOD, RULES);
    let url = "postgres://keylend@db.example.com/app?sslmode=require&sslpassword=hunter2";
    fs::write(folder.path().join("url"), url).unwrap();
    let checked = Command::new(env!("CARGO_BIN_EXE_keylend"))
        .arg("check")
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert_eq!(checked.status.code(), Some(0));
    let said = String::from_utf8([checked.stdout, checked.stderr].concat()).unwrap();
    assert_says(&said, &["warning: ", "Configuration is valid: "]);
    assert!(!said.contains("hunter2"), "{said}");
}

#[test]
fn a_program_that_is_not_there_is_a_warning_on_the_machine_that_runs_it() {
    let layer = "layers = [{ backend = \"hook\", host = \"lab-1\", ports = [22, 2222] }]";
    let config = changed(&[
        (
            "[backends.hook.webhook]",
            "[backends.vpn.exec]\nprogram = \"{folder}/vpn\"\n\n[backends.hook.webhook]",
        ),
        (layer, "layers = [{ backend = \"vpn\" }]"),
    ]);
    let folder = folder(&config, RULES);
    let program = folder.path().join("vpn");
    let missing =
        "keylend.toml:57:11: backends.vpn.exec.program: there is no program `vpn` on this machine";
    assert_says(&warned(&folder, Secrets::Checked), &[missing]);
    assert_eq!(warned(&folder, Secrets::Unchecked), "");

    fs::write(&program, "#!/bin/sh\n").unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o644)).unwrap();
    let plain = "backends.vpn.exec.program: `vpn` is not executable: run `chmod +x vpn`";
    assert_says(&warned(&folder, Secrets::Checked), &[plain]);
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    assert_eq!(warned(&folder, Secrets::Checked), "");
}

#[test]
fn a_rule_that_names_what_no_scope_has_is_a_warning() {
    let rule = |id: &str, resource: &str, condition: &str| {
        format!(
            "@id(\"{id}\")\n@reason(\"No.\")\nforbid (principal, action == Action::\"request\", \
             {resource}) when {{ {condition} }};\n"
        )
    };
    let rules = [
        rule(
            "scope",
            "resource == Scope::\"db-prod:wirte\"",
            "context.held > 0",
        ),
        rule(
            "environment",
            "resource",
            "resource.environment == \"prdo\"",
        ),
        rule(
            "set",
            "resource",
            "[\"prod\", \"europe\"].contains(resource.environment)",
        ),
        rule(
            "parts",
            "resource",
            "resource.resource == \"db-prdo\" && resource.action != \"raed\"",
        ),
        rule(
            "right",
            "resource == Scope::\"db-prod:write\"",
            "resource.environment != \"\"",
        ),
        rule(
            "also-right",
            "resource",
            "resource.resource == \"lab\" && \"shell\" == resource.action",
        ),
    ];
    let said = warned(&folder(GOOD, &rules.concat()), Secrets::Unchecked);
    assert_says(
        &said,
        &[
            "policies/own.cedar:1:1: the rule `scope` names the scope `db-prod:wirte`, which is not in \
             [scopes]; did you mean `db-prod:write`?",
            "policies/own.cedar:4:1: the rule `environment` names the environment `prdo`, which no scope is \
             in; did you mean `prod`?",
            "policies/own.cedar:7:1: the rule `set` names the environment `europe`, which no scope is in\n",
            "the rule `parts` names the resource `db-prdo`, which no scope is of; did you mean `db-prod`?",
            "the rule `parts` names the action `raed`, which no scope is of",
        ],
    );
    assert!(!said.contains("right"), "{said}");
    let risk = rule("risk", "resource", "resource.risk == Risk::\"hihg\"");
    assert_says(
        &said_of(GOOD, &risk),
        &["in the rule `risk`", "valid entity eids"],
    );
}

#[test]
fn a_scope_that_escalates_to_nobody_who_can_approve_is_a_warning() {
    let escalate = |group: &str| {
        let approvers = "approvers = [\"leads\"]";
        let escalating = format!("{approvers}\nescalate_to = [\"{group}\"]");
        warned_after(&[(approvers, &escalating)])
    };
    let said = escalate("engineers");
    assert_says(
        &said,
        &["scopes.\"db-prod:write\".escalate_to: none of these groups can approve this"],
    );
    assert!(!escalate("leads").contains("escalate_to"));
}

#[test]
fn a_scope_that_nobody_can_request_or_approve_is_a_warning() {
    let engineers = "engineers = { slack_usergroup = \"S0ENG\" }";
    let leads = "leads = { members = [\"U0ALICE\", \"U0BOB\"] }";
    let alone = warned_after(&[
        (engineers, "engineers = { members = [\"U0ALICE\"] }"),
        (leads, "leads = { members = [\"W0ALICE\"] }"),
        ("approvals = 2", "approvals = 1"),
        (
            "approvers = [\"engineers\", \"leads\"]",
            "approvers = [\"engineers\"]",
        ),
    ]);
    assert_says(
        &alone,
        &[
            "keylend.toml:67:13: scopes.\"db-prod:write\".approvers: no request can be approved: the only \
             approver is also the only requester, and nobody approves their own request. Add an approver",
            "scopes.\"lab:shell\".approvers: no request can be approved: the only approver is also",
        ],
    );
    let two = warned_after(&[(
        engineers,
        "engineers = { members = [\"U0ALICE\", \"U0BOB\"] }",
    )]);
    assert_says(
        &two,
        &[
            "no request can be approved: it needs 2 approvals, and every requester is one of the 2 \
             approvers",
        ],
    );
    let one = warned_after(&[(leads, "leads = { members = [\"U0ALICE\", \"W0ALICE\"] }")]);
    assert_says(
        &one,
        &["it needs 2 approvals, and by [people] the approvers are one person"],
    );
    let nobody = warned_after(&[(engineers, "engineers = { members = [] }")]);
    assert_says(
        &nobody,
        &[
            "keylend.toml:41:25: groups.engineers.members: `members` is empty, so nobody is in this group",
            "scopes.\"db-prod:write\".requesters: nobody can request this: its requester groups have no members",
        ],
    );
    // Others can approve, and others can request.
    for enough in [
        &[(
            engineers,
            "engineers = { members = [\"U0ALICE\", \"U0CAROL\"] }",
        )][..],
        &[
            (engineers, "engineers = { members = [\"U0ALICE\"] }"),
            ("approvals = 2", "approvals = 1"),
        ],
    ] {
        let said = warned_after(enough);
        assert!(!said.contains("no request can be approved"), "{said}");
    }
    let nobody = said_after(&[(leads, "leads = { members = [] }"), ("approvals = 2\n", "")]);
    assert_says(
        &nobody,
        &["a request needs 1 approval, and the approver groups have no members"],
    );
}

#[test]
fn the_documentation_shows_what_check_says_of_its_configuration() {
    let page = |file: &str| {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        fs::read_to_string(root.join(file)).unwrap()
    };
    let start = page("docs/quick-start.md");
    let (_, begun) = start.split_once("```toml\n").unwrap();
    let (configuration, _) = begun.split_once("```").unwrap();
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("keylend.toml"), configuration).unwrap();
    let checked = Command::new(env!("CARGO_BIN_EXE_keylend"))
        .args(["check", "--without-secrets"])
        .current_dir(folder.path())
        .output()
        .unwrap();
    let said = String::from_utf8(checked.stdout).unwrap();
    assert!(
        said.starts_with("Configuration is valid: 1 scope, 1 backend, "),
        "{said}"
    );
    for page in [start, page("README.md")] {
        assert!(page.contains(said.trim_end()), "{said} is missing:\n{page}");
    }
}
