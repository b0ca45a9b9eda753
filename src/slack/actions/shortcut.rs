//! The shortcuts of the app's manifest: both open the form that requests access.

use std::time::Duration;

use super::{
    form::{self, Prefill},
    incident::Origin,
};
use crate::slack::{
    arguments::Draft,
    inbound::ShortcutMessage,
    interaction::{Interaction, Outcome},
};

/// The shortcut in Slack's menus: opens the empty form.
const GLOBAL: &str = "request_access";

/// The shortcut of a message: opens the form with a link to the message as the reason.
const MESSAGE: &str = "request_access_for_message";

/// How long Slack may take to name a message's address: a trigger lives for three seconds.
const PATIENCE: Duration = Duration::from_millis(500);

/// Opens the form. A request for a message in an incident channel is mirrored there, like one that was typed
/// there.
pub(in crate::slack) async fn run(
    interaction: &Interaction,
    callback_id: &str,
    message: Option<&ShortcutMessage>,
) -> Outcome {
    if !matches!(callback_id, GLOBAL | MESSAGE) {
        tracing::debug!(slack.callback = callback_id, "ignored a shortcut");
        return Ok(None);
    }
    let mut prefill = Prefill::default();
    if let Some(message) = message {
        let name = message.channel_name.as_deref();
        prefill.origin = Origin::of(message.channel.clone(), name);
        prefill.draft = Draft {
            reason: link(interaction, message).await.unwrap_or_default(),
            ..Draft::default()
        };
    }
    form::open(interaction, prefill).await
}

/// The message's address; nothing where it is not known in time, which the form does not wait for.
async fn link(interaction: &Interaction, message: &ShortcutMessage) -> Option<String> {
    if let Some(link) = message.link() {
        return Some(link);
    }
    let client = &interaction.slack.client;
    let asked = client.permalink(&message.channel, &message.ts);
    let link = tokio::time::timeout(PATIENCE, asked).await.ok()?.ok()?;
    Some(link.into())
}
