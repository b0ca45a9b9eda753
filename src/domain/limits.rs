//! What holds for everybody, whatever the scope.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::Deserialize;

use super::{BreakGlass, Environment, OnLeave, Scope, ScopeId, Span};

/// Everything that can be asked for.
pub type Catalogue = BTreeMap<ScopeId, Scope>;

/// The longest that one approval of each scope may give.
pub fn maxima(catalogue: &Catalogue) -> BTreeMap<ScopeId, Span> {
    let scopes = catalogue.values();
    scopes
        .map(|scope| (scope.id.clone(), scope.max_duration))
        .collect()
}

/// What holds for everybody, whatever the scope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// How many grants one person may hold at once; default 3.
    pub max_active_per_person: u32,
    /// What happens to one more; default [`OnLimit::Refuse`].
    pub on_limit: OnLimit,
    /// How many requests of one person may be pending at once; default 10.
    pub max_pending_per_person: u32,
    /// How many of them may be for one scope; default 3.
    pub max_pending_per_scope: u32,
    /// How many requests one person may make within an hour; default 30.
    pub max_requests_per_hour: u32,
    /// How long a request waits for its answer; default one hour.
    pub pending_timeout: Span,
    /// The shortest grant; default one minute.
    pub min_duration: Span,
    /// What happens to a grant when its holder leaves the requester groups, where the scope does not
    /// say; default [`OnLeave::End`].
    pub on_leave: OnLeave,
    /// Sets of environments of which one person may be in one at a time.
    pub exclusive: Vec<BTreeSet<Environment>>,
    /// How break-glass is reviewed; nothing where nobody can use it.
    pub break_glass: Option<BreakGlass>,
}

/// What happens when a person would hold more than they may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnLimit {
    /// Keylend refuses the new grant.
    #[default]
    Refuse,
    /// Keylend ends the oldest grant that can end before its time, and makes the new one when that is gone.
    EndOldest,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_active_per_person: 3,
            on_limit: OnLimit::default(),
            max_pending_per_person: 10,
            max_pending_per_scope: 3,
            max_requests_per_hour: 30,
            pending_timeout: Span::minutes(60),
            min_duration: Span::minutes(1),
            on_leave: OnLeave::default(),
            exclusive: Vec::new(),
            break_glass: None,
        }
    }
}

impl Limits {
    /// The environments of `held` that nobody may be in together with `environment`.
    pub fn excluded_by(
        &self,
        environment: &Environment,
        held: &BTreeSet<Environment>,
    ) -> BTreeSet<Environment> {
        self.exclusive
            .iter()
            .filter(|set| set.contains(environment))
            .flatten()
            .filter(|other| *other != environment && held.contains(*other))
            .cloned()
            .collect()
    }
}
