//! What `docs/formats.md` promises, compared with a record of it: `formats.txt`, one promise a line, each
//! with the version that it belongs to.
//!
//! Something new is appended to the record, and the new length and digest to [`PLACES`]. A line that is not
//! true any more stays: then the version has to move, and the new version gets lines of its own.

use std::{collections::BTreeSet, fs, process::Command};

use keylend::{
    config::{self, Config, Secrets},
    store::chain,
};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::{deploy::example_with_every_key, support::fixture::Fixture};

const RECORD: &str = include_str!("formats.txt");

/// How many lines the record had after each change, and their digest.
const PLACES: [(usize, &str); 4] = [
    (
        265,
        "a8d5134cbbc988b5a140b584eccb6b7933db51748c0513ff8d488ce70390f9d1",
    ),
    (
        267,
        "3da165a417f2d5c4329593931ae5b35f8610716f8ee945ee3cc9c9fb51fceb55",
    ),
    (
        275,
        "6194d4e063a07b19aaed714ce2cd21c79994d8d9910ca3adc7ce9d4f3037f28b",
    ),
    (
        287,
        "c0ef46d4d10c5fe3c5d8724240d85aa7b908793cfc27985054273c522f9ecf9c",
    ),
];

const GOLDEN: &str = "tests/service/audit/golden.jsonl";

#[test]
fn the_record_only_grows() {
    let lines: Vec<&str> = RECORD.lines().collect();
    for (length, digest) in PLACES {
        let recorded = lines.get(..length).map(|lines| lines.join("\n"));
        let recorded = recorded.map(|lines| hex::encode(Sha256::digest(lines)));
        assert_eq!(
            recorded.as_deref(),
            Some(digest),
            "the first {length} lines"
        );
    }
    assert_eq!(PLACES.last().map(|(length, _)| *length), Some(lines.len()));
    assert_eq!(lines.iter().collect::<BTreeSet<_>>().len(), lines.len());
}

/// The lines of one format and version.
pub(crate) fn recorded(format: &str) -> impl Iterator<Item = &'static str> {
    let begin = format!("{format} ");
    RECORD
        .lines()
        .filter_map(move |line| line.strip_prefix(begin.as_str()))
}

/// Holds that the record has exactly these lines of one format and version.
fn is_as_recorded(format: &str, today: impl IntoIterator<Item = String>) {
    let today: BTreeSet<String> = today
        .into_iter()
        .map(|line| format!("{format} {line}"))
        .collect();
    let recorded: BTreeSet<String> = recorded(format)
        .map(|line| format!("{format} {line}"))
        .collect();
    let broken: Vec<_> = recorded.difference(&today).collect();
    assert!(
        broken.is_empty(),
        "this was promised and is not so any more: {broken:#?}"
    );
    let new: Vec<_> = today.difference(&recorded).map(String::as_str).collect();
    let new = new.join("\n");
    assert!(new.is_empty(), "append to formats.txt:\n{new}\n");
}

/// The keys that a value has, as `scopes.*.layers[].backend`: a name that operators choose is `*`.
fn keys(value: &Value, at: &str, into: &mut BTreeSet<String>) {
    let are_chosen = ["scopes", "backends", "people", "groups"].contains(&at);
    let is_key = |name: &str| {
        name.bytes()
            .all(|byte| byte == b'_' || byte.is_ascii_lowercase())
    };
    match value {
        Value::Object(table) => {
            for (name, value) in table {
                let name = match are_chosen || !is_key(name) {
                    true => "*",
                    false => name.as_str(),
                };
                let separator = if at.is_empty() { "" } else { "." };
                keys(value, &format!("{at}{separator}{name}"), into);
            }
        }
        Value::Array(tables) if tables.iter().any(Value::is_object) => {
            for table in tables {
                keys(table, &format!("{at}[]"), into);
            }
        }
        _ => drop(into.insert(at.to_owned())),
    }
}

/// The example has every key that there is, and is accepted with all of them: `deploy.rs` holds that.
#[test]
fn every_key_of_the_configuration_is_still_there() {
    let example = example_with_every_key();
    let example: Value = toml::from_str(&example).unwrap();
    let mut all = BTreeSet::new();
    keys(&example, "", &mut all);
    is_as_recorded(&format!("config/{}", config::VERSION), all);
}

#[test]
fn a_configuration_of_another_version_reports_only_the_version() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("keylend.toml");
    let refused = |text: &str| {
        fs::write(&file, text).unwrap();
        let refused = Config::load(&file, Secrets::Unchecked)
            .unwrap_err()
            .to_string();
        refused.replace(&format!("{}/", folder.path().display()), "")
    };
    insta::assert_snapshot!(refused("version = 2\n[next]\nyear = true\n"), @"
    keylend.toml:1:11: version: this Keylend reads version 1 of the configuration, and this file is version 2: start the Keylend that it was written for, or change the file as CHANGELOG.md says
    1 | version = 2
      |           ^
    ");
    assert!(refused("version = \"1\"\n[next]\n").contains("version"));
    // The version that there is can be written down or left out.
    for version in ["", "version = 1\n"] {
        let said = refused(&format!("{version}[next]\n"));
        assert!(said.contains("unknown section `next`"), "{said}");
        assert!(!said.contains("this Keylend reads"), "{said}");
    }
}

