//! Lines: what happened, each said once. In the audit channel and in incident channels for those
//! who watch; as notices in the requester's direct messages.

use super::{
    card::{
        departed, ending_because, ending_for_requester, given_by, left, logins, words, works_until,
    },
    question,
    start::starts_and_ends,
    text,
};
use crate::{
    domain::{
        Actor, AttemptEvent, Attempted, AttemptedOn, EndCause, Event, GroupEvent, GroupListedIn,
        GroupRead, LockEvent, LockTarget, Login, Moved, NameEvent, NotAllowed, Occurred, Removal,
        Request, RuleId, Span, State, Time, UnexplainedAccess, UnexplainedEvent,
    },
    store::{Entry, EntryBody},
};

/// How many groups a line names.
const GROUPS: usize = 3;

/// How often in a row a target has failed to give access when the requester is told.
const TOLD_AT: u32 = 3;

/// That the log's first entries were signed, with the checkpoint as it is to be kept. `note` holds no
/// text of people.
pub fn checkpoint_line(entries: u64, note: &str) -> String {
    format!(
        ":lower_left_fountain_pen: *Signed checkpoint* of the log, {entries} entries\n```\n{note}```"
    )
}

/// The line of one entry about `request`, which may have moved on since; nothing for what is of
/// no interest outside the log. `to` is the logins that receive the access.
pub fn line(entry: &Entry, request: &Request, to: &[Login]) -> Option<String> {
    let occurred = entry.occurred()?;
    let by = text::actor(&occurred.actor);
    let what = match &occurred.event {
        Event::Requested {
            terms,
            approvals_needed,
            approval_channel,
            starts_at,
            ..
        } => {
            let mut line = format!(
                "{by} requested {} for {}",
                text::code(&terms.scope),
                terms.duration
            );
            line.push_str(&starts(*starts_at));
            if let Some(ticket) = &terms.ticket {
                line.push_str(&format!(" · ticket {}", text::escape(ticket, 200)));
            }
            line.push_str(&format!(
                " · needs {} in {}",
                count(*approvals_needed, "approval"),
                text::channel(approval_channel)
            ));
            line.push_str(&login(to));
            if !terms.reason.trim().is_empty() {
                line.push_str(&format!(" · {}", words(&terms.reason)));
            }
            line
        }
        Event::ApprovalCounted {
            given,
            needed,
            groups,
            duration,
            ..
        } => format!(
            "approved by {by}, {given} of {needed}{}{}",
            shortened(*duration),
            in_groups(groups)
        ),
        Event::ApprovalVoided { approver, reason } => format!(
            "the approval by {} no longer counts: {}",
            text::person(approver),
            words(reason)
        ),
        Event::Revised {
            approvals_needed,
            terms,
            ..
        } => format!(
            "revised because the catalogue changed: {} for {}, needs {}",
            text::code(&terms.scope),
            terms.duration,
            count(*approvals_needed, "approval")
        ),
        Event::Approved {
            expires_at,
            groups,
            duration,
            ..
        } => {
            let (end, login) = (text::time(*expires_at), login(to));
            let (shortened, groups) = (shortened(*duration), in_groups(groups));
            let starts = starts(request.starts_at);
            format!("*approved* by {by}{starts} · ends {end}{shortened}{login}{groups}")
        }
        Event::Denied { reason } => because(format!("*denied* by {by}"), reason),
        Event::Withdrawn {} => format!("withdrawn by {by}"),
        Event::Lapsed {} => "lapsed: nobody decided in time".to_owned(),
        Event::LayerInspected {
            layer,
            managed: false,
            ..
        } => format!(
            "{} keeps the access after the grant: it was there before",
            target(request, *layer)
        ),
        Event::LayerInspected { .. } | Event::LayerAbsenceConfirmed { .. } => return None,
        Event::LayerGranted {
            layer,
            until,
            ends_at,
            ..
        } => format!(
            "{} granted access until {}",
            target(request, *layer),
            text::time(ends_at.map_or(*until, |ends_at| ends_at.min(*until)))
        ),
        Event::LayerGrantFailed {
            layer,
            error,
            retry_at,
            ..
        } => format!(
            "{} failed to grant access: {} · {}",
            target(request, *layer),
            words(error),
            next(*retry_at)
        ),
        Event::Activated {} => "*active*: access granted".to_owned(),
        Event::Warned {} => format!(
            "reminded {} that the access ends soon",
            text::person(&request.requester)
        ),
        Event::LeaveNoticed { departure } => format!(
            ":warning: {}. `on_leave` is `warn`, so the access continues until it expires; `/jit \
             revoke` ends it now",
            departed(&request.requester, departure)
        ),
        Event::RevocationStarted { cause } => {
            format!("*ending*: {}", ending_because(cause, &occurred.actor))
        }
        Event::LayerRevoked { layer, removal, .. } => removed(&target(request, *layer), removal),
        Event::LayerRevokeFailed {
            layer,
            error,
            retry_at,
        } => not_gone(request, *layer, error, *retry_at),
        Event::LayerInspectionAbandoned { layer, error } => format!(
            ":warning: Keylend stopped trying to inspect {} after the end: {}",
            target(request, *layer),
            words(error)
        ),
        Event::LayerReappeared { layer, .. } => format!(
            ":rotating_light: {} has the access again, although its removal had been confirmed. \
             Keylend is revoking it again",
            target(request, *layer)
        ),
        Event::Ended {} if request.never_started() => {
            "*ended* before it started: nothing was granted".to_owned()
        }
        Event::Ended {} => {
            let left = left(request, false);
            let stop = if left.is_empty() { "" } else { "." };
            format!("*ended*: removal confirmed{stop}{left}")
        }
        Event::Failed { error } => format!("*failed*: {} · nothing was left behind", words(error)),
        Event::ExtensionRequested {
            duration, reason, ..
        } => because(format!("{by} requested {duration} more"), reason),
        Event::ExtensionWithdrawn {} => format!("{by} withdrew the request for more time"),
        Event::Extended {
            expires_at,
            groups,
            duration,
            ..
        } => {
            let (end, groups) = (text::time(*expires_at), in_groups(groups));
            let shortened = shortened(*duration);
            format!("*extended* by {by} · ends {end}{shortened}{groups}")
        }
        Event::ExtensionDenied { reason } => because(format!("more time denied by {by}"), reason),
        Event::ExtensionLapsed {} => "more time lapsed: nobody decided in time".to_owned(),
        Event::CredentialShown {} => format!("the credentials were shown to {by}"),
        Event::Reminded { .. } => "reminded the approvers".to_owned(),
        Event::Started { .. } => "*started*: the approvals and the rules still allow it".to_owned(),
        Event::GlassBroken { channel, .. } => because(
            format!(
                ":rotating_light: *break-glass* used by {by}: granted without an approval, open for review in \
                 {}",
                text::channel(channel)
            ),
            &request.terms.reason,
        ),
        Event::ReviewSignedOff { reason, .. } => {
            because(format!("break-glass signed off by {by}"), reason)
        }
        Event::ReviewReminded { .. } => {
            "reminded the reviewers: the break-glass is still open for review".to_owned()
        }
        Event::QuestionAsked { reason, .. } => because(format!("{by} asked the requester"), reason),
        Event::QuestionAnswered { reason, .. } => {
            because(format!("{by} answered the approvers"), reason)
        }
    };
    Some(stamped(&occurred, &what))
}

