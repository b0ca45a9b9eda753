//! Lifts a lock.

use super::{
    command::{Call, Command},
    lock,
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
    name: "unlock",
    usage: "[everything, scope, @person or target]",
    help: "lifts a lock. For administrators.",
    run: |call| Box::pin(run(call)),
};

/// What is unlocked.
pub fn parse(words: &[Word], catalogue: &Catalogue) -> Named {
    named(words, catalogue).0
}

async fn run(call: Call<'_>) -> Outcome {
    let broker = &call.interaction.slack.broker;
    let target = match lock::target(call, parse(call.words, broker.catalogue())).await? {
        Ok(target) => target,
        Err(told) => return Ok(Some(told)),
    };
    let intent = &call.interaction.intent;
    let was_locked = broker.unlock(intent, target.clone()).await?;
    Ok(Some(answer::unlocked(&target, was_locked)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::slack::arguments::tests::read;

    #[test]
    fn unlock_takes_what_lock_takes() {
        let scope = Named::Scope("db-prod:write".parse().unwrap());
        assert_eq!(read("db-prod:write", parse), scope);
        assert_eq!(read("Everything", parse), Named::Everything);
    }
}
