//! What all modals share, and the names of all views.
//!
//! Views are JSON by small pure functions, written as Slack documents them and as snapshots show
//! them. slack-morphism's models lose nothing of them; forms take their builders several times the
//! lines, and an `action_id`, without which a form cannot be read, is optional there.

use serde_json::{Value, json};

use crate::slack::rich_text;

/// Our views, by their `callback_id`.
pub mod callback {
    /// The form that asks for access.
    pub const REQUEST: &str = "request";
    /// The form in which an approver chooses a shorter time.
    pub const APPROVE_SHORTER: &str = "approve_shorter";
    /// The form that asks why not.
    pub const DENY: &str = "deny";
    /// The form that asks for more time.
    pub const EXTEND: &str = "extend";
    /// The form that asks why access is ended.
    pub const END: &str = "end";
    /// The form in which a reviewer signs off.
    pub const SIGN_OFF: &str = "sign_off";
    /// The form in which an approver asks the requester a question.
    pub const ASK_QUESTION: &str = "ask_question";
    /// The form in which the requester answers a question.
    pub const ANSWER_QUESTION: &str = "answer_question";
    /// What a requester logs in with.
    pub const CREDENTIALS: &str = "credentials";
    /// The App Home.
    pub const HOME: &str = "home";
    /// Something to read, and nothing to submit.
    pub const NOTICE: &str = "notice";
}

/// The longest text of a section is 3,000 characters.
const LONGEST_SECTION: usize = 3000;

/// A modal that says something and has nothing to submit; it takes a form's place.
pub fn notice(title: &str, mrkdwn: &str) -> Value {
    json!({
        "type": "modal",
        "callback_id": callback::NOTICE,
        "title": plain(title, TITLE),
        "close": plain("Close", TITLE),
        "blocks": [section(mrkdwn)],
    })
}

/// What stands in for an answer that takes too long.
pub fn working() -> Value {
    notice(
        "Still working",
        "This takes longer than usual. I'll message you when it is done.",
    )
}

/// The longest title, submit or close of a modal, in characters.
pub(super) const TITLE: usize = 24;

/// Plain text, cut to `limit` characters: Slack neither formats nor links it.
pub(super) fn plain(text: &str, limit: usize) -> Value {
    json!({ "type": "plain_text", "text": cut(text, limit), "emoji": false })
}

/// `verbatim`: no links, names or mentions are made of plain text.
pub(super) fn mrkdwn(text: &str) -> Value {
    json!({ "type": "mrkdwn", "text": text, "verbatim": true })
}

pub(super) fn section(text: &str) -> Value {
    let text = whole_lines(text, LONGEST_SECTION);
    match rich_text::block(&text) {
        Some(typed) => json!(typed),
        None => json!({ "type": "section", "text": mrkdwn(&text) }),
    }
}

/// The text, cut with an ellipsis where it is longer than `limit`. Slack does not say what it
/// counts; UTF-16 counts most.
pub(super) fn cut(text: &str, limit: usize) -> String {
    if text.encode_utf16().count() <= limit {
        return text.to_owned();
    }
    let mut left = limit.saturating_sub(1);
    let mut cut: String = text
        .chars()
        .take_while(|character| {
            let fits = character.len_utf16() <= left;
            left = left.saturating_sub(character.len_utf16());
            fits
        })
        .collect();
    cut.push('…');
    cut
}

/// The lines that fit into `limit` characters, so that nothing is cut within a mention.
pub(super) fn whole_lines(text: &str, limit: usize) -> String {
    let mut left = limit.saturating_sub(2);
    let mut fitting: Vec<&str> = Vec::new();
    for line in text.lines() {
        let length = line.encode_utf16().count() + 1;
        if length > left {
            fitting.push("…");
            break;
        }
        left -= length;
        fitting.push(line);
    }
    fitting.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_cut_to_what_slack_takes() {
        assert_eq!(cut("12345", 5), "12345");
        assert_eq!(cut("123456", 5), "1234…");
        assert_eq!(cut("😀😀😀", 4), "😀…");
        assert_eq!(whole_lines("one\ntwo\nthree", 13), "one\ntwo\n…");
        assert_eq!(whole_lines("one\ntwo", 20), "one\ntwo");
    }
}
