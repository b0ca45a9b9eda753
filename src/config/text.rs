//! What people meant, and what may be a secret.

use crate::domain::UserId;

/// Adds to `said` which of `known` was probably meant, or all of them.
pub(super) fn choose(said: String, wrong: &str, known: &[&str]) -> String {
    match nearest(wrong, known.iter().copied()) {
        Some(near) => format!("{said}; did you mean `{near}`?"),
        None if known.is_empty() || said.contains(known[0]) => said,
        None => format!("{said}; write one of `{}`", known.join("`, `")),
    }
}

/// The one of `known` that `wrong` was probably meant to be.
pub(super) fn nearest<'k>(
    wrong: &str,
    known: impl IntoIterator<Item = &'k str>,
) -> Option<&'k str> {
    let limit = (wrong.chars().count() / 3).clamp(1, 4);
    known
        .into_iter()
        .map(|name| (strsim::damerau_levenshtein(wrong, name), name))
        .filter(|(distance, _)| *distance <= limit)
        .min()
        .map(|(_, name)| name)
}

/// Whether a line of a configuration may hold a secret that somebody wrote into it after all: it
/// is not shown then.
pub(super) fn may_hold_secret(line: &str) -> bool {
    let (key, value) = line.split_once('=').unwrap_or(("", line));
    let key = key.to_ascii_lowercase();
    let value = value.trim_start();
    let named = ["tok", "secret", "passw", "key"]
        .iter()
        .any(|word| key.contains(word));
    let written = value.starts_with(['"', '\'']);
    let with_password = value.split_once("://").is_some_and(|(_, rest)| {
        rest.split(['/', '"', '\''])
            .next()
            .is_some_and(|host| host.contains('@'))
    });
    (named && written) || with_password || ["xox", "xapp-"].iter().any(|sign| line.contains(sign))
}

/// What [`is_channel_id`] lets through, as a pattern of a JSON Schema.
pub(super) const CHANNEL_ID: &str = "^[CG][A-Z0-9]{2,}$";

/// What [`person`] lets through, as a pattern of a JSON Schema.
pub(super) const PERSON_ID: &str = "^[A-Z][A-Z0-9]{2,}$";

/// A count with its noun: `1 approval`, `2 approvals`.
pub(crate) fn counted(count: usize, what: &str) -> String {
    match count {
        1 => format!("1 {what}"),
        _ => format!("{count} {what}s"),
    }
}

/// Whether the text can be a channel's id.
pub(super) fn is_channel_id(text: &str) -> bool {
    text.starts_with(['C', 'G']) && is_slack_id(text)
}

/// What to say of a channel that is not named by its id.
pub(super) fn not_a_channel_id(text: &str) -> String {
    format!(
        "`{text}` is not a channel's id, such as `C0123ABCD`: Slack shows it at the bottom of the \
         channel's details"
    )
}

/// Whether the text can be an id of Slack's. The first letter of a person's means nothing.
pub(super) fn is_slack_id(text: &str) -> bool {
    text.len() >= 3
        && text.starts_with(|first: char| first.is_ascii_uppercase())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
}

/// A person's id, if the text can be one.
pub(super) fn person(text: &str) -> Result<UserId, String> {
    if is_slack_id(text) {
        Ok(UserId::new(text))
    } else {
        Err(format!(
            "`{text}` is not a person's id, such as `U0123ABCD`: Slack shows it in the menu of \
             their profile, as \"Copy member ID\""
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_name_is_recognised_and_a_foreign_one_is_not() {
        let known = ["bot_token", "signing_secret", "api_url"];
        assert_eq!(nearest("bot_tokn", known), Some("bot_token"));
        assert_eq!(nearest("colour", known), None);
    }

    #[test]
    fn lines_with_secrets_are_told_from_others() {
        for line in [
            "bot_token = \"abc\"",
            "  bot_tokne = 'abc'",
            "something = \"xoxb-1\"",
            "url = \"postgres://keylend:hunter2@db/app\"",
        ] {
            assert!(may_hold_secret(line), "{line}");
        }
        for line in [
            "bot_token = { env = \"SLACK_BOT_TOKEN\" }",
            "listen = \"127.0.0.1:8080\"",
            "url = \"sqlite://keylend.db\"",
            "[secrets]",
        ] {
            assert!(!may_hold_secret(line), "{line}");
        }
    }
}
