//! Locks everything, a scope, a person or a target: revokes what they cover and refuses new requests. Alone, it
//! lists the locks in force.

use super::{
    command::{Call, Command},
    resolve_named::resolve_named,
};
use crate::{
    broker::Error,
    domain::{BackendName, Catalogue, LockTarget},
    slack::{
        actions::end_access,
        arguments::{
            HowLong, Named, Word, bare,
            length::{self, Reading},
            named, reason,
        },
        interaction::Outcome,
        view::{answer, locks},
    },
};

pub(super) const COMMAND: Command = Command {
    name: "lock",
    usage: "[everything, scope, @person or target] [duration] [reason]",
    help: "revokes access and refuses new requests; alone, it lists the locks. For administrators.",
    run: |call| Box::pin(run(call)),
};

/// What is typed behind `lock`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lock {
    /// What is locked.
    pub what: Named,
    /// For how long, or until when, if they said.
    pub how_long: Option<HowLong>,
    /// Why; may be empty.
    pub reason: String,
}

/// `everything for 2h a leak`. What is not clearly a length is part of the reason: the form shows what
/// was understood, and a lock without an end lasts longer.
pub fn parse(words: &[Word], catalogue: &Catalogue) -> Lock {
    let (what, behind) = named(words, catalogue);
    let (how_long, behind) = match length::front(behind) {
        Some((taken, Reading::Clear(how_long))) => (Some(how_long), &behind[taken..]),
        Some((_, Reading::Unclear)) | None => (None, behind),
    };
    Lock {
        what,
        how_long,
        reason: reason(behind),
    }
}

async fn run(call: Call<'_>) -> Outcome {
    let broker = &call.interaction.slack.broker;
    let Lock {
        what,
        how_long,
        reason,
    } = parse(call.words, broker.catalogue());
    let caller = &call.interaction.caller.user;
    if what == Named::Nothing && broker.may_see_locks(caller).await? {
        return Ok(Some(locks::list(&broker.locks().await?)));
    }
    let target = match target(call, what).await? {
        Ok(target) => target,
        Err(told) => return Ok(Some(told)),
    };
    end_access::ask_to_lock(call.interaction, target, how_long, &reason).await
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
        Named::Unknown { written, like } => {
            let target = LockTarget::Target(BackendName::new(bare(&written)));
            match is_target(call, &target).await? {
                true => Ok(target),
                false => Err(answer::no_such(&written, &like)),
            }
        }
        Named::Nothing | Named::Request(_) | Named::Me | Named::Address(_) => {
            Err(answer::usage(&call.command.line()))
        }
    })
}

/// Whether the configuration has the target, or a lock covers it still.
async fn is_target(call: Call<'_>, target: &LockTarget) -> Result<bool, Error> {
    let LockTarget::Target(name) = target else {
        return Ok(false);
    };
    let broker = &call.interaction.slack.broker;
    if broker.has_target(name) {
        return Ok(true);
    }
    let locks = broker.locks().await?;
    Ok(locks.iter().any(|lock| lock.target == *target))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{domain::Span, slack::arguments::tests::read};

    #[test]
    fn lock_takes_what_and_why() {
        let attacked = "everything \"we are under attack\"";
        let lock = |how_long, reason: &str| Lock {
            what: Named::Everything,
            how_long,
            reason: reason.to_owned(),
        };
        let expected = lock(None, "we are under attack");
        assert_eq!(read(attacked, parse), expected);
        assert_eq!(read("all", parse), lock(None, ""));
        let two_hours = Some(HowLong::For(Span::minutes(120)));
        for text in ["everything for 2h a leak", "all 2h because a leak"] {
            assert_eq!(read(text, parse), lock(two_hours, "a leak"), "{text}");
        }
    }

    #[test]
    fn what_is_not_clearly_a_length_is_part_of_the_reason() {
        let expected = Lock {
            what: Named::Everything,
            how_long: None,
            reason: "for 2 hors a leak".to_owned(),
        };
        assert_eq!(read("everything for 2 hors a leak", parse), expected);
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
