//! The parts of a request in a line of words: scope, duration, ticket, and the reason that is left.
//!
//! The catalogue's names and tickets of the scope's own pattern are known wherever they stand. A
//! duration, or a ticket that only looks like one, is read where it stands at an end of the line or
//! beside another part; between other words ("failing since 10m ago") it belongs to the reason.
//! What stands there and may be meant in more ways than one is asked about.

use std::{ops::Range, sync::LazyLock};

use regex::Regex;

use crate::{
    domain::{Catalogue, ScopeId, UserId},
    slack::arguments::{
        Draft, HowLong, Moment, Unclear, Wanted, Word, bare,
        length::{self, Reading},
        markup::{self, Mark},
        moment, names, reason, text_of, ticket,
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
    let start = parts.start();
    let scope = parts.scope(catalogue);
    let rule = match &scope {
        Wanted::Scope(id) => catalogue.get(id).and_then(|scope| scope.ticket.as_ref()),
        _ => None,
    };
    let by_rule = |parts: &mut Parts<'_>, is_short: bool| {
        rule.and_then(|rule| parts.ticket_by(&rule.pattern, is_short))
    };
    let mut found = by_rule(&mut parts, false);
    let mut unclear: Vec<Unclear> = Vec::new();
    let start = match start {
        Some(Ok(start)) => Some(start),
        Some(Err(written)) => {
            unclear.push(written);
            None
        }
        None => None,
    };
    unclear.extend(parts.recipient());
    unclear.extend(parts.later_start());
    let mut duration = None;
    loop {
        if duration.is_none() {
            duration = parts.at_an_end(clear_length);
            if duration.is_some() {
                // It may have stood before one of these.
                unclear.extend(parts.recipient());
                unclear.extend(parts.later_start());
                continue;
            }
        }
        if found.is_none() {
            found = parts.at_an_end(ticket_in);
            if found.is_some() {
                continue;
            }
        }
        break;
    }
    match duration {
        None => unclear.extend(parts.unclear_length()),
        // A short number is no duration any more.
        Some(_) if found.is_none() => found = by_rule(&mut parts, true),
        Some(_) => {}
    }
    Draft {
        scope,
        duration,
        start,
        ticket: found,
        reason: parts.reason(),
        channels,
        unclear,
    }
}

/// From which end of a run of words something is read.
#[derive(Clone, Copy, PartialEq)]
enum End {
    Front,
    Back,
}

/// Reads a part at an end of a run of words: how many words it takes, and the part.
type Read<T> = fn(&[Word], End) -> Option<(usize, T)>;

/// What a word is.
#[derive(Clone, Copy, PartialEq)]
enum Use {
    /// Nothing yet, so a part of the reason.
    Free,
    /// A part of the reason that is unclear, and nothing else.
    Kept,
    /// Another part of the request.
    Taken,
}

/// The words of a line, and what they are.
struct Parts<'a> {
    words: &'a [Word],
    uses: Vec<Use>,
}

impl<'a> Parts<'a> {
    fn new(words: &'a [Word]) -> Self {
        let uses = vec![Use::Free; words.len()];
        Self { words, uses }
    }

    /// A start behind its flag, wherever that stands: `--at 22:00`, `--at=2026-12-01T22:00`.
    fn start(&mut self) -> Option<Result<Moment, Unclear>> {
        let mut all = 0..self.words.len();
        let (flag, glued) = all.find_map(|at| Some((at, start_flag(self.plain(at)?)?)))?;
        let behind = (flag + 1..self.words.len()).map_while(|at| self.plain(at));
        let own = (!glued.is_empty()).then_some(glued);
        let texts: Vec<&str> = own.into_iter().chain(behind).take(2).collect();
        let own = usize::from(own.is_some());
        for length in (1..=texts.len()).rev() {
            if let Some(start) = moment(&texts[..length].join(" ")) {
                self.take(flag..flag + 1 + length - own);
                return Some(Ok(start));
            }
        }
        let end = (flag + 2 - own).min(self.words.len());
        self.uses[flag..end].fill(Use::Kept);
        Some(Err(Unclear::Start(text_of(&self.words[flag..end]))))
    }

