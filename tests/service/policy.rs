//! What the rules decide before they are in force: `keylend policy test` and `keylend policy explain`, and the
//! examples that ship with Keylend.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use tempfile::TempDir;

const EXAMPLES: &str = "deploy/policies/examples";

/// What `keylend policy` says, and its exit code.
fn policy(arguments: &[&str]) -> (String, i32) {
    let output = Command::new(env!("CARGO_BIN_EXE_keylend"))
        .arg("policy")
        .args(arguments)
        .output()
        .unwrap();
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    (said, output.status.code().unwrap())
}

fn examples(ending: &str) -> Vec<PathBuf> {
    let files = fs::read_dir(EXAMPLES).unwrap();
    let mut files: Vec<_> = files
        .map(|file| file.unwrap().path())
        .filter(|file| file.to_str().unwrap().ends_with(ending))
        .collect();
    files.sort();
    files
}

/// Runs cases against the examples' configuration; `rules` stand beside them as `own.cedar`.
fn run(rules: &str, cases: &str) -> (String, i32) {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("own.cedar"), rules).unwrap();
    let file = folder.path().join("own.test.toml");
    fs::write(&file, format!("rules = [\"own.cedar\"]\n{cases}")).unwrap();
    let config = format!("{EXAMPLES}/keylend.toml");
    let (said, code) = policy(&["test", "--config", &config, file.to_str().unwrap()]);
    let folder = format!("{}/", folder.path().display());
    (said.replace(&folder, ""), code)
}

fn explain(arguments: &[&str]) -> (String, i32) {
    let config = format!("{EXAMPLES}/keylend.toml");
    let arguments = [&["explain", "--config", &config], arguments].concat();
    policy(&arguments)
}

#[test]
fn every_example_decides_what_its_cases_say_and_every_rule_of_it_decides_one() {
    let rules = examples(".cedar");
    let cases = examples(".test.toml");
    assert_eq!(rules.len(), 11);
    let stem = |file: &Path, ending: &str| {
        let name = file.file_name().unwrap().to_str().unwrap();
        name.strip_suffix(ending).unwrap().to_owned()
    };
    let of_rules: Vec<_> = rules.iter().map(|file| stem(file, ".cedar")).collect();
    let of_cases: Vec<_> = cases.iter().map(|file| stem(file, ".test.toml")).collect();
    assert_eq!(of_rules, of_cases, "each example has its cases");
    let config = format!("{EXAMPLES}/keylend.toml");
    let mut arguments = vec!["test", "--config", &config];
    arguments.extend(cases.iter().map(|file| file.to_str().unwrap()));
    let (said, code) = policy(&arguments);
    assert_eq!(code, 0, "{said}");
    assert!(!said.contains("no case is decided by"), "{said}");
}

/// A rule of which the cases below know.
const NO_WRITES: &str = r#"
@id("no-writes")
@reason("Nobody writes today.")
forbid (principal, action == Action::"request", resource)
when { resource.action == "write" };

@id("nobody-locks")
@reason("Nobody locks today.")
forbid (principal, action == Action::"lock", resource);
"#;

