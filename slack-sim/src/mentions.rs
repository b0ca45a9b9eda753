//! Mentions in slash commands, as `should_escape` turns them into ids.

use crate::workspace::Workspace;

/// Replaces `@name`, `@group` and `#channel` by their escaped forms; unknown names stay as they
/// are, and so does punctuation after a name.
pub(crate) fn escape(workspace: &Workspace, text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut previous = ' ';
    while let Some(first) = rest.chars().next() {
        let may_start = previous.is_whitespace() || previous == '(' || previous == ',';
        if may_start
            && (first == '@' || first == '#')
            && let Some((length, escaped)) = mention(workspace, first, &rest[1..])
        {
            out.push_str(&escaped);
            rest = &rest[1 + length..];
            previous = '>';
            continue;
        }
        out.push(first);
        rest = &rest[first.len_utf8()..];
        previous = first;
    }
    out
}

/// The longest known name that `rest` starts with: its length and its escaped form.
fn mention(workspace: &Workspace, sigil: char, rest: &str) -> Option<(usize, String)> {
    let is_name = |letter: char| letter.is_alphanumeric() || "._-".contains(letter);
    let mut name = &rest[..rest.find(|letter| !is_name(letter)).unwrap_or(rest.len())];
    while !name.is_empty() {
        if let Some(escaped) = lookup(workspace, sigil, name) {
            return Some((name.len(), escaped));
        }
        if !name.ends_with(['.', '-', '_']) {
            return None;
        }
        name = &name[..name.len() - 1];
    }
    None
}

fn lookup(workspace: &Workspace, sigil: char, name: &str) -> Option<String> {
    if sigil == '#' {
        let mut channels = workspace.channels.values();
        let channel = channels.find(|channel| channel.name == name)?;
        return Some(format!("<#{}|{}>", channel.id, channel.name));
    }
    let mut people = workspace.people.values();
    if let Some(person) = people.find(|person| person.name == name) {
        return Some(format!("<@{}|{}>", person.id, person.name));
    }
    let mut groups = workspace.groups.values();
    let group = groups.find(|group| group.handle == name)?;
    Some(format!("<!subteam^{}|@{}>", group.id, group.handle))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::{Channel, Person};

    #[test]
    fn mentions_of_known_names_become_ids() {
        let workspace = Workspace::new()
            .person(Person::member("U0ALICE", "alice.l"))
            .group("S0DBA", "dba", ["U0ALICE"])
            .channel(Channel::new("C0INC", "inc-42", ["U0ALICE"]));
        let text = "who @alice.l, @dba. in #inc-42 (@nobody) a@alice.l é@";
        assert_eq!(
            escape(&workspace, text),
            "who <@U0ALICE|alice.l>, <!subteam^S0DBA|@dba>. in <#C0INC|inc-42> (@nobody) a@alice.l é@"
        );
    }
}
