//! Ending other people's access: a command opens a form that shows what ends, the form revokes or locks.

use serde::{Deserialize, Serialize};

use super::{form_outcome::FormOutcome, how_long};
use crate::{
    broker::{Broker, Error, Intent},
    domain::{Attempted, AttemptedOn, LockTarget, Request, RequestId, ScopeId, Span, UserId},
    slack::{
        Slack,
        arguments::{HowLong, length},
        caller::Caller,
        inbound::View,
        interaction::{Interaction, Outcome, concerns, log_error},
        view::{
            answer, modal_end,
            refusal::{self, field},
        },
    },
};

/// What is revoked together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::slack) enum Revocable {
    /// One grant.
    Request(RequestId),
    /// Everything that a person has.
    Person(UserId),
    /// Everybody's access to a scope.
    Scope(ScopeId),
}

/// What the form ends, as it carries it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Ending {
    Revoke(Revocable),
    Lock(LockTarget),
}

impl Ending {
    fn carried(&self) -> String {
        serde_json::to_string(self).expect("what ends can be written as JSON")
    }
}

/// Grants, and those that this person does not take back, each with the reason.
type Allowed = (Vec<Request>, Vec<(Request, Error)>);

/// Asks why, if this person could take some of it back now.
pub(in crate::slack) async fn ask_to_revoke(
    interaction: &Interaction,
    what: Revocable,
    reason: &str,
) -> Outcome {
    let (broker, intent) = (&interaction.slack.broker, &interaction.intent);
    let mut allowed = Allowed::default();
    for request in grants(broker, &what).await? {
        match broker.may_revoke(intent, request.id).await {
            Ok(request) => allowed.0.push(request),
            Err(error) => allowed.1.push((request, error)),
        }
    }
    let (revocable, refused) = match some(allowed)? {
        Some(allowed) => allowed,
        None => return Ok(Some(answer::NOTHING_HELD.to_owned())),
    };
    let now = interaction.slack.clock.now();
    let effect = answer::would_end(&revocable, &staying(&refused), now);
    let carried = Ending::Revoke(what).carried();
    let view = modal_end::end("Revoke", &effect, reason, &carried);
    Ok(interaction.show(view).await)
}

/// Asks why and for how long, if this person could set the lock now.
pub(in crate::slack) async fn ask_to_lock(
    interaction: &Interaction,
    target: LockTarget,
    how_long: Option<HowLong>,
    reason: &str,
) -> Outcome {
    let (broker, intent) = (&interaction.slack.broker, &interaction.intent);
    let covered = broker.may_set_lock(intent, &target).await?;
    let effect = answer::would_lock(&target, &covered, interaction.slack.clock.now());
    let carried = Ending::Lock(target).carried();
    let how_long = how_long.map(|it| it.to_string()).unwrap_or_default();
    let view = modal_end::lock(&effect, &how_long, reason, &carried);
    Ok(interaction.show(view).await)
}

/// What somebody tries who submits the form, and on what.
pub(super) fn attempted(view: &View) -> (Attempted, Option<AttemptedOn>) {
    match serde_json::from_str(&view.private_metadata) {
        Ok(Ending::Revoke(what)) => {
            let on = match what {
                Revocable::Request(id) => AttemptedOn::Request { id, scope: None },
                Revocable::Person(person) => AttemptedOn::Person(person),
                Revocable::Scope(scope) => AttemptedOn::Scope(scope),
            };
            (Attempted::Revoke, Some(on))
        }
        Ok(Ending::Lock(target)) => (Attempted::Lock, Some((&target).into())),
        Err(_) => (Attempted::Other, None),
    }
}

/// Revokes or locks, or says why not.
pub(super) async fn submitted(
    slack: &Slack,
    intent: &Intent,
    caller: &Caller,
    view: &View,
) -> FormOutcome {
    let Ok(ending) = serde_json::from_str(&view.private_metadata) else {
        let told = "This form doesn't say what to end. Nothing changed. Open it again.";
        return FormOutcome::refused(told.to_owned());
    };
    let reason = view.value(field::REASON).unwrap_or_default().trim();
    if reason.is_empty() {
        return FormOutcome::invalid(
            field::REASON,
            "Add a reason. Everyone whose access ends reads it.",
        );
    }
    let done = match ending {
        Ending::Revoke(what) => revoke(&slack.broker, intent, &what, reason)
            .await
            .map(|told| ("Revoked", told)),
        Ending::Lock(target) => {
            let length = match lock_length(slack, caller, view).await {
                Ok(length) => length,
                Err(told) => return FormOutcome::invalid(field::DURATION, &told),
            };
            let broker = &slack.broker;
            broker
                .lock_for(intent, target.clone(), reason, length)
                .await
                .map(|locked| ("Locked", answer::locked(&target, locked)))
        }
    };
    match done {
        Ok((title, told)) => FormOutcome::shown(title, told),
        Err(error) => {
            log_error(caller, &error);
            FormOutcome::refused(refusal::sentence(&error))
        }
    }
}

/// For how long the form locks; nothing if it does not say, or what is not understood of it, in plain
/// text.
async fn lock_length(slack: &Slack, caller: &Caller, view: &View) -> Result<Option<Span>, String> {
    let typed = view.value(field::DURATION).unwrap_or_default().trim();
    if typed.is_empty() {
        return Ok(None);
    }
    let how_long = length::whole(typed).ok_or_else(|| refusal::not_a_duration(typed))?;
    let span = how_long::from_now(slack, &caller.user, how_long).await?;
    match span.as_seconds() {
        0 => Err(refusal::not_a_duration(typed)),
        _ => Ok(Some(span)),
    }
}

async fn revoke(
    broker: &Broker,
    intent: &Intent,
    what: &Revocable,
    reason: &str,
) -> Result<String, Error> {
    let mut done = Allowed::default();
    for request in grants(broker, what).await? {
        match broker.revoke(intent, request.id, reason).await {
            Ok(request) => done.0.push(request),
            Err(error) => done.1.push((request, error)),
        }
    }
    Ok(match some(done)? {
        Some((revoked, refused)) => answer::revoked(&revoked, &staying(&refused)),
        None => answer::NOTHING_HELD.to_owned(),
    })
}

/// The grants that this is about, as far as they go on; one that is named is looked at in any case.
async fn grants(broker: &Broker, what: &Revocable) -> Result<Vec<Request>, Error> {
    let mut open = match what {
        Revocable::Request(id) => {
            concerns(*id);
            return Ok(vec![broker.request(*id).await?]);
        }
        Revocable::Person(person) => broker.open_of(person).await?,
        Revocable::Scope(scope) => broker.open_for(scope).await?,
    };
    open.retain(Request::goes_on);
    Ok(open)
}

/// Nothing if there was none; why not, if none of them is allowed.
fn some((allowed, refused): Allowed) -> Result<Option<Allowed>, Error> {
    if !allowed.is_empty() {
        return Ok(Some((allowed, refused)));
    }
    match refused.into_iter().next() {
        Some((_, error)) => Err(error),
        None => Ok(None),
    }
}

fn staying(refused: &[(Request, Error)]) -> Vec<String> {
    let stays =
        |(request, error): &(Request, Error)| answer::stays(request, &refusal::sentence(error));
    refused.iter().map(stays).collect()
}