#[test]
fn a_case_that_fails_says_what_was_expected_and_what_was_decided() {
    let (said, code) = run(
        NO_WRITES,
        r#"
[[case]]
name = "writing is allowed"
given = { groups = ["engineers"] }
when = { action = "request", scope = "db-prod:write", ticket = "INC-1" }
then = { decision = "allow", by = ["requester-group"] }

[[case]]
name = "reading is allowed"
given = { groups = ["engineers"] }
when = { action = "request", scope = "db-prod:read" }
then = { decision = "allow" }

[[case]]
name = "the scope is misspelt"
when = { action = "request", scope = "db-prod:wirte" }
then = { decision = "refuse" }
"#,
    );
    assert_eq!(code, 1, "{said}");
    insta::assert_snapshot!(said, @r#"
    own.test.toml
      FAILED  writing is allowed (line 4)
        expected: allow, by requester-group
        decided:  refuse, by no-writes
        reason:   Nobody writes today.
      ok      reading is allowed
      FAILED  the scope is misspelt (line 16)
        there is no scope "db-prod:wirte" in [scopes]

    1 passed, 2 failed
    no case is decided by: nobody-locks
    "#);
}

#[test]
fn a_case_may_be_for_an_incident() {
    let (said, code) = run(
        r#"
@id("incidents")
@reason("Only for incidents.")
forbid (principal, action == Action::"request", resource)
unless { context.incident };
"#,
        r#"
[[case]]
name = "for an incident"
given = { groups = ["engineers"] }
when = { action = "request", scope = "db-prod:write", ticket = "INC-1", incident = true }
then = { decision = "allow", by = ["requester-group"] }

[[case]]
name = "for nothing"
given = { groups = ["engineers"] }
when = { action = "request", scope = "db-prod:write", ticket = "INC-1" }
then = { decision = "refuse", by = ["incidents"] }
"#,
    );
    assert_eq!(code, 0, "{said}");
}

#[test]
fn a_case_that_cannot_be_read_is_named_with_its_line_and_no_case_passes() {
    let (said, code) = run(
        NO_WRITES,
        r#"
[[case]]
name = "a key that there is not"
given = { group = ["engineers"] }
when = { action = "request", scope = "db-prod:write" }
then = { decision = "refuse" }
"#,
    );
    assert_eq!(code, 1, "{said}");
    assert!(
        said.contains("own.test.toml") && said.contains("line 5"),
        "{said}"
    );
    assert!(said.contains("unknown field `group`"), "{said}");
    assert!(!said.contains("passed"), "{said}");
}

#[test]
fn explaining_a_request_names_the_rules_and_who_decides() {
    let (said, code) = explain(&["db-prod:write", "--group", "engineers", "--ticket", "INC-1"]);
    assert_eq!(code, 0, "{said}");
    insta::assert_snapshot!(said, @"
    request: allowed by requester-group
    auto_approve: no rule approves it; 1 person in dba must approve
    ");
    let (said, code) = explain(&["payroll:read", "--group", "oncall"]);
    assert_eq!(code, 0, "{said}");
    assert!(
        said.contains("2 people in dba, security must approve"),
        "{said}"
    );
}

#[test]
fn explaining_what_would_be_refused_says_why_by_which_rule() {
    let (said, code) = explain(&["db-prod:write", "--group", "engineers", "--locked"]);
    assert_eq!(code, 1, "{said}");
    insta::assert_snapshot!(said, @"
    request: refused by ticket-required: This scope needs a ticket; request it again with one like the example that /jit explain shows.
    request: refused by locked: This is locked; an administrator has to unlock it first.
    ");
    let (said, code) = explain(&["db-prod:read", "--group", "enginers"]);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("there is no group \"enginers\""), "{said}");
}

#[test]
fn only_a_forbid_can_be_report_only() {
    let (said, code) = run(
        "@id(\"own\")\n@report_only\npermit (principal, action == Action::\"auto_approve\", resource)\n\
         when { resource.risk == Risk::\"low\" };\n",
        "case = []\n",
    );
    assert_eq!(code, 1, "{said}");
    assert!(
        said.contains("only a forbid can be `@report_only`"),
        "{said}"
    );
    let (said, code) = run(
        "@id(\"own\")\n@reason(\"no\")\n@report_only(\"yes\")\nforbid (principal, action, resource);\n",
        "case = []\n",
    );
    assert_eq!(code, 1, "{said}");
    assert!(
        said.contains("`@report_only(\"yes\")` is not known"),
        "{said}"
    );
}

#[test]
fn a_report_only_rule_is_validated_as_one_in_force() {
    let (said, code) = run(
        "@id(\"own\")\n@reason(\"no\")\n@report_only\n\
         forbid (principal, action == Action::\"request\", resource) when { resource.risky };\n",
        "case = []\n",
    );
    assert_eq!(code, 1, "{said}");
    assert!(
        said.contains("own.cedar:4") && said.contains("in the rule `own`"),
        "{said}"
    );
}
