//! What was decided is written otherwise: each time another rule is left out.

use keylend::{
    domain::{Actor, ApprovalFacts, EndCause, Event, Occurred, Request, Time},
    store::{Change, Commit},
};

use super::Mutant;
use crate::store::{Database, Tables};

/// What is written of a change of `Request`, which is as it would be after it, in the place of its events.
pub(super) struct Edits(pub(super) fn(&Request, Vec<Occurred>) -> Vec<Occurred>);

impl Mutant for Edits {
    fn commit(&self, database: &Database, mut commit: Commit) -> Commit {
        let tables = database.tables();
        for change in &mut commit.changes {
            *change = edited(&tables, change, self.0);
        }
        commit
    }
}

/// The change with other events, on the same version.
pub(super) fn edited(
    tables: &Tables,
    change: &Change,
    edit: impl Fn(&Request, Vec<Occurred>) -> Vec<Occurred>,
) -> Change {
    let after = change.after();
    let mut events = edit(after, change.events().to_vec());
    let before = tables.request(after.id);
    let mut edited = match before.filter(|it| Some(it.version) == change.before()) {
        Some(before) => Change::of(before.clone(), events),
        None if change.before().is_some() => return change.clone(),
        None => {
            let more = events.split_off(1);
            Change::first(after.id, events.remove(0), more)
        }
    };
    edited.last_seq = change.last_seq;
    edited
}

/// An approver chose less than what was asked for, and it lasts as long as that. Breaks promise 3.
pub(super) fn ignores_what_was_chosen(
    request: &Request,
    mut events: Vec<Occurred>,
) -> Vec<Occurred> {
    for occurred in &mut events {
        if let Event::Approved {
            duration: Some(_),
            expires_at,
            ..
        } = &mut occurred.event
        {
            let begins = request.starts_at.unwrap_or(occurred.at).max(occurred.at);
            *expires_at = request.terms.duration.after(begins);
        }
    }
    events
}

/// What is approved for later starts at once. Breaks promise 3.
pub(super) fn starts_at_once(request: &Request, mut events: Vec<Occurred>) -> Vec<Occurred> {
    let approved = events
        .iter()
        .find(|it| matches!(it.event, Event::Approved { .. }));
    let at = approved.map(|it| it.at);
    let at = at.filter(|_| request.starts_at.is_some());
    events.extend(at.map(|at| started(request, at)));
    events
}

/// What does not hold any more at its start starts all the same. Breaks promise 1, or 7 where its requester
/// holds too much by then.
pub(super) fn starts_anyway(request: &Request, events: Vec<Occurred>) -> Vec<Occurred> {
    let refused = events.iter().find(|it| {
        matches!(
            it.event,
            Event::RevocationStarted {
                cause: EndCause::StartRefused { .. }
            }
        )
    });
    match refused.map(|it| it.at) {
        Some(at) => vec![started(request, at)],
        None => events,
    }
}

/// What break-glass grants is not open for review. Breaks promise 1.
pub(super) fn opens_no_review(_: &Request, mut events: Vec<Occurred>) -> Vec<Occurred> {
    events.retain(|it| !matches!(it.event, Event::GlassBroken { .. }));
    events
}

/// The start of what waited for it.
pub(super) fn started(request: &Request, at: Time) -> Occurred {
    Occurred {
        at,
        actor: Actor::Keylend,
        rules: Vec::new(),
        event: Event::Started {
            requester: request.human.clone(),
            after: Vec::new(),
            facts: ApprovalFacts {
                at,
                ..ApprovalFacts::default()
            },
        },
    }
}
