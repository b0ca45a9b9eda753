//! What somebody held at a moment, as the events of a request tell it.
//!
//! A grant is held from the moment it was active until its end or its time was over, whichever was
//! first: the same fact that checks go by. From then on until its access was proven gone it is being
//! revoked: the access may still have been there.

use serde::Serialize;

use super::{
    Actor, Email, EndCause, Event, GroupRead, Occurred, Request, RequestId, RuleId, ScopeId, State,
    Time, UserId,
};

/// A grant that was usable at the moment asked for, or over and not proven gone.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Holding {
    /// The grant.
    pub request: RequestId,
    /// Who held it.
    pub requester: UserId,
    /// Their address when they asked.
    pub email: Email,
    /// What it let them use.
    pub scope: ScopeId,
    /// Since when.
    pub from: Time,
    /// Until when; for a grant that has not ended, until when it will last.
    pub until: Time,
    /// Since when it was over, if its access was not proven gone at the moment asked for.
    pub being_revoked_since: Option<Time>,
    /// Why it ended; nothing if the log does not tell of an end.
    pub ended: Option<Ended>,
    /// Whose word it stood on at that moment.
    pub approved: Vec<Approved>,
    /// Under which ticket.
    pub ticket: Option<String>,
    /// Why, in the requester's words.
    pub reason: String,
}

/// The end of a grant.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Ended {
    /// Why.
    pub cause: EndCause,
    /// By whose word.
    pub by: Actor,
}

/// One approval.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Approved {
    /// By whose word.
    pub by: Actor,
    /// Under which rules.
    pub rules: Vec<RuleId>,
    /// The groups by which the rules allowed it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<GroupRead>,
}

/// A request, and since when its access was there.
#[derive(Debug)]
pub struct HoldingFold {
    request: Request,
    since: Option<Time>,
    /// When its access was found again after its end.
    reappeared: Option<Time>,
}

impl HoldingFold {
    /// The request that `occurred` begins; nothing if it begins none.
    pub fn first(id: RequestId, occurred: &Occurred) -> Option<Self> {
        Some(Self {
            request: Request::first(id, occurred)?,
            since: None,
            reappeared: None,
        })
    }

    /// The request as it is after what was noted.
    pub fn request(&self) -> &Request {
        &self.request
    }

    /// Notes what happened next.
    pub fn note(&mut self, occurred: &Occurred) {
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
    pub fn holding(&self, at: Time, gone: Option<Time>) -> Option<Holding> {
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
