//! `[groups]`.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::{
    document::{Document, at},
    text::{is_slack_id, person},
};
use crate::{
    directory::GroupSource,
    domain::{GroupName, UserId},
};

/// One of `[groups]`: one of these.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum RawGroup {
    /// The id of a user group in Slack, whose members count live.
    SlackUsergroup(String),
    /// The ids of the people in it.
    Members(Vec<String>),
}

pub(super) fn groups(document: &mut Document<'_>) -> BTreeMap<GroupName, GroupSource> {
    let mut groups = BTreeMap::new();
    for (name, raw) in document.entries("groups") {
        let source = match raw {
            RawGroup::SlackUsergroup(id) if id.starts_with('S') && is_slack_id(&id) => {
                GroupSource::SlackUsergroup(id)
            }
            RawGroup::SlackUsergroup(id) => {
                document.problem(
                    at!["groups", &*name, "slack_usergroup"],
                    format!(
                        "`{id}` is not a user group's id, such as `S0123ABCD`: Slack shows it in \
                         the menu of the group, as \"Copy group ID\""
                    ),
                );
                continue;
            }
            RawGroup::Members(members) => GroupSource::Members(listed(document, &name, &members)),
        };
        groups.insert(GroupName::new(name), source);
    }
    groups
}

fn listed(document: &mut Document<'_>, group: &str, members: &[String]) -> BTreeSet<UserId> {
    let mut people = BTreeSet::new();
    for (index, member) in members.iter().enumerate() {
        match person(member) {
            Ok(id) => {
                people.insert(id);
            }
            Err(problem) => document.problem(at!["groups", group, "members", index], problem),
        }
    }
    people
}