/// The line of an entry that is about no request; nothing for others, and for what is of no interest
/// outside the log.
pub fn lock_line(entry: &Entry) -> Option<String> {
    let by = text::actor(&entry.actor);
    let what = match &entry.body {
        EntryBody::Lock(LockEvent::Locked {
            target,
            reason,
            until,
            ..
        }) => {
            let until = until.map(|until| format!(" until {}", text::time(until)));
            let until = until.unwrap_or_default();
            because(
                format!(
                    ":rotating_light: *{}* locked by {by}{until}",
                    locked(target)
                ),
                reason,
            )
        }
        EntryBody::Lock(LockEvent::Unlocked { target }) if entry.actor == Actor::Keylend => {
            format!(
                ":unlock: *{}* unlocked: the time of the lock is over",
                locked(target)
            )
        }
        EntryBody::Lock(LockEvent::Unlocked { target }) => {
            format!(":unlock: *{}* unlocked by {by}", locked(target))
        }
        EntryBody::Name(NameEvent::NameReleased { name, reason }) => because(
            format!(":unlock: Login {} released by {by}", text::code(name)),
            reason,
        ),
        EntryBody::Unexplained(event) => unexplained(event),
        EntryBody::Attempt(event) => attempted(event, &entry.actor)?,
        EntryBody::Group(event) => group_changed(event)?,
        EntryBody::Request(_) => return None,
    };
    Some(under(entry.at, &what, &entry.actor, &entry.rules))
}

