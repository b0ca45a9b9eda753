//! `[people]` and `[groups]`.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::{
    document::{Document, at},
    text::{is_slack_id, person},
};
use crate::{
    directory::GroupSource,
    domain::{GroupName, UserId, Username},
};

/// One of `[people]`, by the person's id in Slack: only for those whose name in the targets is not
/// the local part of their verified address.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPerson {
    /// Their name in the targets.
    username: String,
}

/// One of `[groups]`: one of these.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum RawGroup {
    /// The id of a user group in Slack, whose members count live.
    SlackUsergroup(String),
    /// The ids of the people in it.
    Members(Vec<String>),
}

pub(super) fn people(document: &mut Document<'_>) -> BTreeMap<UserId, Username> {
    let mut people = BTreeMap::new();
    for (id, RawPerson { username }) in document.entries("people") {
        match person(&id) {
            Ok(person) if !username.trim().is_empty() => {
                people.insert(person, Username::new(username));
            }
            Ok(_) => document.problem(
                at!["people", &*id, "username"],
                "the name in the targets is empty",
            ),
            Err(problem) => document.problem(at!["people", &*id], problem),
        }
    }
    people
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
