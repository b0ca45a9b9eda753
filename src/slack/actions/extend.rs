//! Asking for more time.

use super::{
    Outcome,
    line::Named,
    visit::Visit,
    which::{self, Which},
};
use crate::{
    domain::{RequestId, Span},
    slack::view::answer,
};

pub(super) async fn run(visit: &Visit, id: RequestId, more: Option<Span>) -> Outcome {
    let by = &visit.caller.user;
    let request = visit.slack.broker.extend(by, id, more).await?;
    Ok(Some(answer::extension_requested(&request)))
}

/// Asks for more time with what was named, or with the only thing that they hold.
pub(super) async fn chosen(visit: &Visit, what: Named, more: Option<Span>) -> Outcome {
    match which::of_mine(visit, what, "extend").await? {
        Which::This(id) => run(visit, id, more).await,
        Which::Unclear(told) => Ok(Some(told)),
    }
}
