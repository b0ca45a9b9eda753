//! Everything about a kind of target is in its folder, and what lists all kinds has each of them.

use std::{collections::BTreeSet, fs, path::PathBuf};

use keylend::{
    backend::BackendConfig,
    domain::{Params, RevocationMode, Span},
};
use regex::Regex;

macro_rules! names {
    ($($feature:literal $module:ident $Kind:ident;)+) => {
        /// The Cargo feature and the folder of each kind.
        pub(crate) const KINDS: &[(&str, &str)] = &[$(($feature, stringify!($module)),)+];
    };
}

keylend::kinds_of_target!(names);

fn root() -> PathBuf {
    env!("CARGO_MANIFEST_DIR").into()
}

fn text(file: &str) -> String {
    fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

fn page(kind: &str) -> String {
    text(&format!("docs/targets/{kind}.md"))
}

#[test]
fn every_kind_has_a_page_and_a_folder_with_its_example_and_its_contract_test() {
    let registered: BTreeSet<_> = KINDS
        .iter()
        .map(|(_, folder)| (*folder).to_owned())
        .collect();
    let mut folders = BTreeSet::new();
    for entry in fs::read_dir(root().join("src/backend")).unwrap() {
        let folder = entry.unwrap().path();
        let has = |file: &str| folder.join(file).is_file();
        let files = [
            has("example.toml"),
            has("contract.rs") || has("contract/mod.rs"),
        ];
        let name = folder.file_name().unwrap().to_str().unwrap().to_owned();
        if registered.contains(&name) {
            assert_eq!(files, [true; 2], "{name}: example.toml, contract.rs");
        }
        // The example comes before the registration.
        if files.contains(&true) {
            folders.insert(name);
        }
    }
    assert_eq!(folders, registered, "see `kinds_of_target!`");
    let pages = fs::read_dir(root().join("docs/targets")).unwrap();
    let pages: BTreeSet<_> = pages
        .map(|page| {
            page.unwrap()
                .path()
                .file_stem()
                .unwrap()
                .to_str()
                .unwrap()
                .to_owned()
        })
        .collect();
    assert_eq!(pages, registered, "the pages in docs/targets");
}

#[test]
fn every_kind_has_a_cargo_feature_of_its_name_that_is_on_by_default() {
    let manifest: toml::Table = text("Cargo.toml").parse().unwrap();
    let features = manifest["features"].as_table().unwrap();
    let default = features["default"].as_array().unwrap();
    for (feature, folder) in KINDS {
        assert_eq!(feature, folder);
        assert!(features.contains_key(*feature), "{feature}");
        assert!(
            default.iter().any(|on| on.as_str() == Some(feature)),
            "{feature}"
        );
    }
}

/// The table that each page has with its own rows, and `docs/targets.md` with all of them.
const HEAD: &str = "\
| kind | what it grants | credential that the requester sees | ends by itself if Keylend is down | may keep working after the end | tested against |
|---|---|---|---|---|---|
";

/// The rows of the table in this text.
fn rows(text: &str) -> String {
    let Some((_, rows)) = text.split_once(HEAD) else {
        panic!("the table of targets is missing:\n{HEAD}");
    };
    let rows = rows.split_inclusive('\n');
    rows.take_while(|line| line.starts_with('|')).collect()
}

#[test]
fn docs_targets_lists_every_kind_of_target() {
    let all: String = KINDS.iter().map(|(_, kind)| rows(&page(kind))).collect();
    let page = text("docs/targets.md");
    let is_update = std::env::var("INSTA_UPDATE").is_ok_and(|update| update == "always");
    if is_update {
        let written = page.replace(&format!("{HEAD}{}", rows(&page)), &format!("{HEAD}{all}"));
        fs::write(root().join("docs/targets.md"), written).unwrap();
    }
    assert!(
        rows(&text("docs/targets.md")) == all,
        "the table in docs/targets.md is not that of the pages: run this test with INSTA_UPDATE=always"
    );
}

/// A row says for which parameters of a layer it is, such as `login = "named"`.
#[test]
fn the_rows_say_how_access_ends_as_the_kind_does() {
    let parameter = Regex::new(r#"`([a-z_]+) = "([a-z_]+)"`"#).unwrap();
    for (_, kind) in KINDS {
        let example = text(&format!("src/backend/{kind}/example.toml"));
        let example: toml::Table = example.parse().unwrap();
        let (_, example) = example["backends"]
            .as_table()
            .unwrap()
            .iter()
            .next()
            .unwrap();
        let config: BackendConfig = example.clone().try_into().unwrap();
        for row in rows(&page(kind)).lines() {
            let cells: Vec<&str> = row.split('|').map(str::trim).collect();
            let [_, layer, _, credential, ends_alone, works_on, tested, _] = cells.as_slice()
            else {
                panic!("{row}");
            };
            assert!(!credential.is_empty() && !tested.is_empty(), "{row}");
            let mut params = Params::new();
            params.insert("role".to_owned(), "app_writer".into());
            for found in parameter.captures_iter(layer) {
                params.insert(found[1].to_owned(), found[2].to_owned().into());
            }
            let is_no = |cell: &&str| cell.starts_with("no") || cell.ends_with("by default no");
            let by_keylend_alone = config.revocation_mode(&params) == RevocationMode::Call;
            assert_eq!(is_no(ends_alone), by_keylend_alone, "{row}");
            assert_eq!(
                is_no(works_on),
                config.residual() == Span::default(),
                "{row}"
            );
        }
    }
}

#[test]
fn the_rows_of_a_page_lead_to_it() {
    for (_, kind) in KINDS {
        let rows = rows(&page(kind));
        let begin = format!("| [`{kind}`](/docs/targets/{kind}.md)");
        assert!(!rows.is_empty(), "{kind}");
        for row in rows.lines() {
            assert!(row.starts_with(&begin), "{row}");
        }
    }
}

#[test]
fn the_example_configuration_has_the_example_of_each_kind() {
    let all = text("deploy/keylend.example.toml");
    for (_, kind) in KINDS {
        let example = text(&format!("src/backend/{kind}/example.toml"));
        assert!(
            all.contains(&format!("\n{example}\n")),
            "deploy/keylend.example.toml has to have, with an empty line behind it:\n{example}"
        );
        // What stands in it is checked with the whole file.
        let table: toml::Table = example.parse().unwrap();
        let backends = table["backends"].as_table().unwrap();
        let has_kind = backends.values().any(|target| target.get(kind).is_some());
        assert!(has_kind, "{kind}");
    }
}

#[test]
fn each_page_names_every_key_of_its_example() {
    for (_, kind) in KINDS {
        let page = page(kind);
        let example = text(&format!("src/backend/{kind}/example.toml"));
        let lines = example.lines().filter_map(|line| {
            let (key, _) = line.trim_start_matches("# ").split_once(" = ")?;
            let is_key = key
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte == b'_');
            is_key.then_some(key)
        });
        for key in lines {
            let row = format!("\n| `{key}` |");
            assert!(
                page.contains(&row),
                "{kind}: the page has no row for `{key}`"
            );
        }
    }
}
