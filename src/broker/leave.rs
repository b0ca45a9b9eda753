//! Ending what somebody holds who has left: who is deactivated, became a guest, or is no longer in
//! the groups by which they received it.
//!
//! A grant ends only on a positive answer that its holder left. What is not known, a group that is
//! gone, and a changed configuration end nothing. So the rules are asked again as they were asked
//! when the grant was approved, with nothing fresh but what the person is; and if they would refuse
//! the person as they were then too, it is not the person that changed.

use std::collections::{BTreeMap, BTreeSet};

use super::{Broker, Error, end::keeps_no_other, single_change};
use crate::{
    domain::{
        Actor, Command, Departure, EndCause, GroupName, Human, NoUsername, OnLeave, Person,
        Refusal, Request, RuleId, Scope, Standing, UserId,
    },
    policy::{Action, Facts, TicketFact},
    store::{Open, OpenPages},
};

/// How many requests are read at a time.
const PAGE: u32 = 1000;

/// Who is in each group; nothing for a group of which that is not known.
pub type Memberships = BTreeMap<GroupName, Option<BTreeSet<UserId>>>;

impl Broker {
    /// The grants that somebody holds and that nothing ends yet, oldest first.
    pub fn grants(&self) -> OpenPages<'_> {
        OpenPages::new(&*self.store, PAGE).only(Request::goes_on)
    }

    /// The grants of one person that nothing ends yet.
    ///
    /// # Errors
    ///
    /// The store's trouble.
    pub async fn grants_of(&self, person: &UserId) -> Result<Vec<Request>, Error> {
        let mut open = self.store.open(Open::Of(person.clone())).await?;
        // Another id of the same person is looked at by itself.
        open.retain(|request| request.requester == *person && request.goes_on());
        Ok(open)
    }

    /// Ends `grants`, which `person` holds, if they are deactivated or a guest now. Answers what
    /// they are.
    ///
    /// # Errors
    ///
    /// [`Error::Facts`], or the store's trouble.
    pub async fn end_if_departed(
        &self,
        person: &UserId,
        grants: &[Request],
    ) -> Result<Standing, Error> {
        let directory = &self.parts.directory;
        let standing = directory.person(person, &BTreeSet::new()).await?.standing;
        let departure = match standing {
            Standing::Deactivated => Departure::Deactivated,
            Standing::Guest => Departure::Guest,
            Standing::Member | Standing::Stranger | Standing::Bot => return Ok(standing),
        };
        for grant in grants {
            let rules = vec![RuleId::new("members-only")];
            let cause = EndCause::Left {
                person: person.clone(),
                departure: departure.clone(),
            };
            let command = Command::End {
                by: Actor::Keylend,
                rules,
                cause,
            };
            match self.act(None, grant.id, command).await {
                Ok(_) => {}
                Err(error) if keeps_no_other(&error) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(standing)
    }

    /// The groups on which it depends whether the holders of `grants` would receive them now.
    pub fn groups_behind<'a>(
        &self,
        grants: impl IntoIterator<Item = &'a Request>,
    ) -> BTreeSet<GroupName> {
        let scopes: BTreeSet<_> = grants.into_iter().map(|it| &it.terms.scope).collect();
        let scopes = scopes.iter().filter_map(|id| self.parts.catalogue.get(id));
        scopes
            .flat_map(|scope| self.groups_that_matter(scope))
            .cloned()
            .collect()
    }

    /// Ends a grant whose holder left the groups by which they received it, or notes that they did
    /// where the scope says so.
    ///
    /// # Errors
    ///
    /// The store's trouble.
    pub async fn end_if_left(
        &self,
        grant: &Request,
        memberships: &Memberships,
    ) -> Result<(), Error> {
        if self.departure(grant, memberships).is_none() {
            return Ok(());
        }
        let settled = self.settle(None, grant.id, async |grant| {
            let left = match grant.goes_on() {
                true => self.departure(&grant, memberships),
                false => None,
            };
            let (departure, rules, on_leave) = left.ok_or(Refusal::NotDue)?;
            let command = match on_leave {
                OnLeave::Warn => Command::NoticeLeave { rules, departure },
                OnLeave::End => Command::End {
                    by: Actor::Keylend,
                    rules,
                    cause: EndCause::Left {
                        person: grant.requester.clone(),
                        departure,
                    },
                },
            };
            Ok(single_change(self.change(&grant, command)?))
        });
        match settled.await {
            Ok(_) | Err(Error::Refused(Refusal::NotDue)) => Ok(()),
            Err(error) if keeps_no_other(&error) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// What the holder left so that they would not receive the grant now, by which rules, and what
    /// follows from it. Nothing where anything else would be the reason, or might be.
    fn departure(
        &self,
        grant: &Request,
        memberships: &Memberships,
    ) -> Option<(Departure, Vec<RuleId>, OnLeave)> {
        // Nobody left because a scope left the catalogue.
        let scope = self.parts.catalogue.get(&grant.terms.scope)?;
        let (mut now, mut left) = (BTreeSet::new(), BTreeSet::new());
        for group in self.groups_that_matter(scope) {
            match memberships.get(group) {
                // Slack has no active group without members: one that seems to have none was
                // switched off.
                Some(Some(members)) if members.is_empty() => false,
                Some(Some(members)) if members.contains(&grant.requester) => now.insert(group),
                Some(Some(_)) => left.insert(group),
                Some(None) | None => false,
            };
        }
        let owned = |groups: &BTreeSet<&GroupName>| groups.iter().copied().cloned().collect();
        let then = &grant.facts.groups;
        left.retain(|group| then.contains(*group));
        if left.is_empty() {
            return None;
        }
        // A group that is unknown counts as it did.
        let kept: BTreeSet<GroupName> = then
            .iter()
            .filter(|group| !left.contains(group))
            .cloned()
            .collect();
        let mut today = kept.clone();
        today.extend(owned(&now));
        let receives = |groups| self.would_receive(grant, scope, groups);
        // They would still receive it, or would not have received it then either, or do not
        // because of a group that they joined.
        let (Err(Refusal::Forbidden(_)), Ok(_), Err(Refusal::Forbidden(rulings))) =
            (receives(today), receives(then.clone()), receives(kept))
        else {
            return None;
        };
        let rules = rulings.into_iter().map(|ruling| ruling.rule).collect();
        let by_right: BTreeSet<&GroupName> = left
            .iter()
            .copied()
            .filter(|group| scope.requesters.contains(*group))
            .collect();
        let groups = owned(if by_right.is_empty() {
            &left
        } else {
            &by_right
        });
        Some((Departure::Group { groups }, rules, scope.on_leave))
    }

    /// The verdict on receiving the grant, as at its approval but for the groups.
    fn would_receive(
        &self,
        grant: &Request,
        scope: &Scope,
        groups: BTreeSet<GroupName>,
    ) -> Result<Vec<RuleId>, Refusal> {
        let principal = Person {
            id: grant.requester.clone(),
            name: String::new(),
            standing: Standing::Member,
            email: None,
            human: Human::default(),
            username: Err(NoUsername::NoAddress),
            groups,
            groups_read: Vec::new(),
            unknown_groups: BTreeMap::new(),
        };
        let pattern = scope.ticket.as_ref().map(|rule| &rule.pattern);
        self.parts.policy.evaluate(
            Action::Receive,
            &Facts {
                principal: &principal,
                requester: &grant.requester,
                requester_human: &grant.human,
                scope: Some(scope),
                administrators: &self.parts.administrators,
                // A limit that was lowered since is not what the person left.
                duration: grant.terms.duration.min(scope.max_duration),
                total: grant.terms.duration.min(scope.max_duration),
                is_extension: false,
                ticket: TicketFact::of(grant.terms.ticket.as_deref(), pattern),
                locked: false,
                principal_locked: false,
                held: grant.facts.held,
                cap: self
                    .parts
                    .limits
                    .max_active_per_person
                    .max(grant.facts.held + 1),
                excluded_by: grant.facts.excluded_by.clone(),
                incident: grant.is_for_incident(),
                now: grant.facts.at,
            },
        )
    }

    /// The groups that rules about receiving this scope may ask for.
    fn groups_that_matter<'a>(&'a self, scope: &'a Scope) -> BTreeSet<&'a GroupName> {
        let rules = self.parts.administrators.iter().chain(&self.named_groups);
        scope.requesters.iter().chain(rules).collect()
    }
}
