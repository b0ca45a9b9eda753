//! The command line: what somebody typed behind `/jit`, as what they meant.
//!
//! Reading is forgiving about order, quotes and how durations are written, and never guesses: what
//! is not understood is kept as it was written, and whoever acts on the line asks back. It is a
//! pure function of the text and the catalogue.

mod markup;
mod names;
mod parts;
mod words;

#[cfg(test)]
pub(super) mod tests;

pub(crate) use markup::channels;

use crate::domain::{Catalogue, ChannelId, RequestId, ScopeId, Span, UserId};
use markup::Mark;
use words::Word;

/// What somebody meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// Ask for access, with what is known of it so far; nothing at all for the bare command.
    Request(Draft),
    /// What do I have, and what do I wait for?
    Status,
    /// I am done with it.
    Done {
        /// With what.
        what: Named,
        /// Also where that closes sessions of another grant.
        anyway: bool,
    },
    /// I need more time.
    Extend {
        /// With what.
        what: Named,
        /// How much more, if they said.
        more: Option<Span>,
    },
    /// Who has access, or what does somebody have?
    Who(Named),
    /// Take it away.
    Revoke {
        /// What.
        what: Named,
        /// Why; may be empty.
        reason: String,
    },
    /// Let nobody have it.
    Lock {
        /// What.
        what: Named,
        /// Why; may be empty.
        reason: String,
    },
    /// Let people have it again.
    Unlock(Named),
    /// Let a name in the targets belong to nobody.
    Release {
        /// The name, as it was written.
        name: String,
        /// Why; may be empty.
        reason: String,
    },
    /// What is this scope, and who decides on it?
    Explain(Named),
    /// What can I type?
    Help,
    /// Nothing that we know.
    Unknown {
        /// The word that was to be a command.
        written: String,
        /// The command that it may have been meant to be.
        like: Option<&'static str>,
    },
}

/// What is known of a request that somebody wants to make.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Draft {
    /// What for.
    pub scope: Wanted,
    /// For how long.
    pub duration: Option<Span>,
    /// Under which ticket.
    pub ticket: Option<String>,
    /// Why; may be empty.
    pub reason: String,
    /// The channels that the line mentions.
    pub channels: Vec<ChannelId>,
}

/// What a request is for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Wanted {
    /// They did not say.
    #[default]
    Nothing,
    /// This.
    Scope(ScopeId),
    /// Something that is no scope.
    Unknown {
        /// What they wrote.
        written: String,
        /// What it may have meant, best first.
        like: Vec<ScopeId>,
    },
}

/// What a command is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Named {
    /// They did not say.
    Nothing,
    /// One request.
    Request(RequestId),
    /// A scope.
    Scope(ScopeId),
    /// A person.
    Person(UserId),
    /// Everything there is.
    Everything,
    /// None of these.
    Unknown {
        /// What they wrote.
        written: String,
        /// The scopes that it may have meant, best first.
        like: Vec<ScopeId>,
    },
}

/// The commands, as they are written.
const COMMANDS: [&str; 11] = [
    "request", "status", "done", "extend", "who", "revoke", "lock", "unlock", "release", "explain",
    "help",
];

/// How alike a word and a command have to be, from 0 to 1, to take one for a slip of the other.
const ALIKE: f64 = 0.6;

/// Reads what stands behind the slash command.
pub fn parse(text: &str, catalogue: &Catalogue) -> Line {
    let mut words = words::words(text);
    if words.is_empty() {
        return Line::Request(Draft::default());
    }
    let first = words[0].text.to_lowercase();
    let command = COMMANDS.iter().find(|command| **command == first);
    let Some(command) = command.filter(|_| !words[0].quoted) else {
        return without_command(words, catalogue);
    };
    let rest = words.split_off(1);
    let (what, behind) = named(&rest, catalogue);
    match *command {
        "request" => Line::Request(parts::draft(rest, catalogue)),
        "status" => Line::Status,
        "done" => Line::Done {
            what,
            anyway: because(behind).eq_ignore_ascii_case("anyway"),
        },
        "extend" => extend(&rest, catalogue),
        "who" => Line::Who(what),
        "revoke" => Line::Revoke {
            what,
            reason: because(behind),
        },
        "lock" => Line::Lock {
            what,
            reason: because(behind),
        },
        "unlock" => Line::Unlock(what),
        "release" => release(&rest),
        "explain" => Line::Explain(what),
        _ => Line::Help,
    }
}

/// A line that begins with no command is a request if it names a scope.
fn without_command(words: Vec<Word>, catalogue: &Catalogue) -> Line {
    let first = words[0].text.clone();
    let draft = parts::draft(words, catalogue);
    if matches!(draft.scope, Wanted::Scope(_)) {
        return Line::Request(draft);
    }
    let lower = first.to_lowercase();
    let likeness = |command: &&str| strsim::normalized_damerau_levenshtein(&lower, command);
    let like = COMMANDS
        .into_iter()
        .map(|command| (likeness(&command), command))
        .filter(|(likeness, _)| *likeness >= ALIKE)
        .max_by(|(one, _), (other, _)| one.total_cmp(other))
        .map(|(_, command)| command);
    match (draft.scope, like) {
        (scope @ Wanted::Unknown { .. }, None) => Line::Request(Draft { scope, ..draft }),
        (_, like) => Line::Unknown {
            written: markup::readable(&first),
            like,
        },
    }
}

/// `release app because …`: a name is nothing that the catalogue knows.
fn release(words: &[Word]) -> Line {
    let (name, behind) = words.split_at(words.len().min(1));
    Line::Release {
        name: parts::text_of(name),
        reason: because(behind),
    }
}

/// `extend db-prod:write 30m`, or the other way round.
fn extend(words: &[Word], catalogue: &Catalogue) -> Line {
    if let Some((more, rest)) = parts::leading_duration(words) {
        let (what, _) = named(rest, catalogue);
        let more = Some(more);
        return Line::Extend { what, more };
    }
    let (what, rest) = named(words, catalogue);
    let more = parts::leading_duration(rest).map(|(more, _)| more);
    Line::Extend { what, more }
}

/// What the first word names, and the words behind it.
fn named<'a>(words: &'a [Word], catalogue: &Catalogue) -> (Named, &'a [Word]) {
    let Some((first, rest)) = words.split_first() else {
        return (Named::Nothing, words);
    };
    let word = first.text.as_str();
    let named = match markup::mark(word) {
        Some(Mark::Person(id, _)) => Named::Person(id),
        Some(_) => unknown(word, catalogue),
        None if matches!(word.to_lowercase().as_str(), "everything" | "all") => Named::Everything,
        None => match (names::exact(word, catalogue), word.parse()) {
            (Some(scope), _) => Named::Scope(scope),
            (None, Ok(request)) => Named::Request(request),
            (None, Err(_)) => unknown(word, catalogue),
        },
    };
    (named, rest)
}

fn unknown(word: &str, catalogue: &Catalogue) -> Named {
    Named::Unknown {
        written: markup::readable(word),
        like: names::suggestions(word, catalogue),
    }
}

fn because(words: &[Word]) -> String {
    match words {
        [first, rest @ ..] if !first.quoted && first.text.eq_ignore_ascii_case("because") => {
            parts::text_of(rest)
        }
        all => parts::text_of(all),
    }
}
