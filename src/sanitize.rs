//! Making text from outside safe to show: in a log, a terminal or a message.

use std::fmt::Write as _;

/// The most characters that are kept of what somebody else's program said.
const LONGEST: usize = 300;

/// Whether a terminal would obey the character, or a line ends with it.
pub fn is_control(char: char) -> bool {
    char.is_control() || matches!(char, '\u{2028}' | '\u{2029}')
}

/// Whether the character turns the direction of text, which could hide what stands there.
pub fn turns_direction(char: char) -> bool {
    matches!(char, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// One line of at most 300 characters, without what would steer a terminal or turn the direction of
/// text.
pub fn excerpt(said: &str) -> String {
    let clean: String = said
        .chars()
        .map(|char| match char {
            char if is_unsafe(char) => ' ',
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
        if is_unsafe(char) {
            escaped.extend(char.escape_unicode());
        } else {
            escaped.push(char);
        }
    }
    escaped
}

/// JSON with every such character, which can only stand in its strings, written as an escape of JSON.
pub fn escaped_json(json: &str) -> String {
    let mut escaped = String::with_capacity(json.len());
    for char in json.chars() {
        // Below that, serde_json escapes in strings, and what stands outside them is white space.
        if char >= '\u{7f}' && is_unsafe(char) {
            // None of them is beyond the sixteen bits that one escape holds.
            let _ = write!(escaped, "\\u{:04x}", u32::from(char));
        } else {
            escaped.push(char);
        }
    }
    escaped
}

/// The JSON that [`escaped_json`] gives this text for; nothing if it gives it for none.
pub fn unescaped_json(escaped: &str) -> Option<String> {
    let mut json = String::with_capacity(escaped.len());
    let mut rest = escaped;
    while let Some(at) = rest.find('\\') {
        let (before, escape) = rest.split_at(at);
        json.push_str(before);
        let code = escape.strip_prefix("\\u").and_then(|code| code.get(..4));
        let code = code.and_then(|code| u32::from_str_radix(code, 16).ok());
        let char = code.and_then(char::from_u32);
        rest = match char.filter(|char| *char >= '\u{7f}' && is_unsafe(*char)) {
            Some(char) => {
                json.push(char);
                &escape["\\u0000".len()..]
            }
            None => {
                let mut chars = escape.chars();
                json.extend(chars.by_ref().take(2));
                chars.as_str()
            }
        };
    }
    json.push_str(rest);
    (escaped_json(&json) == escaped).then_some(json)
}

fn is_unsafe(char: char) -> bool {
    is_control(char) || turns_direction(char)
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

    #[test]
    fn json_that_is_safe_to_show_says_the_same() {
        let hostile = "a\u{9b}31m\u{7f}\u{202e}\u{61c}\u{2028}\n\u{1b}ß\\u009b\\\u{85}";
        let json = serde_json::to_string(hostile).unwrap();
        let escaped = escaped_json(&json);
        assert!(!escaped.chars().any(is_unsafe), "{escaped}");
        assert_eq!(serde_json::from_str::<String>(&escaped).unwrap(), hostile);
        assert_eq!(unescaped_json(&escaped), Some(json.clone()));
        assert_eq!(unescaped_json(&json), None, "it is not safe to show");
        assert_eq!(
            unescaped_json(r#""\u009B""#),
            None,
            "it is written otherwise"
        );
        for plain in [r#""\\u009b""#, r#""\u001b""#, r#""\""#, "\"\\"] {
            assert_eq!(unescaped_json(plain).as_deref(), Some(plain));
        }
    }
}
