//! Who may do what: facts in, verdict out, with the names of the rules that decided.
//!
//! Rules are written in [Cedar](https://www.cedarpolicy.com). The base rules (`base.cedar`) ship
//! with the program; operators add files of their own, which are validated against the schema
//! (`schema.cedarschema`) before anything starts. A forbid wins over every permit, so what the base
//! rules forbid stays forbidden. Nothing here asks for facts, reads a clock or changes anything:
//! the caller brings fresh facts, and a rule that cannot be evaluated means no.

mod facts;
mod load;
mod mentions;
mod overbroad;
mod problem;
mod schema;
mod verdict;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use cedar_policy::PolicySet;
use chrono_tz::Tz;
use sha2::{Digest, Sha256};

use self::mentions::Mentions;

pub use facts::{Action, Facts, TicketFact};
pub use mentions::{Mention, Named};
pub use problem::Problem;

use crate::{
    domain::{GroupName, RuleId, UserId},
    source_map::SourceSpan,
};

/// The rules in force: the base rules and an operator's. [`load`](Self::load) makes one.
#[derive(Debug, Clone)]
pub struct Policy {
    set: PolicySet,
    /// The forbids that only report what they would refuse.
    report_only: PolicySet,
    rules: BTreeMap<RuleId, Rule>,
    groups: BTreeSet<GroupName>,
    /// The groups whose members are on call.
    oncall: BTreeSet<GroupName>,
    /// Where `context.hour` and `context.weekday` are counted.
    zone: Tz,
}

/// What is known of a rule beyond what it decides.
#[derive(Debug, Clone)]
struct Rule {
    /// Where it stands among all rules; the base rules come first.
    order: usize,
    /// What a person is told when it decides against them; may be empty for a permit.
    reason: String,
    /// The groups that it speaks of.
    groups: BTreeSet<GroupName>,
    /// The people that it speaks of by their ids.
    people: BTreeSet<UserId>,
    /// The actions that it may apply to.
    actions: BTreeSet<Action>,
    /// Whether it depends on `context.oncall`.
    reads_oncall: bool,
    /// What it mentions of the catalogue.
    mentions: Mentions,
    /// Where it was read; nothing for a base rule.
    origin: Option<(PathBuf, SourceSpan)>,
}

impl Policy {
    /// The same rules, with `context.hour` and `context.weekday` in this time zone. The default is UTC.
    #[must_use]
    pub fn with_time_zone(self, zone: Tz) -> Self {
        Self { zone, ..self }
    }

    /// The same rules, with `context.oncall` true for the members of these groups. The default is
    /// nobody.
    #[must_use]
    pub fn with_oncall(mut self, oncall: BTreeSet<GroupName>) -> Self {
        if self.rules.values().any(|rule| rule.reads_oncall) {
            self.groups.extend(oncall.iter().cloned());
        }
        Self { oncall, ..self }
    }

    /// The groups whose members are on call.
    pub fn oncall(&self) -> &BTreeSet<GroupName> {
        &self.oncall
    }

    /// Where `context.hour` and `context.weekday` are counted.
    pub fn time_zone(&self) -> Tz {
        self.zone
    }

    /// The names of the rules that do not ship with Keylend.
    pub fn operator_rules(&self) -> impl Iterator<Item = &RuleId> {
        let rules = self.rules.iter();
        rules.filter_map(|(id, rule)| rule.origin.as_ref().map(|_| id))
    }

    /// Whether any rule only reports.
    pub fn has_report_only(&self) -> bool {
        !self.report_only.is_empty()
    }

    /// The rules that only report what they would refuse.
    pub fn report_only(&self) -> impl Iterator<Item = RuleId> {
        let rules = self.report_only.policies();
        rules.map(|rule| RuleId::new(AsRef::<str>::as_ref(rule.id())))
    }

    /// The groups that operators' rules speak of, those of `context.oncall` among them: a person's
    /// membership in these has to be known too when something is evaluated.
    pub fn groups(&self) -> &BTreeSet<GroupName> {
        &self.groups
    }

    /// Whether a rule that may apply to `action` speaks of this group.
    pub fn names_group(&self, action: Action, group: &GroupName) -> bool {
        let mut rules = self.rules.values();
        rules.any(|rule| rule.actions.contains(&action) && self.depends_on(rule, group))
    }

    /// Whether this rule speaks of this group, by its name or as one of `context.oncall`.
    pub fn speaks_of(&self, rule: &RuleId, group: &GroupName) -> bool {
        let rule = self.rules.get(rule);
        rule.is_some_and(|rule| self.depends_on(rule, group))
    }

    fn depends_on(&self, rule: &Rule, group: &GroupName) -> bool {
        rule.groups.contains(group) || (rule.reads_oncall && self.oncall.contains(group))
    }

    /// The people of whom rules that may apply to `action` speak by their ids.
    pub fn people_named(&self, action: Action) -> impl Iterator<Item = UserId> {
        let rules = self.rules.values();
        let rules = rules.filter(move |rule| rule.actions.contains(&action));
        rules.flat_map(|rule| rule.people.iter().cloned())
    }

    /// The rules' names, base rules among them.
    pub fn rules(&self) -> impl ExactSizeIterator<Item = &RuleId> {
        self.rules.keys()
    }

    /// What a person is told when this rule decides against them.
    pub fn reason(&self, rule: &RuleId) -> Option<&str> {
        self.rules.get(rule).map(|rule| rule.reason.as_str())
    }

    /// A problem for each rule that speaks of a group that is not in `known`.
    pub fn unknown_groups(&self, known: &BTreeSet<GroupName>) -> Vec<Problem> {
        let mut problems = Vec::new();
        for (id, rule) in &self.rules {
            for group in rule.groups.difference(known) {
                if let Some((file, place)) = &rule.origin {
                    let message = format!(
                        "the rule `{id}` names the group `{group}`, which is not in [groups]"
                    );
                    problems.push(Problem::at(file, place.clone(), message));
                }
            }
        }
        problems
    }

    /// What operators' rules mention of the catalogue.
    pub fn mentions(&self) -> impl Iterator<Item = Mention<'_>> {
        let rules = self.rules.iter();
        let own = rules.filter_map(|(id, rule)| Some((id, rule, rule.origin.as_ref()?)));
        own.flat_map(|(rule, read, (file, place))| {
            let names = read.mentions.0.iter();
            names.map(move |(named, name)| Mention {
                rule,
                file,
                place,
                named: *named,
                name,
            })
        })
    }

    /// A SHA-256 over the schema, the time zone, the groups of `context.oncall` and every rule's text, in
    /// hexadecimal: the same for the
    /// same rules, in whatever files and order they stand.
    pub fn hash(&self) -> String {
        let rules = self.set.policies().chain(self.report_only.policies());
        let mut texts: Vec<_> = rules.map(ToString::to_string).collect();
        texts.sort();
        let mut hash = Sha256::new();
        let first = [
            include_str!("schema.cedarschema").to_owned(),
            self.zone.name().to_owned(),
        ];
        let oncall = self.oncall.iter().map(ToString::to_string);
        let first: Vec<_> = first.into_iter().chain(oncall).collect();
        for text in first.iter().chain(&texts) {
            hash.update((text.len() as u64).to_be_bytes());
            hash.update(text);
        }
        hex::encode(hash.finalize())
    }
}
