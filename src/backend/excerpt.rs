//! What a target said, made fit for a log and a message.

/// The most characters that are kept of what a target said.
const LONGEST: usize = 300;

/// One line of at most 300 characters, without what would steer a terminal or turn the writing
/// direction.
pub(super) fn excerpt(said: &str) -> String {
    let clean: String = said
        .chars()
        .map(|char| if is_visible(char) { char } else { ' ' })
        .collect();
    let words = clean.split_whitespace().collect::<Vec<_>>().join(" ");
    if words.chars().count() <= LONGEST {
        return words;
    }
    words.chars().take(LONGEST - 1).chain(['…']).collect()
}

fn is_visible(char: char) -> bool {
    let turns =
        matches!(char, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    !char.is_control() && !turns
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_target_said_is_one_short_line_without_control_characters() {
        assert_eq!(
            excerpt(" no\r\nsuch\u{1b}[31m\trole\u{202e}\0 "),
            "no such [31m role"
        );
        assert_eq!(excerpt(&"é".repeat(300)), "é".repeat(300));
        assert_eq!(excerpt(&"é".repeat(301)), format!("{}…", "é".repeat(299)));
    }
}
