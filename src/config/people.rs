//! `[people]`.

use std::collections::{BTreeMap, HashMap};

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::{
    document::{Document, at},
    text::{PERSON_ID, person},
};
use crate::{directory::PersonEntry, domain::Username};

/// One of `[people]`, by any name you like: for people who have more than one Slack id, or whose
/// login is not the one that their address gives.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Raw {
    /// All Slack ids of this person. Keylend treats them as one person. An id may appear only once in all
    /// entries.
    #[schemars(title = "list of person ids", length(min = 1), inner(regex(pattern = PERSON_ID)))]
    #[schemars(example = json!(["U0ALICE", "W0ALICE"]))]
    slack_ids: Vec<String>,
    /// Their login in targets.
    #[schemars(title = "text, unique", length(min = 1), example = &"alice.l")]
    #[schemars(extend("x-default" = "the login that the address gives"))]
    username: Option<String>,
}

pub(super) fn read(document: &mut Document<'_>) -> BTreeMap<String, PersonEntry> {
    let mut entries: Vec<(String, Raw)> = document.entries("people").into_iter().collect();
    // In the order of the file, so that the second of two is the one that is wrong.
    entries.sort_by_key(|(name, _)| document.line(at!["people", &**name]));
    let mut people = BTreeMap::new();
    let mut usernames: HashMap<String, (String, usize)> = HashMap::new();
    let mut ids: HashMap<String, (String, usize)> = HashMap::new();
    for (name, raw) in entries {
        let mut entry = PersonEntry::default();
        if let Some(username) = raw.username {
            let path = at!["people", &*name, "username"];
            let line = document.line(path);
            let key = username.to_lowercase();
            if username.trim().is_empty() {
                document.problem(path, "`username` is empty");
            } else if username.contains(char::is_control) {
                document.problem(path, "`username` contains control characters");
            } else if let Some((other, line)) = usernames.get(&key) {
                let problem = format!(
                    "`{username}` is already the username of `people.{other}`, line {line}"
                );
                document.problem(path, problem);
            } else {
                usernames.insert(key, (name.clone(), line));
                entry.username = Some(Username::new(username));
            }
        }
        if raw.slack_ids.is_empty() {
            document.problem(
                at!["people", &*name, "slack_ids"],
                "`slack_ids` is empty; list at least one Slack id",
            );
        }
        for (index, text) in raw.slack_ids.into_iter().enumerate() {
            let path = at!["people", &*name, "slack_ids", index];
            let line = document.line(path);
            match person(&text) {
                Err(problem) => document.problem(path, problem),
                Ok(id) => match ids.get(&text) {
                    Some((other, line)) => {
                        let problem =
                            format!("`{text}` is already listed in `people.{other}`, line {line}");
                        document.problem(path, problem);
                    }
                    None => {
                        ids.insert(text, (name.clone(), line));
                        entry.slack_ids.insert(id);
                    }
                },
            }
        }
        people.insert(name, entry);
    }
    people
}
