//! Somebody who wants something done, and where they are answered.

use std::{fmt, sync::Arc};

use serde_json::Value;
use tracing::{Span, field};

use super::{
    Slack,
    caller::Caller,
    client::OpenedView,
    view::{answer, refusal},
};
use crate::{
    broker::{Error, Intent},
    domain::{ChannelId, RequestId},
};

/// What came of something that somebody did: what they are told, if anything, or why not.
pub(super) type Outcome = Result<Option<String>, Error>;

/// Somebody who wants something done, and where they are answered.
pub(super) struct Interaction {
    pub(super) slack: Arc<Slack>,
    pub(super) caller: Caller,
    /// What they want done, for whatever changes something.
    pub(super) intent: Intent,
    /// The channel that they acted in; none in a modal or an App Home.
    pub(super) channel: Option<ChannelId>,
    /// That channel's name, as Slack tells it with a command.
    pub(super) channel_name: Option<String>,
    pub(super) response_url: Option<String>,
    pub(super) trigger_id: Option<String>,
}

/// What a button was shown for: the request, and the revision of its terms; for an answer, the number of the
/// question in its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shown {
    pub(super) id: RequestId,
    pub(super) revision: u32,
}

/// What is logged of an interaction is within this span. The request is named once it is known.
pub(super) fn span() -> Span {
    tracing::info_span!("slack", request.id = field::Empty)
}

/// Logs why something was not done. Only what was decided was refused.
pub(super) fn log_error(caller: &Caller, error: &Error) {
    let user = &caller.user;
    match error {
        Error::Refused(_) => tracing::info!(slack.user = %user, %error, "refused"),
        Error::AlreadyDone => {
            tracing::warn!(slack.user = %user, "ignored a repeated delivery");
        }
        Error::Facts(_) | Error::EarlierApprover { .. } => {
            tracing::warn!(
                slack.user = %user, %error,
                "failed to process an interaction: Slack did not answer; nothing changed"
            );
        }
        Error::Store(_) | Error::TooManyConflicts => {
            tracing::error!(slack.user = %user, %error, "failed to process an interaction: the store failed");
        }
        Error::Uncertain(_) | Error::Contradicted(_) | Error::WrongKey(_) => {
            tracing::error!(
                slack.user = %user, %error,
                "failed to process an interaction: the stored data is wrong; run `keylend audit verify`"
            );
        }
    }
}

/// From here on, what is logged of this interaction is about this request.
pub(super) fn concerns(id: RequestId) {
    Span::current().record("request.id", field::display(id));
}

impl Shown {
    /// Reads a button's value, `{request}.{revision}`.
    pub(super) fn read(value: &str) -> Option<Self> {
        let (id, revision) = value.split_once('.')?;
        Some(Self {
            id: id.parse().ok()?,
            revision: revision.parse().ok()?,
        })
    }
}

/// A button's value, as [`Shown::read`] reads it.
impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.id, self.revision)
    }
}

impl Interaction {
    /// Tells whoever acted what came of it.
    pub(super) async fn reply(&self, outcome: Outcome) {
        match outcome {
            Ok(None) => {}
            // They were told the first time.
            Err(error @ Error::AlreadyDone) => log_error(&self.caller, &error),
            Ok(Some(told)) => self.tell(&told).await,
            Err(error) => {
                log_error(&self.caller, &error);
                self.tell(&refusal::sentence(&error)).await;
            }
        }
    }

    /// Says something to them alone: where they are, else by direct message.
    pub(super) async fn tell(&self, told: &str) {
        if self.tell_here(told).await {
            return;
        }
        if let Err(error) = self.slack.client.tell(&self.caller.user, told).await {
            tracing::warn!(%error, slack.user = %self.caller.user, "failed to send an answer");
        }
    }

    /// Says something to them alone where they are. A stranger gets no direct message.
    pub(super) async fn tell_here(&self, told: &str) -> bool {
        let client = &self.slack.client;
        if let Some(url) = &self.response_url {
            match client.respond(url, told).await {
                Ok(()) => return true,
                Err(error) => {
                    tracing::debug!(
                        %error,
                        "failed to answer through a response_url; trying another way"
                    );
                }
            }
        }
        match &self.channel {
            Some(channel) => client
                .post_ephemeral(channel, &self.caller.user, told)
                .await
                .is_ok(),
            None => false,
        }
    }

    /// Publishes their App Home again: it showed what could not be done.
    pub(super) async fn refresh_home(&self) {
        if let Err(error) = self.slack.homes.opened(&self.caller.user).await {
            tracing::warn!(%error, slack.user = %self.caller.user, "failed to refresh an App Home");
        }
    }

    /// Opens a modal for them. Answers what they are told if Slack does not open it.
    pub(super) async fn show(&self, view: Value) -> Option<String> {
        let opened = self.open(view).await;
        opened.err().map(str::to_owned)
    }

    /// Opens a modal for them, and answers which.
    ///
    /// # Errors
    ///
    /// What they are told if Slack does not open it.
    pub(super) async fn open(&self, view: Value) -> Result<OpenedView, &'static str> {
        let Some(trigger) = &self.trigger_id else {
            return Err(answer::NO_WINDOW);
        };
        let opened = self.slack.client.open_view(trigger, view).await;
        opened.map_err(|error| {
            tracing::warn!(%error, "failed to open a modal");
            answer::NO_WINDOW
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buttons_value_names_the_request_and_the_revision_that_was_shown() {
        let id = RequestId::new(crate::domain::Time::UNIX_EPOCH, 1);
        let shown = Shown::read(&format!("{id}.7"));
        assert_eq!(shown, Some(Shown { id, revision: 7 }));
        assert_eq!(Shown { id, revision: 7 }.to_string(), format!("{id}.7"));
        for value in ["", ".", "7", &id.to_string(), &format!("{id}.x"), "x.7"] {
            assert_eq!(Shown::read(value), None, "{value}");
        }
    }
}
