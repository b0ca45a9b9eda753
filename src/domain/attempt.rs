//! Attempts that were refused because the person has no authority: the log has them, and no decision
//! rests on them.

use serde::{Deserialize, Serialize};

use super::{BackendName, LockTarget, Refusal, RequestId, ScopeId, TeamId, Time, UserId, Username};

/// What somebody tried to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Attempted {
    /// To request access.
    Request,
    /// To approve a request, or more time.
    Approve,
    /// To deny a request, or more time.
    Deny,
    /// To withdraw a request, or the one for more time.
    Withdraw,
    /// To request more time.
    Extend,
    /// To end a grant as its requester.
    Done,
    /// To see a grant's credentials.
    ShowCredentials,
    /// To revoke somebody's access.
    Revoke,
    /// To lock.
    Lock,
    /// To unlock.
    Unlock,
    /// To release a name in the targets.
    Release,
    /// Something else, such as a button or a form that Keylend does not know.
    Other,
    /// To use break-glass.
    BreakGlass,
    /// To sign off what was taken by break-glass.
    Review,
    /// To ask the requester a question.
    AskQuestion,
    /// To answer a question.
    AnswerQuestion,
}

impl Attempted {
    /// What a command of this name stands for; nothing for one that changes nothing.
    pub fn by_command(name: &str) -> Option<Self> {
        Some(match name {
            "request" => Self::Request,
            "withdraw" => Self::Withdraw,
            "extend" => Self::Extend,
            "done" => Self::Done,
            "revoke" => Self::Revoke,
            "lock" => Self::Lock,
            "unlock" => Self::Unlock,
            "release" => Self::Release,
            "break-glass" => Self::BreakGlass,
            "reviews" => Self::Review,
            _ => return None,
        })
    }
}

/// What an attempt was about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttemptedOn {
    /// A request.
    Request {
        /// Which.
        id: RequestId,
        /// What it is for, if that was known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        scope: Option<ScopeId>,
    },
    /// A scope.
    Scope(ScopeId),
    /// A person.
    Person(UserId),
    /// Everything there is.
    Everything,
    /// A name in the targets.
    Login(Username),
    /// A target.
    Target(BackendName),
}

impl From<&LockTarget> for AttemptedOn {
    fn from(target: &LockTarget) -> Self {
        match target {
            LockTarget::Everything => Self::Everything,
            LockTarget::Scope(scope) => Self::Scope(scope.clone()),
            LockTarget::Person(person) => Self::Person(person.clone()),
            LockTarget::Target(target) => Self::Target(target.clone()),
        }
    }
}

/// What authority was missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NotAllowed {
    /// It was their own request.
    SelfApproval,
    /// The rules do not let them.
    NoAuthority,
    /// Only the requester may do it.
    NotTheRequester,
    /// They are no full member of the workspace.
    NotAMember,
    /// They belong to another workspace, or acted in one.
    OtherWorkspace,
}

/// The base rules that refuse for another reason than who somebody is.
const OF_THE_MOMENT: [&str; 6] = [
    "locked",
    "max-duration",
    "max-total",
    "ticket-required",
    "exclusive-environments",
    "holdings-cap",
];

impl NotAllowed {
    /// What authority was missing, if that is why it was refused.
    pub fn of(refusal: &Refusal) -> Option<Self> {
        let Refusal::Forbidden(rulings) = refusal else {
            return match refusal {
                Refusal::OwnRequest | Refusal::OwnReview => Some(Self::SelfApproval),
                Refusal::NoBreakGlass(_) | Refusal::NotAReviewer => Some(Self::NoAuthority),
                Refusal::NotTheRequester => Some(Self::NotTheRequester),
                _ => None,
            };
        };
        let has = |rule: &str| rulings.iter().any(|ruling| ruling.rule.as_str() == rule);
        let of_the_moment = |rule: &super::Ruling| OF_THE_MOMENT.contains(&rule.rule.as_str());
        if has("members-only") {
            Some(Self::NotAMember)
        } else if has("no-self-approval") {
            Some(Self::SelfApproval)
        } else if rulings.iter().all(of_the_moment) {
            None
        } else {
            Some(Self::NoAuthority)
        }
    }
}

/// What the log says of refused attempts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "body", rename_all = "snake_case")]
pub enum AttemptEvent {
    /// Somebody tried what they are not allowed to do. Nothing changed.
    AttemptRefused {
        /// What they tried.
        action: Attempted,
        /// On what; nothing where that is not known.
        on: Option<AttemptedOn>,
        /// What authority was missing.
        why: NotAllowed,
        /// The workspace of somebody who is not of ours.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        team: Option<TeamId>,
    },
    /// Further attempts are not in the log, because there were too many: those of the actor, or those of
    /// all other workspaces where the actor is Keylend.
    AttemptsNotRecorded {
        /// Until when.
        until: Time,
        /// The workspace of somebody who is not of ours.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        team: Option<TeamId>,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{RuleId, Ruling};

    fn forbidden(rules: &[&str]) -> Refusal {
        let ruling = |rule: &&str| Ruling {
            rule: RuleId::new(*rule),
            reason: String::new(),
        };
        Refusal::Forbidden(rules.iter().map(ruling).collect())
    }

    #[test]
    fn only_a_refusal_for_who_somebody_is_is_an_attempt() {
        use NotAllowed::{NoAuthority, NotAMember, NotTheRequester, SelfApproval};

        for (refusal, why) in [
            (Refusal::OwnRequest, Some(SelfApproval)),
            (Refusal::NotTheRequester, Some(NotTheRequester)),
            (forbidden(&["approver-group"]), Some(NoAuthority)),
            (
                forbidden(&["locked", "no-self-approval"]),
                Some(SelfApproval),
            ),
            (
                forbidden(&["no-self-approval", "members-only"]),
                Some(NotAMember),
            ),
            (forbidden(&["of-an-operator"]), Some(NoAuthority)),
            (forbidden(&["locked"]), None),
            (forbidden(&["max-duration", "ticket-required"]), None),
            (Refusal::ReasonMissing, None),
            (Refusal::RuleError(String::new()), None),
            (Refusal::ExtensionWaits, None),
        ] {
            assert_eq!(NotAllowed::of(&refusal), why, "{refusal:?}");
        }
    }
}
