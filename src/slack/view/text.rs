//! Text in Slack's `mrkdwn`: what people wrote is escaped here, and nowhere else is text put
//! into `mrkdwn`.

use std::{
    borrow::Cow,
    fmt::{self, Write as _},
};

use crate::{
    domain::{Actor, ChannelId, RuleId, Time, UserId},
    sanitize::{is_control, turns_direction},
};

/// What a person wrote, harmless: `& < >` escaped, line ends and control characters made spaces,
/// cut with an ellipsis so that no more than `limit` characters are sent. It can neither mention
/// anybody nor look like a line of ours.
/// Slack: "Escaping text", <https://docs.slack.dev/messaging/formatting-message-text>.
pub fn escape(text: &str, limit: usize) -> String {
    pieces(text, limit, 1).pop().unwrap_or_default()
}

/// Like [`escape`], for a text longer than one block may be: at most `most` pieces of at most
/// `limit` characters each; the last of them is cut. Nothing for a blank text.
pub fn pieces(text: &str, limit: usize, most: usize) -> Vec<String> {
    let mut pieces: Vec<String> = Vec::new();
    // The ellipsis has its place in every piece.
    let mut left = 0;
    for character in text.trim().chars() {
        let harmless = harmless(character);
        // Slack does not say what it counts; UTF-16 counts most.
        let length = harmless.encode_utf16().count();
        if length > left {
            if pieces.len() == most {
                if let Some(last) = pieces.last_mut() {
                    last.push('…');
                }
                break;
            }
            pieces.push(String::new());
            left = limit.saturating_sub(1);
        }
        left = left.saturating_sub(length);
        if let Some(piece) = pieces.last_mut() {
            piece.push_str(&harmless);
        }
    }
    pieces
}

fn harmless(character: char) -> Cow<'static, str> {
    match character {
        '&' => "&amp;".into(),
        '<' => "&lt;".into(),
        '>' => "&gt;".into(),
        // Formatting marks get a zero-width space, so that they stay marks.
        '*' | '_' | '~' | '`' => format!("\u{200b}{character}").into(),
        control if is_control(control) => " ".into(),
        turning if turns_direction(turning) => "".into(),
        other => other.to_string().into(),
    }
}

/// A name that its type or the configuration checked, as code, so that it can be copied as it
/// stands; cut to 80 characters. What is no part of a name becomes `?`.
pub fn code(name: impl fmt::Display) -> String {
    let name: String = name
        .to_string()
        .chars()
        .take(80)
        .map(|character| match character {
            '`' | '<' | '>' | '&' => '?',
            odd if is_control(odd) || turns_direction(odd) => '?',
            other => other,
        })
        .collect();
    format!("`{name}`")
}

/// The rules that decided; empty if none did.
pub fn rules(rules: &[RuleId]) -> String {
    let names: Vec<String> = rules
        .iter()
        .take(8)
        .map(|rule| escape(rule.as_str(), 64))
        .collect();
    match names.as_slice() {
        [] => String::new(),
        [one] => format!("rule {one}"),
        several => format!("rules {}", several.join(", ")),
    }
}

/// A mention of a person: their name, in the reader's Slack.
pub fn person(id: &UserId) -> String {
    format!("<@{}>", escape(id.as_str(), 64))
}

/// A link to a channel.
pub fn channel(id: &ChannelId) -> String {
    format!("<#{}>", escape(id.as_str(), 64))
}

/// By whose word.
pub fn actor(actor: &Actor) -> String {
    match actor {
        Actor::Person(id) => person(id),
        Actor::Rule(rule) => format!("rule {}", escape(rule.as_str(), 128)),
        Actor::Keylend => "Keylend".to_owned(),
    }
}

/// A moment in the reader's own time zone; in UTC where Slack cannot show it.
pub fn time(moment: Time) -> String {
    let mut text = String::new();
    let utc = moment.format("%Y-%m-%d %H:%M UTC");
    write!(
        text,
        "<!date^{}^{{date_short_pretty}} {{time}}|{utc}>",
        moment.timestamp()
    )
    .expect("writing to a string cannot fail");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_from_people_can_neither_ping_nor_fake_a_line() {
        assert_eq!(
            escape("<!channel> & <@U0ALICE>", 100),
            "&lt;!channel&gt; &amp; &lt;@U0ALICE&gt;"
        );
        assert_eq!(
            escape("fine\n*Approved by* admin", 100),
            "fine \u{200b}*Approved by\u{200b}* admin"
        );
        assert_eq!(escape("a\u{202e}b", 100), "ab");
        assert_eq!(escape("one\u{2028}line", 100), "one line");
    }

    #[test]
    fn a_name_stands_as_it_is_or_not_at_all() {
        assert_eq!(code("db-prod:write"), "`db-prod:write`");
        assert_eq!(code("a`<!channel>&\n"), "`a??!channel???`");
        assert_eq!(code("a\u{2028}b\u{202e}c\u{2066}"), "`a?b?c?`");
    }

    #[test]
    fn text_is_cut_by_what_is_sent_and_not_within_an_escape() {
        assert_eq!(escape("12345", 4), "123…");
        assert_eq!(escape("<<<<", 10), "&lt;&lt;…");
        assert_eq!(escape(" ", 10), "");
        assert_eq!(pieces("123456", 3, 2), ["12", "34…"]);
        assert_eq!(pieces("1234", 3, 2), ["12", "34"]);
        assert!(pieces("\n", 3, 2).is_empty());
    }
}
