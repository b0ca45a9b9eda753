//! What people wrote cannot be markup, and is not lost.

use keylend::slack::view::text::{code, escape, pieces};

/// More than anything here becomes.
const PLENTY: usize = usize::MAX;

pub fn holds(data: &[u8]) {
    let Some((limit, text)) = data.split_first() else {
        return;
    };
    let (limit, text) = (usize::from(*limit), String::from_utf8_lossy(text));
    let escaped = escape(&text, PLENTY);
    is_harmless(&escaped);
    assert_eq!(unescaped(&escaped), as_read(&text));

    let name = code(&text);
    let inner = name
        .strip_prefix('`')
        .and_then(|name| name.strip_suffix('`'));
    let inner = inner.expect("a name stands as code");
    is_harmless(inner);
    assert!(!inner.contains('`') && inner.chars().count() <= 80);

    // The longest of what one character becomes, and the ellipsis.
    if limit > "&amp;".len() {
        let pieces = pieces(&text, limit, 3);
        assert!(pieces.len() <= 3);
        for piece in &pieces {
            is_harmless(piece);
            assert!(piece.encode_utf16().count() <= limit, "{piece:?}");
        }
        let whole = pieces.concat();
        let kept = whole.strip_suffix('…').unwrap_or(&whole);
        assert!(escaped.starts_with(kept), "{whole:?}");
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
    let turns = |char| matches!(char, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let odd = mrkdwn
        .chars()
        .find(|char| char.is_control() || turns(*char));
    assert_eq!(odd, None, "{mrkdwn:?}");
}

/// What Slack shows of an escaped text.
fn unescaped(mrkdwn: &str) -> String {
    mrkdwn
        .replace('\u{200b}', "")
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&amp;", "&")
}

/// What a person would read of a text.
fn as_read(text: &str) -> String {
    let turns = |char: &char| matches!(char, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    text.trim()
        .chars()
        .filter(|char| !turns(char) && *char != '\u{200b}')
        .map(|char| match char {
            '\u{2028}' | '\u{2029}' => ' ',
            control if control.is_control() => ' ',
            other => other,
        })
        .collect()
}
