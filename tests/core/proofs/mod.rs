//! Proved, not only tested: what the base rules forbid stays forbidden, whatever rules an operator
//! adds, for every request that the schema can express. Each law of [`laws`] is a theorem that a
//! solver has to prove, and each guard, taken away or weakened, is a theorem that it has to refute.
//!
//! # Why this covers every operator
//!
//! Cedar allows a request if at least one permit is satisfied and no forbid is. A rule that cannot
//! be evaluated is not satisfied, and a template does nothing but through the rules made from it.
//! So all that an operator's rules add to a decision is two bits: whether a permit of theirs is
//! satisfied, and whether a forbid is. The second can only turn a yes into a no. With the first
//! always set, by a permit of everything to everybody, the base rules allow whatever any operator's
//! rules beside them could. This step is proved too, with the two bits left open:
//! [`no_rules_of_an_operator_allow_more_than_a_permit_of_everything`]. What these rules, the most
//! permissive of all, never allow, no others do.
//!
//! A base rule is always among the rules in force: an operator's rule cannot take its name, as
//! `tests/core/policy.rs` shows. And since Cedar leaves out a forbid that cannot be evaluated, that is
//! proved never to happen: [`no_base_rule_can_fail`].
//!
//! # What is proved, and what is tested
//!
//! The proofs speak of every request and every set of people and scopes that fit the schema, and
//! Keylend has Cedar check both against it before each verdict. That the facts are told truly, such
//! as `principal.human` and `context.requester_human` with every identity that is known and a guest as
//! a guest, and that every approval asks for a verdict, is Rust and no theorem: `tests/core/policy.rs` and
//! `tests/promises` hold it. That a formula says what Cedar does rests on the symbolic compiler,
//! whose model is verified in Lean; every counterexample is judged by Cedar itself as well.
#![expect(clippy::unwrap_used, reason = "a test stops where it cannot go on")]

mod laws;
mod mutants;
mod prover;
mod rules;

use std::collections::BTreeSet;

use cedar_policy::{Authorizer, Decision, Effect, PolicyId, PolicySet, Response};
use cedar_policy_symcc::Env;
use keylend::policy::Policy;
use laws::{LAWS, Law};
use mutants::{mutants, overflowing};
use prover::{Prover, kind, told};
use sha2::{Digest, Sha256};

/// Proves the law for the base rules and whatever an operator adds, for all that it binds.
async fn prove(law: Law) {
    let mut prover = Prover::start(rules::schema());
    let found = counterexamples(&mut prover, &law, rules::base()).await;
    if let Some((kind, example)) = found.first() {
        panic!("{kind} is allowed:\n{}", told(example));
    }
}

/// What `rules` allow against the law together with some operator's: for each kind of request the
/// first that is found.
async fn counterexamples(prover: &mut Prover, law: &Law, rules: PolicySet) -> Vec<(String, Env)> {
    let (rules, limit) = (rules::at_the_most(rules), law.limit());
    let mut found = Vec::new();
    let environments = prover.environments();
    for environment in environments.iter().filter(|one| law.binds(one)) {
        if let Some(example) = prover.excess(&rules, &limit, environment).await {
            found.push((kind(environment), example));
        }
    }
    found
}

/// What Cedar itself, not a formula, says of a counterexample.
fn judged(rules: &PolicySet, example: &Env) -> Response {
    Authorizer::new().is_authorized(&example.request, rules, &example.entities)
}

#[tokio::test]
async fn only_full_members_decide_or_receive_anything() {
    prove(laws::MEMBERS_ONLY).await;
}

#[tokio::test]
async fn nobody_decides_on_their_own_request() {
    prove(laws::NO_SELF_APPROVAL).await;
}

#[tokio::test]
async fn nobody_gets_more_time_than_the_scope_allows() {
    prove(laws::MAX_DURATION).await;
}

#[tokio::test]
async fn no_grant_lasts_longer_with_its_extensions_than_the_scope_allows() {
    prove(laws::MAX_TOTAL).await;
}

