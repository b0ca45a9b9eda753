//! Shows what a scope requires, and who decides on it.

use super::command::{Call, Command};
use crate::{
    domain::{Catalogue, Refusal},
    slack::{
        arguments::{Named, Word, named},
        interaction::Outcome,
        view::answer,
    },
};

pub(super) const COMMAND: Command = Command {
    name: "explain",
    usage: "[scope]",
    help: "shows what a scope requires and who approves it.",
    run: |call| Box::pin(run(call)),
};

/// The scope.
pub fn parse(words: &[Word], catalogue: &Catalogue) -> Named {
    named(words, catalogue).0
}

async fn run(call: Call<'_>) -> Outcome {
    let broker = &call.interaction.slack.broker;
    Ok(Some(match parse(call.words, broker.catalogue()) {
        Named::Scope(id) => {
            let scope = broker.catalogue().get(&id);
            let scope = scope.ok_or_else(|| Refusal::NoSuchScope(id.clone()))?;
            // Names are a courtesy; without them the groups are named all the same.
            let approvers = broker.approvers(scope).await.ok();
            answer::explain(scope, approvers.as_ref())
        }
        Named::Unknown { written, like } => answer::no_such(&written, &like),
        _ => answer::usage(&call.command.line()),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::slack::arguments::tests::read;

    #[test]
    fn explain_takes_a_scope_and_suggests_one_for_a_slip() {
        let scope: crate::domain::ScopeId = "db-prod:write".parse().unwrap();
        assert_eq!(read("db-prod:write", parse), Named::Scope(scope.clone()));
        let slip = Named::Unknown {
            written: "db-prod:wirte".to_owned(),
            like: vec![scope],
        };
        assert_eq!(read("db-prod:wirte", parse), slip);
        assert_eq!(read("", parse), Named::Nothing);
    }
}
