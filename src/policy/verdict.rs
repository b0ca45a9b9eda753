//! From facts to a verdict. Whatever cannot be evaluated means no.

use cedar_policy::{AuthorizationError, Authorizer, Decision, PolicyId};

use super::{Action, Facts, Policy, Rule};
use crate::domain::{Refusal, RuleId, Ruling};

impl Policy {
    /// Says whether `action` may be done now, and by which rules. The base rules come first.
    ///
    /// # Errors
    ///
    /// [`Refusal::Forbidden`] with the rules that forbid it, or, where none does and none permits,
    /// with the base rule that would have had to permit it; empty for [`Action::AutoApprove`],
    /// which no base rule permits. [`Refusal::RuleError`] if any rule could not be evaluated,
    /// whatever the others say: Cedar leaves out a forbid that fails.
    pub fn evaluate(&self, action: Action, facts: &Facts<'_>) -> Result<Vec<RuleId>, Refusal> {
        let (request, entities) = facts
            .question(action, self.zone, &self.oncall)
            .map_err(|error| Refusal::RuleError(format!("{action}: {error}")))?;
        let response = Authorizer::new().is_authorized(&request, &self.set, &entities);

        let errors: Vec<_> = response.diagnostics().errors().collect();
        if !errors.is_empty() {
            let texts: Vec<_> = errors.iter().map(ToString::to_string).collect();
            return Err(Refusal::RuleError(texts.join("; ")));
        }
        let mut deciding: Vec<_> = response
            .diagnostics()
            .reason()
            .filter_map(|id| self.rule(id))
            .collect();
        deciding.sort_by_key(|(_, rule)| rule.order);

        match response.decision() {
            Decision::Allow => Ok(deciding.into_iter().map(|(id, _)| id.clone()).collect()),
            Decision::Deny if deciding.is_empty() => {
                let missing = action
                    .base_permit(facts.scope)
                    .and_then(|id| self.rules.get_key_value(&id));
                Err(forbidden(missing))
            }
            Decision::Deny => Err(forbidden(deciding)),
        }
    }

    /// The rules that only report and would forbid this; a rule that could not be evaluated is one of them.
    /// In the order of the files.
    pub fn would_forbid(&self, action: Action, facts: &Facts<'_>) -> Vec<RuleId> {
        let Ok((request, entities)) = facts.question(action, self.zone, &self.oncall) else {
            return self.report_only().collect();
        };
        let response = Authorizer::new().is_authorized(&request, &self.report_only, &entities);
        let diagnostics = response.diagnostics();
        let failed = diagnostics
            .errors()
            .map(|AuthorizationError::PolicyEvaluationError(error)| error.policy_id());
        let mut rules: Vec<_> = diagnostics
            .reason()
            .chain(failed)
            .filter_map(|id| self.rule(id))
            .collect();
        rules.sort_by_key(|(_, rule)| rule.order);
        rules.into_iter().map(|(id, _)| id.clone()).collect()
    }

    fn rule(&self, id: &PolicyId) -> Option<(&RuleId, &Rule)> {
        let id: &str = id.as_ref();
        self.rules.get_key_value(&RuleId::new(id))
    }
}

fn forbidden<'a>(rules: impl IntoIterator<Item = (&'a RuleId, &'a Rule)>) -> Refusal {
    let rulings = rules.into_iter().map(|(id, rule)| Ruling {
        rule: id.clone(),
        reason: rule.reason.clone(),
    });
    Refusal::Forbidden(rulings.collect())
}
