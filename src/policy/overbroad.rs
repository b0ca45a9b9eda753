//! Permits of operators that would open more than their author can have meant.
//!
//! A forbid can be as wide as its author likes; a permit has to say what it permits, whose a
//! decision is, and when a rule stands for the approvers. Every refusal says how to go on.
//!
//! A condition says nothing if it holds for every request. These are recognised: what Cedar's type
//! checker finds to be always true (`true`, `!false`, `resource is Scope`, `context has duration`,
//! and what `&&`, `||`, `!` and `if` make of such parts), comparisons of numbers whose answer follows
//! from their [bounds](most) (`context.duration >= 0`, `context.hour < 24`,
//! `context.held + 1 > 0`), and comparisons of an expression with itself
//! (`resource.risk == resource.risk`). What is always true for another reason, such as
//! `context.locked || !context.locked` or a list of every risk, is not recognised.

use cedar_policy::{
    ActionConstraint, Policy, PolicySet, PrincipalConstraint, ResourceConstraint, ValidationMode,
    ValidationWarning, Validator,
};
use serde_json::{Value, json};

use super::{
    Action,
    schema::{SCHEMA, is_long},
};

/// What an operator's permit leaves open and must not.
pub(super) fn overbroad(policy: &Policy) -> Option<String> {
    if policy.action_constraint() == ActionConstraint::Any {
        return Some(
            "a permit has to name an action, such as `action == Action::\"auto_approve\"`: this one \
             would approve every request without a person"
                .to_owned(),
        );
    }
    let anybody = matches!(
        policy.principal_constraint(),
        PrincipalConstraint::Any | PrincipalConstraint::Is(_)
    );
    let anything = matches!(
        policy.resource_constraint(),
        ResourceConstraint::Any | ResourceConstraint::Is(_)
    );
    let permits = |action: Action| names(policy, action);
    let deciding = [
        Action::Approve,
        Action::Deny,
        Action::Revoke,
        Action::Lock,
        Action::Unlock,
        Action::Release,
        Action::BreakGlass,
    ];
    if anybody && let Some(action) = deciding.into_iter().find(|action| permits(*action)) {
        return Some(format!(
            "a permit of `{action}` has to name a principal, such as `principal in \
             Group::\"oncall\"`: this one applies to everybody"
        ));
    }
    if permits(Action::AutoApprove) && anybody && anything && says_nothing(policy) {
        return Some(
            "a permit of `auto_approve` has to say when, such as `when { resource.risk == \
             Risk::\"low\" }`: this one would approve every request without a person"
                .to_owned(),
        );
    }
    if permits(Action::Request) && !permits(Action::Receive) {
        return Some(
            "a permit of `request` has to permit `receive` too, or what is requested is never \
             granted: write `action in [Action::\"request\", Action::\"receive\"]`"
                .to_owned(),
        );
    }
    None
}

/// Whether the rule may apply to this action.
pub(super) fn names(policy: &Policy, action: Action) -> bool {
    policy
        .get_valid_request_envs(&SCHEMA)
        .any(|environment| environment.action().id().unescaped() == action.name())
}

/// Whether every condition of an `auto_approve` is one that always holds.
fn says_nothing(policy: &Policy) -> bool {
    let Ok(policy) = policy.to_json() else {
        return false;
    };
    let conditions = policy["conditions"].as_array();
    conditions.into_iter().flatten().all(|condition| {
        let opposite = match condition["kind"].as_str() {
            Some("when") => "unless",
            _ => "when",
        };
        is_impossible(opposite, folded(&condition["body"]))
    })
}

/// Whether Cedar finds that a rule with this condition never applies to an `auto_approve`.
fn is_impossible(kind: &str, body: Value) -> bool {
    let rule = json!({
        "effect": "permit",
        "principal": { "op": "All" },
        "action": {
            "op": "==",
            "entity": { "type": "Action", "id": Action::AutoApprove.name() },
        },
        "resource": { "op": "All" },
        "conditions": [{ "kind": kind, "body": body }],
    });
    let set = Policy::from_json(None, rule)
        .ok()
        .and_then(|rule| PolicySet::from_policies([rule]).ok());
    set.is_some_and(|set| {
        let result = Validator::new(SCHEMA.clone()).validate(&set, ValidationMode::Strict);
        result
            .validation_warnings()
            .any(|warning| matches!(warning, ValidationWarning::ImpossiblePolicy(_)))
    })
}

/// The expression, with the answer in place of each comparison that has only one.
fn folded(expression: &Value) -> Value {
    match expression {
        Value::Object(parts) => {
            let compared = parts.iter().find_map(|(operator, sides)| {
                answer(operator, sides.get("left")?, sides.get("right")?)
            });
            match compared {
                Some(answer) => json!({ "Value": answer }),
                None => parts
                    .iter()
                    .map(|(name, part)| (name.clone(), folded(part)))
                    .collect(),
            }
        }
        Value::Array(parts) => parts.iter().map(folded).collect(),
        other => other.clone(),
    }
}

/// The answer to a comparison if it is the same for every request on which both sides can be
/// evaluated.
fn answer(operator: &str, left: &Value, right: &Value) -> Option<bool> {
    match operator {
        "==" | "<=" | ">=" if left == right => return Some(true),
        "!=" | "<" | ">" if left == right => return Some(false),
        "==" | "!=" | "<" | "<=" | ">" | ">=" => {}
        _ => return None,
    }
    let ((a, b), (c, d)) = (range(left)?, range(right)?);
    let one_of = |yes: bool, no: bool| match (yes, no) {
        (true, _) => Some(true),
        (_, true) => Some(false),
        _ => None,
    };
    match operator {
        "<" => one_of(b < c, a >= d),
        "<=" => one_of(b <= c, a > d),
        ">" => one_of(a > d, b <= c),
        ">=" => one_of(a >= d, b < c),
        "==" => one_of(a == b && c == d && a == c, b < c || d < a),
        _ => one_of(b < c || d < a, a == b && c == d && a == c),
    }
}

/// The least and the most that a number can be; nothing for what is no number, or not known to be
/// one.
fn range(expression: &Value) -> Option<(i128, i128)> {
    let (operator, parts) = expression.as_object()?.iter().next()?;
    let side = |name| range(parts.get(name)?);
    let range = match operator.as_str() {
        "Value" => {
            let number = parts.as_i64()?.into();
            (number, number)
        }
        "." => {
            let (of, name) = (parts["left"]["Var"].as_str()?, parts["attr"].as_str()?);
            is_long(of, name).then(|| (0, most(name)))?
        }
        "neg" => {
            let (least, most) = side("arg")?;
            (-most, -least)
        }
        "+" => {
            let ((a, b), (c, d)) = (side("left")?, side("right")?);
            (a + c, b + d)
        }
        "-" => {
            let ((a, b), (c, d)) = (side("left")?, side("right")?);
            (a - d, b - c)
        }
        "*" => {
            let ((a, b), (c, d)) = (side("left")?, side("right")?);
            let products = [a * c, a * d, b * c, b * d];
            (*products.iter().min()?, *products.iter().max()?)
        }
        _ => return None,
    };
    // Beyond these, Cedar evaluates nothing, and the rule permits nothing.
    let (least, most) = (range.0.max(i64::MIN.into()), range.1.min(i64::MAX.into()));
    (least <= most).then_some((least, most))
}

/// The most that an attribute can be: a number that rules can speak of counts something or is a
/// length of time in seconds, and none is negative.
fn most(attribute: &str) -> i128 {
    match attribute {
        "hour" => 23,
        _ => u32::MAX.into(),
    }
}
