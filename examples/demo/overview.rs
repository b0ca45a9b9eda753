//! What is active now, as Keylend's store says: who has which scope, until when, and who approved it.

use std::{path::Path, sync::Arc};

use keylend::{
    clock::Clock,
    domain::{Actor, LockTarget, Request, State, Time},
    store::{Address, Open, Store},
};
use serde::Serialize;

use crate::{clock::DemoClock, company};

/// Reads the store while Keylend writes to it.
pub struct Overview {
    store: Arc<dyn Store>,
    clock: DemoClock,
}

/// What is active and what is locked.
#[derive(Serialize)]
pub struct Active {
    access: Vec<Access>,
    locks: Vec<Lock>,
}

/// One grant.
#[derive(Serialize)]
struct Access {
    who: String,
    scope: String,
    /// In milliseconds since 1970.
    until: Option<i64>,
    approved_by: Vec<String>,
    /// `active`, `being granted` or `being revoked`.
    status: &'static str,
}

/// One lock in force.
#[derive(Serialize)]
struct Lock {
    what: String,
    by: String,
    reason: String,
}

impl Overview {
    /// Opens the store in `file`, which Keylend has made.
    pub async fn open(file: &Path, clock: DemoClock) -> anyhow::Result<Self> {
        let address = Address::Sqlite(file.to_owned());
        Ok(Self {
            store: address.open_read_only(None).await?,
            clock,
        })
    }

    /// What is active now.
    pub async fn active(&self) -> anyhow::Result<Active> {
        let now = self.clock.now();
        let open = self.store.open(Open::All).await?;
        let locks = self.store.locks().await?;
        Ok(Active {
            access: open.iter().filter_map(|one| access(one, now)).collect(),
            locks: locks
                .into_iter()
                .map(|lock| Lock {
                    what: match &lock.target {
                        LockTarget::Everything => "Everything".to_owned(),
                        LockTarget::Scope(scope) => scope.to_string(),
                        LockTarget::Person(person) => company::name(person.as_str()).to_owned(),
                        LockTarget::Target(target) => target.to_string(),
                    },
                    by: company::name(lock.by.as_str()).to_owned(),
                    reason: lock.reason,
                })
                .collect(),
        })
    }
}

/// A grant as it is listed; nothing for a request that nobody has approved.
fn access(request: &Request, now: Time) -> Option<Access> {
    let is_over = request.expires_at.is_some_and(|end| end <= now);
    let status = match request.state {
        State::Approved if !is_over => "being granted",
        State::Active { .. } if !is_over => "active",
        State::Approved | State::Active { .. } | State::Ending { .. } => "being revoked",
        _ => return None,
    };
    let approvals = request.approvals.iter();
    Some(Access {
        who: company::name(request.requester.as_str()).to_owned(),
        scope: request.terms.scope.to_string(),
        until: request.expires_at.map(|end| end.timestamp_millis()),
        approved_by: approvals
            .map(|approval| match &approval.by {
                Actor::Person(person) => company::name(person.as_str()).to_owned(),
                Actor::Rule(rule) => format!("the rule {rule}"),
                Actor::Keylend => "Keylend".to_owned(),
            })
            .collect(),
        status,
    })
}
