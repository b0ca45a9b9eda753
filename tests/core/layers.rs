//! Who may import whom. An arrow that is not drawn here is a mistake in the design, or in the code.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use syn::visit::{self, Visit};

/// Each module of the crate, and what it may see.
const ARROWS: &[(&str, &[&str])] = &[
    // Pure.
    ("domain", &[]),
    ("sanitize", &[]),
    ("source_map", &[]),
    ("transport", &[]),
    ("policy", &["domain", "source_map"]),
    // Doors to the world outside; none of them decides anything.
    ("alerts", &[]),
    ("clock", &["domain"]),
    ("routes", &[]),
    ("secret", &[]),
    ("metrics", &["domain"]),
    ("store", &["clock", "domain", "sanitize"]),
    ("vault", &["clock", "domain", "secret", "store"]),
    ("directory", &["clock", "domain"]),
    (
        "backend",
        &["clock", "domain", "sanitize", "secret", "transport"],
    ),
    (
        "config",
        &[
            "backend",
            "clock",
            "directory",
            "domain",
            "source_map",
            "policy",
            "secret",
            "store",
            "transport",
            "vault",
        ],
    ),
    // The only place that changes state, what works in the targets, and the sweeper over both.
    (
        "broker",
        &[
            "alerts",
            "backend",
            "clock",
            "directory",
            "domain",
            "metrics",
            "policy",
            "secret",
            "store",
            "vault",
        ],
    ),
    (
        "provisioning",
        &["backend", "broker", "clock", "domain", "sanitize", "store"],
    ),
    (
        "worker",
        &[
            "backend",
            "broker",
            "clock",
            "domain",
            "provisioning",
            "store",
        ],
    ),
    (
        "leavers",
        &[
            "alerts",
            "broker",
            "clock",
            "directory",
            "domain",
            "metrics",
        ],
    ),
    ("grants", &["alerts", "domain", "store"]),
    // What people see follows the log; nobody below knows of messages.
    ("presentation", &["clock", "domain", "store"]),
    // Leaves: they never see each other.
    (
        "slack",
        &[
            "alerts",
            "broker",
            "clock",
            "directory",
            "domain",
            "metrics",
            "presentation",
            "sanitize",
            "secret",
            "store",
            "transport",
        ],
    ),
    (
        "api",
        &[
            "alerts", "clock", "domain", "grants", "metrics", "routes", "store",
        ],
    ),
    ("audit", &["domain", "sanitize", "store"]),
    // The command line only parses and calls; the composition root sees everything but it.
    (
        "cli",
        &[
            "audit", "backend", "clock", "config", "domain", "sanitize", "serve", "store",
        ],
    ),
    (
        "serve",
        &[
            "alerts",
            "api",
            "backend",
            "broker",
            "clock",
            "config",
            "directory",
            "domain",
            "grants",
            "leavers",
            "metrics",
            "policy",
            "routes",
            "secret",
            "slack",
            "store",
            "vault",
            "worker",
        ],
    ),
];

#[test]
fn modules_see_only_what_the_design_lets_them_see() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let arrows: BTreeMap<&str, &[&str]> = ARROWS.iter().copied().collect();
    let mut wrong = Vec::new();
    let mut modules = BTreeSet::new();
    for file in rust_files(&source) {
        let inside = file.strip_prefix(&source).unwrap();
        if is_contract(inside) {
            continue;
        }
        let module = inside
            .components()
            .next()
            .unwrap()
            .as_os_str()
            .to_str()
            .unwrap();
        let module = module.trim_end_matches(".rs");
        if matches!(module, "lib" | "main") {
            continue;
        }
        modules.insert(module.to_owned());
        let Some(may_see) = arrows.get(module) else {
            wrong.push(format!("`{module}` has no arrows in this test"));
            continue;
        };
        for seen in imports(&file) {
            if seen != module && !may_see.contains(&seen.as_str()) {
                wrong.push(format!("{} sees `{seen}`", inside.display()));
            }
        }
    }
    assert!(modules.len() > 5, "no modules were read: {modules:?}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Whether the file belongs to the contract test of a kind of target, which is part of another crate.
fn is_contract(inside: &Path) -> bool {
    let names: Vec<_> = inside.iter().collect();
    names[0] == "backend"
        && names.len() > 2
        && Path::new(names[2]).file_stem() == Some("contract".as_ref())
}

#[test]
fn files_that_speak_with_slack_import_each_other_in_one_direction() {
    let files = files(Path::new(env!("CARGO_MANIFEST_DIR")), |module| {
        // What shows requests in Slack is one part, in several files.
        module[0] == "slack" && !(module.len() > 2 && module[1] == "messages")
    });
    let form: Vec<String> = ["slack", "actions", "form"].map(str::to_owned).into();
    assert!(imports_of(&files)[form.as_slice()].len() > 5);
    refuse_cycles(&files);
}

#[test]
fn files_of_the_simulator_import_each_other_in_one_direction() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("slack-sim");
    let files = files(&folder, |module| {
        !matches!(module[0].as_str(), "lib" | "main")
    });
    let sim: Vec<String> = vec!["sim".to_owned()];
    assert!(imports_of(&files)[sim.as_slice()].len() > 5);
    refuse_cycles(&files);
}

/// Each file by its module, with the paths in it.
type Files = BTreeMap<Vec<String>, BTreeSet<Vec<String>>>;

