//! Shows who has a scope, and what a person has.

use super::{
    command::{Call, Command},
    resolve_named::resolve_named,
};
use crate::{
    domain::Catalogue,
    slack::{
        arguments::{Named, Word, named},
        interaction::Outcome,
        view::answer,
    },
};

pub(super) const COMMAND: Command = Command {
    name: "who",
    usage: "[scope or @person]",
    help: "shows who has a scope, or what a person has.",
    run: |call| Box::pin(run(call)),
};

/// The scope or the person.
pub fn parse(words: &[Word], catalogue: &Catalogue) -> Named {
    named(words, catalogue).0
}

async fn run(call: Call<'_>) -> Outcome {
    let what = parse(call.words, call.interaction.slack.broker.catalogue());
    show(call, what).await
}

/// Shows who has a scope, or what a person has.
pub(super) async fn show(call: Call<'_>, what: Named) -> Outcome {
    let slack = &call.interaction.slack;
    let now = slack.clock.now();
    let what = match resolve_named(call, what).await? {
        Ok(what) => what,
        Err(told) => return Ok(Some(told)),
    };
    Ok(Some(match what {
        Named::Scope(id) => {
            let open = slack.broker.open_for(&id).await?;
            let is_listed = slack.broker.catalogue().contains_key(&id);
            answer::who_has(&id, is_listed, &open, now)
        }
        Named::Person(person) => {
            let open = slack.broker.open_of(&person).await?;
            answer::what_has(&person, &open, now)
        }
        Named::Unknown { written, like } => answer::no_such(&written, &like),
        Named::Nothing | Named::Request(_) | Named::Me | Named::Address(_) | Named::Everything => {
            answer::usage(&call.command.line())
        }
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::{Email, UserId},
        slack::arguments::tests::read,
    };

    #[test]
    fn who_takes_a_scope_or_a_person() {
        let alice = Named::Person(UserId::new("U0ALICE"));
        for text in ["<@U0ALICE|alice>", "U0ALICE", "`U0ALICE`", "*<@U0ALICE>*"] {
            assert_eq!(read(text, parse), alice, "{text}");
        }
        for text in ["me", "Myself"] {
            assert_eq!(read(text, parse), Named::Me, "{text}");
        }
        let address = Named::Address(Email::new("alice@example.com"));
        for text in [
            "alice@example.com",
            "<mailto:alice@example.com|alice@example.com>",
        ] {
            assert_eq!(read(text, parse), address, "{text}");
        }
        let scope = Named::Scope("db-prod:write".parse().unwrap());
        assert_eq!(read("db-prod:write", parse), scope);
    }
}
