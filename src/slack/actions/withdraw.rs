//! Taking a request back before it is decided. The card shows it.

use super::{Outcome, visit::Visit};
use crate::domain::RequestId;

pub(super) async fn run(visit: &Visit, id: RequestId) -> Outcome {
    visit.slack.broker.withdraw(&visit.caller.user, id).await?;
    Ok(None)
}