#[tokio::test]
async fn a_required_ticket_cannot_be_omitted() {
    prove(laws::TICKET_REQUIRED).await;
}

#[tokio::test]
async fn a_lock_refuses_requests_approvals_and_grants() {
    prove(laws::LOCKED).await;
}

#[tokio::test]
async fn nobody_approves_who_is_locked() {
    prove(laws::LOCKED_APPROVER).await;
}

#[tokio::test]
async fn nobody_is_in_two_environments_that_exclude_each_other() {
    prove(laws::EXCLUSIVE_ENVIRONMENTS).await;
}

#[tokio::test]
async fn nobody_holds_more_grants_than_one_person_may() {
    prove(laws::HOLDINGS_CAP).await;
}

#[tokio::test]
async fn no_base_rule_can_fail() {
    let mut prover = Prover::start(rules::schema());
    for rule in rules::base().policies() {
        for environment in prover.environments() {
            if let Some(example) = prover.failure(rule, &environment).await {
                panic!("`{}` fails on\n{}", rule.id(), told(&example));
            }
        }
    }
}

#[tokio::test]
async fn no_rules_of_an_operator_allow_more_than_a_permit_of_everything() {
    let bits = "type Circumstances = {\n  theirs_permits: Bool,\n  theirs_forbids: Bool,";
    let text = rules::SCHEMA.replacen("type Circumstances = {", bits, 1);
    let mut prover = Prover::start(text.parse().unwrap());
    let permit = "permit (principal, action, resource) when { context.theirs_permits };";
    let forbid = "forbid (principal, action, resource) when { context.theirs_forbids };";
    let theirs = [("theirs-permit", permit), ("theirs-forbid", forbid)];
    let any = rules::and(rules::base(), &theirs);
    let most = rules::at_the_most(rules::base());
    for environment in prover.environments() {
        if let Some(example) = prover.excess(&any, &most, &environment).await {
            panic!("{}", told(&example));
        }
    }
}

/// A proof that nothing bad is allowed is worth nothing where nothing is allowed.
#[tokio::test]
async fn the_base_rules_leave_something_to_allow_of_every_kind() {
    let mut prover = Prover::start(rules::schema());
    let most = rules::at_the_most(rules::base());
    for environment in prover.environments() {
        let example = prover.excess(&most, &PolicySet::new(), &environment).await;
        let example = example.unwrap_or_else(|| panic!("{} is never allowed", kind(&environment)));
        assert_eq!(judged(&most, &example).decision(), Decision::Allow);
    }
}

