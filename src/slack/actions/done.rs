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

/// Ends what was named, or the only thing that they hold.
pub(super) async fn chosen(visit: &Visit, what: Named) -> Outcome {
    match which::of_mine(visit, what, "done").await? {
        Which::This(id) => run(visit, id).await,
        Which::Unclear(told) => Ok(Some(told)),
    }
}
