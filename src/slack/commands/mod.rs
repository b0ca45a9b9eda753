//! The commands behind `/jit`: one file for each word.
//!
//! To add one, write a file with a `COMMAND` (its name, usage and help), a `parse` that reads the
//! words behind it with [`arguments`], and a `run` that does it; then add it to [`COMMANDS`].
//! Parsing, the help and the suggestion for a word that is no command follow from that. Tests say
//! what `manifest.yml` and `docs/commands.md` need; `fuzz/src/line.rs` needs a rule for what is parsed.

pub mod break_glass;
mod command;
pub mod done;
pub mod explain;
pub mod extend;
mod help;
mod incident;
pub mod lock;
pub mod release;
pub mod request;
mod resolve_named;
mod resolve_request;
pub mod reviews;
pub mod revoke;
pub mod status;
pub mod unlock;
pub mod who;
pub mod withdraw;

pub use command::Command;

use super::{
    arguments::{self, Wanted, Word, markup},
    interaction::{Interaction, Outcome},
    view::answer,
};
use crate::domain::{Attempted, Catalogue};
use command::Call;

/// Every command, in the order of the help.
pub const COMMANDS: &[&Command] = &[
    &request::COMMAND,
    &status::COMMAND,
    &withdraw::COMMAND,
    &extend::COMMAND,
    &done::COMMAND,
    &explain::COMMAND,
    &who::COMMAND,
    &incident::COMMAND,
    &revoke::COMMAND,
    &lock::COMMAND,
    &unlock::COMMAND,
    &release::COMMAND,
    &break_glass::COMMAND,
    &reviews::COMMAND,
    &help::COMMAND,
];

/// How alike a word and a command have to be, from 0 to 1, to take one for a slip of the other.
const ALIKE: f64 = 0.6;

/// What stands behind `/jit`.
#[derive(Debug)]
pub enum Typed {
    /// A command, and the words behind it.
    Command(&'static Command, Vec<Word>),
    /// A word that is no command.
    Unknown {
        /// The word.
        written: String,
        /// The command that it may have been meant to be.
        nearest: Option<&'static Command>,
    },
}

/// Does what was typed. Only a full member may type anything.
pub(super) async fn run(interaction: &Interaction, text: &str) -> Outcome {
    let broker = &interaction.slack.broker;
    let typed = read(text, broker.catalogue());
    // `request` checks this itself: a modal has to be open within three seconds.
    if !matches!(&typed, Typed::Command(command, _) if command.name == request::COMMAND.name) {
        let action = match &typed {
            Typed::Command(command, _) => Attempted::by_command(command.name),
            Typed::Unknown { .. } => None,
        };
        let intent = &interaction.intent;
        broker.member_trying(intent, action, None).await?;
    }
    match typed {
        Typed::Command(command, words) => {
            let call = Call {
                command,
                words: &words,
                interaction,
                commands: COMMANDS,
            };
            (command.run)(call).await
        }
        Typed::Unknown { written, nearest } => {
            let nearest = nearest.map(|command| command.name);
            let help = help::text(COMMANDS);
            Ok(Some(answer::unknown_command(&written, nearest, &help)))
        }
    }
}

/// Finds the command. A line that begins with none is a request if it names a scope, or something
/// like one; so is the bare `/jit`.
pub fn read(text: &str, catalogue: &Catalogue) -> Typed {
    let mut words = arguments::words(text);
    let Some(first) = words.first() else {
        return Typed::Command(&request::COMMAND, words);
    };
    if let Some(command) = COMMANDS.iter().find(|command| first.is(command.name)) {
        return Typed::Command(command, words.split_off(1));
    }
    match (
        request::parse(&words, catalogue).scope,
        nearest(&first.text),
    ) {
        (Wanted::Scope(_), _) | (Wanted::Unknown { .. }, None) => {
            Typed::Command(&request::COMMAND, words)
        }
        (_, nearest) => Typed::Unknown {
            written: markup::readable(&first.text),
            nearest,
        },
    }
}

/// The command that `word` may have been meant to be.
fn nearest(word: &str) -> Option<&'static Command> {
    let word = word.to_lowercase();
    COMMANDS
        .iter()
        .map(|command| {
            (
                strsim::normalized_damerau_levenshtein(&word, command.name),
                command,
            )
        })
        .filter(|(likeness, _)| *likeness >= ALIKE)
        .max_by(|(one, _), (other, _)| one.total_cmp(other))
        .map(|(_, command)| *command)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::slack::arguments::tests::catalogue;

    fn found(text: &str) -> (&'static str, usize) {
        match read(text, &catalogue()) {
            Typed::Command(command, words) => (command.name, words.len()),
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn a_command_is_known_in_any_case_and_takes_the_words_behind_it() {
        for command in COMMANDS {
            let name = command.name;
            for text in [name.to_owned(), name.to_uppercase()] {
                assert_eq!(found(&format!(" {text} it \"with care\"")), (name, 2));
            }
        }
    }

    #[test]
    fn a_line_without_a_command_requests_what_it_names() {
        for (text, words) in [
            ("", 0),
            ("  ", 0),
            ("db-prod:write 30m INC-4211 why", 4),
            ("30m DB-prod:write", 2),
            ("\"status\" of db-prod:read", 3),
            ("k8s/payments 30m", 2),
            ("mainframe:root", 1),
        ] {
            assert_eq!(found(text), ("request", words), "{text:?}");
        }
    }

    #[test]
    fn an_unknown_word_gets_the_nearest_command_if_one_is_near() {
        for (text, word, like) in [
            ("stauts", "stauts", Some("status")),
            ("Revok @alice", "Revok", Some("revoke")),
            ("unlok everything", "unlok", Some("unlock")),
            ("make me admin", "make", None),
            ("\"help\"", "help", Some("help")),
        ] {
            let Typed::Unknown { written, nearest } = read(text, &catalogue()) else {
                panic!("{text} is a command");
            };
            assert_eq!(written, word);
            assert_eq!(nearest.map(|command| command.name), like, "{text}");
        }
    }

    #[test]
    fn the_help_lists_every_command_once() {
        let help = help::text(COMMANDS);
        for command in COMMANDS {
            let lines = help
                .lines()
                .filter(|line| *line == format!("`{}` {}", command.line(), command.help));
            assert_eq!(lines.count(), 1, "{}", command.name);
            assert!(command.help.ends_with('.'), "{}", command.name);
        }
        insta::assert_snapshot!("help", help);
    }

    #[test]
    fn the_manifest_hints_at_every_command() {
        let manifest = include_str!("../../../manifest.yml");
        let (request, others) = COMMANDS.split_first().unwrap();
        let mut hint = format!("{} {}", request.name, request.usage);
        for command in others {
            hint.push_str(&format!(" | {}", command.name));
        }
        let line = format!("usage_hint: \"{hint}\"");
        assert!(manifest.contains(&line), "manifest.yml needs {line}");
    }

    #[test]
    fn the_documentation_lists_every_command() {
        let page = include_str!("../../../docs/commands.md");
        for command in COMMANDS {
            let row = format!("| `{}` | ", command.line());
            assert!(page.contains(&row), "docs/commands.md needs {row}");
        }
    }
}
