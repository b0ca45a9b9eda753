//! Revokes access: one grant, or all that a person or a scope has.

use super::{
    command::{Call, Command},
    resolve_named::resolve_named,
};
use crate::{
    domain::Catalogue,
    slack::{
        actions::end_access::{self, Revocable},
        arguments::{Named, Word, named_and_reason},
        interaction::Outcome,
        view::answer,
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
    let (what, reason) = parse(call.words, call.interaction.slack.broker.catalogue());
    let what = match resolve_named(call, what).await? {
        Ok(what) => what,
        Err(told) => return Ok(Some(told)),
    };
    let what = match what {
        Named::Request(id) => Revocable::Request(id),
        Named::Person(person) => Revocable::Person(person),
        Named::Scope(scope) => Revocable::Scope(scope),
        Named::Unknown { written, like } => return Ok(Some(answer::no_such(&written, &like))),
        Named::Nothing | Named::Me | Named::Address(_) | Named::Everything => {
            return Ok(Some(answer::usage(&call.command.line())));
        }
    };
    end_access::ask_to_revoke(call.interaction, what, &reason).await
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
