//! The reference of the configuration, compared with the types that read it: `docs/keylend.schema.json`, the
//! tables in `docs/`, and what the reader itself accepts.
//!
//! With `INSTA_UPDATE=always`, the tests write the schema and the tables.

use std::{collections::BTreeSet, env, fs, path::PathBuf, process::Command};

use jsonschema::Validator;
use keylend::config::{self, Config, Problems, Secrets};
use serde_json::{Value, json};

use crate::{deploy::example_with_every_key, formats};

const SCHEMA: &str = "docs/keylend.schema.json";
const EXAMPLE: &str = "deploy/keylend.example.toml";

/// The pages with tables of keys.
const PAGES: [&str; 4] = [
    "docs/configuration.md",
    "docs/targets/exec.md",
    "docs/targets/postgres.md",
    "docs/targets/webhook.md",
];

/// Keys that other keys of the example need.
const NEEDED: [(&str, &str); 1] = [(
    "log.signing_key",
    "the other keys of [log] are refused without it",
)];

fn root() -> PathBuf {
    env!("CARGO_MANIFEST_DIR").into()
}

fn text(file: &str) -> String {
    fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// Holds that a file has this text, and gives it the text when it is told to.
fn is_recorded(file: &str, wanted: &str) {
    if env::var("INSTA_UPDATE").is_ok_and(|update| update == "always") {
        fs::write(root().join(file), wanted).unwrap();
    }
    let recorded = fs::read_to_string(root().join(file)).unwrap_or_default();
    assert!(
        recorded == wanted,
        "{file} is not what the types say: run this test with INSTA_UPDATE=always"
    );
}

fn validator(schema: &Value) -> Validator {
    let options = jsonschema::draft202012::options().should_validate_formats(true);
    options.build(schema).expect("a schema")
}

/// A key: its path, such as `scopes.*.ticket.pattern`, its schema, and when it may be left out.
struct Key<'s> {
    path: String,
    schema: &'s Value,
    default: Default,
}

#[derive(Clone, Copy, PartialEq)]
enum Default {
    Required,
    /// Its table has this key or another one.
    OneOfThese,
    /// It may be left out.
    Optional,
}

/// The keys of a table, and of the tables within it.
fn keys_of<'s>(table: &'s Value, before: &str, all: &mut Vec<Key<'s>>) {
    let has_one_of = table["oneOf"].as_array();
    let tables = has_one_of.map_or_else(|| vec![table], |tables| tables.iter().collect());
    for table in tables {
        let required = table["required"].as_array();
        for (name, schema) in table["properties"].as_object().into_iter().flatten() {
            let path = format!("{before}.{name}");
            let is_required = required.is_some_and(|required| required.contains(&json!(name)));
            let default = match (has_one_of, is_required) {
                (Some(_), _) => Default::OneOfThese,
                (None, true) => Default::Required,
                (None, false) => Default::Optional,
            };
            all.push(Key {
                path: path.clone(),
                schema,
                default,
            });
            match schema["type"].as_str() {
                Some("object") => keys_of(schema, &path, all),
                Some("array") => keys_of(&schema["items"], &format!("{path}[]"), all),
                _ => {}
            }
        }
    }
}

/// What stands at this path of the configuration.
fn at<'s>(schema: &'s Value, path: &str) -> Option<&'s Value> {
    path.split('.').try_fold(schema, |schema, step| {
        if step == "*" {
            return schema.get("additionalProperties");
        }
        let name = step.trim_end_matches("[]");
        let one_of = schema["oneOf"].as_array().into_iter().flatten();
        let mut tables = std::iter::once(schema).chain(one_of);
        let found = tables.find_map(|table| table["properties"].get(name))?;
        match step.ends_with("[]") {
            true => found.get("items"),
            false => Some(found),
        }
    })
}

