//! What people wrote cannot be markup, and is not lost.

use keylend::slack::view::text::{code, escape, pieces, words};

/// More than anything here becomes.
const PLENTY: usize = usize::MAX;

pub fn holds(data: &[u8]) {
    let Some((limit, text)) = data.split_first() else {
        return;
    };
    let (limit, text) = (usize::from(*limit), String::from_utf8_lossy(text));
    let escaped = escape(&text, PLENTY);
    is_harmless(&escaped);
    assert!(!escaped.contains("\u{200b}↵"), "{escaped:?}");
    is_harmless(&words(&text, PLENTY));

    let whole = pieces(&text, PLENTY, 1).concat();
    is_harmless(&whole);
    is_unformatted(&whole);
    assert_eq!(unescaped(&whole), as_read(&text));

    let name = code(&text);
    let inner = name
        .strip_prefix('`')
        .and_then(|name| name.strip_suffix('`'));
    let inner = inner.expect("a name stands as code");
    is_harmless(inner);
    assert!(!inner.contains('`') && inner.chars().count() <= 80);

    // The longest of what one character becomes, and the ellipsis.
    if limit > "‹U+202E›".chars().count() {
        let pieces = pieces(&text, limit, 3);
        assert!(pieces.len() <= 3);
        for piece in &pieces {
            is_harmless(piece);
            assert!(piece.encode_utf16().count() <= limit, "{piece:?}");
        }
        let shown = pieces.concat();
        let kept = shown.strip_suffix('…').unwrap_or(&shown);
        assert!(whole.starts_with(kept), "{shown:?}");
    }
}

/// Slack's three characters stand only as Slack's escapes; nothing turns a line or ends it.
pub fn is_harmless(mrkdwn: &str) {
    assert!(!mrkdwn.contains(['<', '>']), "{mrkdwn:?}");
    for behind in mrkdwn.split('&').skip(1) {
        let escape = ["amp;", "lt;", "gt;"]
            .iter()
            .any(|name| behind.starts_with(name));
        assert!(escape, "{mrkdwn:?}");
    }
    let odd = mrkdwn
        .chars()
        .find(|char| char.is_control() || is_separator(*char) || turns(*char));
    assert_eq!(odd, None, "{mrkdwn:?}");
}

/// Slack's marks stand only behind a zero-width space.
fn is_unformatted(mrkdwn: &str) {
    let mut before = ' ';
    for char in mrkdwn.chars() {
        let is_mark = matches!(char, '*' | '_' | '~' | '`');
        assert!(!is_mark || before == '\u{200b}', "{mrkdwn:?}");
        before = char;
    }
}

fn is_separator(char: char) -> bool {
    matches!(char, '\u{2028}' | '\u{2029}')
}

fn turns(char: char) -> bool {
    matches!(char, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// What Slack shows of an escaped text.
fn unescaped(mrkdwn: &str) -> String {
    let mut shown = String::new();
    let mut chars = mrkdwn.chars();
    while let Some(char) = chars.next() {
        match char {
            '\u{200b}' => shown.extend(chars.next().map(|char| match char {
                '∶' => ':',
                other => other,
            })),
            other => shown.push(other),
        }
    }
    shown
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&amp;", "&")
}

/// What a person would read of a text, with signs for its line ends and tabs.
fn as_read(text: &str) -> String {
    let mut read = String::new();
    let mut lines = 0;
    for char in text.trim().replace("\r\n", "\n").chars() {
        lines += usize::from(char == '\n');
        match char {
            '\n' if lines <= 50 => read.push('↵'),
            '\t' => read.push('⇥'),
            odd if odd.is_control() || is_separator(odd) || turns(odd) => {
                read.push_str(&format!("‹U+{:04X}›", u32::from(odd)));
            }
            other => read.push(other),
        }
    }
    read
}
