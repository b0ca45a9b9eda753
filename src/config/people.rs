//! `[people]`.

use std::collections::{BTreeMap, HashMap};

use serde::Deserialize;

use super::{
    document::{Document, at},
    text::person,
};
use crate::{directory::PersonEntry, domain::Username};

/// One of `[people]`, by any name you like: for people who have more than one Slack id, or whose
/// name in the targets is not the one that their address gives.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    /// The name in the targets; default the one that the address gives.
    username: Option<String>,
    /// Every Slack id of this person.
    slack_ids: Vec<String>,
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
                document.problem(path, "the name in the targets is empty");
            } else if username.contains(char::is_control) {
                document.problem(path, "the name in the targets has control characters");
            } else if let Some((other, line)) = usernames.get(&key) {
                let problem =
                    format!("`{username}` is the name of `people.{other}` already, line {line}");
                document.problem(path, problem);
            } else {
                usernames.insert(key, (name.clone(), line));
                entry.username = Some(Username::new(username));
            }
        }
        if raw.slack_ids.is_empty() {
            document.problem(
                at!["people", &*name, "slack_ids"],
                "nobody is meant by this: name one Slack id at least",
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
                            format!("`{text}` is an id of `people.{other}` already, line {line}");
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
