//! Questions to the solver, each about every request of one kind at once.
//!
//! [`cedar_policy_symcc`] turns rules into formulas, after a model of Cedar that is itself verified
//! in Lean; cvc5 looks for a request, and people and scopes, that break the claim. It finds some,
//! or there are none; an answer that it does not find in time fails the test.

use cedar_policy::{Entities, Policy, PolicySet, RequestEnv, Schema};
use cedar_policy_symcc::{
    CedarSymCompiler, CompiledPolicy, CompiledPolicySet, Env, solver::LocalSolver,
};

/// A solver at work.
pub struct Prover {
    compiler: CedarSymCompiler<LocalSolver>,
    schema: Schema,
}

impl Prover {
    /// Starts a solver for rules that fit `schema`.
    pub fn start(schema: Schema) -> Self {
        let solver = LocalSolver::cvc5_with_args(["--tlimit-per=60000"]).unwrap_or_else(|error| {
            panic!("cvc5 does not start ({error:?}): run ./test.sh, which installs cvc5")
        });
        Self {
            compiler: CedarSymCompiler::new(solver).unwrap(),
            schema,
        }
    }

    /// Every kind of request that the schema knows: who, does what, to what.
    pub fn environments(&self) -> Vec<RequestEnv> {
        let mut environments: Vec<_> = self.schema.request_envs().collect();
        environments.sort_by_key(kind);
        environments
    }

    /// Something that `rules` allow and `limit` does not.
    pub async fn excess(
        &mut self,
        rules: &PolicySet,
        limit: &PolicySet,
        environment: &RequestEnv,
    ) -> Option<Env> {
        let [rules, limit] = [rules, limit]
            .map(|set| CompiledPolicySet::compile(set, environment, &self.schema).unwrap());
        self.compiler
            .check_implies_with_counterexample_opt(&rules, &limit)
            .await
            .unwrap()
    }

    /// Something on which `rule` cannot be evaluated.
    pub async fn failure(&mut self, rule: &Policy, environment: &RequestEnv) -> Option<Env> {
        let rule = CompiledPolicy::compile(rule, environment, &self.schema).unwrap();
        self.compiler
            .check_never_errors_with_counterexample_opt(&rule)
            .await
            .unwrap()
    }
}

/// A kind of request in few words; the resource is said where it is not a scope.
pub fn kind(environment: &RequestEnv) -> String {
    let action = environment.action().id().unescaped();
    match environment.resource().basename() {
        "Scope" => action.to_owned(),
        other => format!("{action} {other}"),
    }
}

/// A counterexample in words of Cedar, without the many entities that are nothing but a name.
pub fn told(example: &Env) -> String {
    let with_attributes = example
        .entities
        .iter()
        .filter(|entity| entity.attrs().next().is_some())
        .cloned();
    let told = Env {
        request: example.request.clone(),
        entities: Entities::from_entities(with_attributes, None).unwrap(),
    };
    told.to_string()
}
