//! What was typed, shown as it was typed.
//!
//! Slack's `mrkdwn` has no escape for its marks: what somebody typed with a `*` or a line end in it can
//! be shown literally in a block of rich text alone, where nothing is interpreted. So messages are
//! written in `mrkdwn` in which [`text`](super::view::text) puts a zero-width space before every
//! character that Slack would interpret, and where one stands, the message gets a block made here,
//! which has the character without the space. Screen readers and notifications get the `mrkdwn`.

use serde_json::json;
use slack_morphism::{
    SlackEmojiName,
    blocks::{
        SlackBlock, SlackRichTextBlock, SlackRichTextChannel, SlackRichTextDate,
        SlackRichTextElement, SlackRichTextEmoji, SlackRichTextInlineElement, SlackRichTextQuote,
        SlackRichTextSection, SlackRichTextText, SlackRichTextUser,
    },
};

/// What stands before a character that is meant literally.
pub(super) const ESCAPE: char = '\u{200b}';

/// What stands, escaped, for a line end, a tab, and the colon of an emoji that somebody typed.
pub(super) const LINE_END: char = '↵';
pub(super) const TAB: char = '⇥';
pub(super) const COLON: char = '∶';

/// What stands, escaped, around several typed lines within a sentence: they are set apart as a quote.
pub(super) const QUOTE: [char; 2] = ['❝', '❞'];

/// The block that shows our `mrkdwn` with what was typed in it; nothing where a block of `mrkdwn` does.
pub(super) fn block(mrkdwn: &str) -> Option<SlackBlock> {
    is_needed(mrkdwn).then(|| SlackRichTextBlock::new(Writer::read(mrkdwn).parts).into())
}

/// The block that quotes what was typed, below `label`.
pub(super) fn quote(label: Option<&str>, typed: &str) -> SlackBlock {
    let mut writer = Writer::default();
    if let Some(label) = label {
        let label = SlackRichTextText::new(label.to_owned()).bold();
        writer.line.push(label.into());
        writer.end_part(false);
    }
    writer.write(typed);
    writer.end_part(true);
    SlackRichTextBlock::new(writer.parts).into()
}

/// What was typed, for an object of plain text; nothing where `mrkdwn` does. Slack reads its three
/// escapes in both.
pub(super) fn plain(typed: &str) -> Option<String> {
    is_needed(typed).then(|| {
        let mut plain = String::with_capacity(typed.len());
        let mut rest = typed.chars();
        while let Some(first) = rest.next() {
            match first {
                ESCAPE => plain.extend(rest.next().map(literal)),
                other => plain.push(other),
            }
        }
        plain
    })
}

fn is_needed(mrkdwn: &str) -> bool {
    mrkdwn.contains(ESCAPE)
}

fn literal(escaped: char) -> char {
    match escaped {
        LINE_END => '\n',
        TAB => '\t',
        COLON => ':',
        other => other,
    }
}

/// Rich text while it is written.
#[derive(Default)]
struct Writer {
    parts: Vec<SlackRichTextElement>,
    /// The part that is being written.
    line: Vec<SlackRichTextInlineElement>,
    /// Its last text.
    text: String,
    is_bold: bool,
}

impl Writer {
    fn read(mrkdwn: &str) -> Self {
        let mut writer = Self::default();
        writer.write(mrkdwn);
        writer.end_part(false);
        writer
    }

    /// Reads `mrkdwn` of ours. A mark of ours that nothing closes is text.
    fn write(&mut self, mrkdwn: &str) {
        let mut rest = mrkdwn;
        while let Some(first) = rest.chars().next() {
            let behind = &rest[first.len_utf8()..];
            rest = match first {
                ESCAPE => self.escaped(behind),
                '*' => {
                    self.end_text();
                    self.is_bold = !self.is_bold;
                    behind
                }
                _ => {
                    if let Some((element, behind)) = marked(rest) {
                        self.end_text();
                        self.line.push(element);
                        behind
                    } else {
                        let (character, behind) = character(rest).unwrap_or((first, behind));
                        self.text.push(character);
                        behind
                    }
                }
            };
        }
    }

    fn escaped<'a>(&mut self, rest: &'a str) -> &'a str {
        if let Some((typed, behind)) = character(rest) {
            self.text.push(typed);
            return behind;
        }
        let mut chars = rest.chars();
        match chars.next() {
            Some(begin) if begin == QUOTE[0] => self.end_part(false),
            Some(end) if end == QUOTE[1] => {
                self.end_part(true);
                // Behind a quote begins another line already.
                let behind = chars.as_str();
                return behind.strip_prefix('\n').unwrap_or(behind);
            }
            typed => self.text.extend(typed.map(literal)),
        }
        chars.as_str()
    }

    fn end_text(&mut self) {
        if self.text.is_empty() {
            return;
        }
        let text = SlackRichTextText::new(std::mem::take(&mut self.text));
        let text = match self.is_bold {
            true => text.bold(),
            false => text,
        };
        self.line.push(text.into());
    }

    fn end_part(&mut self, is_quote: bool) {
        self.end_text();
        if self.line.is_empty() {
            return;
        }
        let line = std::mem::take(&mut self.line);
        self.parts.push(match is_quote {
            true => SlackRichTextQuote::new(line).into(),
            false => SlackRichTextSection::new(line).into(),
        });
    }
}

