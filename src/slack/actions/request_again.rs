//! The requester asks once more for what they asked for before: the form opens with the same scope,
//! duration, ticket and reason. Nothing is requested until they submit it.

use super::form::{self, Prefill};
use crate::{
    domain::{Refusal, RequestId},
    slack::{
        arguments::{Draft, HowLong, Wanted},
        interaction::{Interaction, Outcome},
    },
};

/// Opens the form with what `id` asked for. A scope that has left the catalogue is named there, and no
/// longer a duration is filled in than the scope allows today.
pub(super) async fn open(interaction: &Interaction, id: RequestId) -> Outcome {
    let broker = &interaction.slack.broker;
    let request = broker.request(id).await?;
    if !broker.is_theirs(&interaction.caller.user, &request).await? {
        return Err(Refusal::NotTheRequester.into());
    }
    let terms = request.terms;
    let scope = broker.catalogue().get(&terms.scope);
    let longest = scope.map_or(terms.duration, |scope| scope.max_duration);
    let draft = Draft {
        scope: match scope {
            Some(scope) => Wanted::Scope(scope.id.clone()),
            // Nothing like it is chosen for them: it may give more.
            None => Wanted::Unknown {
                written: terms.scope.to_string(),
                like: Vec::new(),
            },
        },
        duration: Some(HowLong::For(terms.duration.min(longest))),
        ..Draft::default()
    };
    let draft = match request.texts_missing {
        // What stands there are digests.
        true => draft,
        false => Draft {
            ticket: terms.ticket,
            reason: terms.reason,
            ..draft
        },
    };
    let prefill = Prefill {
        draft,
        ..Prefill::default()
    };
    form::open(interaction, prefill).await
}
