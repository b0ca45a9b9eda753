//! What is going on, for whoever handles an incident.

use std::collections::BTreeSet;

use chrono::TimeDelta;

use super::{Broker, Error};
use crate::{
    domain::{ChannelId, GroupName, Lock, Request, State, Time, UserId},
    store::After,
};

/// How long ago what is shown has ended at most.
const LATELY: TimeDelta = TimeDelta::hours(1);

/// How many of the log's last entries are looked at for what has ended.
const ENTRIES: u32 = 5_000;

/// Open requests that are read at a time.
const PAGE: u32 = 100;

/// How many open requests are looked at.
const OPEN: usize = 2_000;

/// What is going on.
#[derive(Debug, Clone, Default)]
pub struct Situation {
    /// What is active, or about to be; oldest first.
    pub active: Vec<Request>,
    /// What is being revoked, and no target has failed to.
    pub ending: Vec<Request>,
    /// What a target failed to revoke.
    pub stuck: Vec<Request>,
    /// What waits for approval, or for its start; nothing if this person may not see it.
    pub pending: Option<Vec<Request>>,
    /// What has ended within the last hour, latest first; nothing if this person may not see it.
    pub ended: Option<Vec<Request>>,
    /// The locks in force; nothing if this person may not see them.
    pub locks: Option<Vec<Lock>>,
    /// Whether more is open, or more may have ended, than was looked at.
    pub has_more: bool,
}

impl Broker {
    /// What is going on: with `incident`, of what was requested for the incident of this channel, which
    /// its members see anyway; without it, of everything. What waits and what has ended elsewhere, and
    /// the locks, only administrators and approvers see; what people hold, everybody.
    ///
    /// # Errors
    ///
    /// [`Error::Facts`], or the store's trouble.
    pub async fn situation(
        &self,
        person: &UserId,
        incident: Option<&ChannelId>,
    ) -> Result<Situation, Error> {
        let sees_locks = self.may_see_locks(person).await? || self.is_approver(person).await?;
        let sees_all = sees_locks || incident.is_some();
        let concerns =
            |request: &Request| incident.is_none_or(|channel| request.mirrors.contains(channel));
        let mut situation = Situation::default();
        let mut pending = Vec::new();
        let (mut after, mut read): (Option<After>, _) = (None, 0);
        loop {
            let page = self.store.open_after(after, PAGE).await?;
            read += page.requests.len();
            for request in page.requests.into_iter().filter(concerns) {
                match request.state {
                    State::Pending { .. } => pending.push(request),
                    State::Approved if request.waits_for_start() => pending.push(request),
                    State::Ending { .. } if request.stuck_failures() > 0 => {
                        situation.stuck.push(request);
                    }
                    State::Ending { .. } => situation.ending.push(request),
                    _ => situation.active.push(request),
                }
            }
            after = page.next;
            if after.is_none() {
                break;
            }
            if read >= OPEN {
                situation.has_more = true;
                break;
            }
        }
        if sees_all {
            situation.pending = Some(pending);
            let (mut ended, is_whole) = self.ended_lately().await?;
            ended.retain(concerns);
            situation.ended = Some(ended);
            situation.has_more |= !is_whole;
        }
        if sees_locks {
            situation.locks = Some(self.locks().await?);
        }
        Ok(situation)
    }

    /// What has ended within the last hour, latest first, and whether that is all of it.
    async fn ended_lately(&self) -> Result<(Vec<Request>, bool), Error> {
        let since = self.now() - LATELY;
        let head = *self.store.head().borrow();
        let behind = head.saturating_sub(ENTRIES.into());
        let first = self.store.raw_entries(behind, 1).await?;
        let is_whole = behind == 0
            || first
                .first()
                .and_then(|raw| raw.at.parse::<Time>().ok())
                .is_some_and(|at| at <= since);
        let (mut ended, mut after) = (Vec::new(), behind);
        while after < head {
            let (changed, upto) = self.store.changed(after, ENTRIES).await?;
            ended.extend(changed.into_iter().filter_map(|it| it.request));
            if upto <= after {
                break;
            }
            after = upto;
        }
        let ended_at = |request: &Request| match request.state {
            State::Ended { at, .. } => Some(at),
            _ => None,
        };
        ended.retain(|request| ended_at(request).is_some_and(|at| at >= since));
        ended.sort_by_key(|request| std::cmp::Reverse((ended_at(request), request.id)));
        ended.dedup_by_key(|request| request.id);
        Ok((ended, is_whole))
    }

    /// Whether this person is in an approver group, on facts up to ten minutes old. A group that cannot
    /// be read has nobody.
    async fn is_approver(&self, person: &UserId) -> Result<bool, Error> {
        let scopes = self.parts.catalogue.values();
        let groups: BTreeSet<&GroupName> = scopes.flat_map(|scope| &scope.approvers).collect();
        for group in groups {
            let members = self.parts.directory.recent_members(group).await;
            if members.is_ok_and(|members| members.contains(person)) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
