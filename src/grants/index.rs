//! The active grants, small enough to keep a hundred thousand of them.
//!
//! Names are kept once and numbered, and so are people, each the names that count as theirs; a grant
//! is a row of numbers. They are never forgotten: there are as many as people and scopes.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use chrono::DateTime;

use crate::domain::{BackendName, IdentityKey, Lock, Request, RequestId, ScopeId, State, Time};

/// A grant that says yes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ActiveGrant {
    /// The grant.
    pub request: RequestId,
    /// When it ends.
    pub expires_at: Time,
}

/// A grant that is over and whose access is not proven gone yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BeingRevoked {
    /// The grant.
    pub request: RequestId,
    /// Since when it is over.
    pub since: Time,
}

/// The active grants by holder and scope, and those that are being revoked.
#[derive(Default)]
pub(super) struct GrantIndex {
    /// The locks in force; what they cover counts as being revoked.
    locks: Vec<Lock>,
    names: HashMap<Arc<str>, Number>,
    /// The people who hold grants, by their names.
    people: HashMap<Box<[Number]>, Number>,
    /// The people who have a name: one, and seldom more.
    named: HashMap<Number, Vec<Number>>,
    grants: HashMap<RequestId, Grant>,
    rows: BTreeSet<Row>,
    ending: HashMap<RequestId, Ending>,
    ending_rows: BTreeSet<Row>,
    /// The targets that have failed to revoke, with how many grants each.
    failing: BTreeMap<BackendName, usize>,
}

/// One grant that is being revoked; the end of `grant` is when that began.
struct Ending {
    grant: Grant,
    failing: BTreeSet<BackendName>,
}

type Number = u32;

/// One active grant.
#[derive(Debug, Clone, Copy)]
struct Grant {
    holder: Number,
    scope: Number,
    end: Millis,
}

/// Milliseconds since 1970, the crate's precision of time.
type Millis = i64;

/// Ordered by holder, scope and end, so that the last row of a holder and scope is the grant that
/// lasts longest.
type Row = (Number, Number, Millis, RequestId);

impl GrantIndex {
    /// An empty one, under these locks.
    pub(super) fn under(locks: Vec<Lock>) -> Self {
        Self {
            locks,
            ..Self::default()
        }
    }

    /// The locks that it is under.
    pub(super) fn locks(&self) -> &[Lock] {
        &self.locks
    }

    /// Notes the states that these requests are in now; nothing of one that is not proven.
    pub(super) fn note_all(&mut self, requests: &[(RequestId, Option<Request>)]) {
        for (id, request) in requests {
            self.remove(*id);
            if let Some(request) = request {
                self.note(request);
            }
        }
    }

    fn remove(&mut self, request: RequestId) {
        if let Some(grant) = self.grants.remove(&request) {
            self.rows.remove(&grant.row(request));
        }
        if let Some(ending) = self.ending.remove(&request) {
            self.forget(request, &ending);
        }
    }

    fn note(&mut self, request: &Request) {
        let lock = self.locks.iter().find(|lock| lock.covers_request(request));
        match (&request.state, request.expires_at, lock.map(|lock| lock.at)) {
            // Nobody knows all of it.
            (State::Active { .. }, _, _) if request.texts_missing => {}
            // Its end is on its way; no check says yes meanwhile.
            (State::Active { .. }, Some(_), Some(since)) => {
                let grant = self.grant(request, since);
                self.ending_rows.insert(grant.row(request.id));
                let failing = BTreeSet::new();
                self.ending.insert(request.id, Ending { grant, failing });
            }
            (State::Active { .. }, Some(end), None) => {
                let grant = self.grant(request, end);
                self.rows.insert(grant.row(request.id));
                self.grants.insert(request.id, grant);
            }
            (State::Ending { since, .. }, _, _) => {
                let grant = self.grant(request, *since);
                self.ending_rows.insert(grant.row(request.id));
                let failing = request.layers.iter();
                let failing: BTreeSet<BackendName> = failing
                    .filter(|layer| layer.failures > 0 && !layer.progress.is_revoked())
                    .map(|layer| layer.plan.backend.clone())
                    .collect();
                for target in &failing {
                    *self.failing.entry(target.clone()).or_default() += 1;
                }
                self.ending.insert(request.id, Ending { grant, failing });
            }
            _ => {}
        }
    }

    fn grant(&mut self, request: &Request, end: Time) -> Grant {
        Grant {
            holder: self.holder(request),
            scope: self.number(request.terms.scope.as_str()),
            end: end.timestamp_millis(),
        }
    }

