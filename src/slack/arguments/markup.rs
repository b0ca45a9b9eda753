//! Slack's own marks in a command's text: people, channels and links in angle brackets, and the
//! three characters that it escapes.

use crate::domain::{ChannelId, UserId};

/// A word of Slack's own marks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::slack) enum Mark<'a> {
    /// `<@U0ALICE|alice>`, and their name if Slack gave it.
    Person(UserId, &'a str),
    /// `<#C0INC|inc-4211>`, and the channel's name if Slack gave it.
    Channel(ChannelId, &'a str),
    /// `<https://example.com|label>` and whatever else: what it shows.
    Other(&'a str),
}

/// Reads a word as a mark, if it is one.
pub(in crate::slack) fn mark(word: &str) -> Option<Mark<'_>> {
    let inner = word.strip_prefix('<')?.strip_suffix('>')?;
    let (target, label) = inner.split_once('|').unwrap_or((inner, ""));
    if let Some(id) = target.strip_prefix('@').filter(|id| is_id(id)) {
        return Some(Mark::Person(UserId::new(id), label));
    }
    if let Some(id) = target.strip_prefix('#').filter(|id| is_id(id)) {
        return Some(Mark::Channel(ChannelId::new(id), label));
    }
    // A link's target, not its label: a label can claim anything.
    Some(Mark::Other(target))
}

/// Whether a word is a person's id as Slack shows it in their profile: `U0ALICE`.
pub(in crate::slack) fn is_person(word: &str) -> bool {
    word.starts_with(['U', 'W']) && word.len() >= 7 && is_id(word)
}

fn is_id(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit();
    (2..=64).contains(&text.len()) && text.bytes().all(plain)
}

/// How many mentioned channels are looked at.
const CHANNELS: usize = 5;

/// The channels that `text` mentions, in order, each once; the first five.
pub(in crate::slack) fn channels(text: &str) -> Vec<ChannelId> {
    let mut channels = Vec::new();
    for piece in text.split('<').skip(1) {
        let Some((inner, _)) = piece.split_once('>') else {
            continue;
        };
        if let Some(Mark::Channel(id, _)) = mark(&format!("<{inner}>"))
            && !channels.contains(&id)
            && channels.len() < CHANNELS
        {
            channels.push(id);
        }
    }
    channels
}

/// A word as people read it: marks as what they show, escapes undone. The text is to be escaped
/// again wherever it is shown.
pub(in crate::slack) fn readable(word: &str) -> String {
    match mark(word) {
        Some(Mark::Person(id, "")) => format!("@{id}"),
        Some(Mark::Person(_, name)) => format!("@{name}"),
        Some(Mark::Channel(id, "")) => format!("#{id}"),
        Some(Mark::Channel(_, name)) => format!("#{name}"),
        Some(Mark::Other(shown)) => unescaped(shown),
        None => unescaped(word),
    }
}

fn unescaped(text: &str) -> String {
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mentions_and_links_are_read_by_what_slack_put_there() {
        let person = |name| Some(Mark::Person(UserId::new("U0ALICE"), name));
        assert_eq!(mark("<@U0ALICE|alice>"), person("alice"));
        assert_eq!(mark("<@U0ALICE>"), person(""));
        assert_eq!(readable("<@U0ALICE|alice>"), "@alice");
        assert_eq!(readable("<#C0INC|inc-4211>"), "#inc-4211");
        assert_eq!(readable("<#C0INC|>"), "#C0INC");
        assert_eq!(
            readable("<https://evil.example|https://example.com>"),
            "https://evil.example"
        );
        assert_eq!(readable("a&amp;lt;b"), "a&lt;b");
        assert_eq!(mark("alice"), None);
    }

    #[test]
    fn mentioned_channels_are_found_anywhere_in_a_text() {
        let text = "see <#C0INC|inc-1>, <#C0INC>, <#C0OTHER|x> and <#nothing> <";
        assert_eq!(channels(text), ["C0INC", "C0OTHER"].map(ChannelId::new));
        let many: String = (10..20).map(|number| format!("<#C0{number}>")).collect();
        assert_eq!(channels(&many).len(), 5);
    }
}
