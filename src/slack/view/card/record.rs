//! What has happened to a request, in the words that all cards share.

use super::draft::Draft;
use crate::{
    domain::{
        Actor, Approval, Departure, EndCause, Layer, Login, LoginName, Request, Review, Risk,
        RuleId, Span, State, Time, UserId,
    },
    slack::view::{start::starts_and_ends, text},
};

/// How much of a title, a ticket, a reason or a target's error one sentence takes.
const TITLE: usize = 200;
const TICKET: usize = 200;
const WORDS: usize = 800;

/// How many logins a sentence lists.
const LOGINS: usize = 8;

/// How many pieces of access a sentence lists.
const ACCESS: usize = 8;

/// How many of the things that a grantee left behind a sentence lists.
const LEFTOVERS: usize = 4;

/// How much of one such thing it takes.
const LEFTOVER: usize = 120;

/// In how many targets a sentence says what was left behind.
const LEFT_IN: usize = 3;

/// How many approvals a card lists.
const APPROVALS: usize = 8;

/// What is asked for: title and name.
pub(in crate::slack::view) fn what(request: &Request) -> String {
    let title = text::escape(&request.terms.title, TITLE);
    let scope = text::code(&request.terms.scope);
    match title.is_empty() {
        true => scope,
        false => format!("*{title}* ({scope})"),
    }
}

/// The ticket, if there is one.
pub(super) fn ticket(request: &Request) -> Option<String> {
    let ticket = text::escape(request.terms.ticket.as_deref()?, TICKET);
    (!ticket.is_empty()).then_some(ticket)
}

/// The logins that receive the access, within a sentence; nothing if none are known.
pub(in crate::slack::view) fn logins(logins: &[Login]) -> Option<String> {
    let mut all: Vec<String> = logins.iter().take(LOGINS).map(login).collect();
    if logins.len() > LOGINS {
        all.push(format!("{} more", logins.len() - LOGINS));
    }
    (!all.is_empty()).then(|| all.join(", "))
}

/// What is said of access that only a time limit ends.
pub(in crate::slack::view) const NOT_EARLY: &str =
    "not possible: the access works until its time limit";

/// What is said of access that may reach more than its targets' data.
pub(in crate::slack::view) const DANGEROUS: &str =
    "may reach more than data, such as the server's programs, files and roles";

/// How long the access may keep working after it ends, in a sentence; nothing if it does not.
pub(in crate::slack::view) fn residual(residual: Span) -> Option<String> {
    (residual > Span::default()).then(|| format!("may keep working for up to {residual}"))
}

/// Until when access that ended at `ended` may keep working, as a sentence with a space before it;
/// empty if it does not.
pub(in crate::slack::view) fn works_until(request: &Request, ended: Time) -> String {
    match request.terms.residual {
        none if none == Span::default() => String::new(),
        residual => format!(
            " It may keep working until {}.",
            text::time(residual.after(ended))
        ),
    }
}

/// What is said of access that the requester had before the grant, as a sentence with a space before it; empty
/// if there is none. `you` speaks to the requester.
pub(in crate::slack::view) fn had_before(request: &Request, you: bool) -> String {
    let Some(access) = preexisting(request) else {
        return String::new();
    };
    match you {
        true => format!(" You already had {access} before. Keylend doesn't revoke that."),
        false => format!(
            " {} already had {access} before. Keylend doesn't revoke that.",
            text::person(&request.requester)
        ),
    }
}

/// What is said of access once the grant is over: what stays since it was there before, what the targets say,
/// and what was left behind in them, as sentences with a space before each. `you` speaks to the requester.
pub(in crate::slack::view) fn left(request: &Request, you: bool) -> String {
    let mut left = match (preexisting(request), you) {
        (None, _) => String::new(),
        (Some(access), true) => format!(" You still have {access}: it predates this grant."),
        (Some(access), false) => format!(
            " {} still has {access}: it predates this grant.",
            text::person(&request.requester)
        ),
    };
    let mut caveats: Vec<&str> = request
        .layers
        .iter()
        .filter_map(|layer| layer.caveat.as_deref())
        .collect();
    caveats.sort_unstable();
    caveats.dedup();
    for caveat in caveats.into_iter().take(ACCESS) {
        left.push(' ');
        left.push_str(&words(caveat));
    }
    let layers = request.layers.iter();
    let with_some = layers.filter(|layer| !layer.leftovers.is_empty());
    for layer in with_some.take(LEFT_IN) {
        left.push_str(&left_behind(request, layer, you));
    }
    left
}

