//! Ends the caller's own access.

use super::{
    command::{Call, Command},
    resolve_request::{Candidates, Resolved, resolve},
};
use crate::{
    domain::Catalogue,
    slack::{
        actions::done,
        arguments::{Named, Word, named, reason},
        interaction::Outcome,
    },
};

pub(super) const COMMAND: Command = Command {
    name: "done",
    usage: "[scope or id]",
    help: "ends your access now.",
    run: |call| Box::pin(run(call)),
};

/// What is typed behind `done`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Done {
    /// With what.
    pub what: Named,
    /// Also where that closes sessions of another grant.
    pub anyway: bool,
}

/// What they are done with, and whether `anyway` stands behind it.
pub fn parse(words: &[Word], catalogue: &Catalogue) -> Done {
    let (what, behind) = named(words, catalogue);
    let anyway = reason(behind).eq_ignore_ascii_case("anyway");
    Done { what, anyway }
}

async fn run(call: Call<'_>) -> Outcome {
    let interaction = call.interaction;
    let Done { what, anyway } = parse(call.words, interaction.slack.broker.catalogue());
    match resolve(call, what, Candidates::Active).await? {
        Resolved::Request(id) if anyway => done::run_anyway(interaction, id).await,
        Resolved::Request(id) => done::run(interaction, id).await,
        Resolved::Unclear(told) => Ok(Some(told)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::{RequestId, Time},
        slack::arguments::tests::read,
    };

    #[test]
    fn done_takes_what_is_over_and_whether_to_end_it_anyway() {
        let done = |what, anyway| Done { what, anyway };
        let id = RequestId::new(Time::UNIX_EPOCH, 1);
        let scope = Named::Scope("db-prod:write".parse().unwrap());
        assert_eq!(read("", parse), done(Named::Nothing, false));
        assert_eq!(read("DB-prod:write", parse), done(scope, false));
        for (text, anyway) in [("", false), (" Anyway", true), (" because anyway", true)] {
            let expected = done(Named::Request(id), anyway);
            assert_eq!(read(&format!("{id}{text}"), parse), expected, "{text}");
        }
    }
}
