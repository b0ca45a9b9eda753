//! What is going on, in `mrkdwn`.

use super::{
    answer::{LONGEST, PEOPLE, clipped, how, id},
    card::ending_because,
    locks, text,
};
use crate::{
    broker::Situation,
    domain::{ChannelId, Request, State, Time},
};

/// How many things each part lists: the first of these with which all parts fit.
const LISTED: [usize; 4] = [20, 10, 5, 3];

/// What is going on; with `channel`, of what was requested for the incident there.
pub fn situation(situation: &Situation, channel: Option<&ChannelId>, now: Time) -> String {
    let mut lines = Vec::new();
    for most in LISTED {
        lines = parts(situation, channel, now, most);
        let length: usize = lines
            .iter()
            .map(|line| line.encode_utf16().count() + 1)
            .sum();
        if length + 2 <= LONGEST {
            break;
        }
    }
    clipped(&lines)
}

fn parts(
    situation: &Situation,
    channel: Option<&ChannelId>,
    now: Time,
    most: usize,
) -> Vec<String> {
    let mut lines = vec![match channel {
        Some(channel) => format!("Requested for the incident in {}:", text::channel(channel)),
        None => "Right now:".to_owned(),
    }];
    let mut part = |title: &str, of: &[Request], line: &dyn Fn(&Request) -> String| {
        let count = of.len();
        if count == 0 {
            lines.push(format!("*{title}*: none"));
            return;
        }
        lines.push(format!("*{title}* ({count})"));
        let listed = of.iter().take(most);
        lines.extend(listed.map(|request| format!("• {}", line(request))));
        if count > most {
            lines.push(format!("… and {} more", count - most));
        }
    };
    let standing = |request: &Request| {
        let approved = approved(request);
        format!(
            "{}{}{approved} · {}",
            whose(request),
            how(request, now),
            id(request)
        )
    };
    part("Active", &situation.active, &standing);
    part("Being revoked", &situation.ending, &standing);
    part(
        "Stuck: a target failed to revoke it",
        &situation.stuck,
        &standing,
    );
    if let Some(pending) = &situation.pending {
        part("Pending", pending, &standing);
    }
    if let Some(ended) = &situation.ended {
        part("Ended within the last hour", ended, &|request| {
            let ended = match &request.state {
                State::Ended { cause, by, at } => {
                    format!("ended {}: {}", text::time(*at), ending_because(cause, by))
                }
                state => state.name().to_owned(),
            };
            format!("{} {ended} · {}", whose(request), id(request))
        });
    }
    match &situation.locks {
        None => {}
        Some(none) if none.is_empty() => lines.push("*Locks*: none".to_owned()),
        Some(in_force) => {
            lines.push(format!("*Locks* ({})", in_force.len()));
            lines.extend(locks::lines_of(in_force, most));
        }
    }
    if situation.has_more {
        lines.push(
            "There is more than this answer looked at: `keylend audit export` has all of it."
                .to_owned(),
        );
    }
    lines
}

fn whose(request: &Request) -> String {
    format!(
        "{} of {}",
        text::code(&request.terms.scope),
        text::person(&request.requester)
    )
}

fn approved(request: &Request) -> String {
    let by: Vec<String> = request
        .approvals
        .iter()
        .take(PEOPLE)
        .map(|approval| text::actor(&approval.by))
        .collect();
    match by.is_empty() {
        true => String::new(),
        false => format!(", approved by {}", by.join(", ")),
    }
}