/// What the grantee left behind in the target of `layer`, as sentences with a space before each; empty if a
/// complete search found nothing.
fn left_behind(request: &Request, layer: &Layer, you: bool) -> String {
    let leftovers = &layer.leftovers;
    let target = text::code(&layer.plan.backend);
    let mut said = String::new();
    if leftovers.count() > 0 {
        let who = match you {
            true => "You".to_owned(),
            false => text::person(&request.requester),
        };
        let things = match leftovers.count() {
            1 => "1 thing".to_owned(),
            many => format!("{many} things"),
        };
        let items = leftovers.items().iter().take(LEFTOVERS).map(|item| {
            let dropped = if item.dropped { " (dropped)" } else { "" };
            format!("{}{dropped}", text::escape(&item.what, LEFTOVER))
        });
        let mut items: Vec<String> = items.collect();
        if leftovers.count() > items.len() {
            items.push(format!("{} more", leftovers.count() - items.len()));
        }
        let items = items.join("; ");
        said.push_str(&format!(" {who} left {things} in {target}: {items}."));
    }
    if let Some(why) = leftovers.unsearched() {
        said.push_str(&format!(
            " Keylend couldn't fully search {target} for what was left behind: {}.",
            text::escape(why, LEFTOVER)
        ));
    }
    said
}

/// The access that was there before the grant, within a sentence; nothing if there was none.
fn preexisting(request: &Request) -> Option<String> {
    let mut all: Vec<String> = request
        .layers
        .iter()
        .filter(|layer| layer.preexisting)
        .map(|layer| {
            let target = text::code(&layer.plan.backend);
            match &layer.plan.title {
                Some(title) => format!("{} on {target}", text::code(title)),
                None => format!("this access on {target}"),
            }
        })
        .collect();
    let more = all.len().saturating_sub(ACCESS);
    all.truncate(ACCESS);
    if more > 0 {
        all.push(format!("{more} more"));
    }
    (!all.is_empty()).then(|| all.join(", "))
}

/// Whose sessions close when the access ends, in a sentence; nothing where none do.
pub(super) fn closes(logins: &[Login]) -> Option<String> {
    let closing: Vec<Login> = logins
        .iter()
        .filter(|login| login.closes_sessions)
        .cloned()
        .collect();
    let logins = self::logins(&closing)?;
    Some(format!(
        "When the access ends, every session of {logins} closes."
    ))
}

fn login(login: &Login) -> String {
    let target = text::code(&login.target);
    match &login.name {
        LoginName::Named(name) => format!("{} on {target}", text::code(name)),
        LoginName::New => format!("a new login on {target}"),
    }
}

/// The risk: a mark for those who look, a word for those who listen.
pub(super) fn risk(risk: Risk) -> &'static str {
    match risk {
        Risk::Low => ":white_circle: low",
        Risk::Medium => ":large_yellow_circle: medium",
        Risk::High => ":large_orange_circle: *high*",
        Risk::Critical => ":red_circle: *CRITICAL*",
    }
}

/// A sentence about everything that was decided and done, each in a block of its own. `you` speaks to
/// the requester.
pub(super) fn write(request: &Request, you: bool, draft: &mut Draft) {
    approvals(&request.approvals, draft);
    if let Some(review) = &request.review {
        draft.say(progress(review));
    }
    if let Some(state) = state(request, you) {
        draft.say(state);
    }
    if let State::Denied { reason, .. } = &request.state {
        draft.quote("Reason for denial", reason);
    }
    if let Some(stuck) = stuck(request) {
        draft.say(stuck);
    }
}

/// How far the review is, in a sentence.
pub(super) fn progress(review: &Review) -> String {
    let (given, needed) = (review.sign_offs.len(), Review::NEEDED);
    match review.is_open() {
        true => format!(
            ":rotating_light: Break-glass. Open for review: {given} of {needed} reviewers have signed off."
        ),
        false => format!(":rotating_light: Break-glass. Reviewed: {given} people have signed off."),
    }
}