fn unexplained(event: &UnexplainedEvent) -> String {
    let access = |access: &UnexplainedAccess| {
        format!(
            "{} of {} in {}",
            text::code(&access.title),
            text::code(&access.holder),
            text::code(&access.backend)
        )
    };
    match event {
        UnexplainedEvent::UnexplainedRevocationStarted {
            access: one,
            operator,
        } => format!(
            ":warning: {} is being revoked by {}: no request explains it",
            access(one),
            text::code(operator)
        ),
        UnexplainedEvent::UnexplainedRevoked { access: one } => {
            format!("{}: removal confirmed", access(one))
        }
        UnexplainedEvent::UnexplainedRevokeFailed { access: one, error } => format!(
            ":rotating_light: Keylend couldn't revoke {}: {}. Run `keylend reconcile --apply` again",
            access(one),
            words(error)
        ),
    }
}

/// A refused attempt. What people of other companies try is in the log alone.
fn attempted(event: &AttemptEvent, by: &Actor) -> Option<String> {
    let who = text::actor(by);
    Some(match event {
        AttemptEvent::AttemptRefused {
            action,
            on,
            why,
            team: None,
        } => {
            let on = match (on, action) {
                (Some(on), _) => format!(" {}", attempted_on(on)),
                (None, Attempted::Other) => " Keylend".to_owned(),
                (None, _) => String::new(),
            };
            let (tried, why) = (tried(*action), not_allowed(*why));
            format!("refused: {who} tried to {tried}{on}, but {why}")
        }
        AttemptEvent::AttemptsNotRecorded { until, team: None } => {
            let who = match by {
                Actor::Keylend => "people of other companies",
                Actor::Person(_) | Actor::Rule(_) => &who,
            };
            format!(
                "{who} tried too many things that they aren't allowed to do. Keylend logs no more of \
                 their attempts until {}",
                text::time(*until)
            )
        }
        AttemptEvent::AttemptRefused { .. } | AttemptEvent::AttemptsNotRecorded { .. } => {
            return None;
        }
    })
}

fn tried(action: Attempted) -> &'static str {
    match action {
        Attempted::Request => "request",
        Attempted::Approve => "approve",
        Attempted::Deny => "deny",
        Attempted::Withdraw => "withdraw",
        Attempted::Extend => "extend",
        Attempted::Done => "end",
        Attempted::ShowCredentials => "see the credentials of",
        Attempted::Revoke => "revoke",
        Attempted::Lock => "lock",
        Attempted::Unlock => "unlock",
        Attempted::Release => "release",
        Attempted::Other => "do something with",
        Attempted::BreakGlass => "use break-glass for",
        Attempted::Review => "review",
        Attempted::AskQuestion => "ask a question about",
        Attempted::AnswerQuestion => "answer a question about",
    }
}

fn attempted_on(on: &AttemptedOn) -> String {
    match on {
        AttemptedOn::Request { id, scope: None } => format!("request {}", text::code(id)),
        AttemptedOn::Request {
            id,
            scope: Some(scope),
        } => format!("request {} for {}", text::code(id), text::code(scope)),
        AttemptedOn::Scope(scope) => text::code(scope),
        AttemptedOn::Person(person) => text::person(person),
        AttemptedOn::Everything => "everything".to_owned(),
        AttemptedOn::Target(target) => format!("target {}", text::code(target)),
        AttemptedOn::Login(name) => format!("login {}", text::code(name)),
    }
}

fn not_allowed(why: NotAllowed) -> &'static str {
    match why {
        NotAllowed::SelfApproval => "it is their own request",
        NotAllowed::NoAuthority => "isn't allowed to",
        NotAllowed::NotTheRequester => "only the requester can",
        NotAllowed::NotAMember => "is not a full member of this workspace",
        NotAllowed::OtherWorkspace => "belongs to another company",
    }
}

/// That who can approve has changed. The first reading is in the log alone.
fn group_changed(event: &GroupEvent) -> Option<String> {
    let GroupEvent::ApproverGroupChanged {
        read,
        members,
        joined,
        left,
        before,
    } = event
    else {
        return None;
    };
    let moved = |moved: &Moved, verb: &str| {
        let mut people: Vec<String> = moved.people.iter().map(text::person).collect();
        if moved.others > 0 {
            people.push(format!("{} more", moved.others));
        }
        (!people.is_empty()).then(|| format!("{} {verb}", people.join(", ")))
    };
    let moved = [moved(joined, "joined"), moved(left, "left")];
    let mut moved: Vec<String> = moved.into_iter().flatten().collect();
    if moved.is_empty() {
        moved.push(match *before == members.count {
            true => format!("it has {before} members"),
            false => format!("it has {} members instead of {before}", members.count),
        });
    }
    Some(format!(
        ":busts_in_silhouette: The approver group {} changed: {} · {}",
        text::code(&read.group),
        moved.join("; "),
        listed_in(&read.source)
    ))
}

