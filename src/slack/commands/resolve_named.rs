//! The person or the scope that a command names in another way than by a mention or by the name of a
//! scope in the catalogue.

use super::command::Call;
use crate::{
    broker::Error,
    domain::{LockTarget, ScopeId},
    slack::{
        arguments::{Named, bare},
        view::answer,
    },
};

/// `what`, with the person in the place of `me` and of an address, and with a scope that has left the
/// catalogue; or what they are told if Keylend knows nobody who has the address.
pub(super) async fn resolve_named(
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
        Named::Unknown { written, like } => Ok(match former_scope(call, &written).await? {
            Some(scope) => Named::Scope(scope),
            None => Named::Unknown { written, like },
        }),
        other => Ok(other),
    })
}

/// The scope of exactly this name that has left the catalogue, as long as a request for it is open or a
/// lock covers it.
pub(super) async fn former_scope(call: Call<'_>, written: &str) -> Result<Option<ScopeId>, Error> {
    let Ok(scope) = bare(written).parse::<ScopeId>() else {
        return Ok(None);
    };
    let broker = &call.interaction.slack.broker;
    if !broker.open_for(&scope).await?.is_empty() {
        return Ok(Some(scope));
    }
    let target = LockTarget::Scope(scope.clone());
    let locks = broker.locks().await?;
    Ok(locks
        .iter()
        .any(|lock| lock.target == target)
        .then_some(scope))
}
