//! A line of text as words: what is quoted is one, and so is a mention.

use std::ops::Range;

use super::markup;

/// One word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// The text, without its quotes.
    pub(in crate::slack) text: String,
    /// Whether it stood in quotes: then it is somebody's words, whatever they look like.
    pub(in crate::slack) quoted: bool,
    /// How many line ends stand before it.
    lines: usize,
}

impl Word {
    /// Whether it is `text`, in any case and not in quotes.
    pub(in crate::slack) fn is(&self, text: &str) -> bool {
        !self.quoted && self.text.eq_ignore_ascii_case(text)
    }
}

/// Quotes as keyboards and phones make them: what opens, and what closes.
const QUOTES: [(&[char], &[char]); 2] = [
    (&['"', '“', '”', '„', '«'], &['"', '”', '“', '»']),
    (&['\'', '‘', '‚'], &['\'', '’', '‘']),
];

/// The words of `text`. A quote that is not closed before a space is an ordinary character.
pub(in crate::slack) fn words(text: &str) -> Vec<Word> {
    let mut words = Vec::new();
    let (mut rest, mut lines) = (text.trim_start(), 0);
    while let Some(first) = rest.chars().next() {
        let (inner, end, quoted) = match quotation(rest, first) {
            Some((inner, end)) => (inner, end, true),
            None => {
                let end = unquoted(rest, first);
                (0..end, end, false)
            }
        };
        words.push(Word {
            text: rest[inner].trim().to_owned(),
            quoted,
            lines,
        });
        let behind = &rest[end..];
        rest = behind.trim_start();
        let space = &behind[..behind.len() - rest.len()];
        lines = space.matches('\n').count();
    }
    words
}

/// The words as people read them, on the lines on which they were typed.
pub(in crate::slack) fn text_of(words: &[Word]) -> String {
    let mut text = String::new();
    for word in words {
        match word.lines {
            0 => text.push(' '),
            lines => text.extend(std::iter::repeat_n('\n', lines)),
        }
        text.push_str(&markup::readable(&word.text));
    }
    text.trim().to_owned()
}

/// A text without the punctuation behind it, and without the marks that people put around names:
/// backticks, stars, underscores and quotes. Copied text may come with spaces that have no width.
pub(in crate::slack) fn bare(text: &str) -> &str {
    text.trim_start_matches(is_around)
        .trim_end_matches(|end| is_around(end) || [',', ';', '.'].contains(&end))
}

fn is_around(character: char) -> bool {
    let is_quote = |(opening, closing): &(&[char], &[char])| {
        opening.contains(&character) || closing.contains(&character)
    };
    matches!(
        character,
        '`' | '*' | '_' | '\u{200b}'..='\u{200d}' | '\u{2060}' | '\u{feff}'
    ) || QUOTES.iter().any(is_quote)
}

/// What stands between quotes at the start of `text`, and where it ends with its quote.
fn quotation(text: &str, first: char) -> Option<(Range<usize>, usize)> {
    let (_, closing) = QUOTES
        .iter()
        .find(|(opening, _)| opening.contains(&first))?;
    let start = first.len_utf8();
    text[start..]
        .char_indices()
        .map(|(at, character)| (start + at, character))
        .find(|(at, character)| {
            let behind = at + character.len_utf8();
            closing.contains(character)
                && text[behind..]
                    .chars()
                    .next()
                    .is_none_or(char::is_whitespace)
        })
        .map(|(at, character)| (start..at, at + character.len_utf8()))
}

/// Where the word at the start of `text` ends; a mention ends at its `>`.
fn unquoted(text: &str, first: char) -> usize {
    let mention = (first == '<').then(|| text.find('>')).flatten();
    match mention {
        Some(end) => end + 1,
        None => text.find(char::is_whitespace).unwrap_or(text.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(text: &str) -> Vec<String> {
        words(text)
            .into_iter()
            .map(|word| match word.quoted {
                true => format!("[{}]", word.text),
                false => word.text,
            })
            .collect()
    }

    #[test]
    fn a_quotation_is_one_word_whatever_the_keyboard_made_of_its_quotes() {
        for text in [
            r#"a "b c" d"#,
            "a “b c” d",
            "a „b c“ d",
            "a «b c» d",
            "a 'b c' d",
            "a ‘b c’ d",
            "a “b c\" d",
        ] {
            assert_eq!(split(text), ["a", "[b c]", "d"], "{text}");
        }
    }

    #[test]
    fn a_name_is_read_without_the_marks_around_it() {
        for text in [
            "`db:read`",
            "*db:read*,",
            "_db:read_",
            "“db:read”.",
            "'db:read'",
            "db:read\u{200b}",
            "\u{feff}`db:read`;",
        ] {
            assert_eq!(bare(text), "db:read", "{text}");
        }
    }

    #[test]
    fn words_stay_on_their_lines() {
        let words = words("why:  two\nlines\r\n\nand \"one\nmore\" ");
        assert_eq!(text_of(&words), "why: two\nlines\n\nand one\nmore");
        assert_eq!(text_of(&words[1..3]), "two\nlines");
        assert_eq!(text_of(&words[2..3]), "lines");
    }

    #[test]
    fn an_apostrophe_and_a_lonely_quote_are_characters() {
        assert_eq!(split("it's 5\" long"), ["it's", "5\"", "long"]);
        assert_eq!(split("\"open end"), ["\"open", "end"]);
        assert_eq!(split("  "), Vec::<String>::new());
        assert_eq!(split("\"\" a"), ["[]", "a"]);
    }

    #[test]
    fn a_mention_is_one_word_even_if_a_name_in_it_has_spaces() {
        assert_eq!(
            split("who <@U0ALICE|Alice Smith> <#C0INC|inc-1>"),
            ["who", "<@U0ALICE|Alice Smith>", "<#C0INC|inc-1>"]
        );
        assert_eq!(split("a < b"), ["a", "<", "b"]);
    }
}