fn listed_in(source: &GroupListedIn) -> String {
    match source {
        GroupListedIn::SlackUsergroup(id) => format!("Slack user group {}", text::code(id)),
        GroupListedIn::Configuration => "listed in the configuration".to_owned(),
        GroupListedIn::PagerDutySchedules(ids) => match &**ids {
            [id] => format!("PagerDuty schedule {}", text::code(id)),
            ids => format!("PagerDuty schedules {}", text::code(ids.join(", "))),
        },
        GroupListedIn::ICalendar(host) => format!("calendar at {}", text::code(host)),
    }
}

/// When access starts that doesn't start at its approval, behind a sentence.
fn starts(at: Option<Time>) -> String {
    at.map_or_else(String::new, |at| format!(" · starts {}", text::time(at)))
}

/// That an approver chose less time, behind a sentence.
fn shortened(duration: Option<Span>) -> String {
    duration.map_or_else(String::new, |duration| {
        format!(" · shortened to {duration}")
    })
}

/// The groups by which somebody may approve, as the end of a sentence.
fn in_groups(groups: &[GroupRead]) -> String {
    let group = |read: &GroupRead| {
        let (group, read_at) = (text::code(&read.group), text::time(read.read_at));
        match &read.source {
            GroupListedIn::SlackUsergroup(id) => {
                format!(" · in {group} ({}, read {read_at})", text::code(id))
            }
            GroupListedIn::Configuration => format!(" · in {group} (configuration)"),
            GroupListedIn::PagerDutySchedules(ids) => {
                let ids = text::code(ids.join(", "));
                format!(" · in {group} (PagerDuty {ids}, read {read_at})")
            }
            GroupListedIn::ICalendar(host) => {
                let host = text::code(host);
                format!(" · in {group} (calendar at {host}, read {read_at})")
            }
        }
    };
    let mut named: String = groups.iter().take(GROUPS).map(group).collect();
    if let Some(others @ 1..) = groups.len().checked_sub(GROUPS) {
        named.push_str(&format!(" and {others} more"));
    }
    named
}

/// Whether the line of an entry is to be heard beyond its thread: a target's first failure to
/// revoke, or a holder who left and keeps the access.
pub fn is_loud(entry: &Entry, request: &Request) -> bool {
    match &entry.body {
        EntryBody::Request(Event::LayerRevokeFailed { layer, .. }) => request
            .layers
            .get(*layer)
            .is_some_and(|layer| layer.failures == 1),
        EntryBody::Request(
            Event::LeaveNoticed { .. } | Event::LayerReappeared { .. } | Event::GlassBroken { .. },
        ) => true,
        _ => false,
    }
}

/// What the requester is told of an entry, in the thread of their message: an update of that notifies
/// nobody. Nothing where it is their own doing, or over by now.
pub fn notice(entry: &Entry, request: &Request) -> Option<String> {
    let occurred = entry.occurred()?;
    let by = text::actor(&occurred.actor);
    let scope = text::code(&request.terms.scope);
    Some(match &occurred.event {
        // What is over by now is told by its end.
        Event::Activated {} => match request.state {
            State::Active { .. } => format!(
                ":large_green_circle: You have access to {scope} until {}.",
                text::time(request.expires_at?)
            ),
            _ => return None,
        },
        Event::Warned {} => match request.state {
            State::Active { warned: true } => format!(
                ":alarm_clock: Your access to {scope} ends {}. To keep it longer, choose *More time* or type \
                 {}.",
                text::time(request.expires_at?),
                text::code(format!("/jit extend {}", request.id))
            ),
            _ => return None,
        },
        Event::Denied { reason } => because(
            format!(":no_entry: {by} denied your request for {scope}"),
            reason,
        ),
        Event::Lapsed {} => format!(
            ":hourglass: Your request for {scope} lapsed: nobody decided in time. You can request it \
             again."
        ),
        // Said once, and not of a target that fails for a moment.
        Event::LayerGrantFailed {
            layer,
            error,
            retry_at: Some(_),
            failures: Some(TOLD_AT),
            ..
        } if request.state == State::Approved => {
            let until = request.retries_until().map(text::time);
            format!(
                ":hourglass_flowing_sand: Your access to {scope} is approved, but {} failed to grant it: {}. \
                 Keylend retries until {}. The end doesn't move.",
                target(request, *layer),
                words(error),
                until.unwrap_or_default()
            )
        }
        Event::Failed { error } => format!(
            ":x: Your access to {scope} couldn't be granted: {}. Nothing was left behind.{}",
            words(error),
            left(request, true)
        ),
        // It is not started yet if nothing came since.
        Event::Approved { .. } if request.waits_for_start() => {
            let when = starts_and_ends(request).unwrap_or_default();
            format!(
                ":calendar: Your request for {scope} is approved: it {when}. Keylend checks the approvals \
                 and the rules again at the start."
            )
        }
        Event::Ended {} if request.never_started() => match &request.state {
            State::Ended { cause, by, .. } if *cause != EndCause::Withdrawn => format!(
                ":no_entry: Your access to {scope} won't start: {}. Nothing was granted.",
                ending_because(cause, by)
            ),
            _ => return None,
        },
        Event::Ended {} => match &request.state {
            State::Ended { cause, by, at } => format!(
                ":lock: Your access to {scope} has ended: {}.{}{}",
                ending_for_requester(cause, by),
                works_until(request, *at),
                left(request, true)
            ),
            _ => format!(":lock: Your access to {scope} has ended."),
        },
        Event::Extended { expires_at, .. } => {
            let settled = request.last_extension.as_ref();
            let chosen = settled.and_then(|settled| {
                let approvals = settled.approvals.iter();
                let chosen = approvals.filter(|approval| approval.duration.is_some());
                let chosen = chosen.min_by_key(|approval| approval.duration)?;
                Some((chosen.duration?, settled.duration, &chosen.by))
            });
            let instead = chosen.map(|(chosen, asked, by)| {
                format!(", for {chosen} instead of {asked} by {}", text::actor(by))
            });
            format!(
                ":large_green_circle: {by} extended your access to {scope}{}. It ends {}.",
                instead.unwrap_or_default(),
                text::time(*expires_at)
            )
        }
        Event::ExtensionDenied { reason } => because(
            format!(":no_entry: {by} denied more time for {scope}"),
            reason,
        ),
        Event::QuestionAsked { number, .. } => return question::notice(request, *number),
        Event::ExtensionLapsed {} => {
            format!(
                ":hourglass: Your request for more time for {scope} lapsed: nobody decided in time."
            )
        }
        _ => return None,
    })
}

