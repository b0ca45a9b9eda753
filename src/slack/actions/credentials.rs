//! Showing credentials, in a modal and nowhere else: only whoever clicked ever receives it.

use crate::{
    domain::RequestId,
    slack::{
        interaction::{Interaction, Outcome},
        view::modal_credentials,
    },
};

/// Shows them. That they were shown is in the log before; if the modal then does not open, they
/// were not seen, and showing them again is logged again.
pub(super) async fn show(interaction: &Interaction, id: RequestId) -> Outcome {
    let broker = &interaction.slack.broker;
    let credentials = broker.show_credentials(&interaction.intent, id).await?;
    let request = broker.request(id).await?;
    let view = modal_credentials::credentials(&request, &credentials);
    Ok(interaction.show(view).await)
}
