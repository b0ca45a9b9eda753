//! Locks everything, a scope or a person: revokes what they cover and refuses new requests.

use super::{
    command::{Call, Command},
    resolve_named::resolve_named,
};
use crate::{
    broker::Error,
    domain::{Catalogue, LockTarget},
    slack::{
        actions::end_access,
        arguments::{Named, Word, named_and_reason},
        interaction::Outcome,
        view::answer,
    },
};

pub(super) const COMMAND: Command = Command {
    name: "lock",
    usage: "[everything, scope or @person] [reason]",
    help: "revokes access and refuses new requests. For administrators.",
    run: |call| Box::pin(run(call)),
};

/// What is locked, and why; the reason may be empty.
pub fn parse(words: &[Word], catalogue: &Catalogue) -> (Named, String) {
    named_and_reason(words, catalogue)
}

async fn run(call: Call<'_>) -> Outcome {
    let broker = &call.interaction.slack.broker;
    let (what, reason) = parse(call.words, broker.catalogue());
    let target = match target(call, what).await? {
        Ok(target) => target,
        Err(told) => return Ok(Some(told)),
    };
    end_access::ask_to_lock(call.interaction, target, &reason).await
}

/// What a lock covers, or what they are told if it covers nothing like that.
pub(super) async fn target(
    call: Call<'_>,
    what: Named,
) -> Result<Result<LockTarget, String>, Error> {
    let what = match resolve_named(call, what).await? {
        Ok(what) => what,
        Err(told) => return Ok(Err(told)),
    };
    Ok(match what {
        Named::Everything => Ok(LockTarget::Everything),
        Named::Scope(scope) => Ok(LockTarget::Scope(scope)),
        Named::Person(person) => Ok(LockTarget::Person(person)),
        Named::Unknown { written, like } => Err(answer::no_such(&written, &like)),
        Named::Nothing | Named::Request(_) | Named::Me | Named::Address(_) => {
            Err(answer::usage(&call.command.line()))
        }
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::slack::arguments::tests::read;

    #[test]
    fn lock_takes_what_and_why() {
        let attacked = "everything \"we are under attack\"";
        let expected = (Named::Everything, "we are under attack".to_owned());
        assert_eq!(read(attacked, parse), expected);
        let expected = (Named::Everything, String::new());
        assert_eq!(read("all", parse), expected);
    }

    proptest! {
        #[test]
        fn text_of_quotes_marks_and_numbers_does_not_make_it_panic(
            text in "[“”\"'<>@#|&; 0-9hmUC:a-c-]{0,60}"
        ) {
            let _ = read(&text, parse);
        }
    }
}