/// The tables that have keys: the path of each, such as `backends.*.exec`.
fn tables(schema: &Value) -> Vec<String> {
    let sections = schema["properties"].as_object().unwrap();
    let mut tables = Vec::new();
    for (name, section) in sections {
        if section["type"] == "array" {
            tables.push(format!("{name}[]"));
        } else if name == "backends" {
            let kinds = section["additionalProperties"]["oneOf"].as_array().unwrap();
            for kind in kinds {
                let kind = kind["properties"].as_object().unwrap();
                tables.extend(kind.keys().map(|kind| format!("{name}.*.{kind}")));
            }
        } else if section["additionalProperties"].is_object() {
            tables.push(format!("{name}.*"));
        } else {
            tables.push(name.clone());
        }
    }
    tables
}

/// Every key that has a value of its own, and not keys below it.
fn leaves(schema: &Value) -> Vec<Key<'_>> {
    let mut all = Vec::new();
    for table in tables(schema) {
        let found = at(schema, &table).unwrap();
        if found["properties"].is_object() || found["oneOf"].is_array() {
            keys_of(found, &table, &mut all);
        } else {
            all.push(Key {
                path: table,
                schema: found,
                default: Default::Optional,
            });
        }
    }
    let paths: Vec<String> = all.iter().map(|key| key.path.clone()).collect();
    all.retain(|key| {
        let has_keys = |path: &String| {
            let below = path.strip_prefix(&key.path);
            below.is_some_and(|below| below.starts_with('.') || below.starts_with("[]."))
        };
        !paths.iter().any(has_keys)
    });
    all
}

/// The values that a schema lists.
fn choices(schema: &Value) -> Vec<&Value> {
    let listed = schema["enum"].as_array().into_iter().flatten();
    let described = schema["oneOf"].as_array().into_iter().flatten();
    listed
        .chain(described.filter_map(|one| one.get("const")))
        .collect()
}

/// A value as TOML writes it.
fn toml(value: &Value) -> String {
    let list = |values: Vec<String>| values.join(", ");
    match value {
        Value::Array(values) => format!("[{}]", list(values.iter().map(toml).collect())),
        Value::Object(table) => {
            let pairs = table
                .iter()
                .map(|(key, value)| format!("{key} = {}", toml(value)));
            format!("{{ {} }}", list(pairs.collect()))
        }
        value => value.to_string(),
    }
}

/// What a value is, in words.
fn kind(schema: &Value) -> String {
    let choices: Vec<_> = choices(schema).into_iter().map(toml).collect();
    let kind = match (schema["title"].as_str(), schema["type"].as_str()) {
        (Some(title), _) => title.to_owned(),
        (None, Some("string")) if choices.is_empty() => "text".to_owned(),
        (None, Some(kind)) if choices.is_empty() => kind.to_owned(),
        (None, _) => match choices.split_last() {
            Some((last, [])) => format!("`{last}`"),
            Some((last, others)) => format!("`{}` or `{last}`", others.join("`, `")),
            None => panic!("this has no title: {schema}"),
        },
    };
    let number = |keyword: &str| schema[keyword].as_u64().filter(|number| *number > 0);
    let bounds = match (number("minimum"), number("maximum"), number("minItems")) {
        (Some(least), Some(most), _) => format!(", {least} to {most}"),
        (Some(least), None, _) => format!(", at least {least}"),
        (_, _, Some(1)) => ", at least one".to_owned(),
        (_, _, Some(2)) => ", at least two".to_owned(),
        _ => String::new(),
    };
    format!("{kind}{bounds}")
}

/// What a key that is left out means.
fn default(key: &Key<'_>) -> String {
    match key.default {
        Default::Required => return "required".to_owned(),
        Default::OneOfThese => return "one of these".to_owned(),
        Default::Optional => {}
    }
    let default = key.schema.get("default");
    match (key.schema["x-default"].as_str(), default) {
        (Some(words), _) => words.to_owned(),
        (None, Some(default)) if *default != json!([]) && *default != json!({}) => {
            format!("`{}`", toml(default))
        }
        _ => "none".to_owned(),
    }
}

