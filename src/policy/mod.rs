//! Who may do what: facts in, verdict out, with the names of the rules that decided.
//!
//! Rules are written in [Cedar](https://www.cedarpolicy.com). The base rules (`base.cedar`) ship
//! with the program; operators add files of their own, which are validated against the schema
//! (`schema.cedarschema`) before anything starts. A forbid wins over every permit, so what the base
//! rules forbid stays forbidden. Nothing here asks for facts, reads a clock or changes anything:
//! the caller brings fresh facts, and a rule that cannot be evaluated means no.

mod facts;
mod load;
mod overbroad;
mod problem;
mod schema;
mod verdict;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use cedar_policy::PolicySet;
use sha2::{Digest, Sha256};

pub use facts::{Action, Facts, TicketFact};
pub use problem::Problem;

use crate::{
    domain::{GroupName, RuleId, UserId},
    source_map::SourceSpan,
};

/// The rules in force: the base rules and an operator's. [`load`](Self::load) makes one.
#[derive(Debug, Clone)]
pub struct Policy {
    set: PolicySet,
    rules: BTreeMap<RuleId, Rule>,
    groups: BTreeSet<GroupName>,
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
    /// Where it was read; nothing for a base rule.
    origin: Option<(PathBuf, SourceSpan)>,
}

impl Policy {
    /// The groups that operators' rules speak of: a person's membership in these has to be known
    /// too when something is evaluated.
    pub fn groups(&self) -> &BTreeSet<GroupName> {
        &self.groups
    }

    /// Whether a rule that may apply to `action` speaks of this group.
    pub fn names_group(&self, action: Action, group: &GroupName) -> bool {
        let mut rules = self.rules.values();
        rules.any(|rule| rule.actions.contains(&action) && rule.groups.contains(group))
    }

    /// Whether this rule speaks of this group.
    pub fn speaks_of(&self, rule: &RuleId, group: &GroupName) -> bool {
        let rule = self.rules.get(rule);
        rule.is_some_and(|rule| rule.groups.contains(group))
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
                        "the rule `{id}` speaks of the group `{group}`, which is not in [groups]"
                    );
                    problems.push(Problem::at(file, place.clone(), message));
                }
            }
        }
        problems
    }

    /// A SHA-256 over the schema and every rule's text, in hexadecimal: the same for the same
    /// rules, in whatever files and order they stand.
    pub fn hash(&self) -> String {
        let mut texts: Vec<_> = self.set.policies().map(ToString::to_string).collect();
        texts.sort();
        let mut hash = Sha256::new();
        for text in [include_str!("schema.cedarschema").to_owned()]
            .iter()
            .chain(&texts)
        {
            hash.update((text.len() as u64).to_be_bytes());
            hash.update(text);
        }
        hex::encode(hash.finalize())
    }
}
