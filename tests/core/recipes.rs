//! The recipes of CONTRIBUTING.md are followed by all that there is already: what a recipe says a new command, kind
//! of event, fact, key, target or alert needs, each one that there is has.

use std::{fs, path::Path};

use keylend::{config, slack::commands::COMMANDS};
use regex::Regex;
use serde_json::Value;

use crate::{
    documents::{read, root},
    kinds::KINDS,
};

/// The text of a recipe.
fn recipe(heading: &str) -> String {
    let text = read(&root().join("CONTRIBUTING.md"));
    let begin = format!("\n### {heading}\n");
    let (_, begun) = text
        .split_once(&begin)
        .unwrap_or_else(|| panic!("there is no recipe `{heading}`"));
    begun.split("\n### ").next().unwrap().to_owned()
}

/// What a file has to have for a name.
type Has = fn(&str) -> String;

/// Holds that a recipe names the files, and that each of them has what it has to have for each name.
fn is_followed(heading: &str, names: &[String], rules: &[(&str, Has)]) {
    let recipe = recipe(heading);
    assert!(
        names.len() > 2,
        "{heading}: names were not found: {names:?}"
    );
    for (file, has) in rules {
        assert!(
            recipe.contains(&format!("`{file}`")),
            "the recipe `{heading}` does not name {file}"
        );
        let text = read(&root().join(file));
        let missing: Vec<_> = names
            .iter()
            .map(|name| has(name))
            .filter(|wanted| !text.contains(wanted))
            .collect();
        assert!(
            missing.is_empty(),
            "{heading}: {file} does not have {missing:#?}"
        );
    }
}

/// Every Rust file in a folder.
fn sources(folder: &Path) -> Vec<(String, String)> {
    let mut sources = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources.extend(self::sources(&path));
        } else if path.extension().is_some_and(|kind| kind == "rs") {
            sources.push((path.display().to_string(), read(&path)));
        }
    }
    sources
}

#[test]
fn every_kind_of_target_has_what_the_recipe_says() {
    let heading = "Add a kind of target";
    let names: Vec<String> = KINDS.iter().map(|(_, kind)| (*kind).to_owned()).collect();
    let rules: [(&str, Has); 8] = [
        ("src/backend/registry.rs", |kind| {
            format!("\"{kind}\" {kind} ")
        }),
        ("src/backend/mod.rs", |kind| format!("\npub mod {kind};")),
        ("Cargo.toml", |kind| format!("\n{kind} = [")),
        ("docs/targets.md", |kind| {
            format!("(/docs/targets/{kind}.md)")
        }),
        ("deploy/keylend.example.toml", |kind| format!(".{kind}]")),
        ("docs/configuration.md", |kind| {
            format!("### `[backends.NAME.{kind}]`")
        }),
        ("tests/service/formats.txt", |kind| {
            format!("backends.*.{kind}.")
        }),
        ("tests/service/reference.rs", |kind| {
            format!("docs/targets/{kind}.md")
        }),
    ];
    is_followed(heading, &names, &rules);

    let path = Regex::new(r"`((?:src|docs|tests)/[^`\s]*<kind>[^`\s]*)`").unwrap();
    let recipe = recipe(heading);
    for kind in &names {
        for found in path.captures_iter(&recipe) {
            let file = root().join(found[1].replace("<kind>", kind));
            // Or a folder of this name.
            let is_there = file.exists() || file.with_extension("").join("mod.rs").exists();
            assert!(is_there, "{heading}: there is no {}", file.display());
        }
    }
}

#[test]
fn every_command_has_what_the_recipe_says() {
    let heading = "Add a /jit command";
    let names: Vec<String> = COMMANDS
        .iter()
        .map(|command| command.name.to_owned())
        .collect();
    let rules: [(&str, Has); 4] = [
        ("src/slack/commands/mod.rs", |name| {
            format!("&{}::COMMAND,", name.replace('-', "_"))
        }),
        ("manifest.yml", str::to_owned),
        ("docs/commands.md", |name| format!("`/jit {name}")),
        ("fuzz/src/line.rs", |name| format!("\"{name}\"")),
    ];
    is_followed(heading, &names, &rules);

    let corpus: Vec<_> = fs::read_dir(root().join("fuzz/corpus/line"))
        .unwrap()
        .map(|entry| fs::read(entry.unwrap().path()).unwrap())
        .collect();
    let tests = sources(&root().join("tests"));
    for name in names {
        let module = name.replace('-', "_");
        let file = root().join(format!("src/slack/commands/{module}.rs"));
        let folder = root().join(format!("src/slack/commands/{module}/mod.rs"));
        assert!(file.exists() || folder.exists(), "{name}");
        let is_typed = |line: &Vec<u8>| line.starts_with(name.as_bytes());
        assert!(
            corpus.iter().any(is_typed),
            "fuzz/corpus/line/ has no `{name}`"
        );
        let begins = [format!("\"{name}"), format!("\"/jit {name}")];
        let is_told = |text: &str| begins.iter().any(|begin| text.contains(begin));
        assert!(
            tests.iter().any(|(_, text)| is_told(text)),
            "no story types `{name}`"
        );
    }
}