/// The reference of one table.
fn table(schema: &Value, path: &str) -> String {
    let mut keys = Vec::new();
    let found = at(schema, path).unwrap_or_else(|| panic!("there is no table `{path}`"));
    match found["properties"].is_object() || found["oneOf"].is_array() {
        true => keys_of(found, path, &mut keys),
        false => keys.push(Key {
            path: format!("{path}.{path}"),
            schema: found,
            default: Default::Optional,
        }),
    }
    let mut rows =
        "| key | type | default | meaning | example |\n|---|---|---|---|---|\n".to_owned();
    for key in keys {
        let name = key.path[path.len()..].trim_start_matches('.');
        let example = key.schema["examples"].get(0);
        let cells = [
            format!("`{name}`"),
            kind(key.schema),
            default(&key),
            meaning(schema, &key).to_owned(),
            example.map_or_else(String::new, |example| format!("`{}`", toml(example))),
        ];
        let cells = cells.map(|cell| cell.replace('|', "\\|"));
        rows += &format!("| {} |\n", cells.join(" | "));
    }
    rows
}

/// The description of a key: where its table has one of several keys, of that table.
fn meaning<'s>(schema: &'s Value, key: &Key<'s>) -> &'s str {
    let own = key.schema["description"].as_str();
    let described = own.or_else(|| {
        let (table, name) = key.path.rsplit_once('.')?;
        let tables = at(schema, table)?["oneOf"].as_array()?;
        let table = tables
            .iter()
            .find(|one| one["properties"].get(name).is_some())?;
        table["description"].as_str()
    });
    described.unwrap_or_else(|| panic!("`{}` has no doc comment", key.path))
}

/// A page with its tables written anew, and the paths of these.
fn with_tables(page: &str, schema: &Value) -> (String, Vec<String>) {
    let (mut written, mut rest) = (String::new(), page);
    let mut paths = Vec::new();
    while let Some((before, begun)) = rest.split_once("<!-- keys of ") {
        let (path, begun) = begun.split_once(" -->\n").expect("a marker ends");
        let (_, after) = begun.split_once("<!-- end -->").expect("a table ends");
        let table = table(schema, path);
        written += &format!("{before}<!-- keys of {path} -->\n{table}<!-- end -->");
        paths.push(path.to_owned());
        rest = after;
    }
    (written + rest, paths)
}

#[test]
fn the_schema_for_editors_is_what_the_types_say() {
    let schema = config::schema();
    jsonschema::draft202012::meta::validate(&schema).expect("a schema");
    is_recorded(SCHEMA, &format!("{schema:#}\n"));
    let (_, referred) = text(EXAMPLE)
        .lines()
        .next()
        .and_then(|line| line.split_once("#:schema "))
        .map(|(before, file)| (before.to_owned(), file.to_owned()))
        .expect("the first line of the example names the schema");
    let referred = root().join("deploy").join(referred).canonicalize().unwrap();
    assert_eq!(referred, root().join(SCHEMA).canonicalize().unwrap());
}

