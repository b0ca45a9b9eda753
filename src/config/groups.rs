//! `[groups]`.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;
use toml::de::DeValue;

use super::{
    document::{Document, at},
    text::{PERSON_ID, is_slack_id, person},
};
use crate::{
    directory::GroupSource,
    domain::{GroupName, UserId},
};

/// One of `[groups]`: one of these.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum RawGroup {
    /// A user group in Slack. Its members count as they are at the moment of a decision.
    SlackUsergroup(
        #[schemars(title = "user group id", regex(pattern = "^S[A-Z0-9]{2,}$"), example = &"S0ENGINEERS")]
         String,
    ),
    /// Fixed members.
    Members(
        #[schemars(title = "list of person ids", inner(regex(pattern = PERSON_ID)))]
        #[schemars(example = json!(["U0ALICE", "U0BOB"]))]
        Vec<String>,
    ),
}

/// What is wrong with an entry that does not say in one way where its people come from.
fn misfit(_: &str, group: &DeValue<'_>) -> Option<String> {
    const FORMS: &str =
        "write `{ slack_usergroup = \"S0123ABCD\" }` or `{ members = [\"U0123ABCD\"] }`";

    match group {
        DeValue::Table(table) if table.len() == 1 => None,
        DeValue::Table(table) if table.is_empty() => {
            Some(format!("the group says nothing of its members: {FORMS}"))
        }
        DeValue::Table(table) => {
            let keys: Vec<_> = table.keys().map(|key| &**key.get_ref()).collect();
            let keys = keys.join("` and `");
            Some(format!(
                "a group takes its members from one place, and this one has `{keys}`: keep either \
                 `slack_usergroup` or `members`, or make two groups"
            ))
        }
        _ => Some(format!(
            "the group does not say where its members come from: {FORMS}"
        )),
    }
}

pub(super) fn groups(document: &mut Document<'_>) -> BTreeMap<GroupName, GroupSource> {
    let mut groups = BTreeMap::new();
    for (name, raw) in document.entries_unless("groups", misfit) {
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
            RawGroup::Members(members) => {
                if members.is_empty() {
                    document.warning(
                        at!["groups", &*name, "members"],
                        "`members` is empty, so nobody is in this group: add people, or remove the group",
                    );
                }
                GroupSource::Members(listed(document, &name, &members))
            }
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
