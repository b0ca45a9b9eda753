//! Showing credentials, in a modal and nowhere else: only whoever clicked ever receives it.

use super::{Outcome, visit::Visit};
use crate::{domain::RequestId, slack::view::modal_credentials};

/// Shows them. That they were shown is in the log before; if the modal then does not open, they
/// were not seen, and showing them again is logged again.
pub(super) async fn show(visit: &Visit, id: RequestId) -> Outcome {
    let broker = &visit.slack.broker;
    let credentials = broker.show_credentials(&visit.caller.user, id).await?;
    let request = broker.request(id).await?;
    let view = modal_credentials::credentials(&request, &credentials);
    Ok(match visit.open(view).await {
        Ok(_) => None,
        Err(told) => Some(told.to_owned()),
    })
}
