//! What the file's form cannot say: that ids are ids, and stand for one thing each, and that
//! members are people. A complaint names the line.

use std::{collections::BTreeMap, ops::Range};

use toml::Spanned;

use super::file::{File, SomebodysKind};

/// What is wrong, and where in the text.
pub(super) struct Complaint {
    pub(super) at: Range<usize>,
    pub(super) message: String,
}

/// The first thing that is wrong.
pub(super) fn first_complaint(file: &File) -> Option<Complaint> {
    let mut complaints = Vec::new();
    let mut complain = |id: &Spanned<String>, message: String| {
        let at = id.span();
        complaints.push(Complaint { at, message });
    };
    let people = file.people.iter().map(|one| (&one.id, "people", "UW"));
    let groups = file.groups.iter().map(|one| (&one.id, "groups", "S"));
    let channels = file.channels.iter().map(|one| (&one.id, "channels", "CG"));
    let mut known = BTreeMap::new();
    for (id, table, initials) in people.chain(groups).chain(channels) {
        let text = id.get_ref().as_str();
        if !is_id(text, initials) {
            let like = initials.chars().next().unwrap_or_default();
            let message = format!("{table}.id: {text:?} is not an id such as \"{like}0EXAMPLE\"");
            complain(id, message);
        }
        if known.insert(text, table).is_some() {
            complain(id, format!("{table}.id: {text:?} stands there twice"));
        }
    }
    let groups = file.groups.iter().map(|one| ("groups", &one.members));
    let channels = file.channels.iter().map(|one| ("channels", &one.members));
    for (table, members) in groups.chain(channels) {
        for member in members {
            let text = member.get_ref().as_str();
            if known.get(text) != Some(&"people") {
                complain(
                    member,
                    format!("{table}.members: {text:?} is not among the people"),
                );
            }
        }
    }
    for somebody in &file.people {
        let is_stranger = matches!(somebody.kind, SomebodysKind::Stranger);
        if is_stranger != somebody.team.is_some() {
            let message = "people.team: a stranger has a team, and nobody else has";
            complain(&somebody.id, message.to_owned());
        }
    }
    complaints
        .into_iter()
        .min_by_key(|complaint| complaint.at.start)
}

/// Ids travel in addresses and in markup: capital letters and digits are all they have.
fn is_id(text: &str, initials: &str) -> bool {
    let mut letters = text.chars();
    let starts = letters.next().is_some_and(|first| initials.contains(first));
    let mut rest = text.chars().skip(1);
    starts
        && text.len() > 1
        && text.len() <= 64
        && rest.all(|one| one.is_ascii_uppercase() || one.is_ascii_digit())
}