/// The solver finds the hole wherever a guard is gone or too weak, and Cedar, asked the same,
/// agrees: it allows what the law forbids, and with the guard as shipped it does not. On the right
/// is what the hole lets through; `--no-capture` shows the counterexamples.
#[tokio::test]
async fn the_proofs_detect_a_removed_or_weakened_guard() {
    let mut prover = Prover::start(rules::schema());
    let shipped = rules::at_the_most(rules::base());
    let mut lines = Vec::new();
    for mutant in mutants() {
        let law = LAWS
            .into_iter()
            .find(|law| law.guard == mutant.guard)
            .unwrap();
        let changed = rules::at_the_most(mutant.rules());
        let found = counterexamples(&mut prover, &law, mutant.rules()).await;
        for (kind, example) in &found {
            println!("{mutant}: {kind} is allowed:\n{}\n", told(example));
            assert_eq!(judged(&changed, example).decision(), Decision::Allow);
            assert_eq!(judged(&law.limit(), example).decision(), Decision::Deny);
            let guard = PolicyId::new(law.guard);
            let refusal = judged(&shipped, example);
            assert!(refusal.diagnostics().reason().any(|rule| *rule == guard));
        }
        let kinds: Vec<_> = found.into_iter().map(|(kind, _)| kind).collect();
        lines.push(format!("{mutant}: {}", kinds.join(", ")));
    }
    insta::assert_snapshot!(lines.join("\n"), @r"
    members-only, gone: approve, auto_approve, break_glass, deny, extend, lock, lock Everything, receive, release, release Everything, request, revoke, revoke Everything, unlock, unlock Everything
    no-self-approval, gone: approve, deny
    max-duration, gone: auto_approve, extend, receive, request
    max-total, gone: auto_approve, extend, receive
    ticket-required, gone: auto_approve, extend, receive, request
    locked, gone: approve, auto_approve, extend, receive, request
    locked-approver, gone: approve
    exclusive-environments, gone: receive, request
    holdings-cap, gone: receive, request
    members-only, of scopes alone: lock Everything, release Everything, revoke Everything, unlock Everything
    members-only, by what is shut out: approve, auto_approve, break_glass, deny, extend, lock, lock Everything, receive, release, release Everything, request, revoke, revoke Everything, unlock, unlock Everything
    no-self-approval, of a yes alone: deny
    no-self-approval, by the wrong attribute: approve, deny
    no-self-approval, but for administrators: approve, deny
    no-self-approval, by one id alone: approve, deny
    no-self-approval, by every identity at once: approve, deny
    max-duration, a second late: auto_approve, extend, receive, request
    max-duration, extensions forgotten: extend
    max-total, by what lies ahead alone: auto_approve, extend, receive
    max-total, approvals forgotten: receive
    ticket-required, by the wrong kind: auto_approve, extend, receive, request
    ticket-required, with and for or: auto_approve, extend, receive, request
    locked, for holders alone: approve, auto_approve, extend, receive, request
    locked, approvals forgotten: approve
    locked-approver, of denials: approve
    exclusive-environments, by the wrong question: receive, request
    exclusive-environments, when asked alone: receive
    holdings-cap, one late: receive, request
    holdings-cap, that can fail: receive, request
    holdings-cap, when received alone: request
    ");
}

#[tokio::test]
async fn the_proofs_detect_a_guard_that_can_fail() {
    let mut prover = Prover::start(rules::schema());
    let (guard, rules) = overflowing();
    let guard = rules.policy(&PolicyId::new(guard)).unwrap();
    let mut failing = Vec::new();
    for environment in prover.environments() {
        if let Some(example) = prover.failure(guard, &environment).await {
            let response = judged(&rules, &example);
            assert_eq!(response.diagnostics().errors().count(), 1);
            failing.push(kind(&environment));
        }
    }
    assert_eq!(failing, ["receive", "request"]);
}

#[tokio::test]
#[should_panic(
    expected = "has to say of the action `borrow` that it binds it, or that it leaves it"
)]
async fn an_action_that_is_new_in_the_schema_is_proved_of_or_said_to_be_left() {
    let borrow = "action borrow appliesTo { principal: User, resource: Scope, context: {} };";
    let schema = format!("{}{borrow}", rules::SCHEMA);
    let mut prover = Prover::start(schema.parse().unwrap());
    counterexamples(&mut prover, &laws::NO_SELF_APPROVAL, rules::base()).await;
}

#[test]
fn every_base_forbid_has_a_law() {
    let rules = rules::base();
    let forbids = rules
        .policies()
        .filter(|rule| rule.effect() == Effect::Forbid)
        .map(|rule| rule.id().to_string());
    let guards = LAWS.iter().map(|law| law.guard.to_owned());
    assert_eq!(forbids.collect::<BTreeSet<_>>(), guards.collect());
}

/// The rules and the schema that are proved are those that [`Policy::base`] judges by.
#[test]
fn the_proofs_use_the_policies_that_run() {
    let mut texts: Vec<_> = rules::base().policies().map(ToString::to_string).collect();
    texts.sort();
    let mut hash = Sha256::new();
    let first = [rules::SCHEMA.to_owned(), "UTC".to_owned()];
    for text in first.iter().chain(&texts) {
        hash.update((text.len() as u64).to_be_bytes());
        hash.update(text);
    }
    assert_eq!(Policy::base().hash(), hex::encode(hash.finalize()));
}
