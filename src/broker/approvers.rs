//! Whether anybody can approve what is waiting, a request or more time for a grant: the requester and the
//! people who run Keylend hear of it when nobody can.
//!
//! Everybody whom the scope or a rule names is evaluated by the policy, as when they approve. Where a
//! group or a person cannot be known, nothing is said: unknown is not nobody.

use std::collections::{BTreeMap, BTreeSet};

use tokio_util::sync::CancellationToken;

use super::{
    Broker, Error,
    approver_groups::{stages_of, unknown_in_stages},
    extend::decided_total,
    facts::Question,
    findings::{Finding, Members, TooFewApprovers},
};
use crate::{
    domain::{
        Assignment, Event, GroupName, Human, Refusal, Request, RequestId, ScopeId, Span, Stage,
    },
    policy::Action,
    store::{Entry, EntryBody, Origin, followed},
};

/// How many people are evaluated for one request; of more, somebody is taken to be able to approve.
const EVALUATED: usize = 50;

/// How often all that waits is looked at again.
const EVERY: Span = Span::minutes(5);

/// How long to wait after a failure.
const PAUSE: Span = Span::seconds(5);

/// Entries that are read together.
const BATCH: u32 = 100;

impl Broker {
    /// Why too few people can approve what this request asks for now; nothing if enough can, or if that
    /// is not known for certain.
    pub async fn too_few_approvers(&self, request: &Request) -> Option<TooFewApprovers> {
        self.find_approvers_once(request).await?.err()
    }

    async fn find_approvers_once(&self, request: &Request) -> Finding {
        let finding = self.findings.of(request.id, request.revision, self.now());
        let found = finding.get_or_init(|| self.look_for_approvers(request));
        found.await.clone()
    }

    async fn look_for_approvers(&self, request: &Request) -> Finding {
        if !request.awaits_decision() {
            return Some(Ok(()));
        }
        let scope = self.scope(&request.terms.scope).ok()?;
        let mut in_groups = BTreeSet::new();
        for group in &scope.approvers {
            in_groups.extend(self.parts.directory.members(group).await.ok()?);
        }
        let mut candidates = in_groups.clone();
        candidates.extend(self.parts.policy.people_named(Action::Approve));
        for group in &self.named_groups {
            if self.parts.policy.names_group(Action::Approve, group) {
                candidates.extend(self.parts.directory.members(group).await.ok()?);
            }
        }
        if candidates.len() > EVALUATED {
            return Some(Ok(()));
        }
        let locks = self.locks().await.ok()?;
        // No locks: one of the scope keeps everybody from approving, and says so itself.
        let question = Question {
            duration: self.decided_duration(request),
            total: decided_total(request),
            is_extension: request.extension.is_some(),
            ticket: request.terms.ticket.as_deref(),
            incident: request.is_for_incident(),
            ..Question::of_authority(Some(scope), &request.requester, &request.human)
        };
        let needed = request.approvals_needed;
        let mut able: Vec<Human> = Vec::new();
        let mut filled = Assignment::new(&request.stages, needed);
        let mut members = match in_groups.is_empty() {
            true => Members::Nobody,
            false => Members::OnlyRequester,
        };
        let mut is_sure = true;
        for id in &candidates {
            let Ok(person) = self.person(id, Some(scope)).await else {
                is_sure = false;
                continue;
            };
            if person.human.is(&request.human) {
                continue;
            }
            if in_groups.contains(id) {
                members = Members::Others;
            }
            if locks.iter().any(|lock| lock.is_of(&person.human)) {
                continue;
            }
            match self.would_allow(Action::Approve, &person, &question) {
                // Nobody's address can be read, which is told as such.
                Ok(_) if person.email.is_none() => {
                    let why = self.without_email(Refusal::NoDeciderEmail);
                    is_sure &= why != Refusal::EmailsUnreadable;
                }
                Ok(_) if able.iter().any(|it| it.is(&person.human)) => {}
                Ok(_) => {
                    is_sure &= unknown_in_stages(request, &person).is_empty();
                    if filled.add(&request.stages, &stages_of(request, &person)) {
                        able.push(person.human);
                    }
                }
                Err(Refusal::GroupsUnavailable(_) | Refusal::RuleError(_)) => is_sure = false,
                Err(_) => {}
            }
            if filled.is_complete() {
                return Some(Ok(()));
            }
        }
        is_sure.then(|| {
            Err(TooFewApprovers {
                is_extension: request.extension.is_some(),
                groups: scope.approvers.clone(),
                needed,
                able: able.len(),
                members,
                open: filled.open(&request.stages),
            })
        })
    }

    /// Keeps an alert for each scope of which a request waits that too few people can approve,
    /// until `shutdown`. What is new is looked at at once, on every replica, whichever of them took the
    /// request; all that waits is looked at again every five minutes.
    pub async fn watch_approvers(&self, shutdown: CancellationToken) {
        shutdown.run_until_cancelled(self.keep_watching()).await;
    }

