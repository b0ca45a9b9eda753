//! `keylend policy test`: cases that say what the rules should decide.

use std::{
    collections::BTreeSet,
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, bail};
use clap::Args;
use serde::Deserialize;
use toml::Spanned;

use super::situation::{Decided, Given, When, decide, listed};
use crate::{
    cli::address::configuration,
    config::{Config, Secrets},
    domain::{Refusal, RuleId},
    policy::Policy,
    sanitize::escaped,
    source_map::SourceMap,
};

/// Run cases that say what the rules should decide.
///
/// A case says who acts (`given`), what they do (`when`), and what the rules should decide (`then`). It
/// uses the scopes, groups and limits of the configuration, and its rules unless the file names others.
/// Connects to nothing, and needs no secret. Exits with 1 if a case fails, and names your rules that
/// decide no case. The policy guide shows how to write cases.
#[derive(Debug, Args)]
pub struct Test {
    /// The configuration.
    #[arg(long, value_name = "FILE", default_value = "keylend.toml")]
    config: PathBuf,
    /// Files with cases, in TOML.
    #[arg(required = true, value_name = "CASES")]
    files: Vec<PathBuf>,
}

/// A file with cases.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Cases {
    /// Files of rules in place of the configuration's, from this file's folder.
    rules: Option<Vec<PathBuf>>,
    /// The cases.
    case: Vec<Case>,
}

/// What the rules should decide in a situation.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    /// What it shows, as a sentence.
    name: Spanned<String>,
    #[serde(default)]
    given: Given,
    when: When,
    then: Then,
}

/// What should be decided.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Then {
    decision: Decision,
    /// The rules that decide, in any order; not compared if left out. Empty if nothing permits it and no base
    /// rule could.
    by: Option<BTreeSet<RuleId>>,
    /// The report-only rules that would refuse it; not compared if left out.
    would_refuse: Option<BTreeSet<RuleId>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Decision {
    Allow,
    Refuse,
}

impl Decision {
    fn name(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Refuse => "refuse",
        }
    }
}

impl Test {
    /// Runs the cases and answers on `out`.
    ///
    /// # Errors
    ///
    /// If the configuration, the rules or the cases can't be read, or `out` takes no more.
    pub fn run(self, out: &mut (dyn Write + Send)) -> anyhow::Result<ExitCode> {
        let config = configuration(&self.config, Secrets::Unchecked)?;
        let (mut passed, mut failed) = (0_usize, 0_usize);
        let mut idle = BTreeSet::new();
        let mut decisive = BTreeSet::new();
        for file in &self.files {
            let text = fs::read_to_string(file)
                .with_context(|| format!("failed to read {}", file.display()))?;
            let cases: Cases = toml::from_str(&text)
                .map_err(|error| anyhow::anyhow!("{}: {error}", file.display()))?;
            let policy = match &cases.rules {
                Some(rules) => read_rules(&config, file, rules)?,
                None => config.policy.clone(),
            };
            idle.extend(policy.operator_rules().cloned());
            let lines = SourceMap::new(&text);
            writeln!(out, "{}", file.display())?;
            for case in &cases.case {
                let name = escaped(case.name.get_ref());
                let decided = decide(&config, &policy, &case.given, &case.when);
                let differs = match decided {
                    Ok(decided) => {
                        decisive.extend(rules_of(&decided));
                        case.then.differs_from(&decided)
                    }
                    Err(problem) => Some(format!("    {problem}")),
                };
                match differs {
                    None => {
                        passed += 1;
                        writeln!(out, "  ok      {name}")?;
                    }
                    Some(how) => {
                        failed += 1;
                        let line = lines.place(case.name.span().start, 0).line;
                        writeln!(out, "  FAILED  {name} (line {line})\n{how}")?;
                    }
                }
            }
        }
        writeln!(out, "\n{passed} passed, {failed} failed")?;
        let idle: Vec<_> = idle.difference(&decisive).collect();
        if !idle.is_empty() {
            writeln!(out, "no case is decided by: {}", listed(idle))?;
        }
        Ok(match failed {
            0 => ExitCode::SUCCESS,
            _ => ExitCode::FAILURE,
        })
    }
}

impl Then {
    /// How what was decided differs from what should be, as lines; nothing if it does not.
    fn differs_from(&self, decided: &Decided) -> Option<String> {
        let (decision, by) = match &decided.verdict {
            Ok(rules) => (Decision::Allow, rules.iter().cloned().collect()),
            Err(refusal) => (Decision::Refuse, refused_by(refusal)),
        };
        let would_refuse: BTreeSet<_> = decided.would_refuse.iter().cloned().collect();
        let is_same = decision == self.decision
            && self.by.as_ref().is_none_or(|rules| *rules == by)
            && (self.would_refuse.as_ref()).is_none_or(|rules| *rules == would_refuse);
        if is_same {
            return None;
        }
        let told = |decision: Decision, by: Option<&BTreeSet<RuleId>>, would: &BTreeSet<RuleId>| {
            let mut told = decision.name().to_owned();
            match by {
                None => {}
                Some(by) if by.is_empty() => told += ", by no rule",
                Some(by) => told += &format!(", by {}", listed(by)),
            }
            if !would.is_empty() {
                told += &format!("; {} would refuse it", listed(would));
            }
            told
        };
        let nothing = BTreeSet::new();
        let expected = told(
            self.decision,
            self.by.as_ref(),
            self.would_refuse.as_ref().unwrap_or(&nothing),
        );
        let mut lines = format!("    expected: {expected}\n");
        lines += &format!("    decided:  {}", told(decision, Some(&by), &would_refuse));
        let reasons = match &decided.verdict {
            Ok(_) => Vec::new(),
            Err(Refusal::Forbidden(rulings)) => {
                rulings.iter().map(|ruling| ruling.reason.clone()).collect()
            }
            Err(refusal) => vec![refusal.to_string()],
        };
        for reason in reasons {
            lines += &format!("\n    reason:   {}", escaped(&reason));
        }
        Some(lines)
    }
}

/// The rules that refuse it, or that would have had to allow it.
fn refused_by(refusal: &Refusal) -> BTreeSet<RuleId> {
    match refusal {
        Refusal::Forbidden(rulings) => rulings.iter().map(|ruling| ruling.rule.clone()).collect(),
        _ => BTreeSet::new(),
    }
}

/// The rules that count as tried by this case.
fn rules_of(decided: &Decided) -> BTreeSet<RuleId> {
    let mut rules = match &decided.verdict {
        Ok(rules) => rules.iter().cloned().collect(),
        Err(refusal) => refused_by(refusal),
    };
    rules.extend(decided.would_refuse.iter().cloned());
    rules
}

/// The rules of `files`, which are named from the folder of `cases`, in place of the configuration's.
fn read_rules(config: &Config, cases: &Path, files: &[PathBuf]) -> anyhow::Result<Policy> {
    let folder = cases.parent().unwrap_or(Path::new(""));
    let files: Vec<_> = files.iter().map(|file| folder.join(file)).collect();
    let policy = Policy::load(&files).and_then(|policy| {
        let problems = policy.unknown_groups(&config.groups.keys().cloned().collect());
        match problems.is_empty() {
            true => Ok(policy),
            false => Err(problems),
        }
    });
    match policy {
        Ok(policy) => Ok(policy
            .with_time_zone(config.policy.time_zone())
            .with_oncall(config.policy.oncall().clone())),
        Err(problems) => {
            let problems: Vec<_> = problems.iter().map(ToString::to_string).collect();
            bail!("the rules are invalid\n\n{}", problems.join("\n"))
        }
    }
}
