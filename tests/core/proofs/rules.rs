//! The rules as shipped, the same with a guard changed, and what operators can add at the most.

use cedar_policy::{Policy, PolicyId, PolicySet, Schema};

/// What a rule can speak of.
pub const SCHEMA: &str = include_str!("../../../src/policy/schema.cedarschema");

const BASE: &str = include_str!("../../../src/policy/base.cedar");

/// The schema as shipped.
pub fn schema() -> Schema {
    SCHEMA.parse().unwrap()
}

/// The base rules as shipped, each under its name.
pub fn base() -> PolicySet {
    named(BASE)
}

/// The base rules without the one of this name.
pub fn without(guard: &str) -> PolicySet {
    let mut rules = base();
    rules.remove_static(PolicyId::new(guard)).unwrap();
    rules
}

/// The base rules with `from`, which is in the rule of this name once, replaced by `to`.
pub fn with(guard: &str, from: &str, to: &str) -> PolicySet {
    let start = BASE.find(&format!("@id(\"{guard}\")")).unwrap();
    let end = BASE[start + 1..]
        .find("@id(")
        .map_or(BASE.len(), |next| start + 1 + next);
    let rule = &BASE[start..end];
    assert_eq!(rule.matches(from).count(), 1, "`{from}` in `{guard}`");
    named(&BASE.replacen(rule, &rule.replacen(from, to, 1), 1))
}

/// `rules`, and a permit of everything to everybody.
pub fn at_the_most(rules: PolicySet) -> PolicySet {
    and(
        rules,
        &[("everything", "permit (principal, action, resource);")],
    )
}

/// `rules` and more, each with its name.
pub fn and(mut rules: PolicySet, more: &[(&str, &str)]) -> PolicySet {
    for (name, text) in more {
        let rule = Policy::parse(Some(PolicyId::new(name)), text).unwrap();
        rules.add(rule).unwrap();
    }
    rules
}

fn named(text: &str) -> PolicySet {
    let set: PolicySet = text.parse().unwrap();
    let rules = set
        .policies()
        .map(|rule| rule.new_id(PolicyId::new(rule.annotation("id").unwrap())));
    PolicySet::from_policies(rules).unwrap()
}
