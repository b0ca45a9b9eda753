//! Who had what at a moment, in `mrkdwn`.

use super::{
    answer::{LISTED, PEOPLE, clipped},
    text,
};
use crate::{
    broker::{HeldAt, HeldBy},
    domain::{Time, holding::Holding},
};

/// What is asked about, in words.
pub fn named(whose: &HeldBy) -> String {
    match whose {
        HeldBy::Scope(scope) => text::code(scope),
        HeldBy::Person(person) => text::person(person),
        HeldBy::Target(target) => text::code(target),
    }
}

/// Who had what at `at`.
pub fn held_at(whose: &HeldBy, at: Time, held: &HeldAt) -> String {
    let (what, when) = (named(whose), text::time(at));
    let holdings = match held {
        HeldAt::TooLongAgo => {
            return format!(
                "That is too long ago to answer here: the log has grown too much since {when}. \
                 `keylend audit who --at` reads the whole log."
            );
        }
        HeldAt::Held(holdings) => holdings,
    };
    if holdings.is_empty() {
        return match whose {
            HeldBy::Scope(_) | HeldBy::Target(_) => format!("Nobody had {what} at {when}."),
            HeldBy::Person(_) => format!("{what} had nothing at {when}."),
        };
    }
    let mut lines = vec![match whose {
        HeldBy::Scope(_) => format!("Who had {what} at {when}:"),
        HeldBy::Target(_) => format!("Who had access in {what} at {when}:"),
        HeldBy::Person(_) => format!("What {what} had at {when}:"),
    }];
    lines.extend(holdings.iter().take(LISTED).map(line));
    if holdings.len() > LISTED {
        lines.push(format!("… and {} more", holdings.len() - LISTED));
    }
    clipped(&lines)
}

fn line(holding: &Holding) -> String {
    let revoked = holding.being_revoked_since.map(text::time);
    let revoked = revoked.map(|since| format!(", being revoked since {since}"));
    let approved: Vec<String> = holding
        .approved
        .iter()
        .take(PEOPLE)
        .map(|approval| text::actor(&approval.by))
        .collect();
    let approved = match approved.is_empty() {
        true => String::new(),
        false => format!(", approved by {}", approved.join(", ")),
    };
    format!(
        "• {} of {} from {} until {}{}{approved} · {}",
        text::code(&holding.scope),
        text::person(&holding.requester),
        text::time(holding.from),
        text::time(holding.until),
        revoked.unwrap_or_default(),
        text::code(holding.request)
    )
}