/// The name of a variant, as the log writes it.
fn in_the_log(variant: &str) -> String {
    let mut name = String::new();
    for letter in variant.chars() {
        if letter.is_ascii_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.push(letter.to_ascii_lowercase());
    }
    format!("\"{name}\"")
}

#[test]
fn every_event_has_what_the_recipe_says() {
    let source = syn::parse_file(&read(&root().join("src/domain/event.rs"))).unwrap();
    let events = source.items.iter().find_map(|item| match item {
        syn::Item::Enum(item) if item.ident == "Event" => Some(item),
        _ => None,
    });
    let variants = events.expect("the events").variants.iter();
    let names: Vec<String> = variants.map(|variant| variant.ident.to_string()).collect();
    let rules: [(&str, Has); 6] = [
        ("src/domain/apply.rs", str::to_owned),
        ("src/domain/decide.rs", str::to_owned),
        ("src/metrics.rs", str::to_owned),
        ("src/slack/view/line.rs", str::to_owned),
        ("tests/simulation/model.rs", str::to_owned),
        ("tests/service/audit/golden.jsonl", in_the_log),
    ];
    is_followed("Add an event of the log", &names, &rules);
}

#[test]
fn every_fact_has_what_the_recipe_says() {
    let schema = read(&root().join("src/policy/schema.cedarschema"));
    let attribute = Regex::new(r"(?m)^  ([a-z_]+): ").unwrap();
    let mut names = Vec::new();
    for (begin, variable) in [
        ("entity User ", "principal"),
        ("entity Scope ", "resource"),
        ("type Circumstances ", "context"),
    ] {
        let (_, begun) = schema.split_once(begin).expect(begin);
        let (body, _) = begun.split_once("\n}").expect(begin);
        let attributes = attribute.captures_iter(body);
        names.extend(attributes.map(|found| format!("{variable}.{}", &found[1])));
    }
    let rules: [(&str, Has); 2] = [
        ("src/policy/facts.rs", quoted),
        ("docs/policy.md", |name| format!("`{name}`")),
    ];
    is_followed("Add a policy fact", &names, &rules);
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.rsplit('.').next().unwrap_or_default())
}

/// The names of the keys of a schema.
fn keys(schema: &Value, names: &mut Vec<String>) {
    if let Some(properties) = schema["properties"].as_object() {
        for (name, schema) in properties {
            // What a secret is kept in is no key of its section.
            if name != "env" && name != "file" {
                names.push(name.clone());
            }
            keys(schema, names);
        }
    }
    keys_of_each(&schema["oneOf"], names);
    for below in ["items", "additionalProperties"] {
        if schema[below].is_object() {
            keys(&schema[below], names);
        }
    }
}

fn keys_of_each(schemas: &Value, names: &mut Vec<String>) {
    for schema in schemas.as_array().into_iter().flatten() {
        keys(schema, names);
    }
}

#[test]
fn every_key_has_what_the_recipe_says() {
    let mut names = Vec::new();
    for section in config::schema()["properties"].as_object().unwrap().values() {
        keys(section, &mut names);
    }
    let kinds: Vec<&str> = KINDS.iter().map(|(_, kind)| *kind).collect();
    names.retain(|name| !kinds.contains(&name.as_str()));
    let rules: [(&str, Has); 3] = [
        ("deploy/keylend.example.toml", |name| format!("{name} = ")),
        ("tests/service/formats.txt", |name| format!(".{name}")),
        ("docs/configuration.md", |name| format!("{name}` |")),
    ];
    is_followed("Add a configuration key", &names, &rules);
}

#[test]
fn every_alert_has_what_the_recipe_says() {
    let raised = Regex::new(r"\.raise\(\s*([A-Z_]+),").unwrap();
    let mut names = Vec::new();
    for (_, text) in sources(&root().join("src")) {
        for found in raised.captures_iter(&text) {
            let name = Regex::new(&format!(r#"const {}: &str = "([a-z_]+)";"#, &found[1])).unwrap();
            names.extend(name.captures(&text).map(|found| found[1].to_owned()));
        }
    }
    let rules: [(&str, Has); 1] = [("docs/runbooks.md", str::to_owned)];
    is_followed("Add an alert", &names, &rules);
}
