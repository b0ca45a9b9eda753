//! What must never be allowed, whatever operators write: one law for each base forbid.
//!
//! A law says it in words of its own, as a condition of Cedar, and names every action that it
//! binds and every action that it leaves: an action that is new in the schema fails every law
//! until somebody has decided. [`BreakGlass`] comes with `request` and `receive`: what binds those binds it.

use cedar_policy::{PolicySet, RequestEnv};
use keylend::policy::Action::{
    self, Approve, AutoApprove, BreakGlass, Deny, Extend, Lock, Receive, Release, Request, Revoke,
    Unlock,
};

/// What must never be allowed, and the rule that sees to it.
pub struct Law {
    /// The base rule's name.
    pub guard: &'static str,
    /// The circumstances in which the answer has to be no.
    never: &'static str,
    /// The actions of which it speaks.
    binds: &'static [Action],
    /// The actions of which it does not.
    leaves: &'static [Action],
}

impl Law {
    /// Allows exactly what the law leaves open, on the actions that it binds.
    pub fn limit(&self) -> PolicySet {
        let text = format!(
            "permit (principal, action, resource) unless {{ {} }};",
            self.never
        );
        text.parse().unwrap()
    }

    /// Whether the law speaks of these requests.
    pub fn binds(&self, environment: &RequestEnv) -> bool {
        let name = environment.action().id().unescaped();
        let among = |actions: &[Action]| actions.iter().any(|action| action.name() == name);
        match (among(self.binds), among(self.leaves)) {
            (binds, leaves) if binds != leaves => binds,
            _ => panic!(
                "the law of `{}` has to say of the action `{name}` that it binds it, or that it \
                 leaves it",
                self.guard
            ),
        }
    }
}

/// No guest, bot, stranger or deactivated person does or receives anything.
pub const MEMBERS_ONLY: Law = Law {
    guard: "members-only",
    never: r#"principal.standing != Standing::"member""#,
    binds: &[
        Request,
        Extend,
        Receive,
        AutoApprove,
        Approve,
        Deny,
        Revoke,
        Lock,
        Unlock,
        Release,
        BreakGlass,
    ],
    leaves: &[],
};

/// Nobody says yes or no to their own request, under whichever id and address of theirs: approver and
/// requester share no identity. [`AutoApprove`] is a rule's word, not a person's.
pub const NO_SELF_APPROVAL: Law = Law {
    guard: "no-self-approval",
    never: r"
        context.requester == principal.id ||
        context.requester_human.containsAny(principal.human)
    ",
    binds: &[Approve, Deny],
    leaves: &[
        Request,
        Extend,
        Receive,
        AutoApprove,
        Revoke,
        Lock,
        Unlock,
        Release,
        BreakGlass,
    ],
};

/// Nobody gets more access by one approval than the scope allows.
pub const MAX_DURATION: Law = Law {
    guard: "max-duration",
    never: "resource.max_duration < context.duration",
    binds: &[Request, Extend, Receive, AutoApprove],
    leaves: &[Approve, Deny, Revoke, Lock, Unlock, Release, BreakGlass],
};

/// No grant lasts longer, with its extensions, than the scope allows. A request has no extensions, and
/// [`MAX_DURATION`] binds it.
pub const MAX_TOTAL: Law = Law {
    guard: "max-total",
    never: "resource.max_total < context.total",
    binds: &[Extend, Receive, AutoApprove],
    leaves: &[
        Request, Approve, Deny, Revoke, Lock, Unlock, Release, BreakGlass,
    ],
};

/// Nobody gets anything for a malformed ticket, or for none where one is required.
pub const TICKET_REQUIRED: Law = Law {
    guard: "ticket-required",
    never: r#"
        context.ticket != Ticket::"given" &&
        (resource.ticket_required || context.ticket != Ticket::"none")
    "#,
    binds: &[Request, Extend, Receive, AutoApprove],
    leaves: &[Approve, Deny, Revoke, Lock, Unlock, Release, BreakGlass],
};

/// What is locked is not asked for, approved or received; it can still be ended.
pub const LOCKED: Law = Law {
    guard: "locked",
    never: "context.locked",
    binds: &[Request, Extend, Receive, AutoApprove, Approve],
    leaves: &[Deny, Revoke, Lock, Unlock, Release, BreakGlass],
};

/// Nobody who is locked themselves approves anything; they can still deny and revoke.
pub const LOCKED_APPROVER: Law = Law {
    guard: "locked-approver",
    never: "principal.locked",
    binds: &[Approve],
    leaves: &[
        Request,
        Extend,
        Receive,
        AutoApprove,
        Deny,
        Revoke,
        Lock,
        Unlock,
        Release,
        BreakGlass,
    ],
};

/// Nobody gets into an environment while one that excludes it is held.
pub const EXCLUSIVE_ENVIRONMENTS: Law = Law {
    guard: "exclusive-environments",
    never: "!context.excluded_by.isEmpty()",
    binds: &[Request, Receive],
    leaves: &[
        Extend,
        AutoApprove,
        Approve,
        Deny,
        Revoke,
        Lock,
        Unlock,
        Release,
        BreakGlass,
    ],
};

/// Nobody gets more grants than one person may hold.
pub const HOLDINGS_CAP: Law = Law {
    guard: "holdings-cap",
    never: "!(context.held < context.cap)",
    binds: &[Request, Receive],
    leaves: &[
        Extend,
        AutoApprove,
        Approve,
        Deny,
        Revoke,
        Lock,
        Unlock,
        Release,
        BreakGlass,
    ],
};

/// All of them.
pub const LAWS: [Law; 9] = [
    MEMBERS_ONLY,
    NO_SELF_APPROVAL,
    MAX_DURATION,
    MAX_TOTAL,
    TICKET_REQUIRED,
    LOCKED,
    LOCKED_APPROVER,
    EXCLUSIVE_ENVIRONMENTS,
    HOLDINGS_CAP,
];
