//! "I'm done": the requester ends their own access.

use super::{
    Outcome,
    line::Named,
    visit::Visit,
    which::{self, Which},
};
use crate::{domain::RequestId, slack::view::answer};

/// Ends the grant, unless that interrupts another one: then that is said first.
pub(super) async fn run(visit: &Visit, id: RequestId) -> Outcome {
    let broker = &visit.slack.broker;
    let request = broker.request(id).await?;
    // Who it belongs to, the broker says when it ends it.
    if broker.is_theirs(&visit.caller.user, &request).await? {
        let interrupted = broker.interrupted_by(&request).await?;
        if !interrupted.is_empty() {
            return Ok(Some(answer::interrupts(&request, &interrupted)));
        }
    }
    end(visit, id).await
}

/// Ends what was named, or the only thing that they hold; with `anyway`, whatever that interrupts.
pub(super) async fn chosen(visit: &Visit, what: Named, anyway: bool) -> Outcome {
    match which::of_mine(visit, what, "done").await? {
        Which::This(id) if anyway => end(visit, id).await,
        Which::This(id) => run(visit, id).await,
        Which::Unclear(told) => Ok(Some(told)),
    }
}

async fn end(visit: &Visit, id: RequestId) -> Outcome {
    let request = visit.slack.broker.done(&visit.caller.user, id).await?;
    Ok(Some(answer::done(&request)))
}
