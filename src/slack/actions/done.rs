//! "I'm done": the requester ends their own access.

use super::{
    Outcome,
    line::Named,
    visit::Visit,
    which::{self, Which},
};
use crate::{domain::RequestId, slack::view::answer};

pub(super) async fn run(visit: &Visit, id: RequestId) -> Outcome {
    let request = visit.slack.broker.done(&visit.caller.user, id).await?;
    Ok(Some(answer::done(&request)))
}

/// Ends what was named, or the only thing that they hold. What would interrupt another grant is said
/// first; whoever names the request by its id has been told.
pub(super) async fn chosen(visit: &Visit, what: Named) -> Outcome {
    let has_been_told = matches!(what, Named::Request(_));
    let id = match which::of_mine(visit, what, "done").await? {
        Which::This(id) => id,
        Which::Unclear(told) => return Ok(Some(told)),
    };
    if !has_been_told {
        let broker = &visit.slack.broker;
        let request = broker.request(id).await?;
        let interrupted = broker.interrupted_by(&request).await?;
        if !interrupted.is_empty() {
            return Ok(Some(answer::interrupts(&request, &interrupted)));
        }
    }
    run(visit, id).await
}
