//! The person that a command names in another way than by a mention.

use super::command::Call;
use crate::{
    broker::Error,
    slack::{arguments::Named, view::answer},
};

/// `what`, with the person in the place of `me` and of an address; or what they are told if Keylend
/// knows nobody who has it.
pub(super) async fn resolve_person(
    call: Call<'_>,
    what: Named,
) -> Result<Result<Named, String>, Error> {
    let interaction = call.interaction;
    Ok(match what {
        Named::Me => Ok(Named::Person(interaction.caller.user.clone())),
        Named::Address(address) => {
            let ids = interaction.slack.broker.ids_of(&address).await?;
            // Any of them stands for the person.
            let person = ids.into_iter().next().map(Named::Person);
            person.ok_or_else(|| answer::nobody_has(&address))
        }
        other => Ok(other),
    })
}