    /// The number of the person who holds this grant.
    fn holder(&mut self, request: &Request) -> Number {
        let names = request.human.keys().filter_map(name_of);
        let names: Box<[Number]> = names.map(|name| self.number(name)).collect();
        if let Some(holder) = self.people.get(&names) {
            return *holder;
        }
        let holder = next_number(self.people.len());
        for name in &names {
            self.named.entry(*name).or_default().push(holder);
        }
        self.people.insert(names, holder);
        holder
    }

    fn forget(&mut self, request: RequestId, ending: &Ending) {
        self.ending_rows.remove(&ending.grant.row(request));
        for target in &ending.failing {
            if let Some(count) = self.failing.get_mut(target) {
                *count -= 1;
            }
        }
        self.failing.retain(|_, count| *count > 0);
    }

    /// The grant by which `subject` may use `scope` at `now`.
    pub(super) fn check(&self, subject: &str, scope: &ScopeId, now: Time) -> Option<ActiveGrant> {
        let (holders, scope) = self.numbers(subject, scope)?;
        // At its end a grant is over, so its last millisecond is the one before.
        let from = now.timestamp_millis() + 1;
        let (_, _, end, request) = last(&self.rows, holders, scope, (from, Millis::MAX))?;
        Some(ActiveGrant {
            request: *request,
            expires_at: DateTime::from_timestamp_millis(*end)?,
        })
    }

    /// The grant of `subject` for `scope` that is over at `now` and not proven gone; of several,
    /// one that began to end last.
    pub(super) fn being_revoked(
        &self,
        subject: &str,
        scope: &ScopeId,
        now: Time,
    ) -> Option<BeingRevoked> {
        let (holders, scope) = self.numbers(subject, scope)?;
        let ending = last(
            &self.ending_rows,
            holders,
            scope,
            (Millis::MIN, Millis::MAX),
        );
        // An active grant whose time is over is being revoked too: the sweeper is only late.
        let over = (Millis::MIN, now.timestamp_millis());
        let (_, _, since, request) = ending.or_else(|| last(&self.rows, holders, scope, over))?;
        Some(BeingRevoked {
            request: *request,
            since: DateTime::from_timestamp_millis(*since)?,
        })
    }

    /// The targets that have failed to revoke since they last succeeded, with how many grants
    /// that is true of.
    pub(super) fn failing(&self) -> &BTreeMap<BackendName, usize> {
        &self.failing
    }

    /// Whom `subject` names, and the number of `scope`.
    fn numbers(&self, subject: &str, scope: &ScopeId) -> Option<(&[Number], Number)> {
        let name = match email_key(subject) {
            Some(email) => self.names.get(email.as_str()),
            None => self.names.get(subject),
        };
        let scope = self.names.get(scope.as_str());
        Some((self.named.get(name?)?, *scope?))
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.grants.len()
    }

    /// How many of them ended before `time`.
    pub(super) fn ended_before(&self, time: Time) -> usize {
        let time = time.timestamp_millis();
        self.grants.values().filter(|it| it.end < time).count()
    }

    fn number(&mut self, name: &str) -> Number {
        if let Some(number) = self.names.get(name) {
            return *number;
        }
        let number = next_number(self.names.len());
        self.names.insert(name.into(), number);
        number
    }
}

impl Grant {
    fn row(&self, request: RequestId) -> Row {
        (self.holder, self.scope, self.end, request)
    }
}

/// The row of one of `holders` that ends last, of those that end in this time.
fn last<'a>(
    rows: &'a BTreeSet<Row>,
    holders: &[Number],
    scope: Number,
    (from, to): (Millis, Millis),
) -> Option<&'a Row> {
    let last = |holder: &Number| {
        let first = (*holder, scope, from, RequestId::MIN);
        let behind = (*holder, scope, to, RequestId::MAX);
        rows.range(first..=behind).next_back()
    };
    holders.iter().filter_map(last).max_by_key(|row| row.2)
}

fn next_number(count: usize) -> Number {
    Number::try_from(count).expect("fewer than four thousand million people and scopes")
}

/// What a check calls the person by; nothing for an entry of the configuration, whose ids all count.
/// An address has an `@` and an id has none, so that neither passes for the other.
fn name_of(key: &IdentityKey) -> Option<&str> {
    match key {
        IdentityKey::Id(id) => Some(id.as_str()).filter(|id| !id.contains('@')),
        IdentityKey::Address(address) => Some(address.as_str()).filter(|it| it.contains('@')),
        IdentityKey::Person(_) => None,
    }
}

/// An address as it is compared; nothing if it is none, so that no address passes for a Slack id.
///
/// Only ASCII letters lose their case: Unicode would make one address of two that a mail server
/// tells apart (`K` and the Kelvin sign).
fn email_key(text: &str) -> Option<String> {
    text.contains('@').then(|| text.to_ascii_lowercase())
}
