//! Which of the caller's own requests a command is about.

use super::{command::Call, resolve_named::former_scope};
use crate::{
    broker::Error,
    domain::{Request, RequestId, ScopeId, State},
    slack::{arguments::Named, interaction::concerns, view::answer},
};

/// One request, or what they are told so that they name one.
pub(super) enum Resolved {
    Request(RequestId),
    Unclear(String),
}

/// The requests that a command can be about.
#[derive(Clone, Copy)]
pub(super) enum Candidates {
    /// Those with access, or about to have it.
    Active,
    /// Those that nobody has decided yet, that wait for their start, or whose question for more time nobody has.
    Pending,
}

/// The request of the caller that `what` names; the only one that they have if it names none.
/// Whether it is theirs, the broker checks again.
pub(super) async fn resolve(
    call: Call<'_>,
    what: Named,
    candidates: Candidates,
) -> Result<Resolved, Error> {
    let resolved = find(call, what, candidates).await?;
    if let Resolved::Request(id) = &resolved {
        concerns(*id);
    }
    Ok(resolved)
}

async fn find(call: Call<'_>, what: Named, candidates: Candidates) -> Result<Resolved, Error> {
    let scope: Option<ScopeId> = match what {
        Named::Request(id) => return Ok(Resolved::Request(id)),
        Named::Scope(scope) => Some(scope),
        Named::Nothing => None,
        Named::Unknown { written, like } => match former_scope(call, &written).await? {
            Some(scope) => Some(scope),
            None => return Ok(Resolved::Unclear(answer::no_such(&written, &like))),
        },
        Named::Person(_) | Named::Me | Named::Address(_) | Named::Everything => {
            return Ok(Resolved::Unclear(answer::usage(&call.command.line())));
        }
    };
    let slack = &call.interaction.slack;
    let mine = slack.broker.open_of(&call.interaction.caller.user).await?;
    let mut meant: Vec<Request> = mine
        .into_iter()
        .filter(|request| scope.as_ref().is_none_or(|id| request.terms.scope == *id))
        .filter(|request| candidates.include(request))
        .collect();
    Ok(match meant.len() {
        0 => Resolved::Unclear(candidates.none(scope.as_ref())),
        1 => Resolved::Request(meant.remove(0).id),
        _ => Resolved::Unclear(answer::which(call.command.name, &meant, slack.clock.now())),
    })
}

impl Candidates {
    fn include(self, request: &Request) -> bool {
        match self {
            Self::Active => request.goes_on(),
            Self::Pending => {
                matches!(request.state, State::Pending { .. })
                    || request.waits_for_start()
                    || request.extension.is_some()
            }
        }
    }

    /// What they are told who have none.
    fn none(self, scope: Option<&ScopeId>) -> String {
        match self {
            Self::Active => answer::no_active_access(scope),
            Self::Pending => answer::no_pending_request(scope),
        }
    }
}
