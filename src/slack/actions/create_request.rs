//! Creating a request, of a typed line or of the form.

use std::time::Duration;

use super::incident::Origin;
use crate::{
    broker::{Ask, Error, TooFewApprovers},
    domain::{AskKey, ChannelId, Request},
    slack::{
        Slack,
        caller::Caller,
        interaction::concerns,
        view::{alert, answer},
    },
};

/// How long it may take to find out whether anybody can approve a request. The audit channel is told
/// however long it takes.
const LOOKING: Duration = Duration::from_secs(1);

/// The key that belongs to what Slack names only once in the caller's workspace.
pub(in crate::slack) fn key(caller: &Caller, named_once: &str) -> AskKey {
    AskKey::derive(&format!("{}/{named_once}", caller.team))
}

/// Creates the request and mirrors it in the incident channels among `origin` and `mentioned`.
/// Answers notes for the requester: which channels may be incident channels and could not be
/// looked up, which are shared with another company and do not follow it, whether the approvers can see
/// the request, and whether there are enough of them.
pub(in crate::slack) async fn create(
    slack: &Slack,
    mut ask: Ask,
    origin: Option<&Origin>,
    mentioned: &[ChannelId],
) -> Result<(Request, Vec<String>), Error> {
    let mirrors = slack
        .incidents
        .mirrors(&slack.client, origin, mentioned)
        .await;
    ask.mirrors = mirrors.channels;
    let request = slack.broker.ask(ask).await?;
    concerns(request.id);
    let mut notes: Vec<String> = mirrors.unnamed.iter().map(answer::not_mirrored).collect();
    notes.extend(mirrors.shared.iter().map(answer::not_mirrored_shared));
    let channel = &request.approval_channel;
    let alerts = slack.broker.alerts().raised();
    if request.awaits_decision() && alerts.contains_key(&alert::channel_name(channel)) {
        notes.push(answer::not_reached(channel));
    }
    let lack = too_few_approvers(slack, &request).await;
    notes.extend(lack.as_ref().map(answer::too_few_approvers));
    Ok((request, notes))
}

/// Why too few people can approve what was asked for, if that is known in time.
pub(super) async fn too_few_approvers(slack: &Slack, request: &Request) -> Option<TooFewApprovers> {
    let looking = slack.broker.too_few_approvers(request);
    tokio::time::timeout(LOOKING, looking).await.ok()?
}
