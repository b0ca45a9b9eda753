//! A test that is skipped says so: none returns early without, and none looks for what a machine may
//! lack but through `tests/support/skip.rs`.

use std::{
    fs,
    path::{Path, PathBuf},
};

use syn::{
    Block, Expr, ExprAsync, ExprClosure, ExprIf, ExprReturn, ItemFn, Local, Stmt,
    visit::{self, Visit},
};

const FOLDERS: [&str; 4] = ["src", "tests", "slack-sim/src", "slack-sim/tests"];

/// The functions that may skip a test.
const SKIP: &str = "skip";
const SHARED: &str = "shared";

/// Every file of Rust in the project, but for the two that are about skipping.
fn sources() -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders: Vec<_> = FOLDERS.map(|folder| root.join(folder)).into();
    let mut sources = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|kind| kind == "rs")
                && !path.ends_with("support/skip.rs")
                && !path.ends_with("core/skips.rs")
            {
                let text = fs::read_to_string(&path).unwrap();
                sources.push((path, text));
            }
        }
    }
    sources
}

/// Tests that return early without saying that they are skipped.
#[derive(Default)]
struct Silent {
    /// The test that is read, and whether it has said so in this block.
    test: Option<(String, bool)>,
    found: Vec<String>,
}

fn calls(expression: &Expr, name: &str) -> bool {
    let Expr::Call(call) = expression else {
        return false;
    };
    let Expr::Path(function) = &*call.func else {
        return false;
    };
    let last = function.path.segments.last();
    last.is_some_and(|last| last.ident == name)
}

impl Visit<'_> for Silent {
    fn visit_item_fn(&mut self, function: &ItemFn) {
        let is_test = function.attrs.iter().any(|attribute| {
            let last = attribute.path().segments.last();
            last.is_some_and(|last| last.ident == "test")
        });
        let test = is_test.then(|| (function.sig.ident.to_string(), false));
        let outer = std::mem::replace(&mut self.test, test);
        visit::visit_item_fn(self, function);
        self.test = outer;
    }

    fn visit_block(&mut self, block: &Block) {
        let outer = self.test.clone();
        for statement in &block.stmts {
            if let (Some((_, said)), Stmt::Expr(expression, _)) = (&mut self.test, statement) {
                *said |= calls(expression, SKIP);
            }
            self.visit_stmt(statement);
        }
        self.test = outer;
    }

    /// `let Some(file) = shared(…) else { return; }` says so if there is no such file.
    fn visit_local(&mut self, local: &Local) {
        match &local.init {
            Some(init) if calls(&init.expr, SHARED) => self.visit_expr(&init.expr),
            _ => visit::visit_local(self, local),
        }
    }

    /// `if shared(…).is_none() { return; }` does too.
    fn visit_expr_if(&mut self, condition: &ExprIf) {
        match &*condition.cond {
            Expr::MethodCall(call) if calls(&call.receiver, SHARED) && call.method == "is_none" => {
                if let Some((_, otherwise)) = &condition.else_branch {
                    self.visit_expr(otherwise);
                }
            }
            _ => visit::visit_expr_if(self, condition),
        }
    }

    fn visit_expr_return(&mut self, _: &ExprReturn) {
        if let Some((test, false)) = &self.test {
            self.found.push(test.clone());
        }
    }

    // What returns from these does not return from the test.
    fn visit_expr_closure(&mut self, _: &ExprClosure) {}
    fn visit_expr_async(&mut self, _: &ExprAsync) {}
}

fn silent(text: &str) -> Vec<String> {
    let mut silent = Silent::default();
    silent.visit_file(&syn::parse_file(text).unwrap());
    silent.found
}

#[test]
fn a_test_that_returns_early_says_that_it_is_skipped() {
    for (path, text) in sources() {
        let silent = silent(&text);
        assert!(silent.is_empty(), "{}: {silent:?}", path.display());
    }
    // This finds what it looks for.
    let example = "
        #[test] fn one() { if no() { println!(); return; } }
        #[tokio::test] async fn two() { { skip(\"why\"); } return; }
        #[test] fn three() { let Some(it) = other() else { return; }; }
        #[test] fn four() { if shared(\"it\").is_some() { return; } }
        #[test] fn loud() { if no() { support::skip(\"why\"); return; } }
        #[test] fn lacks() { let Some(it) = shared(\"it\") else { return; }; }
        #[test] fn still_lacks() { if shared(\"it\").is_none() { return; } }
        #[test] fn goes_on() { each(|one| { return; }); }
        fn helper() { return; }";
    assert_eq!(silent(example), ["one", "two", "three", "four"]);
}

#[test]
fn what_lies_outside_the_project_is_looked_for_in_one_place() {
    let outside = "../shared";
    for (path, text) in sources() {
        assert!(!text.contains(outside), "{}", path.display());
    }
}