    fn scope(&mut self, catalogue: &Catalogue) -> Wanted {
        // A name in quotes is one if no other stands there.
        for quoted in [false, true] {
            for at in 0..self.words.len() {
                let word = Some(&self.words[at]).filter(|word| word.quoted == quoted);
                if let Some(id) = word.and_then(|word| names::exact(&word.text, catalogue)) {
                    self.take(at..at + 1);
                    return Wanted::Scope(id);
                }
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

    /// A ticket of this pattern. A short number may as well be minutes, so it is asked for.
    fn ticket_by(&mut self, pattern: &Regex, is_short: bool) -> Option<String> {
        let found = (0..self.words.len()).find_map(|at| {
            let word = self.plain(at)?;
            if self.is_of_a_length(at) {
                return None;
            }
            let found = ticket(word, pattern)?;
            let is_short_number = found.len() <= 3 && is_number(&found);
            (is_short_number == is_short).then_some((at, found))
        });
        let (at, found) = found?;
        self.take(at..at + 1);
        Some(found)
    }

    /// Whether the word there is read as one of those of a length, or is one if it stands alone.
    fn is_of_a_length(&self, at: usize) -> bool {
        let first = (at + 1).saturating_sub(length::LONGEST);
        let taken = |words| match length::front(words) {
            Some((taken, Reading::Clear(_))) => taken,
            _ => 0,
        };
        taken(&self.words[at..=at]) == 1
            || (first..=at).any(|from| from + taken(&self.words[from..]) > at)
    }

    /// Takes what `read` finds at an end of a run of words that are left, with a `for` before it.
    fn at_an_end<T>(&mut self, read: Read<T>) -> Option<T> {
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

    /// What stands where a duration does and is not understood as one. At the front it is taken
    /// for a duration; at the back it may end a sentence.
    fn unclear_length(&mut self) -> Option<Unclear> {
        for run in self.runs() {
            let words = &self.words[run.clone()];
            if let Some((length, _)) = length::front(words) {
                let written = text_of(&words[..length]);
                // “60 hosts are down” is a sentence.
                if is_number(&written) && words.len() > length {
                    return Some(Unclear::InReason(written));
                }
                self.take(run.start..run.start + length);
                return Some(Unclear::Duration(written));
            }
            if let Some((length, _)) = length::back(words) {
                let written = text_of(&words[words.len() - length..]);
                return Some(Unclear::InReason(written));
            }
        }
        None
    }

    /// A person behind a `for` at an end of a run, or in the place of a part.
    fn recipient(&mut self) -> Option<Unclear> {
        for run in self.runs() {
            let words = &self.words[run.clone()];
            let is_for = |at: usize| words.get(at).is_some_and(|word| word.is("for"));
            let last = words.len() - 1;
            let is_alone = last == 0 || length::front(&words[1..]).is_some();
            let places = [
                is_for(0).then_some(1),
                (last > 0 && is_for(last - 1)).then_some(last),
                is_alone.then_some(0),
            ];
            let found = places.into_iter().flatten().find_map(|at| {
                let id = person(words.get(at)?)?;
                Some((run.start + at, id))
            });
            if let Some((at, id)) = found {
                self.uses[at] = Use::Kept;
                return Some(Unclear::Recipient(id, text_of(&self.words[at..=at])));
            }
        }
        None
    }

    /// A start at another time than now, at the front of a run.
    fn later_start(&mut self) -> Option<Unclear> {
        for run in self.runs() {
            if let Some(length) = length::later_start(&self.words[run.clone()]) {
                let start = run.start..run.start + length;
                self.uses[start.clone()].fill(Use::Kept);
                return Some(Unclear::Start(text_of(&self.words[start])));
            }
        }
        None
    }

    fn runs(&self) -> Vec<Range<usize>> {
        let mut runs: Vec<Range<usize>> = Vec::new();
        let free = |at: &usize| self.uses[*at] == Use::Free;
        for at in (0..self.words.len()).filter(free) {
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
        self.uses[before.unwrap_or(range.start)..range.end].fill(Use::Taken);
    }

    /// The word there without what stands around it, unless it is quoted or taken.
    fn plain(&self, at: usize) -> Option<&str> {
        let word = &self.words[at];
        (!word.quoted && self.uses[at] != Use::Taken).then(|| bare(&word.text))
    }

    fn reason(self) -> String {
        let left = self.words.iter().zip(self.uses);
        let left: Vec<Word> = left
            .filter(|(_, word_use)| *word_use != Use::Taken)
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

/// What stands within the word that flags a start, behind the flag; phones make one dash of two.
fn start_flag(word: &str) -> Option<&str> {
    let flag = word.trim_start_matches(['-', '–', '—']);
    let (name, glued) = flag.split_once(['=', ':']).unwrap_or((flag, ""));
    (flag.len() < word.len() && name.eq_ignore_ascii_case("at")).then_some(glued)
}

fn clear_length(words: &[Word], end: End) -> Option<(usize, HowLong)> {
    let read = match end {
        End::Front => length::front(words),
        End::Back => length::back(words),
    };
    match read? {
        (taken, Reading::Clear(how_long)) => Some((taken, how_long)),
        (_, Reading::Unclear) => None,
    }
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

fn is_number(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether a word is a person, and their id if Slack gave it.
fn person(word: &Word) -> Option<Option<UserId>> {
    let text = bare(&word.text);
    match markup::mark(text) {
        _ if word.quoted => None,
        Some(Mark::Person(id, _)) => Some(Some(id)),
        Some(Mark::Other(link)) => link.starts_with("mailto:").then_some(None),
        Some(Mark::Channel(..)) => None,
        None => {
            let (_, name) = text.split_once('@')?;
            name.starts_with(char::is_alphabetic).then_some(None)
        }
    }
}
