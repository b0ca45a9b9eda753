//! Tickets as people type them: in any case, and as links to them.

use regex::Regex;

use super::{length, markup, markup::Mark, words::bare};

/// The ticket of this pattern that `text` is, or that it links to. A pattern may allow anything; a
/// ticket is one word with a digit, and no length of time.
pub(in crate::slack) fn ticket(text: &str, pattern: &Regex) -> Option<String> {
    let plain = bare(text);
    let link = match markup::mark(plain) {
        Some(Mark::Other(link)) => link,
        Some(_) => return None,
        None => plain,
    };
    match link.split_once("://") {
        // The ticket stands behind the host, in the path or in the query, mostly last.
        Some((_, rest)) => rest
            .split(['/', '?', '&', ';', '=', '#'])
            .skip(1)
            .collect::<Vec<_>>()
            .into_iter()
            .rev()
            .map(bare)
            .find_map(|part| matching(part, pattern))
            .or_else(|| matching(link, pattern)),
        None => matching(plain, pattern),
    }
}

/// The text or its capitals, whichever the pattern matches.
fn matching(text: &str, pattern: &Regex) -> Option<String> {
    let has_digit = text.bytes().any(|byte| byte.is_ascii_digit());
    if !has_digit || text.contains(char::is_whitespace) || length::whole(text).is_some() {
        return None;
    }
    let upper = text.to_uppercase();
    if pattern.is_match(text) {
        Some(text.to_owned())
    } else {
        pattern.is_match(&upper).then_some(upper)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_is_read_in_any_case_and_from_a_link() {
        let whole = Regex::new("^INC-[0-9]+$").unwrap();
        for text in [
            "INC-4211",
            "inc-4211",
            "`Inc-4211`,",
            "<https://jira.example.com/browse/INC-4211>",
            "<https://jira.example.com/browse/INC-4211|INC-1>",
            "https://jira.example.com/browse/inc-4211?focus=7",
            "<https://jira.example.com/board?view=3&amp;selectedIssue=INC-4211#top>",
            "https://jira.example.com/browse/INC-4211.",
        ] {
            let read = ticket(text, &whole);
            assert_eq!(read.as_deref(), Some("INC-4211"), "{text}");
        }
        for text in [
            "OPS-1",
            "<#C0INC|inc-1>",
            "https://inc-4211/",
            "<see 1 <https://jira.example.com/INC-1 there>",
            "https://jira.example.com/browse/OPS-1",
        ] {
            assert_eq!(ticket(text, &whole), None, "{text}");
        }
        let anywhere = Regex::new("INC-[0-9]+").unwrap();
        let link = "<https://jira.example.com/browse/INC-4211>";
        let read = ticket(link, &anywhere);
        assert_eq!(read.as_deref(), Some("INC-4211"));
        let links = Regex::new("^https://jira.example.com/.*$").unwrap();
        let read = ticket(link, &links);
        let expected = "https://jira.example.com/browse/INC-4211";
        assert_eq!(read.as_deref(), Some(expected));
    }
}