/// Every rule of a schema, but for its words, as `properties.version.const = 1`.
fn rules(schema: &Value, is_answer: bool) -> BTreeSet<String> {
    fn gather(value: &Value, at: &str, is_answer: bool, into: &mut BTreeSet<String>) {
        let is_property = at.ends_with("properties.");
        match value {
            Value::Object(fields) => {
                for (name, value) in fields {
                    let is_words =
                        ["title", "description", "$schema", "$id"].contains(&name.as_str());
                    if is_property || !is_words {
                        gather(value, &format!("{at}{name}."), is_answer, into);
                    }
                }
            }
            // Who answers has to give everything that is required, so nothing can be added to it.
            Value::Array(values) if !(is_answer && at.ends_with("required.")) => {
                for value in values {
                    let name = match value {
                        Value::Object(_) => String::new(),
                        value => format!("{value}"),
                    };
                    into.extend((!name.is_empty()).then(|| format!("{at}has {name}")));
                    gather(value, &format!("{at}[]."), is_answer, into);
                }
            }
            Value::String(_) | Value::Number(_) | Value::Bool(_) if at.ends_with("[].") => {}
            value => drop(into.insert(format!("{} = {value}", at.trim_end_matches('.')))),
        }
    }
    let mut rules = BTreeSet::new();
    gather(schema, "", is_answer, &mut rules);
    rules
}

#[test]
fn the_protocol_is_what_its_version_says() {
    let mut all = BTreeSet::new();
    let mut version = Value::Null;
    for name in ["order", "answer", "granted", "diagnosis", "inventory"] {
        let text = fs::read_to_string(format!("docs/protocol/{name}.schema.json")).unwrap();
        let schema: Value = serde_json::from_str(&text).unwrap();
        if name == "order" {
            version = schema["properties"]["version"]["const"].clone();
        }
        assert_eq!(
            schema["$id"],
            format!("urn:keylend:protocol:{version}:{name}")
        );
        let rules = rules(&schema, name != "order").into_iter();
        all.extend(rules.map(|rule| format!("{name} {rule}")));
    }
    is_as_recorded(&format!("protocol/{version}"), all);
}

/// What `keylend audit export` writes of the golden log.
fn exported(format: &str) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_keylend"))
        .args(["audit", "export", "--file", GOLDEN, "--format", format])
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn an_export_has_the_fields_that_its_version_says() {
    let lines = exported("jsonl");
    assert_eq!(lines, fs::read_to_string(GOLDEN).unwrap());
    let first: Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
    assert_eq!(first["version"], chain::VERSION);
    let fields = first.as_object().unwrap().keys();
    let fields = fields.map(|field| format!("jsonl {field}"));
    let table = exported("csv");
    let columns = table.lines().next().unwrap().split(',');
    let columns = columns.map(|column| format!("csv {column}"));
    is_as_recorded(&format!("log/{}", chain::VERSION), fields.chain(columns));
}

#[tokio::test]
async fn metrics_and_readiness_have_the_names_that_others_rely_on() {
    let fixture = Fixture::start().await;
    let (_, metrics) = fixture.page("/metrics").await;
    let kinds = metrics
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE "));
    // What is wrong at this moment is in no record.
    let kinds = kinds.filter(|kind| !kind.starts_with("keylend_alert "));
    let kinds = kinds.map(|kind| format!("metric {kind}"));
    let series = metrics.lines().filter(|line| !line.starts_with('#'));
    let series = series.filter_map(|line| line.split_once('}'));
    let series = series
        .filter(|(labels, _)| !labels.contains("le=\"") && !labels.starts_with("keylend_alert"));
    let series = series.map(|(labels, _)| format!("series {labels}}}"));
    let (_, ready) = fixture.page("/readyz").await;
    let ready: Value = serde_json::from_str(&ready).unwrap();
    let ready = ready.as_object().unwrap().keys();
    let ready = ready.map(|field| format!("readyz {field}"));
    // Before 1.0, the second number of a version is what the first one is later.
    let version = match (
        env!("CARGO_PKG_VERSION_MAJOR"),
        env!("CARGO_PKG_VERSION_MINOR"),
    ) {
        ("0", minor) => format!("service/0.{minor}"),
        (major, _) => format!("service/{major}"),
    };
    is_as_recorded(&version, kinds.chain(series).chain(ready));
}
