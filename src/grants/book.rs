//! The active grants, small enough to keep a hundred thousand of them.
//!
//! Names are kept once and numbered; a grant is a row of numbers under each name of its holder.
//! Names are never forgotten: there are as many as people and scopes.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use chrono::DateTime;

use crate::domain::{Request, RequestId, ScopeId, State, Time};

/// A grant that says yes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    /// The grant.
    pub request: RequestId,
    /// When it ends.
    pub expires_at: Time,
}

/// The active grants by holder and scope.
#[derive(Default)]
pub(super) struct Book {
    names: HashMap<Arc<str>, Number>,
    grants: HashMap<RequestId, Grant>,
    rows: BTreeSet<Row>,
}

type Number = u32;

/// One active grant.
#[derive(Debug, Clone, Copy)]
struct Grant {
    holder: Number,
    email: Option<Number>,
    scope: Number,
    end: Millis,
}

/// Milliseconds since 1970, the crate's precision of time.
type Millis = i64;

/// Ordered by holder, scope and end, so that the last row of a holder and scope is the grant that
/// lasts longest. Every row names a request; nothing in its place begins a range.
type Row = (Number, Number, Millis, Option<RequestId>);

impl Book {
    /// Notes the state that `request` is in now, if the log bears it out; otherwise nothing of it.
    pub(super) fn note(&mut self, request: &Request, is_proven: bool) {
        if let Some(grant) = self.grants.remove(&request.id) {
            for row in grant.rows(request.id) {
                self.rows.remove(&row);
            }
        }
        if let (true, State::Active { .. }, Some(end)) =
            (is_proven, &request.state, request.expires_at)
        {
            let grant = Grant {
                holder: self.number(request.requester.as_str()),
                email: email_key(request.email.as_str()).map(|email| self.number(&email)),
                scope: self.number(request.terms.scope.as_str()),
                end: end.timestamp_millis(),
            };
            self.rows.extend(grant.rows(request.id));
            self.grants.insert(request.id, grant);
        }
    }

    /// The grant by which `subject` may use `scope` at `now`.
    pub(super) fn check(&self, subject: &str, scope: &ScopeId, now: Time) -> Option<Held> {
        let holder = match email_key(subject) {
            Some(email) => self.names.get(email.as_str()),
            None => self.names.get(subject),
        };
        let (holder, scope) = (*holder?, *self.names.get(scope.as_str())?);
        // At its end a grant is over, so its last millisecond is the one before.
        let first = (holder, scope, now.timestamp_millis() + 1, None);
        let behind = (holder, scope + 1, Millis::MIN, None);
        let (_, _, end, request) = self.rows.range(first..behind).next_back()?;
        Some(Held {
            request: (*request)?,
            expires_at: DateTime::from_timestamp_millis(*end)?,
        })
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.grants.len()
    }

    fn number(&mut self, name: &str) -> Number {
        if let Some(number) = self.names.get(name) {
            return *number;
        }
        let number = Number::try_from(self.names.len())
            .expect("fewer than four thousand million people and scopes");
        self.names.insert(name.into(), number);
        number
    }
}

impl Grant {
    fn rows(self, request: RequestId) -> impl Iterator<Item = Row> {
        [Some(self.holder), self.email]
            .into_iter()
            .flatten()
            .map(move |name| (name, self.scope, self.end, Some(request)))
    }
}

/// An address as it is compared; nothing if it is none, so that no address passes for a Slack id.
///
/// Only ASCII letters lose their case: Unicode would make one address of two that a mail server
/// tells apart (`K` and the Kelvin sign).
fn email_key(text: &str) -> Option<String> {
    text.contains('@').then(|| text.to_ascii_lowercase())
}
