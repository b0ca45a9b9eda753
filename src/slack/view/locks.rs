//! The locks in force, in `mrkdwn`.

use super::{
    answer::{LISTED, capitalised, clipped},
    text,
};
use crate::domain::Lock;

/// The locks in force, and how each is lifted.
pub fn list(locks: &[Lock]) -> String {
    if locks.is_empty() {
        return "No lock is in force.".to_owned();
    }
    let mut lines = vec!["Locks in force:".to_owned()];
    lines.extend(lines_of(locks, LISTED));
    clipped(&lines)
}

/// A line for each of the locks, at most `most`, and how many more there are.
pub(super) fn lines_of(locks: &[Lock], most: usize) -> Vec<String> {
    let mut lines: Vec<String> = locks.iter().take(most).map(line).collect();
    if locks.len() > most {
        lines.push(format!("… and {} more", locks.len() - most));
    }
    lines
}

fn line(lock: &Lock) -> String {
    let until = match lock.until {
        Some(until) => format!("until {}", text::time(until)),
        None => "until somebody lifts it".to_owned(),
    };
    let reason = match lock.reason.is_empty() {
        true => String::new(),
        false => format!(" ({})", text::escape(&lock.reason, 200)),
    };
    format!(
        "• {} is locked by {} since {}, {until}{reason}. To lift the lock, type {}.",
        capitalised(&lock.target),
        text::person(&lock.by),
        text::time(lock.at),
        text::code(format!("/jit unlock {}", lock.target))
    )
}
