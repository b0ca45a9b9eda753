//! Making text from outside safe to show: in a log, a terminal or a message.

/// The most characters that are kept of what somebody else's program said.
const LONGEST: usize = 300;

/// Whether a terminal would obey the character, or a line ends with it.
pub fn is_control(char: char) -> bool {
    char.is_control() || matches!(char, '\u{2028}' | '\u{2029}')
}

/// Whether the character turns the direction of text, which could hide what stands there.
pub fn turns_direction(char: char) -> bool {
    matches!(char, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// One line of at most 300 characters, without what would steer a terminal or turn the direction of
/// text.
pub fn excerpt(said: &str) -> String {
    let clean: String = said
        .chars()
        .map(|char| match char {
            unsafe_to_show if is_control(unsafe_to_show) || turns_direction(unsafe_to_show) => ' ',
            char => char,
        })
        .collect();
    let words = clean.split_whitespace().collect::<Vec<_>>().join(" ");
    if words.chars().count() <= LONGEST {
        return words;
    }
    words.chars().take(LONGEST - 1).chain(['…']).collect()
}

/// The text with every such character written as its escape.
pub fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for char in text.chars() {
        if is_control(char) || turns_direction(char) {
            escaped.extend(char.escape_unicode());
        } else {
            escaped.push(char);
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOSTILE: &str = " no\r\nsuch\u{1b}[31m\trole\u{202e}\u{2028}\0 ";

    #[test]
    fn an_excerpt_is_one_short_line_without_control_characters() {
        assert_eq!(excerpt(HOSTILE), "no such [31m role");
        assert_eq!(excerpt(&"é".repeat(300)), "é".repeat(300));
        assert_eq!(excerpt(&"é".repeat(301)), format!("{}…", "é".repeat(299)));
    }

    #[test]
    fn escaped_text_shows_every_control_character() {
        assert_eq!(
            escaped(HOSTILE),
            r" no\u{d}\u{a}such\u{1b}[31m\u{9}role\u{202e}\u{2028}\u{0} "
        );
        assert_eq!(escaped("Größe 東京"), "Größe 東京");
    }
}
