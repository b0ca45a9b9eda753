//! The three characters that Slack keeps escaped: `&`, `<` and `>`.
//!
//! Whatever an app sends, what it reads back has a lone one of them as an entity, while entities
//! and markup such as `<@U…>` or `<https://…|here>` stay as they were
//! (docs.slack.dev, messaging/formatting-message-text).

/// What may follow the `<` of markup.
const OPENINGS: [&str; 8] = [
    "@", "#", "!", "http://", "https://", "mailto:", "tel:", "slack://",
];

/// Text with markup, as Slack keeps it.
pub(crate) fn escape_mrkdwn(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['&', '<', '>']) {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let kept = match rest.starts_with('<') {
            true => markup(rest),
            false => entity(rest),
        };
        let length = match kept {
            Some(kept) => {
                out.push_str(kept);
                kept.len()
            }
            None => {
                out.push_str(escaped(rest));
                1
            }
        };
        rest = &rest[length..];
    }
    out.push_str(rest);
    out
}

/// Text without markup, as Slack keeps it.
pub(crate) fn escape_plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['&', '<', '>']) {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let kept = entity(rest);
        out.push_str(kept.unwrap_or(escaped(rest)));
        rest = &rest[kept.map_or(1, str::len)..];
    }
    out.push_str(rest);
    out
}

/// The entity that `text` starts with.
fn entity(text: &str) -> Option<&str> {
    let all = ["&amp;", "&lt;", "&gt;"];
    all.into_iter().find(|entity| text.starts_with(entity))
}

/// The markup that `text` starts with, both its brackets included.
fn markup(text: &str) -> Option<&str> {
    let end = text.find('>')?;
    let inner = &text[1..end];
    let opens = OPENINGS.iter().any(|opening| inner.starts_with(opening));
    let is_whole = opens && !inner.contains(['<', '\n']);
    is_whole.then(|| &text[..=end])
}

fn escaped(text: &str) -> &'static str {
    match text.as_bytes().first() {
        Some(b'<') => "&lt;",
        Some(b'>') => "&gt;",
        _ => "&amp;",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lone_characters_become_entities_and_markup_and_entities_stay() {
        for (sent, kept) in [
            ("R&D", "R&amp;D"),
            ("R&amp;D &lt;3 &gt;", "R&amp;D &lt;3 &gt;"),
            ("&amp", "&amp;amp"),
            ("1 < 2 > 0", "1 &lt; 2 &gt; 0"),
            ("<@U0ALICE> in <#C0DBA|dba>", "<@U0ALICE> in <#C0DBA|dba>"),
            (
                "<https://x.example/?a=1&b|é>",
                "<https://x.example/?a=1&b|é>",
            ),
            (
                "<!date^1^{time}|then> <b>",
                "<!date^1^{time}|then> &lt;b&gt;",
            ),
            ("<@U0\nALICE>", "&lt;@U0\nALICE&gt;"),
            ("<", "&lt;"),
        ] {
            assert_eq!(escape_mrkdwn(sent), kept);
            assert_eq!(escape_mrkdwn(kept), kept, "twice is as once");
        }
        assert_eq!(
            escape_plain("<@U0ALICE> &lt;é&"),
            "&lt;@U0ALICE&gt; &lt;é&amp;"
        );
    }
}
