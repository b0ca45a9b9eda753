//! Who can approve: the log says who is in each group that can, and when that changes.
//!
//! Users who may change such a group decide who approves. So one replica looks at every group that the
//! catalogue or a rule names for approving, once a minute and soon after Slack says that it changed. What
//! the log last said of a group is what it is compared with, so a restart or another replica announces
//! nothing twice and misses nothing.

use std::collections::BTreeSet;

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::{Broker, Error, error::ATTEMPTS};
use crate::{
    directory::GroupReading,
    domain::{
        Actor, GroupEvent, GroupListedIn, GroupMembers, GroupName, GroupRead, Person, Request,
        RuleId, Scope, Span, able,
    },
    policy::Action,
    store::{CommitError, EntryBody, Record},
};

/// What is claimed by the replica that looks.
const CLAIM: &str = "approver_groups";

/// How often the groups are looked at, and how far apart two entries about one group are at least:
/// the owner of a group can change it as often as they like.
const EVERY: Span = Span::minutes(1);

/// Between two user groups that Slack is asked for: a quarter of what it allows, 20 a minute.
const GROUP: Span = Span::seconds(12);

/// How long to wait before the claim is asked for again.
const PAUSE: std::time::Duration = std::time::Duration::from_secs(1);

impl Broker {
    /// Notes in the log who is in the groups that can approve, until `shutdown`.
    pub async fn watch_approver_groups(&self, shutdown: CancellationToken) {
        let watching = async {
            loop {
                self.work_alone(CLAIM, self.look_again_and_again()).await;
                sleep(PAUSE).await;
            }
        };
        shutdown.run_until_cancelled(watching).await;
    }

    async fn look_again_and_again(&self) {
        loop {
            self.parts.clock.until(EVERY.after(self.now())).await;
            if let Err(error) = self.look_at_approver_groups().await {
                tracing::warn!(%error, "failed to record who can approve; Keylend retries");
            }
            // Where the clock jumps, a round still gives way to others.
            tokio::task::yield_now().await;
        }
    }

    async fn look_at_approver_groups(&self) -> Result<(), Error> {
        for group in self.approver_groups() {
            let asked_at = self.now();
            let reading = match self.parts.directory.recent_reading(&group).await {
                Ok(reading) => reading,
                Err(error) => {
                    tracing::debug!(%group, %error, "failed to read the members of an approver group");
                    continue;
                }
            };
            let is_asked = reading.read.source != GroupListedIn::Configuration
                && reading.read.read_at >= asked_at;
            self.note_group(&reading).await?;
            if is_asked {
                self.parts.clock.until(GROUP.after(self.now())).await;
            }
        }
        Ok(())
    }

    /// The groups whose members may approve something.
    fn approver_groups(&self) -> BTreeSet<GroupName> {
        let of_scopes = self.parts.catalogue.values();
        let of_scopes = of_scopes.flat_map(|scope| &scope.approvers);
        let of_rules = self.named_groups.iter();
        let of_rules =
            of_rules.filter(|group| self.parts.policy.names_group(Action::Approve, group));
        of_scopes.chain(of_rules).cloned().collect()
    }

    /// Notes who is in a group if the log says something else.
    async fn note_group(&self, reading: &GroupReading) -> Result<(), Error> {
        let members = GroupMembers::from(&reading.members);
        for _ in 0..ATTEMPTS {
            let read = &reading.read;
            let known = self.notes.read(&*self.store, |notes| {
                (notes.group(&read.group).cloned(), notes.last_seq())
            });
            let (known, last_seq) = known.await?;
            let now = self.now();
            // What changes again too soon is noted by a later look.
            if known
                .as_ref()
                .is_some_and(|(at, _)| EVERY.after(*at) > now && *at <= now)
            {
                return Ok(());
            }
            let known = known.as_ref().map(|(_, event)| event);
            let Some(event) = GroupEvent::of(known, read.clone(), members.clone()) else {
                return Ok(());
            };
            let record = Record {
                at: now,
                request: None,
                actor: Actor::Keylend,
                rules: Vec::new(),
                body: EntryBody::Group(event),
            };
            match self.note(record, last_seq).await {
                Ok(()) => return Ok(()),
                Err(CommitError::Conflict) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(Error::TooManyConflicts)
    }

    /// The groups of `person` by which `rules` allow something for `scope`, as they were read.
    pub(super) fn groups_by_which(
        &self,
        rules: &[RuleId],
        scope: &Scope,
        person: &Person,
    ) -> Vec<GroupRead> {
        let named = |rule: &RuleId, group: &GroupName| match rule.as_str() {
            "approver-group" => scope.approvers.contains(group),
            "requester-group" => scope.requesters.contains(group),
            _ => self.parts.policy.speaks_of(rule, group),
        };
        let read = person.groups_read.iter();
        read.filter(|read| rules.iter().any(|rule| named(rule, &read.group)))
            .take(GroupRead::MOST)
            .cloned()
            .collect()
    }

    /// The groups of `person` by which `rules` allow an approval of `request`, or by which they can fill one
    /// of its stages, as they were read. Those of its stages come first.
    pub(super) fn groups_for(
        &self,
        request: &Request,
        rules: &[RuleId],
        scope: &Scope,
        person: &Person,
    ) -> Vec<GroupRead> {
        let in_stage = |read: &&GroupRead| request.stages.iter().any(|it| it.contains(&read.group));
        let mut groups: Vec<GroupRead> = person
            .groups_read
            .iter()
            .filter(in_stage)
            .cloned()
            .collect();
        let by_rules = self.groups_by_which(rules, scope, person);
        groups.extend(by_rules.into_iter().filter(|read| !in_stage(&read)));
        groups.truncate(GroupRead::MOST);
        groups
    }
}

/// The stages of `request` that `person` can fill, by their number, as far as is known.
pub(super) fn stages_of(request: &Request, person: &Person) -> BTreeSet<usize> {
    able(&request.stages, &person.groups.iter().collect())
}

/// The groups of `request`'s stages of which nobody knows whether `person` is in them.
pub(super) fn unknown_in_stages(request: &Request, person: &Person) -> BTreeSet<GroupName> {
    let groups = request.stages.iter().flatten();
    groups
        .filter(|group| person.unknown_groups.contains_key(*group))
        .cloned()
        .collect()
}
