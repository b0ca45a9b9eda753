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
    ("place", &[]),
    ("policy", &["domain", "place"]),
    // Doors to the world outside; none of them decides anything.
    ("alerts", &[]),
    ("clock", &["domain"]),
    ("secret", &[]),
    ("metrics", &["domain"]),
    ("store", &["clock", "domain"]),
    ("vault", &["clock", "domain", "store"]),
    ("directory", &["clock", "domain"]),
    ("backend", &["clock", "domain", "secret"]),
    (
        "config",
        &[
            "backend",
            "clock",
            "directory",
            "domain",
            "place",
            "policy",
            "secret",
            "store",
            "vault",
        ],
    ),
    // The only place that changes state, and the sweeper over it.
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
            "store",
            "vault",
        ],
    ),
    (
        "worker",
        &["backend", "broker", "clock", "domain", "metrics", "store"],
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
            "store",
        ],
    ),
    (
        "api",
        &["alerts", "clock", "domain", "grants", "metrics", "store"],
    ),
    ("audit", &["domain", "store"]),
    // The command line only parses and calls; the composition root sees everything but it.
    (
        "cli",
        &["audit", "clock", "config", "serve", "store", "domain"],
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
