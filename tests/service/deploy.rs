//! What is deployed: the example configuration, the Slack app's manifest, and the files beside them.
#![expect(clippy::unwrap_used, reason = "a test stops where it cannot go on")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use keylend::config::{Config, Secrets};
use serde_json::Value;

use crate::support::skip::{shared, skip};

fn root() -> PathBuf {
    env!("CARGO_MANIFEST_DIR").into()
}

fn text(file: &str) -> String {
    fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

fn yaml(file: &str) -> Value {
    serde_saphyr::from_str(&text(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// The strings of an array.
fn strings(value: &Value) -> BTreeSet<&str> {
    let all = value.as_array().unwrap().iter();
    all.map(|value| value.as_str().unwrap()).collect()
}

/// The variables that hold the example's secrets, with what would stand in them.
fn example_secrets() -> BTreeMap<String, &'static str> {
    let example = text("deploy/keylend.example.toml");
    example
        .lines()
        .filter(|line| !line.starts_with('#'))
        .flat_map(|line| line.split("{ env = \"").skip(1))
        .map(|rest| rest.split('"').next().unwrap().to_owned())
        .map(|name| {
            let value = match name.as_str() {
                "PG_PROD_ADMIN_URL" => {
                    "postgres://keylend:password@db.example.com/app?sslmode=verify-full"
                }
                "KEYLEND_SECRETS_KEY" | "KEYLEND_LOG_KEY" => {
                    "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
                }
                "SLACK_BOT_TOKEN" => "xoxb-1",
                _ => "0123456789abcdef0123456789abcdef",
            };
            (name, value)
        })
        .collect()
}

#[test]
fn the_example_configuration_is_valid() {
    let output = Command::new(env!("CARGO_BIN_EXE_keylend"))
        .args(["check", "--config", "deploy/keylend.example.toml"])
        .current_dir(root())
        .envs(example_secrets())
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let last = "Configuration is valid: 4 scopes, 3 backends, 16 rules\n";
    assert!(said.ends_with(last), "{said}");
    // The program of the example is probably not on this machine.
    let is_of_program = |warning: &str| warning.contains("backends.bastion.exec.program: ");
    let mut warnings = said.split("warning: ").skip(1);
    assert!(warnings.all(is_of_program), "{said}");
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn the_configuration_of_the_quick_start_is_valid() {
    let page = text("docs/quick-start.md");
    let (_, begun) = page.split_once("```toml\n").unwrap();
    let (configuration, _) = begun.split_once("```").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("keylend.toml");
    fs::write(&file, configuration).unwrap();
    let config =
        Config::load(&file, Secrets::Unchecked).unwrap_or_else(|problems| panic!("{problems}"));
    assert!(config.warnings.is_empty());
    assert_eq!(config.catalogue.len(), 1);
}

/// The example with every key in force that is left out in a comment.
pub(crate) fn example_with_every_key() -> String {
    let example = text("deploy/keylend.example.toml");
    let is_key = |line: &str| {
        line.strip_prefix("# ")
            .and_then(|line| line.split_once(" = "))
            .is_some_and(|(key, _)| {
                key.bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte == b'_')
            })
    };
    let lines: Vec<_> = example
        .lines()
        .map(|line| if is_key(line) { &line[2..] } else { line })
        .collect();
    lines.join("\n")
}

#[test]
fn the_example_names_every_key_that_is_left_out_in_a_comment() {
    // Each commented key, put in force, is a key that there is.
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("keylend.toml");
    fs::create_dir(folder.path().join("policies")).unwrap();
    fs::copy(
        root().join("deploy/policies/example.cedar"),
        folder.path().join("policies/example.cedar"),
    )
    .unwrap();
    fs::write(&file, example_with_every_key()).unwrap();
    let config =
        Config::load(&file, Secrets::Unchecked).unwrap_or_else(|problems| panic!("{problems}"));
    assert!(config.slack.team_id.is_some() && config.slack.app_id.is_some());
}

/// Where the example may have another key, and the text around it that shows its keys: the file,
/// each section, each table within a line, and a target of another kind.
fn tables(example: &str) -> Vec<(usize, String)> {
    let top = example.lines().take_while(|line| !line.starts_with('['));
    let top = top.filter(|line| !line.starts_with('#'));
    let headers = example.lines().filter(|line| line.starts_with('['));
    let headers: Vec<_> = top.chain(headers).collect();
    let headers = headers.join("\n");
    let mut tables = vec![(0, headers.clone()), (example.len(), headers)];
    let mut at = 0;
    for line in example.split_inclusive('\n') {
        let end = at + line.len();
        if line.starts_with('[') {
            let next = example[end..].find("\n[");
            let next = next.map_or(example.len(), |next| end + next);
            tables.push((end, example[end..next].to_owned()));
        } else if !line.starts_with('#') {
            for (brace, _) in line.match_indices("{ ") {
                let begin = at + brace + 2;
                let length = example[begin..end].find('}').unwrap();
                tables.push((begin, example[begin..begin + length].to_owned()));
            }
        }
        at = end;
    }
    tables
}

/// Whether a line sets this key, or is the header of its table.
fn shows(line: &str, key: &str) -> bool {
    if line.starts_with('[') {
        return line.split(['[', ']', '.']).any(|name| name == key);
    }
    line.match_indices(" =")
        .any(|(end, _)| line[..end].split(' ').next_back() == Some(key))
}

#[test]
fn the_example_shows_every_key() {
    let example = text("deploy/keylend.example.toml");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("keylend.toml");
    // The keys of each kind of table, and the texts of all tables of this kind.
    let mut kinds = BTreeMap::<String, Vec<String>>::new();
    for (at, shown) in tables(&example) {
        let (before, behind) = example.split_at(at);
        let key = match before.ends_with("{ ") {
            true => "no_such_key = 1, ",
            false if behind.is_empty() => "[backends.other]\nno_such_key = 1\n",
            false => "no_such_key = 1\n",
        };
        fs::write(&file, [before, key, behind].concat()).unwrap();
        // A program takes any key.
        let Err(problems) = Config::load(&file, Secrets::Unchecked) else {
            continue;
        };
        // The answer to a key that there is not lists those that there are, unless somebody chooses
        // them.
        let problems = problems.to_string();
        let listed = problems.lines().find_map(|line| {
            [
                "unknown section `no_such_key`; write one of ",
                "unknown key `no_such_key`; write one of ",
                "`no_such_key` is not one of ",
            ]
            .iter()
            .find_map(|answer| Some(line.split_once(answer)?.1))
        });
        if let Some(listed) = listed {
            kinds.entry(listed.to_owned()).or_default().push(shown);
        }
    }
    assert!(kinds.len() > 12, "{:#?}", kinds.keys());
    for (listed, texts) in &kinds {
        for key in listed.split('`').skip(1).step_by(2) {
            let is_shown = texts
                .iter()
                .flat_map(|text| text.lines())
                .any(|line| shows(line, key));
            assert!(is_shown, "the example does not show `{key}` of {listed}");
        }
    }
}

#[test]
fn compose_and_systemd_pass_the_secrets_of_the_example() {
    let secrets = example_secrets();
    let secrets: BTreeSet<_> = secrets.keys().map(String::as_str).collect();

    let compose = yaml("deploy/compose.yml");
    assert_eq!(strings(&compose["services"]["keylend"]["secrets"]), secrets);
    let files = compose["secrets"].as_object().unwrap();
    assert!(secrets.iter().all(|name| files.contains_key(*name)));

    let unit = text("deploy/keylend.service");
    let loaded: BTreeSet<_> = unit
        .lines()
        .filter_map(|line| line.strip_prefix("LoadCredential="))
        .map(|line| line.split(':').next().unwrap())
        .collect();
    assert_eq!(loaded, secrets);
}

#[test]
fn the_container_and_the_unit_run_unprivileged() {
    let compose = yaml("deploy/compose.yml");
    let keylend = &compose["services"]["keylend"];
    assert_eq!(keylend["read_only"], true);
    assert_eq!(strings(&keylend["cap_drop"]), ["ALL"].into());

    let dockerfile = text("deploy/Dockerfile");
    assert!(dockerfile.lines().any(|line| line == "USER 65532:65532"));

    for unit in ["deploy/keylend.service", "deploy/keylend-receiver.service"] {
        let found = text(unit);
        for line in [
            "DynamicUser=yes",
            "NoNewPrivileges=yes",
            "ProtectSystem=strict",
            "CapabilityBoundingSet=",
            "SystemCallFilter=@system-service",
            "LimitCORE=0",
        ] {
            assert!(found.lines().any(|found| found == line), "{unit}: {line}");
        }
    }
}

#[test]
fn a_receiver_runs_under_an_account_of_its_own() {
    let keys = |unit: &str, key: &str| -> Vec<String> {
        let text = text(unit);
        let lines = text.lines();
        lines
            .filter_map(|line| Some(line.strip_prefix(key)?.strip_prefix('=')?.to_owned()))
            .collect()
    };
    // systemd names the account of `DynamicUser` after the unit, unless `User` does.
    for unit in ["deploy/keylend.service", "deploy/keylend-receiver.service"] {
        assert_eq!(keys(unit, "DynamicUser"), ["yes"]);
        assert!(keys(unit, "User").is_empty() && keys(unit, "Group").is_empty());
    }
    assert!(keys("deploy/keylend-receiver.service", "LoadCredential").is_empty());
    assert_ne!(
        keys("deploy/keylend.service", "StateDirectory"),
        keys("deploy/keylend-receiver.service", "StateDirectory")
    );
}

#[test]
fn the_manifest_asks_for_what_is_used_and_nothing_else() {
    let manifest = yaml("manifest.yml");
    assert_eq!(
        strings(&manifest["oauth_config"]["scopes"]["bot"]),
        keylend::slack::client::SCOPES.into()
    );
    assert!(manifest["oauth_config"]["scopes"].get("user").is_none());
    assert_eq!(
        strings(&manifest["settings"]["event_subscriptions"]["bot_events"]),
        [
            "app_home_opened",
            "channel_id_changed",
            "channel_shared",
            "channel_unshared",
            "subteam_members_changed",
            "subteam_updated",
            "user_change",
        ]
        .into()
    );
    assert_eq!(manifest["settings"]["socket_mode_enabled"], false);
    assert_eq!(manifest["features"]["app_home"]["home_tab_enabled"], true);
}

#[test]
fn the_manifest_sends_slack_to_the_routes_that_there_are() {
    let manifest = yaml("manifest.yml");
    let commands = manifest["features"]["slash_commands"].as_array().unwrap();
    assert_eq!(commands.len(), 1);
    assert_eq!(commands[0]["command"], "/jit");
    assert_eq!(commands[0]["should_escape"], true);

    let settings = &manifest["settings"];
    let interactivity = &settings["interactivity"];
    assert_eq!(interactivity["is_enabled"], true);
    for (url, route) in [
        (&commands[0]["url"], "commands"),
        (&interactivity["request_url"], "interactions"),
        (&interactivity["message_menu_options_url"], "options"),
        (&settings["event_subscriptions"]["request_url"], "events"),
    ] {
        assert_eq!(*url, format!("https://keylend.example.com/slack/{route}"));
    }
}

#[test]
fn the_manifest_keeps_to_slacks_limits() {
    let manifest = yaml("manifest.yml");
    let about = &manifest["display_information"];
    let length = |value: &Value| value.as_str().unwrap().chars().count();
    assert!(length(&about["name"]) <= 35);
    assert!(length(&about["description"]) <= 140);
    assert!((175..=4000).contains(&length(&about["long_description"])));
    let command = &manifest["features"]["slash_commands"][0];
    assert!(length(&command["usage_hint"]) <= 1000);
}

/// Slack's own schema of manifests is not ours to ship; it is used where it is at hand.
#[test]
fn the_manifest_is_valid_by_slacks_own_schema() {
    let Some(validator) = shared("tools/slack/manifest/validate_manifest.py") else {
        return;
    };
    let has_jsonschema = Command::new("python3")
        .args(["-c", "import jsonschema"])
        .output()
        .is_ok_and(|output| output.status.success());
    if !has_jsonschema {
        skip("Python's jsonschema is not installed");
        return;
    }
    let said = validate(&validator, &yaml("manifest.yml"));
    assert!(said.trim_end().ends_with(" OK"), "{said}");

    let mut wrong = yaml("manifest.yml");
    wrong["display_information"]["name"] = "K".repeat(36).into();
    let said = validate(&validator, &wrong);
    assert!(said.contains("/display_information/name"), "{said}");
}

fn validate(validator: &Path, manifest: &Value) -> String {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("manifest.json");
    fs::write(&file, manifest.to_string()).unwrap();
    let output = Command::new("python3")
        .args([validator, &file])
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap()
}
