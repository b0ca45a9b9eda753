//! Who could do what, and when: the log folded, and nothing else asked.
//!
//! The answer covers what was agreed and made, from the moment a grant was active until its end or
//! its time was over, whichever was first: the same fact that checks go by. From then on until its
//! access was proven gone, a grant is listed as being revoked: the access may still have been there.
//! What is kept while reading is the open requests and the answer.

use std::collections::HashMap;

use serde::Serialize;

use super::log::{Fault, Log};
use crate::{
    domain::{
        Actor, Email, EndCause, Event, GroupRead, IdentityKey, Occurred, Request, RequestId,
        RuleId, ScopeId, State, Time, UserId,
    },
    store::{Chain, Entry, RawEntry},
};

/// What is asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whose {
    /// Everybody who could use this scope.
    Scope(ScopeId),
    /// Everything that this person held, under any of their identities: a Slack id, or an email
    /// address in any case.
    Person(String),
}

impl Whose {
    fn covers(&self, request: &Request) -> bool {
        match self {
            Self::Scope(scope) => request.terms.scope == *scope,
            Self::Person(person) => {
                let id = IdentityKey::Id(UserId::new(person));
                let address = IdentityKey::address(&Email::new(person));
                request.human.has(&id) || request.human.has(&address)
            }
        }
    }
}

/// A grant that was usable at the given time, or that was over and being revoked.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Holding {
    /// The grant.
    pub request: RequestId,
    /// The Slack id of the requester.
    pub requester: UserId,
    /// The requester's address at the time of the request.
    pub email: Email,
    /// The scope that was granted.
    pub scope: ScopeId,
    /// The start of the access.
    pub from: Time,
    /// The end of the access. For a grant that has not ended, the time at which it expires.
    pub until: Time,
    /// The end of the grant, if the access was still being revoked at the given time.
    pub being_revoked_since: Option<Time>,
    /// Why it ended. `None` if it has not ended in the log.
    pub ended: Option<Ended>,
    /// The approvals that counted at the given time.
    pub approved: Vec<Approved>,
    /// The ticket of the request.
    pub ticket: Option<String>,
    /// The reason that the requester gave.
    pub reason: String,
}

/// The end of a grant.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Ended {
    /// The cause of the end.
    pub cause: EndCause,
    /// The person, the rule or Keylend that ended it.
    pub by: Actor,
}

/// One approval.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Approved {
    /// The person or the rule that approved.
    pub by: Actor,
    /// Under which rules.
    pub rules: Vec<RuleId>,
    /// The groups by which the rules allowed it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<GroupRead>,
}

/// Folds `log`, checking its chain, and answers what was held at `at`, longest held first.
///
/// # Errors
///
/// The first thing that is wrong with the log: an answer from a broken log would be worth nothing.
pub async fn who(mut log: Log, whose: &Whose, at: Time) -> Result<Vec<Holding>, Fault> {
    let mut chain = Chain::default();
    let mut open: HashMap<RequestId, Grant> = HashMap::new();
    let mut answer = Vec::new();
    while let Some(raw) = log.next().await? {
        chain.check(&raw)?;
        let entry = parse(&raw)?;
        let (Some(id), Some(occurred)) = (entry.request_id, entry.occurred()) else {
            continue;
        };
        if let Some(request) = Request::first(id, &occurred) {
            let (since, reappeared) = (None, None);
            let grant = Grant {
                request,
                since,
                reappeared,
            };
            open.insert(id, grant);
            continue;
        }
        let Some(grant) = open.get_mut(&id) else {
            continue;
        };
        if let Event::Ended {} | Event::Failed { .. } = occurred.event
            && whose.covers(&grant.request)
        {
            answer.extend(grant.holding(at, Some(occurred.at)));
        }
        grant.note(&occurred);
        // What its target is still to be inspected for can come back.
        if !grant.request.is_open() && grant.request.due().is_empty() {
            open.remove(&id);
        }
    }
    open.retain(|_, grant| grant.request.is_open());
    // Only now: more of a person's identities may have become known since they asked.
    let covered = open.values().filter(|grant| whose.covers(&grant.request));
    answer.extend(covered.filter_map(|grant| grant.holding(at, None)));
    answer.sort_by_key(|holding: &Holding| (holding.from, holding.request));
    Ok(answer)
}

/// A request, and since when its access was there.
struct Grant {
    request: Request,
    since: Option<Time>,
    /// When its access was found again after its end.
    reappeared: Option<Time>,
}

impl Grant {
    fn note(&mut self, occurred: &Occurred) {
        if occurred.event == (Event::Activated {}) {
            self.since = Some(occurred.at);
        }
        if let Event::LayerReappeared { .. } = occurred.event {
            (self.since, self.reappeared) = (None, Some(occurred.at));
        }
        self.request.apply(occurred);
    }

    /// What was held at `at`, or was over and not gone: `gone` is when it was proven gone, if the
    /// log tells of that.
    fn holding(&self, at: Time, gone: Option<Time>) -> Option<Holding> {
        let request = &self.request;
        let expires_at = request.expires_at?;
        let (until, ended) = match &request.state {
            // A sweeper that came late changes nothing: the time was over.
            State::Ending {
                since, cause, by, ..
            } if *since < expires_at => {
                let (cause, by) = (cause.clone(), by.clone());
                (*since, Some(Ended { cause, by }))
            }
            State::Ending { .. } => {
                let (cause, by) = (EndCause::Expired, Actor::Keylend);
                (expires_at, Some(Ended { cause, by }))
            }
            _ => (expires_at, None),
        };
        let until = self.reappeared.unwrap_or(until);
        let being_revoked = until <= at && gone.is_none_or(|gone| at < gone);
        let from = match self.since {
            Some(active) => active,
            // It was never active, and something may have been made all the same.
            None if being_revoked => request.approvals.last()?.at,
            None => return None,
        };
        let approved = request.approvals.iter();
        let was_active = from <= at && at < until;
        (was_active || being_revoked).then(|| Holding {
            request: request.id,
            requester: request.requester.clone(),
            email: request.email.clone(),
            scope: request.terms.scope.clone(),
            from,
            until,
            being_revoked_since: being_revoked.then_some(until),
            ended,
            approved: approved
                .filter(|approval| approval.at <= at)
                .map(|approval| Approved {
                    by: approval.by.clone(),
                    rules: approval.rules.clone(),
                    groups: approval.groups.clone(),
                })
                .collect(),
            ticket: request.terms.ticket.clone(),
            reason: request.terms.reason.clone(),
        })
    }
}

/// An entry that is as it was written, and yet cannot be understood, is from a later Keylend.
fn parse(raw: &RawEntry) -> Result<Entry, Fault> {
    Entry::try_from(raw).map_err(|error| Fault::Unreadable {
        seq: raw.seq,
        why: error.to_string(),
    })
}
