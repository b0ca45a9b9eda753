//! Why a message did not get to where it belongs, and what that means for the next try.

use std::{fmt, time::Duration};

use crate::{broker::Error, slack::client::SlackError, store::StoreError};

/// Why a message did not get to where it belongs.
#[derive(Debug)]
pub(super) enum Trouble {
    Store(StoreError),
    Slack(SlackError),
    Broker(Error),
}

impl Trouble {
    /// Whether trying again makes no sense.
    pub(super) fn is_permanent(&self) -> bool {
        matches!(self, Self::Slack(error) if error.is_permanent())
    }

    /// Slack's refusal, if it is about the channel and not about the message.
    pub(super) fn of_the_channel(&self) -> Option<&SlackError> {
        match self {
            Self::Slack(error) if error.is_of_the_channel() => Some(error),
            _ => None,
        }
    }

    /// Slack's refusal, if it is about the app or its token.
    pub(super) fn of_the_installation(&self) -> Option<&SlackError> {
        match self {
            Self::Slack(error) if error.is_of_the_installation() => Some(error),
            _ => None,
        }
    }

    /// How long Slack asks to wait, if it does.
    pub(super) fn asked_to_wait(&self) -> Option<Duration> {
        match self {
            Self::Slack(SlackError::RateLimited { retry_after }) => Some(*retry_after),
            _ => None,
        }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Store(error) => error.fmt(f),
            Self::Slack(error) => error.fmt(f),
            Self::Broker(error) => error.fmt(f),
        }
    }
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        Self::Broker(error)
    }
}

impl From<SlackError> for Trouble {
    fn from(error: SlackError) -> Self {
        Self::Slack(error)
    }
}
