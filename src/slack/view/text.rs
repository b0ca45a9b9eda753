//! Text in Slack's `mrkdwn`: what people wrote is escaped here, and nowhere else is text put
//! into `mrkdwn`. `slack::rich_text` shows it as it was typed.

use std::{
    borrow::Cow,
    fmt::{self, Write as _},
};

use crate::{
    domain::{Actor, ChannelId, RuleId, Time, UserId},
    sanitize::{is_control, turns_direction},
    slack::rich_text::{COLON, ESCAPE, LINE_END, QUOTE, TAB},
};

/// How many line ends of a text are kept; more of them are shown as control characters, so that no text
/// pushes what stands below it far away.
const LINES: usize = 50;

/// What a person wrote, harmless and on one line: `& < >` and all that Slack would interpret escaped,
/// line ends made spaces, other control characters and those that turn the direction of text shown as
/// `‹U+202E›`, cut with an ellipsis so that no more than `limit` characters are sent. It can neither
/// mention anybody nor look like a line of ours.
/// Slack: "Escaping text", <https://docs.slack.dev/messaging/formatting-message-text>.
pub fn escape(text: &str, limit: usize) -> String {
    let text = text.replace(['\n', '\r', '\t', '\u{2028}', '\u{2029}'], " ");
    pieces(&text, limit, 1).pop().unwrap_or_default()
}

/// What a person wrote within a sentence. Several lines are set apart as a quote.
pub fn words(text: &str, limit: usize) -> String {
    let [begin, end] = QUOTE;
    // The quote's own marks have their place in it.
    let words = pieces(text, limit.saturating_sub(4), 1).pop();
    let words = words.unwrap_or_default();
    match words.contains(&format!("{ESCAPE}{LINE_END}")) {
        true => format!("{ESCAPE}{begin}{words}{ESCAPE}{end}"),
        false => words,
    }
}

/// What a person wrote with its lines, for a quote, which may be longer than one block: at most `most`
/// pieces of at most `limit` characters each; the last of them is cut. Nothing for a blank text.
pub fn pieces(text: &str, limit: usize, most: usize) -> Vec<String> {
    let mut pieces: Vec<String> = Vec::new();
    // The ellipsis has its place in every piece.
    let mut left = 0;
    let mut lines = 0;
    let text = text.trim();
    for (at, character) in text.char_indices() {
        let behind = &text[at + character.len_utf8()..];
        // One line end, as some systems write it.
        if character == '\r' && behind.starts_with('\n') {
            continue;
        }
        lines += usize::from(character == '\n');
        let harmless: Cow<'static, str> = match character {
            '\n' if lines > LINES => visible(character).into(),
            // At the front of a line it begins a quote.
            '>' if at == 0 => format!("{ESCAPE}&gt;").into(),
            _ => harmless(character, behind),
        };
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

fn harmless(character: char, behind: &str) -> Cow<'static, str> {
    match character {
        '&' => "&amp;".into(),
        '<' => "&lt;".into(),
        '>' => "&gt;".into(),
        '*' | '_' | '~' | '`' | ESCAPE => format!("{ESCAPE}{character}").into(),
        ':' if ends_emoji(behind) => format!("{ESCAPE}{COLON}").into(),
        '\n' => format!("{ESCAPE}{LINE_END}").into(),
        '\t' => format!("{ESCAPE}{TAB}").into(),
        odd if is_control(odd) || turns_direction(odd) => visible(odd).into(),
        other => other.to_string().into(),
    }
}

/// A character that cannot be seen, by its number.
fn visible(character: char) -> String {
    format!("‹U+{:04X}›", u32::from(character))
}

/// Whether what stands behind a colon could be the rest of `:emoji:`.
fn ends_emoji(behind: &str) -> bool {
    let end = behind.find(|char: char| char == ':' || char.is_whitespace());
    end.is_some_and(|end| end > 0 && behind[end..].starts_with(':'))
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
        assert_eq!(escape("one\u{2028}line", 100), "one line");
        assert_eq!(
            escape(":lock: 17:00 a:b", 100),
            "\u{200b}∶lock: 17:00 a:b",
            "what is no emoji stays"
        );
        assert_eq!(
            words("fine\r\n> two", 100),
            "\u{200b}❝fine\u{200b}↵&gt; two\u{200b}❞"
        );
        assert_eq!(words("fine", 100), "fine");
        assert_eq!(escape("> fine", 100), "\u{200b}&gt; fine");
    }

    #[test]
    fn what_cannot_be_seen_is_made_visible() {
        assert_eq!(
            escape("a\u{202e}b\u{1b}[31m", 100),
            "a‹U+202E›b‹U+001B›[31m"
        );
        let lines = pieces(&format!("a{}b", "\n".repeat(60)), 1_000, 1);
        assert_eq!(lines[0].matches('↵').count(), LINES);
        assert_eq!(lines[0].matches("‹U+000A›").count(), 10);
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
