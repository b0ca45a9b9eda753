//! Groups whose members cannot be known: deleted in Slack, or nobody answers for them.
//!
//! Such a group must neither refuse what does not depend on it nor pass for an empty one, since a
//! rule may forbid something to its members. So the policy is asked with every combination of the
//! unknown memberships. Where all agree, the groups did not matter; where they differ, the answer
//! is no, and names the groups that it depends on.

use std::collections::{BTreeMap, BTreeSet};

use tokio_util::sync::CancellationToken;

use super::Broker;
use crate::domain::{GroupName, Person, Refusal, RuleId, Span, UserId, backoff};

/// How many unknown groups are tried in all combinations: 64 verdicts at most.
const COMBINED: usize = 6;

/// How long to wait before a group that is unavailable is asked for again: at first, and at most.
const RETRY: (Span, Span) = (Span::seconds(30), Span::minutes(5));

type Verdict = Result<Vec<RuleId>, Refusal>;

/// The verdict on `principal`, whichever of their unknown groups they are in.
pub(super) fn whichever(principal: &Person, authorize: impl Fn(&Person) -> Verdict) -> Verdict {
    let unknown: Vec<&GroupName> = principal.unknown_groups.keys().collect();
    let unavailable = |groups: BTreeSet<GroupName>| Err(Refusal::GroupsUnavailable(groups));
    if unknown.is_empty() {
        return authorize(principal);
    }
    if unknown.len() > COMBINED {
        return unavailable(unknown.into_iter().cloned().collect());
    }
    let in_some = |these: usize| {
        let mut person = principal.clone();
        let member = (0..unknown.len()).filter(|index| these & (1 << index) != 0);
        person
            .groups
            .extend(member.map(|index| unknown[index].clone()));
        authorize(&person)
    };
    let verdicts: Vec<Verdict> = (0..1 << unknown.len()).map(in_some).collect();
    if let Some(wrong) = verdicts
        .iter()
        .find(|verdict| matches!(verdict, Err(Refusal::RuleError(_))))
    {
        return wrong.clone();
    }
    // A group matters if joining or leaving it alone turns the answer round somewhere.
    let matters = |index: &usize| {
        (0..verdicts.len()).any(|these| {
            let other = these ^ (1 << index);
            verdicts[these].is_ok() != verdicts[other].is_ok()
        })
    };
    let needed: BTreeSet<GroupName> = (0..unknown.len())
        .filter(matters)
        .map(|index| unknown[index].clone())
        .collect();
    match needed.is_empty() {
        true => agreed(verdicts),
        false => unavailable(needed),
    }
}

/// The verdict that holds whatever the groups are, with the rules that decide in every case.
fn agreed(verdicts: Vec<Verdict>) -> Verdict {
    let mut verdicts = verdicts.into_iter();
    let mut verdict = verdicts.next().unwrap_or_else(|| Ok(Vec::new()));
    if let Ok(rules) = &mut verdict {
        let always: Vec<RuleId> = verdicts.flatten().fold(rules.clone(), |mut always, other| {
            always.retain(|rule| other.contains(rule));
            always
        });
        if !always.is_empty() {
            *rules = always;
        }
    }
    verdict
}

impl Broker {
    /// Raises an alert for each group that was asked for and is unknown, and clears those of the
    /// others.
    pub(super) fn note_groups(
        &self,
        asked: &BTreeSet<&GroupName>,
        unknown: &BTreeMap<GroupName, String>,
    ) {
        for group in asked {
            match unknown.get(*group) {
                Some(why) => self.alerts().raise(name(group), self.text(group, why)),
                None => self.alerts().clear(&name(group)),
            }
        }
    }

    /// Who is in a group; nothing, and an alert, where that is unknown.
    pub async fn members(&self, group: &GroupName) -> Option<BTreeSet<UserId>> {
        match self.parts.directory.members(group).await {
            Ok(members) => {
                self.alerts().clear(&name(group));
                Some(members)
            }
            Err(error) => {
                self.alerts().raise(name(group), self.text(group, &error.0));
                None
            }
        }
    }