/// One line: when, what, and under which rules.
fn stamped(occurred: &Occurred, what: &str) -> String {
    under(occurred.at, what, &occurred.actor, &occurred.rules)
}

fn under(at: Time, what: &str, actor: &Actor, rules: &[RuleId]) -> String {
    format!("{} {what}{}", text::time(at), given_by(actor, rules))
}

/// The logins that receive the access, as the end of a sentence.
fn login(to: &[Login]) -> String {
    logins(to).map_or_else(String::new, |logins| format!(" · login {logins}"))
}

fn because(what: String, reason: &str) -> String {
    match words(reason) {
        none if none.is_empty() => what,
        reason => format!("{what}: {reason}"),
    }
}

fn target(request: &Request, layer: usize) -> String {
    match request.layers.get(layer) {
        Some(layer) => text::code(&layer.plan.backend),
        None => format!("layer {layer}"),
    }
}

fn next(retry_at: Option<Time>) -> String {
    match retry_at {
        Some(at) => format!("next try {}", text::time(at)),
        None => "no more retries".to_owned(),
    }
}

fn removed(target: &str, removal: &Removal) -> String {
    match removal {
        Removal::Removed => format!("{target}: removal confirmed"),
        Removal::Expired => {
            format!("{target}: the access ended at its time limit, removal confirmed")
        }
        Removal::Absent => format!("{target}: the access was already gone, removal confirmed"),
        Removal::RetainedByGrant { request } => format!(
            "{target} keeps the access: request {} needs it too",
            text::code(request)
        ),
        Removal::Preexisting => format!("{target} keeps the access: it predates this grant"),
        Removal::NotGranted => format!("{target} had nothing to revoke"),
    }
}

/// The count is the request's own, as it stands now.
fn not_gone(request: &Request, layer: usize, error: &str, retry_at: Time) -> String {
    let target = target(request, layer);
    let (error, next) = (words(error), next(Some(retry_at)));
    let failures = request.layers.get(layer).map_or(0, |layer| layer.failures);
    let times = match failures {
        0 | 1 => String::new(),
        many => format!(", {many} times in a row"),
    };
    format!(":rotating_light: {target} failed to revoke access{times}: {error} · {next}")
}

fn locked(target: &LockTarget) -> String {
    match target {
        LockTarget::Everything => "Everything".to_owned(),
        LockTarget::Scope(scope) => text::code(scope),
        LockTarget::Person(person) => text::person(person),
        LockTarget::Target(target) => format!("Target {}", text::code(target)),
    }
}

fn count(number: u8, of: &str) -> String {
    match number {
        1 => format!("1 {of}"),
        many => format!("{many} {of}s"),
    }
}
