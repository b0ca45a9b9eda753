//! What is said of a start in the future.

use super::text;
use crate::{domain::Request, slack::arguments::Moment};

/// What is said below the start in the form.
pub(super) const HINT: &str = "Leave it empty to start when it is approved. At most 7 days ahead, and checked again at the start.";

/// A start that cannot be told where somebody is, in plain text.
pub fn unknown(written: Moment) -> String {
    format!("Keylend can't tell when {written} is where you are. Choose the start here.")
}

/// A start that has passed, in plain text.
pub fn past(written: Moment, zone: &str) -> String {
    format!("{written} has passed where you are ({zone}). Choose a later start.")
}

/// An end by the clock of access that starts later, in plain text.
pub const UNTIL_WITH_START: &str =
    "With a start, write how long you need access, such as 30m or 1h30m.";

/// When access starts, behind how long it lasts; empty if that is at its approval.
pub(super) fn starting(request: &Request) -> String {
    let start = request.starts_at.map(text::time);
    start.map_or_else(String::new, |start| format!(", starting {start}"))
}

/// When what is approved starts and ends, behind its subject; nothing unless it waits for its start.
pub(super) fn starts_and_ends(request: &Request) -> Option<String> {
    let (start, end) = request.starts_at.zip(request.expires_at)?;
    request
        .waits_for_start()
        .then(|| format!("starts {} and ends {}", text::time(start), text::time(end)))
}
