//! The head of a request's thread in the audit channel and in incident channels: who, what, and
//! how it stands. The thread below it has the history.

use super::{
    draft::Draft,
    record::{self, ending_for_requester, words},
};
use crate::{
    domain::{Request, State},
    slack::{
        client::Message,
        view::{start::starts_and_ends, text},
    },
};

pub(super) fn head(request: &Request) -> Message {
    let mut draft = Draft::default();
    let mut parts = vec![
        text::person(&request.requester),
        record::what(request),
        request.terms.duration.to_string(),
    ];
    parts.extend(record::ticket(request));
    parts.push(state(request));
    draft.say(parts.join(" · "));
    if let Some(review) = &request.review {
        draft.say(record::progress(review));
    }
    if let Some(stuck) = record::stuck(request) {
        draft.say(stuck);
    }
    draft.message()
}

/// What came of a request that is over, and why, as its requester reads it.
pub(in crate::slack::view) fn outcome(request: &Request) -> String {
    let why = match &request.state {
        State::Ended { cause, by, .. } => ending_for_requester(cause, by),
        State::Failed { error, .. } => words(error),
        State::Denied { reason, .. } => words(reason),
        _ => String::new(),
    };
    match why.is_empty() {
        true => state(request),
        false => format!("{}: {why}", state(request)),
    }
}

/// How a request stands, in a few words.
pub(in crate::slack::view) fn state(request: &Request) -> String {
    match &request.state {
        State::Pending { lapses_at } => {
            format!(
                ":hourglass_flowing_sand: *pending* until {}",
                text::time(*lapses_at)
            )
        }
        State::Approved => match starts_and_ends(request) {
            Some(when) => format!(":calendar: *approved*, {when}"),
            None => ":hourglass_flowing_sand: *approved*, granting access".to_owned(),
        },
        State::Active { .. } => match request.expires_at {
            Some(end) => format!(":large_green_circle: *active* until {}", text::time(end)),
            None => ":large_green_circle: *active*".to_owned(),
        },
        State::Ending { since, .. } => {
            format!(
                ":hourglass: *ending*, revoking since {}",
                text::time(*since)
            )
        }
        State::Ended { at, .. } => format!(":lock: *ended* {}", text::time(*at)),
        State::Failed { at, .. } => format!(":x: *failed* {}", text::time(*at)),
        State::Denied { by, at, .. } => format!(
            ":no_entry: *denied* by {} {}",
            text::actor(by),
            text::time(*at)
        ),
        State::Withdrawn { at, .. } => {
            format!(
                ":leftwards_arrow_with_hook: *withdrawn* {}",
                text::time(*at)
            )
        }
        State::Lapsed { at } => format!(":hourglass: *lapsed* {}", text::time(*at)),
    }
}
