//! Permits of operators that would open more than their author can have meant.
//!
//! A forbid can be as wide as its author likes; a permit has to say what it permits, whose a
//! decision is, and when a rule stands for the approvers. Every refusal says how to go on.

use cedar_policy::{ActionConstraint, Policy, PrincipalConstraint, ResourceConstraint};

use super::{Action, schema::SCHEMA};

/// What an operator's permit leaves open and must not.
pub(super) fn overbroad(policy: &Policy) -> Option<String> {
    if policy.action_constraint() == ActionConstraint::Any {
        return Some(
            "a permit has to name what it permits, such as `action == Action::\"auto_approve\"`: \
             this one would approve everything by itself"
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
    ];
    if anybody && let Some(action) = deciding.into_iter().find(|action| permits(*action)) {
        return Some(format!(
            "a permit of `{action}` has to name whose it is, such as `principal in \
             Group::\"oncall\"`: this one would be everybody's"
        ));
    }
    if permits(Action::AutoApprove) && anybody && anything && !policy.has_non_scope_constraint() {
        return Some(
            "a permit of `auto_approve` has to say when, such as `when { resource.risk == \
             Risk::\"low\" }`: this one would approve everything by itself"
                .to_owned(),
        );
    }
    if permits(Action::Request) && !permits(Action::Receive) {
        return Some(
            "a permit of `request` has to permit `receive` too, or what is asked for is never \
             given: `action in [Action::\"request\", Action::\"receive\"]`"
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
