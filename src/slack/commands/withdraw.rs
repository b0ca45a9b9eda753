//! Withdraws the caller's own request, or the one for more time, before it is decided.

use super::{
    command::{Call, Command},
    resolve_request::{Candidates, Resolved, resolve},
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
    name: "withdraw",
    usage: "[scope or id]",
    help: "withdraws your pending request, or the one for more time.",
    run: |call| Box::pin(run(call)),
};

/// The request, or the scope that it is for.
pub fn parse(words: &[Word], catalogue: &Catalogue) -> Named {
    named(words, catalogue).0
}

async fn run(call: Call<'_>) -> Outcome {
    let broker = &call.interaction.slack.broker;
    let what = parse(call.words, broker.catalogue());
    match resolve(call, what, Candidates::Pending).await? {
        Resolved::Request(id) => {
            let intent = &call.interaction.intent;
            if broker.request(id).await?.extension.is_some() {
                let request = broker.withdraw_extension(intent, id).await?;
                return Ok(Some(answer::extension_withdrawn(&request)));
            }
            let request = broker.withdraw(intent, id).await?;
            Ok(Some(answer::withdrawn(&request)))
        }
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
    fn withdraw_takes_a_request_or_its_scope_or_nothing() {
        let id = RequestId::new(Time::UNIX_EPOCH, 1);
        let scope = Named::Scope("db-prod:write".parse().unwrap());
        assert_eq!(read("", parse), Named::Nothing);
        assert_eq!(read(&id.to_string(), parse), Named::Request(id));
        assert_eq!(read("DB-prod:write please", parse), scope);
    }
}
