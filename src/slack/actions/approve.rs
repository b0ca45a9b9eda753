//! Saying yes: one tap. The card shows what came of it.

use super::{
    Outcome,
    visit::{Shown, Visit},
};

pub(super) async fn run(visit: &Visit, shown: Shown) -> Outcome {
    let Shown { id, revision } = shown;
    let by = &visit.caller.user;
    visit.slack.broker.approve(by, id, revision).await?;
    Ok(None)
}