    /// Asks again for the groups that are unavailable until they are known, so that an alert does
    /// not outlive its cause; until `shutdown`.
    pub async fn watch_groups(&self, shutdown: CancellationToken) {
        let mut changed = self.alerts().changed();
        let watching = async {
            let mut failures = 0;
            loop {
                changed.borrow_and_update();
                let unavailable = self.unavailable_groups();
                if unavailable.is_empty() {
                    failures = 0;
                    if changed.changed().await.is_err() {
                        return;
                    }
                    continue;
                }
                failures += 1;
                let wait = backoff(failures, RETRY.0, RETRY.1, self.parts.entropy.byte());
                self.parts.clock.until(self.now() + wait).await;
                for group in unavailable {
                    self.members(&group).await;
                }
            }
        };
        shutdown.run_until_cancelled(watching).await;
    }

    fn text(&self, group: &GroupName, why: &str) -> String {
        let what = match self.parts.directory.is_schedule(group) {
            true => format!("Keylend can't tell who is on call for the group {group}"),
            false => format!("Slack did not return the members of the group {group}"),
        };
        format!(
            "{what}: {why}. Keylend denies requests and approvals that depend on it; active grants continue. \
             Check the group under [groups]."
        )
    }

    fn unavailable_groups(&self) -> Vec<GroupName> {
        let raised = self.alerts().raised();
        let names = raised.keys().filter_map(|name| name.strip_prefix(PREFIX));
        names.map(GroupName::new).collect()
    }
}

const PREFIX: &str = "group_unavailable:";

fn name(group: &GroupName) -> String {
    format!("{PREFIX}{group}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Human, NoUsername, Standing};

    fn person(unknown: &[&str]) -> Person {
        Person {
            id: UserId::new("U0BOB"),
            name: "bob".to_owned(),
            standing: Standing::Member,
            email: None,
            human: Human::default(),
            username: Err(NoUsername::NoAddress),
            groups: BTreeSet::new(),
            groups_read: Vec::new(),
            unknown_groups: unknown
                .iter()
                .map(|name| (GroupName::new(*name), "no_such_subteam".to_owned()))
                .collect(),
        }
    }

    fn is_in(person: &Person, group: &str) -> bool {
        person.groups.contains(&GroupName::new(group))
    }

    fn permitted(yes: bool) -> Verdict {
        match yes {
            true => Ok(vec![RuleId::new("rule")]),
            false => Err(Refusal::Forbidden(Vec::new())),
        }
    }

    fn needs(groups: &[&str]) -> Verdict {
        let groups = groups.iter().copied().map(GroupName::new).collect();
        Err(Refusal::GroupsUnavailable(groups))
    }

    #[test]
    fn a_group_that_no_answer_depends_on_refuses_nothing_and_permits_nothing() {
        let person = person(&["dba", "ops"]);
        assert_eq!(whichever(&person, |_| permitted(true)), permitted(true));
        assert_eq!(whichever(&person, |_| permitted(false)), permitted(false));
    }

    #[test]
    fn an_unknown_group_is_neither_taken_for_a_yes_nor_for_a_no() {
        let bob = person(&["dba", "ops"]);
        let permit = |bob: &Person| permitted(is_in(bob, "dba"));
        assert_eq!(whichever(&bob, permit), needs(&["dba"]));
        let forbid = |bob: &Person| permitted(!is_in(bob, "ops"));
        assert_eq!(whichever(&bob, forbid), needs(&["ops"]));
    }

    #[test]
    fn groups_that_matter_only_together_are_found() {
        let bob = person(&["dba", "ops", "sre"]);
        let both = |bob: &Person| permitted(is_in(bob, "dba") && is_in(bob, "ops"));
        assert_eq!(whichever(&bob, both), needs(&["dba", "ops"]));
        let one = |bob: &Person| permitted(is_in(bob, "dba") != is_in(bob, "ops"));
        assert_eq!(whichever(&bob, one), needs(&["dba", "ops"]));
    }

    #[test]
    fn more_unknown_groups_than_can_be_combined_are_a_no() {
        let names = ["a", "b", "c", "d", "e", "f", "g"];
        assert_eq!(
            whichever(&person(&names), |_| permitted(true)),
            needs(&names)
        );
    }

    #[test]
    fn the_rules_that_are_named_decide_in_every_case() {
        let verdict = whichever(&person(&["dba"]), |bob| {
            let mut rules = vec![RuleId::new("always")];
            rules.extend(is_in(bob, "dba").then(|| RuleId::new("dba")));
            Ok(rules)
        });
        assert_eq!(verdict, Ok(vec![RuleId::new("always")]));
    }
}
