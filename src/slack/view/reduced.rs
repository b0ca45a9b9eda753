//! What is said where people of another company read it: who asks for which scope, for how long, and what
//! came of it. No reason, ticket, login, target, rule or error, and nothing of what anybody has besides.
//!
//! Requests and entries are reduced before anything is written of them, so whatever a line or a head says
//! of them, it cannot say more. What is not known to be harmless is not told at all.

use std::collections::BTreeMap;

use crate::{
    domain::{Actor, BackendName, EndCause, Event, LockEvent, LockTarget, Request, State, Terms},
    store::{Entry, EntryBody},
};

/// What stands for the name of a target.
const TARGET: &str = "target";

/// What stands for what a target said.
const WITHHELD: &str = "details aren't shown in this channel";

/// The request as they may read of it.
pub fn request(request: &Request) -> Request {
    let mut request = request.clone();
    request.terms = terms(&request.terms);
    request.departure = None;
    request.review = None;
    request.questions.clear();
    for layer in &mut request.layers {
        layer.plan.backend = BackendName::new(TARGET);
        layer.plan.title = None;
        layer.error = None;
        layer.caveat = None;
        layer.preexisting = false;
    }
    match &mut request.state {
        State::Denied { reason, .. } => reason.clear(),
        State::Failed { error, .. } => WITHHELD.clone_into(error),
        State::Ending { cause, .. } | State::Ended { cause, .. } => {
            // Whatever it is, it is not told by a head.
            *cause = self::cause(cause).unwrap_or(EndCause::Done);
        }
        _ => {}
    }
    if let Some(extension) = &mut request.extension {
        extension.reason.clear();
    }
    request.last_extension = None;
    request
}

/// The entry as they may read of it; nothing if it is not told there.
pub fn entry(entry: &Entry) -> Option<Entry> {
    let body = match &entry.body {
        EntryBody::Request(event) => EntryBody::Request(self::event(event)?),
        EntryBody::Lock(event) => EntryBody::Lock(lock(event)?),
        _ => return None,
    };
    Some(Entry {
        body,
        actor: match &entry.actor {
            Actor::Rule(_) => Actor::Keylend,
            actor => actor.clone(),
        },
        rules: Vec::new(),
        ..entry.clone()
    })
}

/// The alerts, by name alone.
pub fn alerts(raised: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let names = raised.keys().cloned();
    names
        .map(|name| {
            (
                name,
                "/readyz and Keylend's own log have the details".to_owned(),
            )
        })
        .collect()
}

fn event(event: &Event) -> Option<Event> {
    let mut event = event.clone();
    match &mut event {
        Event::Requested { terms, .. } | Event::Revised { terms, .. } => {
            *terms = self::terms(terms);
        }
        Event::Denied { reason }
        | Event::ExtensionDenied { reason }
        | Event::ExtensionRequested { reason, .. } => reason.clear(),
        Event::Failed { error } | Event::LayerRevokeFailed { error, .. } => {
            WITHHELD.clone_into(error);
        }
        Event::RevocationStarted { cause } => *cause = self::cause(cause)?,
        Event::ApprovalCounted { .. }
        | Event::Approved { .. }
        | Event::Withdrawn {}
        | Event::Lapsed {}
        | Event::Activated {}
        | Event::LayerReappeared { .. }
        | Event::Ended {}
        | Event::ExtensionWithdrawn {}
        | Event::Extended { .. }
        | Event::ExtensionLapsed {} => {}
        _ => return None,
    }
    Some(event)
}

fn lock(event: &LockEvent) -> Option<LockEvent> {
    let mut event = event.clone();
    let (LockEvent::Locked { target, .. } | LockEvent::Unlocked { target }) = &event;
    // Who is locked is nobody's business, nor what the targets are.
    if matches!(target, LockTarget::Person(_) | LockTarget::Target(_)) {
        return None;
    }
    if let LockEvent::Locked { reason, .. } = &mut event {
        reason.clear();
    }
    Some(event)
}

fn terms(terms: &Terms) -> Terms {
    Terms {
        title: String::new(),
        environment: None,
        reason: String::new(),
        ticket: None,
        layers: Vec::new(),
        ..terms.clone()
    }
}

/// Why a grant ends, without anybody's words; nothing if it says something about a person or a target.
fn cause(cause: &EndCause) -> Option<EndCause> {
    let reason = String::new();
    match cause {
        EndCause::Expired | EndCause::Done | EndCause::Withdrawn => Some(cause.clone()),
        EndCause::Revoked { .. } => Some(EndCause::Revoked { reason }),
        EndCause::Locked { .. } => Some(EndCause::Locked { reason }),
        EndCause::StartRefused { .. } => Some(EndCause::StartRefused {
            reason: WITHHELD.to_owned(),
        }),
        _ => None,
    }
}
