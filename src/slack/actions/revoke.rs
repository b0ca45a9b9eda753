//! Taking access back: one grant, or all that a person or a scope has.

use super::line::Named;
use crate::slack::interaction::{Interaction, Outcome};
use crate::{
    domain::{Refusal, Request, State},
    slack::view::{answer, refusal},
};

pub(super) async fn run(interaction: &Interaction, what: Named, reason: &str) -> Outcome {
    let broker = &interaction.slack.broker;
    let by = &interaction.caller.user;
    let open = match what {
        Named::Request(id) => {
            let request = broker.revoke(by, id, reason).await?;
            return Ok(Some(answer::revoked(&[request], &[])));
        }
        Named::Person(person) => broker.open_of(&person).await?,
        Named::Scope(scope) => broker.open_for(&scope).await?,
        Named::Unknown { written, like } => return Ok(Some(answer::no_such(&written, &like))),
        Named::Nothing | Named::Everything => {
            return Ok(Some(answer::usage(
                "/jit revoke id, @person or scope, then why",
            )));
        }
    };
    let standing =
        |request: &Request| matches!(request.state, State::Approved | State::Active { .. });
    let (mut revoked, mut refused) = (Vec::new(), Vec::<(Request, Refusal)>::new());
    for request in open.into_iter().filter(standing) {
        match broker.revoke(by, request.id, reason).await {
            Ok(request) => revoked.push(request),
            Err(refusal) => refused.push((request, refusal)),
        }
    }
    if revoked.is_empty() {
        return match refused.into_iter().next() {
            Some((_, refusal)) => Err(refusal),
            None => Ok(Some(answer::NOTHING_HELD.to_owned())),
        };
    }
    let refused: Vec<String> = refused
        .iter()
        .map(|(request, refusal)| answer::stays(request, &refusal::sentence(refusal)))
        .collect();
    Ok(Some(answer::revoked(&revoked, &refused)))
}
