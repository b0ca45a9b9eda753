//! Text in Slack's `mrkdwn`: what people wrote is escaped here, and nowhere else is text put
//! into `mrkdwn`.

use std::fmt::Write as _;

use crate::domain::{Actor, ChannelId, Time, UserId};

/// What a person wrote, harmless: `& < >` escaped, line ends and control characters made spaces,
/// cut to `limit` characters. It can neither mention anybody nor look like a line of ours.
/// Slack: "Escaping text", <https://docs.slack.dev/messaging/formatting-message-text>.
pub fn escape(text: &str, limit: usize) -> String {
    let mut escaped = String::with_capacity(text.len());
    let mut characters = text.trim().chars();
    for character in characters.by_ref().take(limit) {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            // Formatting marks get a zero-width space, so that they stay marks.
            '*' | '_' | '~' | '`' => {
                escaped.push('\u{200b}');
                escaped.push(character);
            }
            control if control.is_control() => escaped.push(' '),
            // Marks that turn the direction of text round could hide what stands there.
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {}
            other => escaped.push(other),
        }
    }
    if characters.next().is_some() {
        escaped.push('…');
    }
    escaped
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
        assert_eq!(escape("12345", 3), "123…");
    }
}
