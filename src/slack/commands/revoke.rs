//! Revokes access: one grant, or all that a person or a scope has.

use super::{
    command::{Call, Command},
    resolve_person::resolve_person,
    resolve_request::is_active,
};
use crate::{
    broker::Error,
    domain::{Catalogue, Request},
    slack::{
        arguments::{Named, Word, named_and_reason},
        interaction::Outcome,
        view::{answer, refusal},
    },
};

pub(super) const COMMAND: Command = Command {
    name: "revoke",
    usage: "[scope, @person or id] [reason]",
    help: "revokes access. For approvers and administrators.",
    run: |call| Box::pin(run(call)),
};

/// What is revoked, and why; the reason may be empty.
pub fn parse(words: &[Word], catalogue: &Catalogue) -> (Named, String) {
    named_and_reason(words, catalogue)
}

async fn run(call: Call<'_>) -> Outcome {
    let broker = &call.interaction.slack.broker;
    let intent = &call.interaction.intent;
    let (what, reason) = parse(call.words, broker.catalogue());
    let what = match resolve_person(call, what).await? {
        Ok(what) => what,
        Err(told) => return Ok(Some(told)),
    };
    let open = match what {
        Named::Request(id) => {
            let request = broker.revoke(intent, id, &reason).await?;
            return Ok(Some(answer::revoked(&[request], &[])));
        }
        Named::Person(person) => broker.open_of(&person).await?,
        Named::Scope(scope) => broker.open_for(&scope).await?,
        Named::Unknown { written, like } => return Ok(Some(answer::no_such(&written, &like))),
        Named::Nothing | Named::Me | Named::Address(_) | Named::Everything => {
            return Ok(Some(answer::usage(&call.command.line())));
        }
    };
    let (mut revoked, mut refused) = (Vec::new(), Vec::<(Request, Error)>::new());
    for request in open.into_iter().filter(is_active) {
        match broker.revoke(intent, request.id, &reason).await {
            Ok(request) => revoked.push(request),
            Err(error) => refused.push((request, error)),
        }
    }
    if revoked.is_empty() {
        return match refused.into_iter().next() {
            Some((_, error)) => Err(error),
            None => Ok(Some(answer::NOTHING_HELD.to_owned())),
        };
    }
    let refused: Vec<String> = refused
        .iter()
        .map(|(request, error)| answer::stays(request, &refusal::sentence(error)))
        .collect();
    Ok(Some(answer::revoked(&revoked, &refused)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{domain::UserId, slack::arguments::tests::read};

    #[test]
    fn revoke_takes_what_and_why() {
        let alice = || Named::Person(UserId::new("U0ALICE"));
        let because = "<@U0ALICE> because laptop lost";
        assert_eq!(read(because, parse), (alice(), "laptop lost".to_owned()));
        assert_eq!(read("<@U0ALICE>", parse), (alice(), String::new()));
        let by_id = "U0ALICE laptop lost";
        assert_eq!(read(by_id, parse), (alice(), "laptop lost".to_owned()));
    }
}