/// The wanted files of a crate, but those of tests.
fn files(folder: &Path, wanted: impl Fn(&[String]) -> bool) -> Files {
    let source = folder.join("src");
    let mut files = BTreeMap::new();
    for file in rust_files(&source) {
        let inside = file.strip_prefix(&source).unwrap().with_extension("");
        let names = inside.iter().map(|name| name.to_str().unwrap().to_owned());
        let mut module: Vec<String> = names.collect();
        module.pop_if(|last| last == "mod");
        if wanted(&module) && !module.ends_with(&["tests".to_owned()]) {
            files.insert(module, paths(&file));
        }
    }
    assert!(files.len() > 40, "files are missing: {:?}", files.keys());
    files
}

/// The files that each file imports.
fn imports_of(files: &Files) -> BTreeMap<&[String], BTreeSet<&[String]>> {
    let imports = files.iter().map(|(module, paths)| {
        let seen = paths.iter();
        let seen = seen.filter_map(|path| imported(path, module, files));
        let seen = seen.filter(|seen| seen != module);
        (module.as_slice(), seen.collect())
    });
    imports.collect()
}

fn refuse_cycles(files: &Files) {
    let mut imports = imports_of(files);
    // A file that imports nothing that is left is in no cycle.
    loop {
        let left = imports.len();
        let there: BTreeSet<&[String]> = imports.keys().copied().collect();
        imports.retain(|_, seen| {
            seen.retain(|seen| there.contains(seen));
            !seen.is_empty()
        });
        if imports.len() == left {
            break;
        }
    }
    assert!(imports.is_empty(), "in a cycle, or above one: {imports:#?}");
}

/// The file of the module that a path in `module` leads to, if it is one of `files`.
fn imported<'a>(path: &[String], module: &[String], files: &'a Files) -> Option<&'a [String]> {
    let ups = path.iter().take_while(|name| *name == "super").count();
    let full = match path[0].as_str() {
        "crate" => path[1..].to_vec(),
        "self" => [module, &path[1..]].concat(),
        "super" => [&module[..module.len().checked_sub(ups)?], &path[ups..]].concat(),
        _ => {
            let full = [module, path].concat();
            // Else it is another crate, or a name that an import brought in.
            files.get_key_value(&full[..=module.len()])?;
            full
        }
    };
    (1..=full.len())
        .rev()
        .find_map(|length| files.get_key_value(&full[..length]))
        .map(|(file, _)| file.as_slice())
}

/// Every path in a file, except in its tests.
fn paths(file: &Path) -> BTreeSet<Vec<String>> {
    let tree = syn::parse_file(&fs::read_to_string(file).unwrap()).unwrap();
    let mut paths = Paths::default();
    paths.visit_file(&tree);
    paths.0
}

#[derive(Default)]
struct Paths(BTreeSet<Vec<String>>);

impl Paths {
    fn of_use(&mut self, mut before: Vec<String>, tree: &syn::UseTree) {
        match tree {
            syn::UseTree::Path(path) => {
                before.push(path.ident.to_string());
                self.of_use(before, &path.tree);
            }
            syn::UseTree::Group(group) => {
                for tree in &group.items {
                    self.of_use(before.clone(), tree);
                }
            }
            syn::UseTree::Name(syn::UseName { ident })
            | syn::UseTree::Rename(syn::UseRename { ident, .. }) => {
                before.push(ident.to_string());
                self.0.insert(before);
            }
            syn::UseTree::Glob(_) => drop(self.0.insert(before)),
        }
    }
}

impl<'ast> Visit<'ast> for Paths {
    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.of_use(Vec::new(), &item.tree);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let names = path.segments.iter();
        self.0
            .insert(names.map(|name| name.ident.to_string()).collect());
        visit::visit_path(self, path);
    }

    /// `pub(in …)` imports nothing.
    fn visit_visibility(&mut self, _: &'ast syn::Visibility) {}

    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        if module.ident != "tests" {
            visit::visit_item_mod(self, module);
        }
    }
}

fn rust_files(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}

/// The modules of the crate that a file names, in `use` and in paths.
fn imports(file: &Path) -> BTreeSet<String> {
    let text = fs::read_to_string(file).unwrap();
    let tree = syn::parse_file(&text).unwrap();
    let mut seen = Seen::default();
    seen.visit_file(&tree);
    seen.0
}

#[derive(Default)]
struct Seen(BTreeSet<String>);

impl Seen {
    fn first_names(&mut self, tree: &syn::UseTree) {
        match tree {
            syn::UseTree::Path(path) => {
                self.0.insert(path.ident.to_string());
            }
            syn::UseTree::Name(name) => {
                self.0.insert(name.ident.to_string());
            }
            syn::UseTree::Rename(rename) => {
                self.0.insert(rename.ident.to_string());
            }
            syn::UseTree::Group(group) => {
                group.items.iter().for_each(|item| self.first_names(item));
            }
            syn::UseTree::Glob(_) => {}
        }
    }
}

impl<'ast> Visit<'ast> for Seen {
    fn visit_use_path(&mut self, path: &'ast syn::UsePath) {
        if path.ident == "crate" {
            self.first_names(&path.tree);
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let mut names = path
            .segments
            .iter()
            .map(|segment| segment.ident.to_string());
        if names.next().as_deref() == Some("crate") {
            self.0.extend(names.next());
        }
        visit::visit_path(self, path);
    }
}