#[test]
fn the_program_prints_its_schema() {
    let output = Command::new(env!("CARGO_BIN_EXE_keylend"))
        .arg("schema")
        .output()
        .unwrap();
    let printed: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(printed, config::schema());
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn the_tables_of_the_reference_are_what_the_types_say() {
    let schema = config::schema();
    let mut shown = BTreeSet::new();
    for page in PAGES {
        let (wanted, paths) = with_tables(&text(page), &schema);
        is_recorded(page, &wanted);
        if page == PAGES[0] {
            shown.extend(paths);
        } else {
            let kind = page.trim_start_matches("docs/targets/");
            let kind = kind.trim_end_matches(".md");
            assert_eq!(paths, [format!("backends.*.{kind}")], "{page}");
        }
    }
    let wanted: BTreeSet<String> = tables(&schema).into_iter().collect();
    assert_eq!(shown, wanted, "the tables of {}", PAGES[0]);
}

/// The reader takes every key of the record: `formats.rs` holds that by the example.
#[test]
fn the_schema_has_the_keys_that_the_reader_takes_and_no_others() {
    let schema = config::schema();
    let recorded: BTreeSet<String> = formats::recorded(&format!("config/{}", config::VERSION))
        // Where a secret is, what a variable of a program is called, and what a layer is for its target.
        .map(|key| key.trim_end_matches(".env").trim_end_matches(".env.*"))
        .map(|key| match key.ends_with(".exec") {
            true => format!("{key}.env"),
            false => key.to_owned(),
        })
        .filter(|key| !key.contains(".layers[].") || key.ends_with(".backend"))
        .collect();
    let described: BTreeSet<String> = leaves(&schema).into_iter().map(|key| key.path).collect();
    assert_eq!(described, recorded);
}

fn as_json(toml: &str) -> Value {
    toml::from_str(toml).unwrap_or_else(|error| panic!("{error}:\n{toml}"))
}

/// The example with every key in force, but for the files of rules.
fn example() -> Value {
    let mut example = as_json(&example_with_every_key());
    example["policy"]["files"] = json!([]);
    example
}

/// What the reader says of a configuration.
fn read(document: &Value) -> Result<Config, Problems> {
    let source = toml::to_string(document).unwrap();
    Config::parse(&root().join("keylend.toml"), &source, Secrets::Unchecked)
}

#[test]
fn the_example_is_valid_by_the_schema() {
    let validator = validator(&config::schema());
    for text in [text(EXAMPLE), example_with_every_key()] {
        let example = as_json(&text);
        if let Err(error) = validator.validate(&example) {
            panic!("{error}, at `{}`", error.instance_path());
        }
    }
    if let Err(problems) = read(&example()) {
        panic!("{problems}");
    }
}

#[test]
fn every_example_of_the_schema_is_valid_by_it() {
    let schema = config::schema();
    for key in leaves(&schema) {
        let validator = validator(key.schema);
        let examples = key.schema["examples"].as_array();
        let examples = examples.unwrap_or_else(|| panic!("`{}` has no example", key.path));
        for value in examples.iter().chain(key.schema.get("default")) {
            assert!(validator.is_valid(value), "{}: {value}", key.path);
        }
    }
}

/// Where the first value with this path is in a document, as a JSON Pointer.
fn pointer(document: &Value, path: &str) -> Option<String> {
    let (step, rest) = match path.split_once('.') {
        Some((step, rest)) => (step, Some(rest)),
        None => (path, None),
    };
    let below = |begun: String, value: &Value| match rest {
        Some(rest) => Some(begun + &pointer(value, rest)?),
        None => Some(begun),
    };
    if step == "*" {
        let mut entries = document.as_object()?.iter();
        return entries.find_map(|(name, value)| below(format!("/{name}"), value));
    }
    let name = step.trim_end_matches("[]");
    let value = document.get(name)?;
    match step.ends_with("[]") {
        true => below(format!("/{name}/0"), &value[0]),
        false => below(format!("/{name}"), value),
    }
}

/// The example with another value of one key; without the key if that is nothing.
fn with(path: &str, value: Option<&Value>) -> Value {
    let mut document = example();
    let pointer = pointer(&document, path).unwrap_or_else(|| panic!("no `{path}` in the example"));
    let (table, key) = pointer.rsplit_once('/').unwrap();
    let table = document
        .pointer_mut(table)
        .unwrap()
        .as_object_mut()
        .unwrap();
    match value {
        Some(value) => drop(table.insert(key.to_owned(), value.clone())),
        None => drop(table.remove(key)),
    }
    document
}

/// What a configuration means, but for its rules and its digest.
fn meant(config: &Config) -> String {
    let whereabouts = (&config.server, &config.store, &config.log, &config.slack);
    let doors = (&config.api, &config.secrets);
    let people = (
        &config.identity,
        &config.people,
        &config.groups,
        &config.administrators,
    );
    let access = (&config.limits, &config.backends, &config.catalogue);
    format!("{whereabouts:?} {doors:?} {people:?} {access:?}")
}

#[test]
fn a_key_is_required_if_the_reader_misses_it_and_has_the_default_that_the_schema_says() {
    let schema = config::schema();
    let validator = validator(&schema);
    for key in leaves(&schema) {
        let path = key.path.as_str();
        if NEEDED.iter().any(|(needed, _)| *needed == path) {
            continue;
        }
        let without = with(path, None);
        let read_without = read(&without);
        if key.default != Default::Optional {
            assert!(!validator.is_valid(&without), "{path}: the schema");
            assert!(read_without.is_err(), "{path}: the reader");
            continue;
        }
        assert!(validator.is_valid(&without), "{path}: the schema");
        let conditional = key.schema["x-default"].as_str();
        if conditional.is_some_and(|default| default.starts_with("required")) {
            continue;
        }
        let read_without = read_without.unwrap_or_else(|problems| panic!("{path}: {problems}"));
        if let Some(default) = key.schema.get("default") {
            let default = read(&with(path, Some(default)));
            let default = default.unwrap_or_else(|problems| panic!("{path}: {problems}"));
            assert_eq!(meant(&read_without), meant(&default), "{path}");
        }
    }
    for section in schema["properties"].as_object().unwrap().keys() {
        let without = with(section, None);
        if !validator.is_valid(&without) {
            assert!(read(&without).is_err(), "{section}");
        }
    }
}

/// Values that a schema's bounds leave out, and values that they just let in.
fn around(schema: &Value) -> (Vec<Value>, Vec<Value>) {
    let (mut out, mut within) = (Vec::new(), Vec::new());
    let number = |keyword: &str| schema[keyword].as_u64().filter(|number| *number > 0);
    if let Some(least) = number("minimum") {
        out.push(json!(least - 1));
        within.push(json!(least));
    }
    if let Some(most) = number("maximum") {
        out.push(json!(most + 1));
    }
    if let Some(least) = number("minItems") {
        out.push(json!(vec!["prod"; usize::try_from(least).unwrap() - 1]));
    }
    if number("minLength").is_some() {
        out.push(json!(""));
    }
    let choices = choices(schema);
    if schema.get("pattern").is_some() || !choices.is_empty() {
        out.push(json!("!"));
    }
    if schema["items"].get("pattern").is_some() {
        out.push(json!(["!"]));
    }
    within.extend(choices.into_iter().cloned());
    (out, within)
}

#[test]
fn the_bounds_of_the_schema_are_those_of_the_reader() {
    let schema = config::schema();
    let validator = validator(&schema);
    let mut bounds = 0;
    for key in leaves(&schema) {
        let (out, within) = around(key.schema);
        bounds += out.len();
        for value in out {
            let document = with(&key.path, Some(&value));
            assert!(
                !validator.is_valid(&document),
                "{}: {value}: the schema",
                key.path
            );
            assert!(
                read(&document).is_err(),
                "{}: {value}: the reader",
                key.path
            );
        }
        for value in within {
            let document = with(&key.path, Some(&value));
            assert!(
                validator.is_valid(&document),
                "{}: {value}: the schema",
                key.path
            );
            if let Err(problems) = read(&document) {
                panic!("{}: {value}: {problems}", key.path);
            }
        }
    }
    assert!(bounds > 30, "{bounds}");
}

/// An editor that marks what Keylend takes would be switched off.
#[test]
fn the_schema_refuses_nothing_that_the_reader_takes() {
    let schema = config::schema();
    let validator = validator(&schema);
    let values = [
        json!(true),
        json!(7),
        json!("5m"),
        json!([]),
        json!({"no_such": "key"}),
    ];
    for key in leaves(&schema) {
        for value in &values {
            let document = with(&key.path, Some(value));
            let is_taken = validator.is_valid(&document) || read(&document).is_err();
            assert!(is_taken, "{}: {value}", key.path);
        }
    }
}

#[test]
fn a_key_that_there_is_not_is_refused_by_both() {
    let schema = config::schema();
    let validator = validator(&schema);
    let nested = ["scopes.*.ticket", "api.tokens[]"].map(str::to_owned);
    for table in tables(&schema).into_iter().chain(nested) {
        if table == "version" {
            continue;
        }
        let mut document = example();
        let place = pointer(&document, &table).unwrap();
        let found = document.pointer_mut(&place).unwrap();
        found["no_such_key"] = json!(1);
        assert!(!validator.is_valid(&document), "{table}: the schema");
        assert!(read(&document).is_err(), "{table}: the reader");
    }
}
