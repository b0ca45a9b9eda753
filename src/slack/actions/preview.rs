//! What becomes of the request on a form, asked while it is filled in.

use std::time::Duration;

use super::{how_long, incident::Origin};
use crate::{
    broker::Proposal,
    domain::{ChannelId, Scope, UserId},
    slack::{Slack, arguments::HowLong, view::preview::Previewed},
};

/// How long facts are waited for: a trigger lives for three seconds, and the form has to open.
const PATIENCE: Duration = Duration::from_millis(800);

/// What is filled in so far, as far as it can be read.
#[derive(Debug, Default)]
pub(super) struct Filled<'a> {
    pub(super) duration: Option<HowLong>,
    pub(super) ticket: Option<&'a str>,
    pub(super) origin: Option<&'a Origin>,
    /// The channels that were mentioned.
    pub(super) channels: &'a [ChannelId],
    pub(super) has_start: bool,
}

/// What becomes of a request for `scope`; nothing without a scope, and if it is not known in time. A duration
/// that can't be told is taken for the default.
pub(super) async fn preview(
    slack: &Slack,
    person: &UserId,
    scope: Option<&Scope>,
    filled: Filled<'_>,
) -> Option<Previewed> {
    let scope = scope?;
    let looking = async {
        let mut duration = scope.default_duration;
        if let Some(how_long) = filled.duration {
            let read = how_long::from_now(slack, person, how_long).await;
            duration = read.unwrap_or(duration);
        }
        let mirrors = slack
            .incidents
            .mirrors(&slack.client, filled.origin, filled.channels)
            .await;
        let proposal = Proposal {
            by: person,
            scope,
            duration,
            ticket: filled.ticket,
            is_for_incident: !mirrors.channels.is_empty(),
            is_later: filled.has_start,
        };
        let outcome = slack.broker.preview(proposal).await;
        if let Err(error) = &outcome {
            tracing::debug!(%error, "a form shows that its request would not be made");
        }
        Previewed { duration, outcome }
    };
    tokio::time::timeout(PATIENCE, looking).await.ok()
}
