//! Which scopes are worth offering to a person who searches: not those that they may not request, and first
//! those that they requested lately.
//!
//! It answers at every key that somebody types, in a catalogue of ten thousand scopes, so it asks nobody
//! about groups: it goes by those that were read within the last ten minutes, and what depends on others is
//! offered. That is harmless, because a request is decided on fresh facts.

use std::{cmp::Reverse, collections::BTreeSet};

use super::{Broker, Error, facts::Question};
use crate::{
    domain::{GroupName, Refusal, Scope, ScopeId, UserId},
    policy::Action,
};

/// How many scopes are evaluated for one answer, in the order in which they would be offered.
const EVALUATED: usize = 500;

/// How many scopes are evaluated before others get their turn on the thread.
const IN_A_ROW: usize = 50;

/// How many requests that are over are looked through for the scopes that somebody requested lately.
const LOOKED_THROUGH: u32 = 20;

impl Broker {
    /// The scopes that a person requested last, latest first, at most `most`.
    ///
    /// # Errors
    ///
    /// The store's trouble.
    pub async fn recent_scopes(&self, person: &UserId, most: usize) -> Result<Vec<ScopeId>, Error> {
        let mut requests = self.open_by(person).await?;
        requests.extend(self.past_of(person, LOOKED_THROUGH).await?);
        requests.sort_by_key(|request| Reverse((request.asked_at, request.id)));
        let mut recent: Vec<ScopeId> = Vec::new();
        for request in requests {
            if !recent.contains(&request.terms.scope) {
                recent.push(request.terms.scope);
            }
        }
        recent.truncate(most);
        Ok(recent)
    }

    /// The groups on which [`requestable`](Self::requestable) depends and that were not read within the last
    /// ten minutes, most important first.
    pub fn unread_groups(&self, person: &UserId, scopes: &[&Scope]) -> Vec<GroupName> {
        let mut seen = BTreeSet::new();
        self.groups_of_any()
            .chain(groups_of(scopes))
            .filter(|group| seen.insert(*group) && self.is_in(person, group).is_none())
            .cloned()
            .collect()
    }

    /// Those of `scopes` that this person may request, in the same order, at most `most`. It assumes a ticket
    /// that the scope takes, no duration, an incident, and that nothing is locked or held: what depends on
    /// these is offered. Of more than 500 scopes, the others are left out.
    ///
    /// # Errors
    ///
    /// [`Error::Facts`] if it is not known who the person is, or the store's trouble.
    pub async fn requestable<'a>(
        &self,
        person: &UserId,
        scopes: &[&'a Scope],
        most: usize,
    ) -> Result<Vec<&'a Scope>, Error> {
        let unfiltered = || Ok(scopes.iter().copied().take(most).collect());
        let mut facts = self
            .parts
            .directory
            .person(person, &BTreeSet::new())
            .await?;
        facts.human = self.known(facts.human).await?;
        if self
            .groups_of_any()
            .any(|group| self.is_in(person, group).is_none())
        {
            return unfiltered();
        }
        let groups: BTreeSet<&GroupName> = self.groups_of_any().chain(groups_of(scopes)).collect();
        let mut unknown = BTreeSet::new();
        for group in groups {
            match self.is_in(person, group) {
                Some(true) => drop(facts.groups.insert(group.clone())),
                Some(false) => {}
                None => drop(unknown.insert(group)),
            }
        }
        let mut found = Vec::new();
        for (number, scope) in scopes.iter().copied().take(EVALUATED).enumerate() {
            if found.len() == most {
                break;
            }
            if number % IN_A_ROW == IN_A_ROW - 1 {
                tokio::task::yield_now().await;
            }
            if groups_of(&[scope]).any(|group| unknown.contains(group)) {
                found.push(scope);
                continue;
            }
            let question = Question {
                incident: true,
                ..Question::of_authority(Some(scope), person, &facts.human)
            };
            match self.would_allow_with_ticket(Action::Request, &facts, &question) {
                Err(Refusal::Forbidden(_)) => {}
                // Once is enough in the process's log.
                Err(Refusal::RuleError(_)) => return unfiltered(),
                _ => found.push(scope),
            }
        }
        Ok(found)
    }

    /// The groups that matter for a request of any scope.
    fn groups_of_any(&self) -> impl Iterator<Item = &GroupName> {
        let policy = &self.parts.policy;
        let named = self.named_groups.iter();
        let named = named.filter(move |group| policy.names_group(Action::Request, group));
        named.chain(&self.parts.administrators)
    }

    fn is_in(&self, person: &UserId, group: &GroupName) -> Option<bool> {
        self.parts.directory.known_membership(person, group)
    }
}

/// The groups that the scopes that are evaluated name.
fn groups_of<'a>(scopes: &[&'a Scope]) -> impl Iterator<Item = &'a GroupName> {
    let scopes = scopes.iter().copied().take(EVALUATED);
    scopes.flat_map(|scope| scope.requesters.iter().chain(&scope.approvers))
}
