//! Whether somebody can request and approve each scope, as far as the configuration says who people are.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    document::{Document, at},
    text::counted,
};
use crate::{
    directory::{GroupSource, PersonEntry},
    domain::{Assignment, Catalogue, GroupName, UserId},
};

/// Warns of scopes that nobody can request, and of those that nobody else can approve.
pub(super) fn check(
    document: &mut Document<'_>,
    catalogue: &Catalogue,
    groups: &BTreeMap<GroupName, GroupSource>,
    people: &BTreeMap<String, PersonEntry>,
) {
    let entries: BTreeMap<&UserId, &str> = people
        .iter()
        .flat_map(|(name, entry)| entry.slack_ids.iter().map(move |id| (id, name.as_str())))
        .collect();
    // Several ids of an entry are one person, and an id without an entry is one too. Nothing if a group
    // is Slack's.
    let members = |names: &BTreeSet<GroupName>| -> Option<BTreeSet<(bool, &str)>> {
        let mut people = BTreeSet::new();
        for name in names {
            let Some(GroupSource::Members(members)) = groups.get(name) else {
                return None;
            };
            people.extend(members.iter().map(|id| match entries.get(id) {
                Some(entry) => (true, *entry),
                None => (false, id.as_str()),
            }));
        }
        Some(people)
    };
    for scope in catalogue.values() {
        let id = scope.id.as_str();
        let needed = usize::from(scope.approvals.get());
        let requesters = members(&scope.requesters);
        if requesters.as_ref().is_some_and(BTreeSet::is_empty) {
            document.warning(
                at!["scopes", id, "requesters"],
                "nobody can request this: its requester groups have no members",
            );
            continue;
        }
        let Some(approvers) = members(&scope.approvers) else {
            continue;
        };
        if !scope.stages.is_empty() {
            let stages: Vec<_> = scope.stages.iter().filter_map(&members).collect();
            let enough = |without: Option<&(bool, &str)>| {
                let mut filled = Assignment::new(&scope.stages, scope.approvals.get());
                for person in approvers.iter().filter(|it| Some(*it) != without) {
                    let numbered = stages.iter().enumerate();
                    let able = numbered.filter(|(_, members)| members.contains(person));
                    filled.add(&scope.stages, &able.map(|(number, _)| number).collect());
                }
                filled.is_complete()
            };
            let for_whom = match requesters {
                _ if !enough(None) => "",
                Some(requesters) if !requesters.iter().any(|it| enough(Some(it))) => {
                    ", and nobody approves their own request"
                }
                _ => continue,
            };
            let warning = format!(
                "no request can be approved: its stages need {} by different people{for_whom}. Add \
                 people to the groups",
                counted(needed, "approval"),
            );
            document.warning(at!["scopes", id, "stages"], warning);
            continue;
        }
        let at = at!["scopes", id, "approvers"];
        if approvers.len() < needed {
            let are = match approvers.len() {
                1 => "the approvers are one person".to_owned(),
                count => format!("the approvers are only {count} people"),
            };
            let warning = format!(
                "no request can be approved: it needs {}, and by [people] {are}. Add an approver",
                counted(needed, "approval"),
            );
            document.warning(at, warning);
            continue;
        }
        let others =
            |requester: &(bool, &str)| approvers.len() - usize::from(approvers.contains(requester));
        if let Some(requesters) = requesters
            && requesters
                .iter()
                .all(|requester| others(requester) < needed)
        {
            let are = match approvers.len() {
                1 => "the only approver is also the only requester".to_owned(),
                count => format!(
                    "it needs {}, and every requester is one of the {count} approvers",
                    counted(needed, "approval")
                ),
            };
            let warning = format!(
                "no request can be approved: {are}, and nobody approves their own request. Add an approver"
            );
            document.warning(at, warning);
        }
    }
}
