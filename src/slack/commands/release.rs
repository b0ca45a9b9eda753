//! Releases a login from its owner.

use super::command::{Call, Command};
use crate::{
    domain::Username,
    slack::{
        arguments::{Word, reason, text_of},
        interaction::Outcome,
        view::answer,
    },
};

pub(super) const COMMAND: Command = Command {
    name: "release",
    usage: "[login] [reason]",
    help: "releases a login, so that another person can use it. For administrators.",
    run: |call| Box::pin(run(call)),
};

/// The login as it was written, which the catalogue does not know, and why; both may be empty.
pub fn parse(words: &[Word]) -> (String, String) {
    let (login, behind) = words.split_at(words.len().min(1));
    (text_of(login), reason(behind))
}

async fn run(call: Call<'_>) -> Outcome {
    let (login, reason) = parse(call.words);
    if login.is_empty() || reason.is_empty() {
        return Ok(Some(answer::usage(&call.command.line())));
    }
    let login = Username::new(login);
    let broker = &call.interaction.slack.broker;
    let intent = &call.interaction.intent;
    broker.release_name(intent, &login, &reason).await?;
    Ok(Some(answer::released(&login)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::slack::arguments::words;

    #[test]
    fn release_takes_a_login_and_why() {
        for (text, login, reason) in [
            ("app because bob left", "app", "bob left"),
            ("app bob left", "app", "bob left"),
            ("app", "app", ""),
            ("", "", ""),
        ] {
            let expected = (login.to_owned(), reason.to_owned());
            assert_eq!(parse(&words(text)), expected, "{text}");
        }
    }
}
