//! The answer to "who" as a table for a terminal.
//!
//! Reasons and tickets are what people typed, so nothing in them reaches the terminal as a command
//! or turns the line's direction.

use std::io;

use super::who::{Ended, Holding};
use crate::{
    domain::{EndCause, GroupListedIn, GroupRead, Time},
    sanitize::escaped,
};

const COLUMNS: [&str; 8] = [
    "WHO", "SCOPE", "FROM", "UNTIL", "ENDED", "APPROVED", "TICKET", "REASON",
];

/// Writes a table of `holdings`, or that there are none.
///
/// # Errors
///
/// If `out` takes no more.
pub fn write(holdings: &[Holding], out: &mut dyn io::Write) -> io::Result<()> {
    if holdings.is_empty() {
        return writeln!(out, "no grant was active or being revoked");
    }
    let rows: Vec<[String; COLUMNS.len()]> = std::iter::once(COLUMNS.map(str::to_owned))
        .chain(holdings.iter().map(row))
        .collect();
    let widths: [usize; COLUMNS.len()] = std::array::from_fn(|column| {
        let widths = rows.iter().map(|row| row[column].chars().count());
        widths.max().unwrap_or(0)
    });
    for row in &rows {
        let cells = row.iter().zip(widths);
        let cells: Vec<String> = cells
            .map(|(cell, width)| format!("{cell:<width$}"))
            .collect();
        writeln!(out, "{}", cells.join("  ").trim_end())?;
    }
    Ok(())
}

fn row(holding: &Holding) -> [String; COLUMNS.len()] {
    let why = holding.ended.as_ref();
    let why = why.map(|Ended { cause, by }| format!("{} by {by}", cause_in_words(cause)));
    let ended = match (holding.being_revoked_since, why) {
        (None, why) => why.unwrap_or_else(|| "not yet".to_owned()),
        (Some(since), why) => {
            let why = why.map_or_else(String::new, |why| format!(": {why}"));
            format!("over, being revoked since {}{why}", second(since))
        }
    };
    let approved: Vec<String> = holding
        .approved
        .iter()
        .map(|approval| {
            let rules: Vec<&str> = approval.rules.iter().map(|rule| rule.as_str()).collect();
            let groups: Vec<String> = approval.groups.iter().map(group).collect();
            let groups = match groups.is_empty() {
                true => String::new(),
                false => format!(": {}", groups.join(", ")),
            };
            format!("{} ({}{groups})", approval.by, rules.join(", "))
        })
        .collect();
    [
        format!("{} <{}>", holding.requester, holding.email),
        holding.scope.to_string(),
        second(holding.from),
        second(holding.until),
        ended,
        approved.join("; "),
        holding.ticket.clone().unwrap_or_default(),
        holding.reason.clone(),
    ]
    .map(|cell| escaped(&cell))
}

/// A group, where it is listed and when it was read there.
fn group(read: &GroupRead) -> String {
    match &read.source {
        GroupListedIn::SlackUsergroup(id) => {
            format!("{} of {id}, read {}", read.group, second(read.read_at))
        }
        GroupListedIn::Configuration => format!("{} of the configuration", read.group),
        GroupListedIn::PagerDutySchedules(ids) => {
            let (group, read_at) = (&read.group, second(read.read_at));
            format!("{group} of PagerDuty {}, read {read_at}", ids.join(" "))
        }
        GroupListedIn::ICalendar(host) => {
            let (group, read_at) = (&read.group, second(read.read_at));
            format!("{group} of the calendar at {host}, read {read_at}")
        }
    }
}

fn cause_in_words(cause: &EndCause) -> String {
    match cause {
        EndCause::Expired => "expired".to_owned(),
        EndCause::Done => "done".to_owned(),
        EndCause::Revoked { reason } if reason.is_empty() => "revoked".to_owned(),
        EndCause::Revoked { reason } => format!("revoked ({reason})"),
        EndCause::Locked { reason } => format!("locked ({reason})"),
        EndCause::Displaced { by } => format!("made room for {by}"),
        EndCause::Left { departure, .. } => format!("ended (holder {departure})"),
        EndCause::Withdrawn => "withdrawn before its start".to_owned(),
        EndCause::StartRefused { reason } => format!("refused at its start ({reason})"),
        EndCause::CredentialLost => "credentials lost".to_owned(),
        EndCause::GrantFailed { error } => format!("not made ({error})"),
        EndCause::TicketClosed { deleted: false } => "ticket closed".to_owned(),
        EndCause::TicketClosed { deleted: true } => "ticket not found".to_owned(),
    }
}

pub(super) fn second(time: Time) -> String {
    time.format("%Y-%m-%d %H:%M:%SZ").to_string()
}
