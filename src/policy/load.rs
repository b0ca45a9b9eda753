//! Reading rules: what is wrong with an operator's file is found before anything starts.
//!
//! Beyond Cedar's strict validation, every rule has a name of its own (`@id`), a forbid says why
//! (`@reason`), and a permit of an operator opens nothing by carelessness. A forbid that is marked
//! `@report_only` is validated like any other and is not in force.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use cedar_policy::{
    Effect, PolicyId, PolicySet, ValidationError, ValidationMode, ValidationResult, Validator,
};
use chrono_tz::Tz;
use miette::Diagnostic;

use super::{
    Action, Policy, Problem, Rule,
    mentions::{Mentions, reads_context},
    overbroad::{names, overbroad},
    schema::SCHEMA,
};
use crate::{
    domain::{GroupName, RuleId, UserId},
    source_map::{self, SourceMap, SourceSpan},
};

impl Policy {
    /// The rules that ship with Keylend, alone.
    pub fn base() -> Self {
        Self::load(&[]).expect("the base rules are valid")
    }

    /// The base rules and those of `files`.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with the files, in their order.
    pub fn load(files: &[PathBuf]) -> Result<Self, Vec<Problem>> {
        let mut reading = Reading::default();
        reading.file(
            Path::new("base.cedar"),
            include_str!("base.cedar"),
            Origin::Base,
        );
        for file in files {
            let problem = |place, message| Problem {
                file: file.clone(),
                place,
                message,
            };
            match fs::read(file) {
                Ok(bytes) => match source_map::text(&bytes) {
                    Ok(text) => reading.file(file, text, Origin::Operator),
                    Err(wrong) => reading
                        .problems
                        .push(problem(Some(wrong.place.clone()), wrong.to_string())),
                },
                Err(error) => reading
                    .problems
                    .push(problem(None, format!("the file cannot be read: {error}"))),
            }
        }
        reading.finish()
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Origin {
    Base,
    Operator,
}

/// What has been read so far.
#[derive(Default)]
struct Reading {
    set: PolicySet,
    /// The forbids that only report.
    report_only: PolicySet,
    rules: BTreeMap<RuleId, Rule>,
    texts: BTreeMap<PathBuf, String>,
    problems: Vec<Problem>,
}

impl Reading {
    fn file(&mut self, file: &Path, text: &str, origin: Origin) {
        self.texts.insert(file.to_owned(), text.to_owned());
        let lines = SourceMap::new(text);
        let set: PolicySet = match text.parse() {
            Ok(set) => set,
            Err(errors) => {
                let mut said = BTreeSet::new();
                for error in errors.iter() {
                    let place = place_of(error, &lines).unwrap_or_else(|| lines.place(0, 0));
                    // What follows on the same line follows from the first.
                    if said.insert(place.line) {
                        self.problems
                            .push(Problem::at(file, place, sentence(error)));
                    }
                }
                return;
            }
        };
        for (place, rule) in in_order(&set, text, &lines) {
            let problem = match rule {
                Read::Template => Err(
                    "a template (`?principal`, `?resource`) is never applied: write a group or a scope \
                     in place of the slot"
                        .to_owned(),
                ),
                Read::Rule(policy) => self.rule(policy, origin, file, &place),
            };
            if let Err(message) = problem {
                self.problems.push(Problem::at(file, place, message));
            }
        }
    }

    fn rule(
        &mut self,
        policy: &cedar_policy::Policy,
        origin: Origin,
        file: &Path,
        place: &SourceSpan,
    ) -> Result<(), String> {
        let id = named(policy)?;
        let reason = policy.annotation("reason").unwrap_or_default().trim();
        if reason.is_empty() && policy.effect() == Effect::Forbid {
            return Err(format!(
                "the forbid `{id}` needs a `@reason(\"…\")`: the sentence that a person who is refused reads"
            ));
        }
        if let Some(namesake) = self.rules.get(&id) {
            return Err(match &namesake.origin {
                None => format!("`{id}` is the name of a base rule, which cannot be replaced"),
                Some((file, place)) => format!(
                    "there is already a rule `{id}`, in {}:{}: give each rule its own `@id`",
                    file.display(),
                    place.line
                ),
            });
        }
        let is_report_only = report_only(policy)?;
        if origin == Origin::Operator
            && policy.effect() == Effect::Permit
            && let Some(message) = overbroad(policy)
        {
            return Err(message);
        }
        let literals = policy.entity_literals();
        let of_type = |name: &'static str| {
            let literals = literals.iter();
            literals.filter(move |uid| uid.type_name().basename() == name)
        };
        let groups = of_type("Group").map(|uid| GroupName::new(uid.id().unescaped()));
        let people = of_type("User").map(|uid| UserId::new(uid.id().unescaped()));
        let (groups, people) = (groups.collect(), people.collect());
        let actions = Action::ALL.into_iter();
        let actions = actions.filter(|action| names(policy, *action)).collect();
        let order = self.rules.len();
        let set = match is_report_only {
            true => &mut self.report_only,
            false => &mut self.set,
        };
        set.add(policy.new_id(PolicyId::new(id.as_str())))
            .map_err(|error| error.to_string())?;
        let rule = Rule {
            order,
            reason: reason.to_owned(),
            groups,
            people,
            actions,
            reads_oncall: reads_context(policy, "oncall"),
            mentions: Mentions::of(policy),
            origin: (origin == Origin::Operator).then(|| (file.to_owned(), place.clone())),
        };
        self.rules.insert(id, rule);
        Ok(())
    }

    fn finish(mut self) -> Result<Policy, Vec<Problem>> {
        self.validate();
        if !self.problems.is_empty() {
            let key = |problem: &Problem| {
                let place = problem.place.as_ref();
                place.map(|place| (place.line, place.column))
            };
            self.problems
                .sort_by(|a, b| (&a.file, key(a)).cmp(&(&b.file, key(b))));
            return Err(self.problems);
        }
        let groups = self
            .rules
            .values()
            .flat_map(|rule| rule.groups.iter().cloned())
            .collect();
        Ok(Policy {
            set: self.set,
            report_only: self.report_only,
            rules: self.rules,
            groups,
            oncall: BTreeSet::new(),
            zone: Tz::UTC,
        })
    }

    /// Holds the rules against the schema. Warnings count: a rule that never applies, or letters
    /// that look like others, are as wrong as an error. Only the first is said of each rule, and
    /// errors go before what follows from them.
    fn validate(&mut self) {
        let validator = Validator::new(SCHEMA.clone());
        let results = [&self.set, &self.report_only]
            .map(|set| validator.validate(set, ValidationMode::Strict));
        let vague = |error: &&ValidationError| {
            matches!(error, ValidationError::InvalidActionApplication(_))
        };
        let all_errors = || results.iter().flat_map(ValidationResult::validation_errors);
        let precise = all_errors().filter(|error| !vague(error));
        let errors = precise.chain(all_errors().filter(vague));
        let warnings = results
            .iter()
            .flat_map(ValidationResult::validation_warnings);
        let found = errors
            .map(|error| (error.policy_id(), error as &dyn Diagnostic))
            .chain(warnings.map(|warning| (warning.policy_id(), warning as &dyn Diagnostic)));
        let mut said = BTreeSet::new();
        for (policy, diagnostic) in found.filter(|(policy, _)| said.insert((*policy).clone())) {
            let id: &str = policy.as_ref();
            let (file, place) = self
                .rules
                .get(&RuleId::new(id))
                .and_then(|rule| rule.origin.as_ref())
                .expect("the base rules are valid");
            let place = self
                .texts
                .get(file)
                .and_then(|text| place_of(diagnostic, &SourceMap::new(text)))
                .unwrap_or_else(|| place.clone());
            let said = sentence(diagnostic);
            let said = said
                .strip_prefix(&format!("for policy `{id}`"))
                .map_or(said.as_str(), |rest| {
                    rest.trim_start_matches([',', ':', ' '])
                });
            let mut message = format!("in the rule `{id}`: {said}");
            if message.contains("on entity type `Everything`") {
                message += " (write `resource is Scope`: a lock can cover everything)";
            }
            self.problems.push(Problem::at(file, place, message));
        }
    }
}

/// The longest `@id`: it is read on a phone.
const LONGEST_ID: usize = 64;

fn named(policy: &cedar_policy::Policy) -> Result<RuleId, String> {
    let id = policy.annotation("id").ok_or(
        "the rule needs an `@id`, such as `@id(\"no-prod-on-friday\")`: the log and messages to people \
         name the rule by it",
    )?;
    let fits = !id.is_empty()
        && id.len() <= LONGEST_ID
        && id
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    if fits {
        Ok(RuleId::new(id))
    } else {
        Err(format!(
            "`{id}` is not an `@id`: write at most {LONGEST_ID} letters, digits, `-`, `_` and `.`"
        ))
    }
}

/// Whether the rule only reports what it would refuse.
fn report_only(policy: &cedar_policy::Policy) -> Result<bool, String> {
    match policy.annotation("report_only") {
        None => Ok(false),
        Some("" | "true") if policy.effect() == Effect::Forbid => Ok(true),
        Some("" | "true") => Err(
            "only a forbid can be `@report_only`: a permit that is not in force permits nothing, and \
             reports nothing"
                .to_owned(),
        ),
        Some(other) => Err(format!(
            "`@report_only(\"{other}\")` is not known: write `@report_only` to report what the rule would \
             refuse, or leave it out to refuse it"
        )),
    }
}

enum Read<'a> {
    Rule(&'a cedar_policy::Policy),
    Template,
}

/// The rules of one file in the order of its text, each with its place. Cedar names them
/// `policy0`, `policy1`, … in that order, and keeps each one's text.
fn in_order<'a>(
    set: &'a PolicySet,
    text: &str,
    lines: &SourceMap<'_>,
) -> Vec<(SourceSpan, Read<'a>)> {
    let number = |id: &PolicyId| -> usize {
        let id: &str = id.as_ref();
        id.trim_start_matches("policy")
            .parse()
            .unwrap_or(usize::MAX)
    };
    let rules = set
        .policies()
        .map(|policy| (number(policy.id()), policy.to_string(), Read::Rule(policy)));
    let templates = set
        .templates()
        .map(|template| (number(template.id()), template.to_string(), Read::Template));
    let mut all: Vec<_> = rules.chain(templates).collect();
    all.sort_by_key(|(number, ..)| *number);

    let mut from = 0;
    all.into_iter()
        .map(|(_, source, read)| {
            let offset = text[from..]
                .find(&source)
                .map_or(from, |found| from + found);
            from = (offset + source.len()).min(text.len());
            (lines.place(offset, source.len()), read)
        })
        .collect()
}

fn place_of(diagnostic: &dyn Diagnostic, lines: &SourceMap<'_>) -> Option<SourceSpan> {
    let label = diagnostic.labels()?.next()?;
    Some(lines.place(label.offset(), label.len()))
}

/// What Cedar says, with its advice, in one line.
fn sentence(diagnostic: &dyn Diagnostic) -> String {
    let mut sentence = diagnostic.to_string();
    let label = diagnostic
        .labels()
        .and_then(|mut labels| labels.next())
        .and_then(|label| label.label().map(ToOwned::to_owned));
    if let Some(label) = label {
        sentence = format!("{sentence}: {label}");
    }
    if let Some(help) = diagnostic.help() {
        sentence = format!("{sentence} ({help})");
    }
    sentence.split_whitespace().collect::<Vec<_>>().join(" ")
}
