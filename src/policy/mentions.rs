//! What a rule mentions of the catalogue: scopes, their parts and their environments.
//!
//! Cedar finds an attribute or a risk that there is not. These are texts, which it cannot know.

use std::{collections::BTreeSet, path::Path};

use cedar_policy::Policy;
use serde_json::Value;

use crate::{domain::RuleId, source_map::SourceSpan};

/// What a name in a rule is a name of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Named {
    /// A scope, `Scope::"db-prod:write"`.
    Scope,
    /// What `resource.resource` is compared with.
    Resource,
    /// What `resource.action` is compared with.
    Action,
    /// What `resource.environment` is compared with.
    Environment,
}

/// A name in an operator's rule.
#[derive(Debug, Clone, Copy)]
pub struct Mention<'a> {
    /// The rule.
    pub rule: &'a RuleId,
    /// The file that it is in.
    pub file: &'a Path,
    /// The rule's place in the file.
    pub place: &'a SourceSpan,
    /// What it is a name of.
    pub named: Named,
    /// The name.
    pub name: &'a str,
}

/// The names in one rule.
#[derive(Debug, Clone)]
pub(super) struct Mentions(pub(super) BTreeSet<(Named, String)>);

impl Mentions {
    pub(super) fn of(policy: &Policy) -> Self {
        let literals = policy.entity_literals();
        let scopes = literals
            .iter()
            .filter(|uid| uid.type_name().basename() == "Scope");
        let mut found: BTreeSet<_> = scopes
            .map(|uid| (Named::Scope, uid.id().unescaped().to_owned()))
            .collect();
        if let Ok(policy) = policy.to_json() {
            collect(&policy["conditions"], &mut found);
        }
        Self(found)
    }
}

/// Whether the answer of the rule may depend on this attribute of the context: it is read, or the
/// context is used as a whole.
pub(super) fn reads_context(policy: &Policy, attribute: &str) -> bool {
    let policy = policy.to_json();
    policy.map_or(true, |policy| reads(&policy["conditions"], attribute))
}

fn reads(expression: &Value, attribute: &str) -> bool {
    match expression {
        Value::Object(parts) => parts
            .iter()
            .any(|(operator, part)| match operator.as_str() {
                "." | "has" if part["left"]["Var"] == "context" => part["attr"] == attribute,
                "Var" if part == "context" => true,
                _ => reads(part, attribute),
            }),
        Value::Array(parts) => parts.iter().any(|part| reads(part, attribute)),
        _ => false,
    }
}

/// Adds the texts that an attribute of the resource is compared with.
fn collect(expression: &Value, found: &mut BTreeSet<(Named, String)>) {
    match expression {
        Value::Object(parts) => {
            for (operator, part) in parts {
                if matches!(operator.as_str(), "==" | "!=" | "contains") {
                    let sides = [&part["left"], &part["right"]];
                    for (one, other) in [(sides[0], sides[1]), (sides[1], sides[0])] {
                        if let Some(named) = attribute(one) {
                            found.extend(texts(other).into_iter().map(|text| (named, text)));
                        }
                    }
                }
                collect(part, found);
            }
        }
        Value::Array(parts) => parts.iter().for_each(|part| collect(part, found)),
        _ => {}
    }
}

/// What the expression is, if it is such an attribute of the resource.
fn attribute(expression: &Value) -> Option<Named> {
    let access = &expression["."];
    if access["left"]["Var"] != "resource" {
        return None;
    }
    match access["attr"].as_str()? {
        "resource" => Some(Named::Resource),
        "action" => Some(Named::Action),
        "environment" => Some(Named::Environment),
        _ => None,
    }
}

/// The text that the expression is, or the texts of the set that it is. An environment may be empty: the
/// scope has none.
fn texts(expression: &Value) -> Vec<String> {
    let text = |value: &Value| value["Value"].as_str().map(ToOwned::to_owned);
    let texts: Vec<_> = match &expression["Set"] {
        Value::Array(values) => values.iter().filter_map(text).collect(),
        _ => text(expression).into_iter().collect(),
    };
    texts.into_iter().filter(|text| !text.is_empty()).collect()
}