/// What our markup at the front of `mrkdwn` shows, and what stands behind it.
fn marked(mrkdwn: &str) -> Option<(SlackRichTextInlineElement, &str)> {
    if let Some((code, behind)) = between(mrkdwn, '`', '`') {
        let code = SlackRichTextText::new(decoded(code)).code();
        return Some((code.into(), behind));
    }
    if let Some((name, behind)) = between(mrkdwn, ':', ':') {
        let is_name = name
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte == b'_');
        let emoji = SlackRichTextEmoji::new(SlackEmojiName(name.to_owned()));
        return is_name.then_some((emoji.into(), behind));
    }
    let (reference, behind) = between(mrkdwn, '<', '>')?;
    Some((self::reference(reference)?, behind))
}

/// A person, a channel or a moment.
fn reference(reference: &str) -> Option<SlackRichTextInlineElement> {
    if let Some(person) = reference.strip_prefix('@') {
        return Some(SlackRichTextUser::new(person.into()).into());
    }
    if let Some(channel) = reference.strip_prefix('#') {
        return Some(SlackRichTextChannel::new(channel.into()).into());
    }
    let (date, fallback) = reference.strip_prefix("!date^")?.split_once('|')?;
    let (unix, format) = date.split_once('^')?;
    let unix: i64 = unix.parse().ok()?;
    let moment = serde_json::from_value(json!(unix)).ok()?;
    let date = SlackRichTextDate::new(moment, format.to_owned()).with_fallback(fallback.to_owned());
    Some(SlackRichTextInlineElement::Date(date))
}

fn decoded(mut code: &str) -> String {
    let mut decoded = String::with_capacity(code.len());
    while let Some(first) = code.chars().next() {
        let (character, behind) = character(code).unwrap_or((first, &code[first.len_utf8()..]));
        decoded.push(character);
        code = behind;
    }
    decoded
}

/// One of Slack's three escapes.
fn character(mrkdwn: &str) -> Option<(char, &str)> {
    [("&amp;", '&'), ("&lt;", '<'), ("&gt;", '>')]
        .into_iter()
        .find_map(|(escape, character)| Some((character, mrkdwn.strip_prefix(escape)?)))
}

/// What stands between two marks at the front of a text, on one line, and what stands behind them.
fn between(text: &str, begin: char, end: char) -> Option<(&str, &str)> {
    let (inner, behind) = text.strip_prefix(begin)?.split_once(end)?;
    let is_marked = !inner.is_empty() && !inner.contains(['\n', ESCAPE]);
    is_marked.then_some((inner, behind))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;
    use crate::slack::view::text;

    fn parts(block: &SlackBlock) -> Vec<Value> {
        let block = json!(block);
        assert_eq!(block["type"], "rich_text");
        block["elements"].as_array().unwrap().clone()
    }

    fn shown(mrkdwn: &str) -> Vec<Value> {
        parts(&block(mrkdwn).unwrap())
    }

    #[test]
    fn what_needs_no_escape_is_left_to_mrkdwn() {
        for plain in ["*denied* by <@U0BOB>: no", "a & b, 17:00", ""] {
            assert_eq!(block(plain), None, "{plain}");
        }
        assert_eq!(plain("INC-4211"), None);
        assert_eq!(plain("A\u{200b}_1 &lt;").unwrap(), "A_1 &lt;");
    }

    #[test]
    fn our_marks_are_marks_and_typed_marks_are_text() {
        let typed = text::escape("use *this* `one` <!here>", 100);
        let ours = format!(
            ":no_entry: *denied* by <@U0BOB> in <#C0DBA> of `a:b&lt;` <!date^7^{{time}}|then>: {typed}"
        );
        let section = json!({
            "type": "rich_text_section",
            "elements": [
                { "type": "emoji", "name": "no_entry" },
                { "type": "text", "text": " " },
                { "type": "text", "text": "denied", "style": { "bold": true } },
                { "type": "text", "text": " by " },
                { "type": "user", "user_id": "U0BOB" },
                { "type": "text", "text": " in " },
                { "type": "channel", "channel_id": "C0DBA" },
                { "type": "text", "text": " of " },
                { "type": "text", "text": "a:b<", "style": { "code": true } },
                { "type": "text", "text": " " },
                { "type": "date", "timestamp": 7, "format": "{time}", "fallback": "then" },
                { "type": "text", "text": ": use *this* `one` <!here>" },
            ],
        });
        assert_eq!(shown(&ours), [section]);
    }

    #[test]
    fn several_lines_within_a_sentence_are_a_quote() {
        let typed = text::words("one\n> two\n*Approved by* admin", 100);
        let said = shown(&format!("denied: {typed}. The end."));
        let kinds: Vec<_> = said.iter().map(|part| part["type"].clone()).collect();
        let quoted = ["rich_text_section", "rich_text_quote", "rich_text_section"];
        assert_eq!(kinds, quoted);
        assert_eq!(
            said[1]["elements"],
            json!([{ "type": "text", "text": "one\n> two\n*Approved by* admin" }])
        );
    }

    proptest! {
        /// Whatever somebody types, it is one text and as they typed it.
        #[test]
        fn typed_text_is_text(typed in "([*_~`:<>&@#!|^\n\t\u{200b}↵❝❞ a-c]|.){1,60}") {
            let typed: String = typed
                .trim()
                .chars()
                .filter(|char| matches!(char, '\n' | '\t') || !crate::sanitize::is_control(*char))
                .filter(|char| !crate::sanitize::turns_direction(*char))
                .collect();
            let typed = typed.trim();
            for piece in text::pieces(typed, 1_000, 1) {
                let block = quote(None, &piece);
                let elements = json!([{ "type": "text", "text": typed }]);
                let whole = json!({ "type": "rich_text_quote", "elements": elements });
                prop_assert_eq!(parts(&block), [whole]);
            }
        }
    }
}