    async fn keep_watching(&self) {
        let mut head = self.store.head();
        // What is in the log already is looked at with all that waits.
        let mut seen = *head.borrow_and_update();
        let mut next = self.now();
        loop {
            let is_due = self.now() >= next;
            let looked = match is_due {
                true => self.look_at_all().await,
                false => self.look_at_new(&mut seen).await,
            };
            match looked {
                Ok(()) if is_due => next = EVERY.after(self.now()),
                Ok(()) => {}
                Err(error) => {
                    tracing::warn!(
                        %error,
                        "failed to check whether requests have approvers; Keylend retries"
                    );
                    self.parts.clock.until(PAUSE.after(self.now())).await;
                    continue;
                }
            }
            tokio::select! {
                biased;
                moved = head.changed() => {
                    if moved.is_err() {
                        return;
                    }
                }
                () = self.parts.clock.until(next) => {}
            }
        }
    }

    /// Looks at what was asked for since entry `seen`.
    async fn look_at_new(&self, seen: &mut u64) -> Result<(), Error> {
        loop {
            let entries = followed(&*self.store, *seen, BATCH).await?;
            let Some(last) = entries.last() else {
                return Ok(());
            };
            let last = last.seq;
            let written = entries.iter().filter(|raw| raw.origin != Origin::Forged);
            let entries = Entry::read_all(written)?;
            let requested = entries.iter().filter(|entry| {
                matches!(
                    entry.body,
                    EntryBody::Request(Event::Requested { .. } | Event::ExtensionRequested { .. })
                )
            });
            let requested: BTreeSet<RequestId> =
                requested.filter_map(|entry| entry.request_id).collect();
            for id in requested {
                if let Some(request) = self.store.request(id).await?
                    && let Some(Err(lack)) = self.find_approvers_once(&request).await
                {
                    self.alert_of(&request.terms.scope, &lack);
                }
            }
            *seen = last;
        }
    }

    /// Looks at all that waits, raises alerts and clears those that are over.
    async fn look_at_all(&self) -> Result<(), Error> {
        let mut over: BTreeSet<String> = self.parts.alerts.raised().into_keys().collect();
        over.retain(|name| name.starts_with(PREFIX));
        let mut lacks = BTreeMap::new();
        for request in self.awaiting().await? {
            let scope = request.terms.scope.clone();
            match self.look_for_approvers(&request).await {
                Some(Ok(())) => {}
                Some(Err(lack)) => drop(lacks.insert(scope, lack)),
                // What was so may still be so.
                None => drop(over.remove(&alert_name(&scope))),
            }
        }
        for (scope, lack) in &lacks {
            over.remove(&alert_name(scope));
            self.alert_of(scope, lack);
        }
        for name in over {
            self.parts.alerts.clear(&name);
        }
        Ok(())
    }

    fn alert_of(&self, scope: &ScopeId, lack: &TooFewApprovers) {
        let name = alert_name(scope);
        // One request's reason stays until it is over: others of the scope are told by it too.
        if !self.parts.alerts.raised().contains_key(&name) {
            self.parts.alerts.raise(name, alert_text(scope, lack));
        }
    }
}

const PREFIX: &str = "nobody_can_approve:";

fn alert_name(scope: &ScopeId) -> String {
    format!("{PREFIX}{scope}")
}

fn stage_name(stage: &Stage) -> String {
    let groups: Vec<&str> = stage.iter().map(GroupName::as_str).collect();
    groups.join(" or ")
}

fn alert_text(scope: &ScopeId, lack: &TooFewApprovers) -> String {
    let groups: Vec<&str> = lack.groups.iter().map(GroupName::as_str).collect();
    let groups = groups.join(", ");
    let asked = match lack.is_extension {
        true => format!("request for more time with {scope}"),
        false => format!("request for {scope}"),
    };
    if let (Members::Others, [_, ..]) = (lack.members, lack.open.as_slice()) {
        let open: Vec<String> = lack.open.iter().map(stage_name).collect();
        return format!(
            "A {asked} needs {} approvals by different people, and nobody is left to approve for {}. \
             Add approvers to the groups.",
            lack.needed,
            open.join(", ")
        );
    }
    let why = match (lack.members, lack.able) {
        (Members::Nobody, 0) => format!("{groups} has no members"),
        (Members::OnlyRequester, 0) => format!("the requester is the only member of {groups}"),
        (_, 0) => format!("no member of {groups} is allowed to"),
        (_, able) => {
            return format!(
                "A {asked} needs {} approvals, and only {able} of {groups} can approve it. Add \
                 approvers to the group.",
                lack.needed
            );
        }
    };
    format!("Nobody can approve a {asked}: {why}. Add approvers to the group.")
}