/// Who said yes, when, and under which rules.
pub(super) fn approvals(approvals: &[Approval], draft: &mut Draft) {
    let lines: Vec<String> = approvals.iter().take(APPROVALS).map(approval).collect();
    if !lines.is_empty() {
        draft.say(lines.join("\n"));
    }
}

fn approval(approval: &Approval) -> String {
    let mut line = format!(
        ":white_check_mark: Approved by {} · {}",
        text::actor(&approval.by),
        text::time(approval.at)
    );
    if let Some(duration) = approval.duration {
        line.push_str(&format!(" · shortened to {duration}"));
    }
    line.push_str(&given_by(&approval.by, &approval.rules));
    line
}

/// The rules behind a decision, as the end of a sentence: the rule that stands in for a person
/// is named once.
pub(in crate::slack::view) fn given_by(actor: &Actor, rules: &[RuleId]) -> String {
    let others: Vec<_> = rules
        .iter()
        .filter(|rule| *actor != Actor::Rule((*rule).clone()))
        .cloned()
        .collect();
    match text::rules(&others) {
        none if none.is_empty() => none,
        some => format!(" · {some}"),
    }
}

/// How the request stands; nothing while it waits.
fn state(request: &Request, you: bool) -> Option<String> {
    let because = if you {
        ending_for_requester
    } else {
        ending_because
    };
    Some(match &request.state {
        State::Pending { .. } => return None,
        State::Approved => being_made(request),
        State::Active { .. } => {
            let until = request.expires_at.map(text::time);
            let until = until.map_or_else(String::new, |end| format!(" until {end}"));
            let aside = aside(request).map(|aside| format!(" {aside}"));
            let aside = aside.unwrap_or_default();
            let had = had_before(request, you);
            format!(":large_green_circle: Active{until}.{had}{aside}")
        }
        State::Ending {
            cause, by, since, ..
        } => {
            format!(
                ":hourglass: Revoking since {}: {}. Checks deny this access.{}",
                text::time(*since),
                because(cause, by),
                not_early(request, *since)
            )
        }
        State::Ended { cause, by, at } if request.never_started() => format!(
            ":no_entry: Ended {} before it started: {}. Nothing was granted.",
            text::time(*at),
            ending_because(cause, by)
        ),
        State::Ended { cause, by, at } => format!(
            ":lock: Ended {}: {}. Removal confirmed.{}{}",
            text::time(*at),
            because(cause, by),
            works_until(request, *at),
            left(request, you)
        ),
        State::Failed { error, at } => format!(
            ":x: Failed {}: {}. Nothing was left behind.{}",
            text::time(*at),
            words(error),
            left(request, you)
        ),
        State::Denied { by, at, .. } => format!(
            ":no_entry: Denied by {} · {}",
            text::actor(by),
            text::time(*at)
        ),
        State::Withdrawn { at, .. } if you => format!(
            ":leftwards_arrow_with_hook: You withdrew it · {}",
            text::time(*at)
        ),
        State::Withdrawn { by, at } => format!(
            ":leftwards_arrow_with_hook: Withdrawn by {} · {}",
            text::actor(by),
            text::time(*at)
        ),
        State::Lapsed { at } => format!(
            ":hourglass: Lapsed {}: nobody decided in time.",
            text::time(*at)
        ),
    })
}

/// What is not as it should be with a grant that is active: a target has failed to move its end, or its holder
/// left. Sentences; nothing if all is well.
pub(super) fn aside(request: &Request) -> Option<String> {
    if !matches!(request.state, State::Active { .. }) {
        return None;
    }
    let left = request.departure.as_ref().map(|departure| {
        let departed = departed(&request.requester, departure);
        format!(" :warning: {departed}.")
    });
    let said = failing_layers(request) + &left.unwrap_or_default();
    (!said.is_empty()).then(|| said.trim_start().to_owned())
}

/// That access that is being revoked since then works until its time limit, as a sentence with a space before
/// it; empty if it does not.
pub(super) fn not_early(request: &Request, since: Time) -> String {
    let layers = request.layers.iter();
    let limits = layers.filter_map(|layer| request.time_limit(layer));
    let limit = limits.max().filter(|end| *end > since);
    limit.map_or_else(String::new, |end| {
        let end = text::time(end);
        format!(" The target can't end it early: it may keep working until {end}.")
    })
}

