//! Whether a text is JSON in the canonical form of RFC 8785.
//!
//! A text in this form can be read in one way only: no key is there twice, no number or letter can
//! be written differently, and nothing stands around it. The text is scanned rather than parsed and
//! written again, so that the answer does not depend on how a parser rounds numbers.

/// How deep arrays and objects may stand in each other: deeper than anything that Keylend writes.
const DEEPEST: u32 = 100;

/// Whether `text` is one JSON value in canonical form, and nothing else.
pub(super) fn is_canonical(text: &str) -> bool {
    value(text, DEEPEST).is_some_and(str::is_empty)
}

/// What follows the value at the beginning of `text`; nothing if it is not in canonical form.
fn value(text: &str, depth: u32) -> Option<&str> {
    match text.as_bytes().first()? {
        b'{' => object(&text[1..], depth.checked_sub(1)?),
        b'[' => array(&text[1..], depth.checked_sub(1)?),
        b'"' => string(text).map(|(_, rest)| rest),
        b'-' | b'0'..=b'9' => number(text),
        _ => ["null", "true", "false"]
            .iter()
            .find_map(|word| text.strip_prefix(word)),
    }
}

fn array(mut text: &str, depth: u32) -> Option<&str> {
    if let Some(rest) = text.strip_prefix(']') {
        return Some(rest);
    }
    loop {
        text = value(text, depth)?;
        match text.strip_prefix(',') {
            Some(rest) => text = rest,
            None => return text.strip_prefix(']'),
        }
    }
}

fn object(mut text: &str, depth: u32) -> Option<&str> {
    if let Some(rest) = text.strip_prefix('}') {
        return Some(rest);
    }
    let mut before: Option<String> = None;
    loop {
        let (key, rest) = string(text)?;
        // By code units of UTF-16, and so never the same key again.
        if before.is_some_and(|before| !before.encode_utf16().lt(key.encode_utf16())) {
            return None;
        }
        before = Some(key);
        text = value(rest.strip_prefix(':')?, depth)?;
        match text.strip_prefix(',') {
            Some(rest) => text = rest,
            None => return text.strip_prefix('}'),
        }
    }
}

/// The string at the beginning of `text`, and what follows it.
fn string(text: &str) -> Option<(String, &str)> {
    let inside = text.strip_prefix('"')?.as_bytes();
    let mut at = 0;
    loop {
        match inside.get(at)? {
            b'"' => break,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    let (written, rest) = text.split_at_checked(at + 2)?;
    let read: String = serde_json::from_str(written).ok()?;
    let canonical = serde_json::to_string(&read).ok()?;
    (canonical == written).then_some((read, rest))
}

/// What follows the number at the beginning of `text`. All numbers are double-precision.
fn number(text: &str) -> Option<&str> {
    let is_part = |char: char| matches!(char, '0'..='9' | '+' | '-' | '.' | 'e' | 'E');
    let end = text.find(|char| !is_part(char)).unwrap_or(text.len());
    let (written, rest) = text.split_at(end);
    let read: f64 = written.parse().ok()?;
    let canonical = serde_json_canonicalizer::to_string(&read).ok()?;
    (canonical == written).then_some(rest)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn only_one_way_to_write_a_value_is_canonical() {
        for canonical in [
            "null",
            "0",
            "-1",
            "0.1",
            "1e+21",
            "1e-7",
            "9007199254740992",
            r#""""#,
            r#""ß\u0000\n\"\\/""#,
            "[]",
            "[1,[true,false],{}]",
            r#"{"":1,"a":{"b":2}}"#,
            "{\"\u{1F511}\":1,\"\u{FB33}\":2}",
        ] {
            assert!(is_canonical(canonical), "{canonical}");
        }
        for other in [
            "",
            " 0",
            "0 ",
            "\u{feff}0",
            "0\r",
            "00",
            "-0",
            "+1",
            "1.0",
            "1e3",
            "1E+21",
            "1e21",
            ".1",
            "1.",
            "1e400",
            "9007199254740993",
            "nan",
            "inf",
            "NaN",
            "Infinity",
            "nul",
            "nulll",
            r#"""#,
            r#""\"#,
            r#""\u0041""#,
            r#""\/""#,
            r#""\u000a""#,
            r#""\u001F""#,
            r#""\ud800""#,
            "\"\n\"",
            r#""a"b"#,
            "[1,]",
            "[1 ,2]",
            "[",
            r#"{"a":1,"a":1}"#,
            r#"{"a":1,"\u0061":1}"#,
            r#"{"b":1,"a":1}"#,
            r#"{"a":{"b":1,"b":2}}"#,
            r#"{"a": 1}"#,
            r#"{"a":1}{"#,
            "{\"\u{FB33}\":1,\"\u{1F511}\":2}",
        ] {
            assert!(!is_canonical(other), "{other}");
        }
        let nested = |depth| "[".repeat(depth) + &"]".repeat(depth);
        assert!(is_canonical(&nested(100)));
        assert!(!is_canonical(&nested(101)));
        assert!(!is_canonical(&"[".repeat(1_000_000)));
    }

    proptest! {
        #[test]
        fn whatever_is_written_in_canonical_form_is_found_to_be(
            text in any::<String>(),
            keys in proptest::collection::vec(any::<String>(), 0..4),
            float in proptest::num::f64::NORMAL | proptest::num::f64::SUBNORMAL,
            whole in any::<i64>(),
        ) {
            let object: serde_json::Map<_, _> =
                keys.into_iter().map(|key| (key, json!(whole))).collect();
            let value = json!([text, object, float]);
            let canonical = serde_json_canonicalizer::to_string(&value).unwrap();
            prop_assert!(is_canonical(&canonical), "{}", canonical);
        }

        #[test]
        fn any_text_is_answered(text in any::<String>()) {
            if is_canonical(&text) {
                let value: serde_json::Value = serde_json::from_str(&text).unwrap();
                prop_assert!(!value.is_null() || text == "null");
            }
        }
    }
}
