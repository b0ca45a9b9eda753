//! Who may import whom. An arrow that is not drawn here is a mistake in the design, or in the code.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
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
    ("checkpoint", &["sanitize", "secret"]),
    ("metrics", &["domain"]),
    ("store", &["clock", "domain", "sanitize", "transport"]),
    ("vault", &["clock", "domain", "secret", "store"]),
    ("http_client", &[]),
    (
        "directory",
        &["clock", "domain", "http_client", "secret", "transport"],
    ),
    ("tickets", &["clock", "domain", "http_client", "secret"]),
    (
        "backend",
        &[
            "clock",
            "domain",
            "http_client",
            "sanitize",
            "secret",
            "transport",
        ],
    ),
    (
        "config",
        &[
            "backend",
            "checkpoint",
            "clock",
            "directory",
            "domain",
            "source_map",
            "policy",
            "secret",
            "store",
            "tickets",
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
            "tickets",
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
    (
        "ticket_poll",
        &["alerts", "broker", "clock", "domain", "tickets"],
    ),
    (
        "reconcile",
        &["alerts", "backend", "clock", "domain", "sanitize", "store"],
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
    ("audit", &["checkpoint", "domain", "sanitize", "store"]),
    // It reads the log as whoever audits it does, and posts what it signs.
    (
        "signer",
        &[
            "alerts",
            "audit",
            "checkpoint",
            "clock",
            "domain",
            "slack",
            "store",
        ],
    ),
    // The command line only parses and calls; the composition root sees everything but it.
    (
        "cli",
        &[
            "audit",
            "backend",
            "checkpoint",
            "clock",
            "config",
            "domain",
            "policy",
            "reconcile",
            "sanitize",
            "serve",
            "source_map",
            "store",
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
            "reconcile",
            "routes",
            "secret",
            "signer",
            "slack",
            "store",
            "ticket_poll",
            "tickets",
            "vault",
            "worker",
        ],
    ),
];

#[test]
fn modules_see_only_what_the_design_lets_them_see() {
    let arrows: BTreeMap<&str, &[&str]> = ARROWS.iter().copied().collect();
    let files = Files::of(Path::new(env!("CARGO_MANIFEST_DIR")));
    let mut wrong = Vec::new();
    let mut modules = BTreeSet::new();
    for (module, file) in &files.0 {
        let Some(name) = module.first() else {
            continue;
        };
        modules.insert(name);
        let Some(may_see) = arrows.get(name.as_str()) else {
            wrong.push(format!("`{name}` has no arrows in this test"));
            continue;
        };
        let paths = file.uses.iter().map(|used| &used.path).chain(&file.paths);
        for path in paths.filter_map(|path| files.absolute(path, module)) {
            let Some(seen) = path
                .first()
                .filter(|seen| files.is_module(std::slice::from_ref(*seen)))
            else {
                continue;
            };
            if seen != name && !may_see.contains(&seen.as_str()) {
                wrong.push(format!("{} sees `{seen}`", module.join("/")));
            }
        }
    }
    assert!(modules.len() > 20, "modules were not read: {modules:?}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A file imports the files that define what it names, in `use`, in paths and in macros.
///
/// A parent's `mod.rs` is a file like any other: a child that names an item of it imports it, so it must
/// not name the child in turn. Put what several children need in a file of its own, and what starts
/// several of them in another one.
///
/// A re-export is not an import: whoever uses the name imports the file that defines it. Neither is a
/// call of a method, whichever file its `impl` is in.
#[test]
fn files_import_each_other_in_one_direction() {
    let keylend = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (folder, file) in [
        (keylend.to_owned(), "slack::actions::form"),
        (keylend.join("slack-sim"), "sim"),
    ] {
        let files = Files::of(&folder);
        let imports = files.imports();
        let file: Vec<String> = file.split("::").map(str::to_owned).collect();
        assert!(imports[file.as_slice()].len() > 5, "imports are missing");
        let cycles = cycles(imports);
        assert!(cycles.is_empty(), "in cycles: {cycles:#?}");
    }
}

type Module = [String];

/// The files that each file imports.
type Imports<'a> = BTreeMap<&'a Module, BTreeSet<&'a Module>>;

/// The imports that are part of a cycle.
fn cycles(mut imports: Imports<'_>) -> Imports<'_> {
    // A file that imports nothing that is left is in none.
    loop {
        let left = imports.len();
        let there: BTreeSet<&Module> = imports.keys().copied().collect();
        imports.retain(|_, seen| {
            seen.retain(|seen| there.contains(seen));
            !seen.is_empty()
        });
        if imports.len() == left {
            break;
        }
    }
    let all = imports.clone();
    imports.retain(|module, seen| {
        seen.retain(|seen| leads_to(seen, module, &all));
        !seen.is_empty()
    });
    imports
}

/// Whether `from` imports `to`, or a file that does, or one that imports such a file.
fn leads_to(from: &Module, to: &Module, imports: &Imports<'_>) -> bool {
    let (mut found, mut ahead) = (BTreeSet::from([from]), vec![from]);
    while let Some(module) = ahead.pop() {
        ahead.extend(imports[module].iter().filter(|seen| found.insert(*seen)));
    }
    found.contains(to)
}

/// The files of a crate by their modules, without its tests. A file that is compiled as several modules
/// is there as each of them.
#[derive(Default)]
struct Files(BTreeMap<Vec<String>, File>);

/// What one file names.
#[derive(Default)]
struct File {
    uses: Vec<Use>,
    paths: BTreeSet<Vec<String>>,
    /// The modules that have files of their own, each with the file if `#[path]` says which.
    modules: Vec<(String, Option<String>)>,
}

/// One name that a `use` brings in.
struct Use {
    path: Vec<String>,
    /// What it is called here; nothing for `*`.
    name: Option<String>,
    is_exported: bool,
}

impl Files {
    /// The files of the crate in this folder.
    fn of(folder: &Path) -> Self {
        let mut files = Self::default();
        for root in ["main.rs", "lib.rs"] {
            files.read(&folder.join("src").join(root), Vec::new());
        }
        assert!(
            files.0.len() > 40,
            "files are missing: {:?}",
            files.0.keys()
        );
        files
    }

    fn read(&mut self, path: &Path, module: Vec<String>) {
        let tree = syn::parse_file(&fs::read_to_string(path).unwrap()).unwrap();
        let mut file = File::default();
        file.visit_file(&tree);
        let folder = match path.file_name().unwrap().to_str().unwrap() {
            "lib.rs" | "main.rs" | "mod.rs" => path.parent().unwrap().to_owned(),
            _ => path.with_extension(""),
        };
        for (name, elsewhere) in &file.modules {
            let here = folder.join(name);
            let candidates: Vec<PathBuf> = match elsewhere {
                Some(elsewhere) => vec![folder.join(elsewhere)],
                None => vec![here.with_extension("rs"), here.join("mod.rs")],
            };
            let found = candidates.iter().find(|candidate| candidate.is_file());
            let found = found.unwrap_or_else(|| panic!("no file of {name} in {}", path.display()));
            self.read(found, [&module[..], std::slice::from_ref(name)].concat());
        }
        self.0.insert(module, file);
    }

    fn is_module(&self, module: &Module) -> bool {
        self.0.contains_key(module)
    }

    /// The files that each file imports.
    fn imports(&self) -> Imports<'_> {
        let imports = self.0.iter().map(|(module, file)| {
            let uses = file.uses.iter().filter(|used| !used.is_exported);
            let paths = uses.map(|used| &used.path).chain(&file.paths);
            let seen = paths.filter_map(|path| self.defining(path, module));
            let seen = seen.filter(|seen| *seen != module.as_slice());
            (module.as_slice(), seen.collect())
        });
        imports.collect()
    }

    /// The file that defines what `path` means in `module`; nothing if it is in another crate.
    fn defining(&self, path: &[String], module: &Module) -> Option<&Module> {
        let path = self.absolute(path, module)?;
        let (length, (file, names)) = (0..=path.len()).rev().find_map(|length| {
            let found = self.0.get_key_value(&path[..length])?;
            Some((length, found))
        })?;
        let used = path.get(length).and_then(|name| names.used(name));
        match used {
            // Another file brought the name there.
            Some(used) => self.defining(&[&used.path, &path[length + 1..]].concat(), file),
            None => Some(file),
        }
    }

    /// The path from the root of the crate; nothing if it leads to another crate, or to what the file
    /// itself defines.
    fn absolute(&self, path: &[String], module: &Module) -> Option<Vec<String>> {
        let ups = path.iter().take_while(|name| *name == "super").count();
        match path[0].as_str() {
            "crate" => Some(path[1..].to_vec()),
            "self" => Some([module, &path[1..]].concat()),
            "super" => Some([&module[..module.len().checked_sub(ups)?], &path[ups..]].concat()),
            first => {
                let full = [module, path].concat();
                if path.len() > 1 && self.is_module(&full[..=module.len()]) {
                    return Some(full);
                }
                let used = self.0[module].used(first)?;
                if path.len() > 1 && used.path[0] == first {
                    // A crate that has an item of its own name.
                    return None;
                }
                self.absolute(&[&used.path, &path[1..]].concat(), module)
            }
        }
    }
}

impl File {
    fn used(&self, name: &str) -> Option<&Use> {
        let mut uses = self.uses.iter();
        uses.find(|used| used.name.as_deref() == Some(name) && used.path != [name])
    }

    fn of_use(&mut self, mut path: Vec<String>, tree: &syn::UseTree, is_exported: bool) {
        let name = match tree {
            syn::UseTree::Path(step) => {
                path.push(step.ident.to_string());
                return self.of_use(path, &step.tree, is_exported);
            }
            syn::UseTree::Group(group) => {
                for tree in &group.items {
                    self.of_use(path.clone(), tree, is_exported);
                }
                return;
            }
            syn::UseTree::Name(syn::UseName { ident }) if ident == "self" => path.last().cloned(),
            syn::UseTree::Name(syn::UseName { ident }) => {
                path.push(ident.to_string());
                Some(ident.to_string())
            }
            syn::UseTree::Rename(syn::UseRename { ident, rename, .. }) => {
                if ident != "self" {
                    path.push(ident.to_string());
                }
                Some(rename.to_string())
            }
            syn::UseTree::Glob(_) => None,
        };
        self.uses.push(Use {
            path,
            name,
            is_exported,
        });
    }
}

impl<'ast> Visit<'ast> for File {
    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        let is_exported = !matches!(item.vis, syn::Visibility::Inherited);
        self.of_use(Vec::new(), &item.tree, is_exported);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let names = path.segments.iter();
        self.paths
            .insert(names.map(|name| name.ident.to_string()).collect());
        visit::visit_path(self, path);
    }

    /// What a macro is given is not parsed, so whatever looks like a path counts.
    fn visit_macro(&mut self, called: &'ast syn::Macro) {
        let text = called.tokens.to_string().replace(" :: ", "::");
        let words = text.split(|c: char| !c.is_alphanumeric() && !matches!(c, '_' | ':'));
        for word in words {
            let names: Vec<String> = word.split("::").map(str::to_owned).collect();
            if names.len() > 1 && names.iter().all(|name| !name.is_empty()) {
                self.paths.insert(names);
            }
        }
        visit::visit_macro(self, called);
    }

    /// `pub(in …)` imports nothing.
    fn visit_visibility(&mut self, _: &'ast syn::Visibility) {}

    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        if module.ident == "tests" {
            return;
        }
        if module.content.is_some() {
            return visit::visit_item_mod(self, module);
        }
        let elsewhere = module.attrs.iter().find_map(|attribute| {
            let path = attribute.meta.require_name_value().ok()?;
            match &path.value {
                syn::Expr::Lit(syn::ExprLit {
                    lit: syn::Lit::Str(text),
                    ..
                }) if path.path.is_ident("path") => Some(text.value()),
                _ => None,
            }
        });
        self.modules.push((module.ident.to_string(), elsewhere));
    }
}
