//! The words behind a command, and what they name: what every command's parser is made of.
//!
//! Reading is forgiving about order, quotes and how durations are written, and never guesses: what
//! is not understood is kept as it was written, and the command asks for clarification. It is a
//! pure function of the text and the catalogue.

mod draft;
pub(super) mod length;
pub(super) mod markup;
mod moment;
pub(super) mod names;
#[cfg(test)]
pub(super) mod tests;
mod ticket;
mod words;

pub use draft::{Draft, Unclear, Wanted};
pub use length::HowLong;
pub use moment::Moment;
pub(super) use moment::moment;
pub(super) use ticket::ticket;
pub use words::Word;
pub(super) use words::{bare, text_of, words};

use crate::domain::{Catalogue, Email, RequestId, ScopeId, UserId};
use markup::Mark;

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
    /// The person who types.
    Me,
    /// The person who has this address.
    Address(Email),
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

/// What the first word names, and the words behind it.
pub(super) fn named<'a>(words: &'a [Word], catalogue: &Catalogue) -> (Named, &'a [Word]) {
    let Some((first, rest)) = words.split_first() else {
        return (Named::Nothing, words);
    };
    let word = first.text.as_str();
    let plain = bare(word);
    let named = match markup::mark(plain) {
        Some(Mark::Person(id, _)) => Named::Person(id),
        Some(Mark::Other(link)) => address(link.strip_prefix("mailto:").unwrap_or_default())
            .unwrap_or_else(|| unknown(word, catalogue)),
        Some(Mark::Channel(..)) => unknown(word, catalogue),
        None => match plain.to_lowercase().as_str() {
            "everything" | "all" => Named::Everything,
            "me" | "myself" => Named::Me,
            _ => names::exact(word, catalogue)
                .map(Named::Scope)
                .or_else(|| markup::is_person(plain).then(|| Named::Person(UserId::new(plain))))
                .or_else(|| plain.parse().ok().map(Named::Request))
                .or_else(|| address(plain))
                .unwrap_or_else(|| unknown(word, catalogue)),
        },
    };
    (named, rest)
}

/// The address that a word is.
fn address(word: &str) -> Option<Named> {
    let (name, domain) = word.split_once('@')?;
    let is_one = !name.is_empty() && domain.contains('.') && !domain.contains('@');
    is_one.then(|| Named::Address(Email::new(word)))
}

/// What the first word names, and the reason behind it, which may be empty.
pub(super) fn named_and_reason(words: &[Word], catalogue: &Catalogue) -> (Named, String) {
    let (what, behind) = named(words, catalogue);
    (what, reason(behind))
}

/// The words as a reason, without a `because` before them; may be empty.
pub(super) fn reason(words: &[Word]) -> String {
    match words {
        [first, rest @ ..] if first.is("because") => text_of(rest),
        all => text_of(all),
    }
}

fn unknown(word: &str, catalogue: &Catalogue) -> Named {
    Named::Unknown {
        written: markup::readable(word),
        like: names::suggestions(word, catalogue),
    }
}