fn being_made(request: &Request) -> String {
    if let Some(when) = starts_and_ends(request) {
        return format!(
            ":calendar: Approved: {when}. Keylend checks the approvals and the rules again at the start."
        );
    }
    let mut line = ":hourglass_flowing_sand: Granting the access.".to_owned();
    if !request.after.is_empty() {
        line.push_str(" Keylend ends older grants that exclude it first.");
    }
    line.push_str(&failing_layers(request));
    line
}

/// That targets have failed to grant, or to move the end, as sentences with a space before each.
fn failing_layers(request: &Request) -> String {
    let failing = request.layers.iter().filter(|layer| layer.failures > 0);
    let failing = failing.take(8).map(|layer| {
        let target = text::code(&layer.plan.backend);
        let times = times(layer.failures);
        match layer.error.as_deref().map(words) {
            Some(error) if !error.is_empty() => {
                format!(" {target} has failed {times}: {error}. Keylend keeps retrying.")
            }
            _ => format!(" {target} has failed {times}. Keylend keeps retrying."),
        }
    });
    failing.collect()
}

/// The request's name and age, for those who look things up.
pub(super) fn footer(request: &Request, draft: &mut Draft) {
    draft.aside(&format!(
        "Request {} · {}",
        text::code(request.id),
        text::time(request.asked_at)
    ));
}

/// That a target has failed to revoke, and when it is tried next; nothing otherwise.
pub(in crate::slack::view) fn stuck(request: &Request) -> Option<String> {
    if request.stuck_failures() == 0 {
        return None;
    }
    let targets: Vec<String> = request
        .layers
        .iter()
        .filter(|layer| layer.failures > 0 && !layer.progress.is_revoked())
        .take(8)
        .map(|layer| {
            let next = layer
                .retry_at
                .map_or_else(String::new, |at| format!(", next try {}", text::time(at)));
            format!(
                "{} has failed {}{next}",
                text::code(&layer.plan.backend),
                times(layer.failures)
            )
        })
        .collect();
    Some(format!(
        ":rotating_light: *Revocation failed*: {}. The access may still work. Keylend retries until \
         it has confirmed removal.",
        targets.join("; ")
    ))
}

/// Why a grant ends, and by whose word, as the end of a sentence.
pub(in crate::slack::view) fn ending_because(cause: &EndCause, by: &Actor) -> String {
    let with_reason = |what: &str, reason: &str| {
        let by = text::actor(by);
        match words(reason) {
            none if none.is_empty() => format!("{what} by {by}"),
            reason => format!("{what} by {by} ({reason})"),
        }
    };
    match cause {
        EndCause::Expired => "expired".to_owned(),
        EndCause::Done => format!("{} is done", text::actor(by)),
        EndCause::Revoked { reason } => with_reason("revoked", reason),
        EndCause::Locked { reason } => with_reason("locked", reason),
        EndCause::Displaced { by } => {
            format!("replaced by the newer request {}", text::code(by))
        }
        EndCause::Left { person, departure } => departed(person, departure),
        EndCause::Withdrawn => format!("withdrawn by {}", text::actor(by)),
        EndCause::StartRefused { reason } => format!("refused at its start: {}", words(reason)),
        EndCause::CredentialLost => "Keylend no longer has its credentials".to_owned(),
        EndCause::GrantFailed { error } => format!("it couldn't be granted ({})", words(error)),
        EndCause::TicketClosed { deleted: false } => "ticket closed".to_owned(),
        EndCause::TicketClosed { deleted: true } => "ticket not found".to_owned(),
    }
}

/// Why a grant ends, as its requester reads it.
pub(in crate::slack::view) fn ending_for_requester(cause: &EndCause, by: &Actor) -> String {
    match cause {
        EndCause::Done => "you ended it".to_owned(),
        _ => ending_because(cause, by),
    }
}

/// What is said of somebody who left.
pub(in crate::slack::view) fn departed(person: &UserId, departure: &Departure) -> String {
    format!("{} {}", text::person(person), words(&departure.to_string()))
}

/// Somebody's or some target's words within a sentence.
pub(in crate::slack::view) fn words(said: &str) -> String {
    text::words(said, WORDS)
}

fn times(count: u32) -> String {
    match count {
        1 => "once".to_owned(),
        2 => "twice".to_owned(),
        many => format!("{many} times"),
    }
}
