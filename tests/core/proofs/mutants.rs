//! The base rules with one guard gone or a little too weak, as a slip in an editor or a well-meant
//! change would leave it. Every one of them is valid, and each lets something through.

use std::fmt;

use cedar_policy::PolicySet;

use super::{laws::LAWS, rules};

/// What has become of a guard.
pub struct Mutant {
    /// The guard's name.
    pub guard: &'static str,
    /// The slip.
    what: &'static str,
    /// What was replaced by what; nothing where the whole guard is gone.
    change: Option<(&'static str, &'static str)>,
}

impl Mutant {
    /// The base rules, so changed.
    pub fn rules(&self) -> PolicySet {
        match self.change {
            Some((from, to)) => rules::with(self.guard, from, to),
            None => rules::without(self.guard),
        }
    }
}

impl fmt::Display for Mutant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {}", self.guard, self.what)
    }
}

/// Each guard gone, then each weakened.
pub fn mutants() -> impl Iterator<Item = Mutant> {
    let gone = LAWS.into_iter().map(|law| Mutant {
        guard: law.guard,
        what: "gone",
        change: None,
    });
    let weakened = WEAKENED.into_iter().map(|(guard, what, from, to)| Mutant {
        guard,
        what,
        change: Some((from, to)),
    });
    gone.chain(weakened)
}

/// The guard, the slip, and what it replaces by what.
const WEAKENED: [(&str, &str, &str, &str); 21] = [
    (
        "members-only",
        "of scopes alone",
        "resource)",
        "resource is Scope)",
    ),
    (
        "members-only",
        "by what is shut out",
        r#"principal.standing == Standing::"member""#,
        r#"principal.standing != Standing::"deactivated""#,
    ),
    (
        "no-self-approval",
        "of a yes alone",
        r#"action in [Action::"approve", Action::"deny"]"#,
        r#"action == Action::"approve""#,
    ),
    (
        "no-self-approval",
        "by the wrong attribute",
        "principal.id",
        "resource.action",
    ),
    (
        "no-self-approval",
        "but for administrators",
        "principal.human.containsAny(context.requester_human)",
        "(principal.human.containsAny(context.requester_human) && \
         !(principal in context.administrators))",
    ),
    (
        "no-self-approval",
        "by one id alone",
        "principal.human.containsAny(context.requester_human)",
        "false",
    ),
    (
        "no-self-approval",
        "by every identity at once",
        "containsAny",
        "containsAll",
    ),
    (
        "max-duration",
        "a second late",
        "context.duration > resource.max_duration",
        "context.duration > resource.max_duration + 1",
    ),
    (
        "max-duration",
        "extensions forgotten",
        r#"Action::"extend", "#,
        "",
    ),
    (
        "max-total",
        "by what lies ahead alone",
        "context.total",
        "context.duration",
    ),
    (
        "max-total",
        "approvals forgotten",
        r#", Action::"receive""#,
        "",
    ),
    ("ticket-required", "by the wrong kind", "malformed", "given"),
    ("ticket-required", "with and for or", "||", "&&"),
    (
        "locked",
        "for holders alone",
        "context.locked",
        "context.locked && context.held > 0",
    ),
    (
        "locked",
        "approvals forgotten",
        r#"Action::"approve""#,
        r#"Action::"deny""#,
    ),
    (
        "locked-approver",
        "of denials",
        r#"Action::"approve""#,
        r#"Action::"deny""#,
    ),
    (
        "exclusive-environments",
        "by the wrong question",
        "context.excluded_by.isEmpty()",
        "context.excluded_by.contains(resource.environment)",
    ),
    (
        "exclusive-environments",
        "when asked alone",
        r#", Action::"receive""#,
        "",
    ),
    (
        "holdings-cap",
        "one late",
        "context.held >= context.cap",
        "context.held > context.cap",
    ),
    OVERFLOWING,
    (
        "holdings-cap",
        "when received alone",
        r#"Action::"request", "#,
        "",
    ),
];

/// The same in arithmetic, but at the greatest number there is no sum, and Cedar leaves out a rule
/// that it cannot evaluate.
const OVERFLOWING: (&str, &str, &str, &str) = (
    "holdings-cap",
    "that can fail",
    "context.held >= context.cap",
    "context.held + 1 > context.cap",
);

/// The base rules with a guard that cannot always be evaluated, and its name.
pub fn overflowing() -> (&'static str, PolicySet) {
    let (guard, _, from, to) = OVERFLOWING;
    (guard, rules::with(guard, from, to))
}
