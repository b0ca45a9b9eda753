//! The parts of a request in a line of words: scope, duration, ticket, and the reason that is left.
//!
//! The catalogue's names and tickets of the scope's own pattern are known wherever they stand. A
//! duration, or a ticket that only looks like one, is read where it stands at an end of the line or
//! beside another part; between other words ("failing since 10m ago") it belongs to the reason.

use std::{ops::Range, sync::LazyLock};

use regex::Regex;

use crate::{
    domain::{Catalogue, ScopeId},
    slack::arguments::{
        Draft, Wanted, Word, bare,
        duration::{self, End},
        markup, names, reason,
    },
};

/// What most trackers' tickets look like.
static TICKET: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^[A-Z][A-Z0-9]+-\d+$").expect("the pattern of a ticket is a regular expression")
});

/// Reads a request from what stands behind `request`.
pub(super) fn read(words: &[Word], catalogue: &Catalogue) -> Draft {
    let marks = words.iter().map(|word| word.text.as_str());
    let channels = markup::channels(&marks.collect::<Vec<_>>().join(" "));
    let mut parts = Parts::new(words);
    let scope = parts.scope(catalogue);
    let rule = match &scope {
        Wanted::Scope(id) => catalogue.get(id).and_then(|scope| scope.ticket.as_ref()),
        _ => None,
    };
    let mut ticket = rule.and_then(|rule| parts.ticket_by(&rule.pattern));
    let mut duration = None;
    loop {
        if duration.is_none() {
            duration = parts.at_an_end(duration::at);
            if duration.is_some() {
                continue;
            }
        }
        if ticket.is_none() {
            ticket = parts.at_an_end(ticket_in);
            if ticket.is_some() {
                continue;
            }
        }
        break;
    }
    Draft {
        scope,
        duration,
        ticket,
        reason: parts.reason(),
        channels,
    }
}

/// Reads a part at an end of a run of words: how many words it takes, and the part.
type Reading<T> = fn(&[Word], End) -> Option<(usize, T)>;

/// The words of a line, and which of them are taken.
struct Parts<'a> {
    words: &'a [Word],
    taken: Vec<bool>,
}

impl<'a> Parts<'a> {
    fn new(words: &'a [Word]) -> Self {
        let taken = vec![false; words.len()];
        Self { words, taken }
    }

    fn scope(&mut self, catalogue: &Catalogue) -> Wanted {
        for at in 0..self.words.len() {
            if let Some(id) = self
                .plain(at)
                .and_then(|word| names::exact(word, catalogue))
            {
                self.take(at..at + 1);
                return Wanted::Scope(id);
            }
        }
        for at in 0..self.words.len() {
            let Some(word) = self.plain(at).filter(|word| looks_meant(word, at)) else {
                continue;
            };
            let like = names::suggestions(word, catalogue);
            // Without a colon it is a name only if it begins one.
            if word.contains(':') || !like.is_empty() {
                let written = word.to_owned();
                self.take(at..at + 1);
                return Wanted::Unknown { written, like };
            }
        }
        Wanted::Nothing
    }

    fn ticket_by(&mut self, pattern: &Regex) -> Option<String> {
        let found = (0..self.words.len()).find_map(|at| {
            let word = self.plain(at)?;
            // A pattern may allow anything; a ticket has a number, and is no length of time.
            if self.is_of_a_duration(at) {
                return None;
            }
            let matches = |text: &str| {
                text.bytes().any(|byte| byte.is_ascii_digit()) && pattern.is_match(text)
            };
            let upper = word.to_uppercase();
            if matches(word) {
                Some((at, word.to_owned()))
            } else {
                matches(&upper).then_some((at, upper))
            }
        });
        let (at, ticket) = found?;
        self.take(at..at + 1);
        Some(ticket)
    }

    /// Whether the word there is read as one of those of a duration.
    fn is_of_a_duration(&self, at: usize) -> bool {
        let first = (at + 1).saturating_sub(duration::LONGEST);
        (first..=at).any(|from| {
            let read = duration::at(&self.words[from..], End::Front);
            read.is_some_and(|(length, _)| from + length > at)
        })
    }

    /// Takes what `read` finds at an end of a run of words that are left, with a `for` before it.
    fn at_an_end<T>(&mut self, read: Reading<T>) -> Option<T> {
        for run in self.runs() {
            let words = &self.words[run.clone()];
            let skipped = usize::from(words.first().is_some_and(|word| word.is("for")));
            if let Some((length, part)) = read(&words[skipped..], End::Front) {
                self.take(run.start..run.start + skipped + length);
                return Some(part);
            }
            if let Some((length, part)) = read(words, End::Back) {
                self.take(run.end - length..run.end);
                return Some(part);
            }
        }
        None
    }

    fn runs(&self) -> Vec<Range<usize>> {
        let mut runs: Vec<Range<usize>> = Vec::new();
        for at in (0..self.words.len()).filter(|at| !self.taken[*at]) {
            match runs.last_mut() {
                Some(run) if run.end == at => run.end += 1,
                _ => runs.push(at..at + 1),
            }
        }
        runs
    }

    /// Takes the words, and a `for` before them.
    fn take(&mut self, range: Range<usize>) {
        let before = range.start.checked_sub(1);
        let before = before.filter(|at| self.words[*at].is("for"));
        self.taken[before.unwrap_or(range.start)..range.end].fill(true);
    }

    /// The word there without the punctuation behind it, unless it is quoted or taken.
    fn plain(&self, at: usize) -> Option<&str> {
        let word = &self.words[at];
        (!word.quoted && !self.taken[at]).then(|| bare(&word.text))
    }

    fn reason(self) -> String {
        let left = self.words.iter().zip(self.taken);
        let left: Vec<Word> = left
            .filter(|(_, taken)| !taken)
            .map(|(word, _)| word.clone())
            .collect();
        reason(&left)
    }
}

/// Whether a word that names nothing was meant to: it is written like a name, or stands first.
fn looks_meant(word: &str, at: usize) -> bool {
    let is_named = word.parse::<ScopeId>().is_ok();
    let begins = word.starts_with(|first: char| first.is_ascii_alphabetic());
    begins && (is_named || (at == 0 && word.len() >= 2 && !word.contains(':')))
}

fn ticket_in(words: &[Word], end: End) -> Option<(usize, String)> {
    let word = match end {
        End::Front => words.first(),
        End::Back => words.last(),
    };
    let word = word.filter(|word| !word.quoted)?;
    let text = bare(&word.text);
    TICKET.is_match(text).then(|| (1, text.to_owned()))
}
