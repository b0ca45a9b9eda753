//! What people are told when they ask for something, in `mrkdwn`, seen by them alone.

use std::collections::BTreeSet;

use super::{
    card::{DANGEROUS, NOT_EARLY, residual},
    modal::whole_lines,
    stages,
    start::{starting, starts_and_ends},
    text,
};
use crate::broker::{Covered, Interruption, Locked, Members, TooFewApprovers};
use crate::domain::{
    BackendName, ChannelId, Email, GroupName, LockTarget, ReasonRule, Request, Scope, ScopeId,
    State, Time, UserId, Username,
};

/// The longest answer; Slack cuts longer ones.
pub(super) const LONGEST: usize = 3900;

/// How many requests one answer lists.
pub(super) const LISTED: usize = 20;

/// How many people one answer names.
pub(super) const PEOPLE: usize = 10;

/// Too much is going on.
pub const BUSY: &str = "Keylend is busy. Nothing changed. Try again in a moment.";

/// The button means nothing to this version.
pub const UNKNOWN_BUTTON: &str =
    "This version of Keylend doesn't know that button. Nothing changed. Use the newest message.";

/// A modal could not be opened.
pub const NO_WINDOW: &str = "Slack didn't open the window in time. Nothing changed. Try again.";

/// A request was made.
pub fn asked(request: &Request, notes: &[String]) -> String {
    let what = text::code(&request.terms.scope);
    let length = format!("{}{}", request.terms.duration, starting(request));
    let mut lines = vec![match request.state {
        State::Pending { lapses_at } => format!(
            "You requested {what} for {length}. Pending approval in {} until {}. I'll message you.",
            text::channel(&request.approval_channel),
            text::time(lapses_at)
        ),
        _ => format!(
            "You requested {what} for {length}. It is {}. I'll message you.",
            request.state.name()
        ),
    }];
    lines.extend_from_slice(notes);
    lines.push(id(request));
    clipped(&lines)
}

/// An incident channel will not follow the request.
pub fn not_mirrored(channel: &ChannelId) -> String {
    format!(
        "Keylend can't read the name of {}. If it is an incident channel, it doesn't show this \
         request. Invite Keylend there.",
        text::channel(channel)
    )
}

/// The approvers of a request cannot be reached yet.
pub fn not_reached(channel: &ChannelId) -> String {
    format!(
        ":warning: Approvers can't see this request: Keylend can't post in {}. It keeps retrying \
         and has alerted the people who run it.",
        text::channel(channel)
    )
}

/// An incident channel does not follow the request, because people of another company read it.
pub fn not_mirrored_shared(channel: &ChannelId) -> String {
    format!(
        "{} is shared with another company, so it doesn't show this request.",
        text::channel(channel)
    )
}

/// Too few people can approve a request.
pub fn too_few_approvers(lack: &TooFewApprovers) -> String {
    let groups: Vec<String> = lack.groups.iter().take(PEOPLE).map(text::code).collect();
    let groups = groups.join(", ");
    let what = match (lack.members, lack.able) {
        (Members::Others, _) if !lack.open.is_empty() => format!(
            "This request needs {} approvals by different people, and nobody is left right now to \
             approve for {}.",
            lack.needed,
            stages::list(&lack.open)
        ),
        (Members::Nobody, 0) => {
            format!("Nobody can approve this request right now: {groups} has no members.")
        }
        (Members::OnlyRequester, 0) => format!(
            "Nobody can approve this request right now: you are the only member of {groups}."
        ),
        (_, 0) => format!(
            "Nobody can approve this request right now: nobody else in {groups} is allowed to."
        ),
        (_, able) => format!(
            "This request needs {} approvals, and only {able} of {groups} can give one right now.",
            lack.needed
        ),
    };
    let meanwhile = match lack.is_extension {
        true => "Your request stays pending, and your access still ends at the same time.",
        false => "Your request stays pending.",
    };
    format!(
        ":warning: {what} Keylend alerts the people who run it; ask them to add an approver to \
         {groups}. {meanwhile}"
    )
}

/// What somebody holds and waits for.
pub fn status(requests: &[Request], now: Time) -> String {
    if requests.is_empty() {
        return "You have no active access and no pending requests. Type `/jit` to request access."
            .to_owned();
    }
    list("Your access and requests:", requests, |request| {
        standing(request, now)
    })
}

/// Who has a scope.
///
/// `is_listed` says whether the scope is in the catalogue.
pub fn who_has(scope: &ScopeId, is_listed: bool, requests: &[Request], now: Time) -> String {
    let what = text::code(scope);
    let former = match is_listed {
        true => "",
        false => ", which is no longer in the catalogue",
    };
    let held = held(requests);
    if held.is_empty() {
        return format!("Nobody has {what}{former}.");
    }
    let what = format!("{what}{former}");
    list(&format!("Who has {what}:"), &held, |request| {
        let who = text::person(&request.requester);
        format!("{who}{} · {}", how(request, now), id(request))
    })
}

/// What a person has.
pub fn what_has(person: &UserId, requests: &[Request], now: Time) -> String {
    let who = text::person(person);
    let held = held(requests);
    if held.is_empty() {
        return format!("{who} has no active access.");
    }
    list(&format!("{who} has:"), &held, |request| {
        standing(request, now)
    })
}

/// Who has access in a target.
pub fn who_is_in(target: &BackendName, held: &[Request], now: Time) -> String {
    let what = text::code(target);
    if held.is_empty() {
        return format!("Nobody has access in {what} now.");
    }
    list(&format!("Access in {what}:"), held, |request| {
        let who = text::person(&request.requester);
        format!(
            "{who} has {}{} · {}",
            text::code(&request.terms.scope),
            how(request, now),
            id(request)
        )
    })
}

/// What a scope is, and who decides on it.
pub fn explain(scope: &Scope, approvers: Option<&BTreeSet<UserId>>) -> String {
    let groups = |groups: &BTreeSet<_>| {
        let names: Vec<String> = groups
            .iter()
            .take(PEOPLE)
            .map(|group: &GroupName| text::escape(group.as_str(), 80))
            .collect();
        match names.is_empty() {
            true => "nobody".to_owned(),
            false => names.join(", "),
        }
    };
    let named = approvers.filter(|people| !people.is_empty()).map(|people| {
        let mut names: Vec<String> = people.iter().take(PEOPLE).map(text::person).collect();
        if people.len() > PEOPLE {
            names.push(format!("{} more", people.len() - PEOPLE));
        }
        format!(" ({})", names.join(", "))
    });
    let ticket = match &scope.ticket {
        None => "not needed".to_owned(),
        Some(rule) => {
            let needed = if rule.required {
                "required"
            } else {
                "optional"
            };
            let example = rule.example.as_ref().map(text::code);
            let example = example.map(|example| format!(", for example {example}"));
            format!("{needed}{}", example.unwrap_or_default())
        }
    };
    let approvals = match scope.approvals.get() {
        1 => "1 approval".to_owned(),
        several => format!("{several} approvals"),
    };
    let environment = scope.environment.as_ref();
    let mut lines = vec![
        format!(
            "*{}* ({})",
            text::escape(&scope.title, 200),
            text::code(&scope.id)
        ),
        format!("Risk: {}", scope.risk),
    ];
    lines.extend(
        environment.map(|name| format!("Environment: {}", text::escape(name.as_str(), 100))),
    );
    lines.extend(
        scope
            .dangerous
            .then(|| format!("Dangerous: :warning: {DANGEROUS}")),
    );
    lines.extend([
        format!(
            "Duration: {} by default, at most {}; {} in total with extensions",
            scope.default_duration, scope.max_duration, scope.max_total
        ),
        format!("Ticket: {ticket}"),
        format!(
            "Reason: {}",
            match scope.reason {
                ReasonRule::Required => "required",
                ReasonRule::Optional => "optional",
            }
        ),
        format!("Who can request: {}", groups(&scope.requesters)),
        format!(
            "Who can approve: {}{}; {} needed, in {}",
            match scope.stages.as_slice() {
                [] => groups(&scope.approvers),
                stages => format!("one person each from {}", stages::list(stages)),
            },
            named.unwrap_or_default(),
            approvals,
            text::channel(&scope.approval_channel)
        ),
    ]);
    if !scope.ends_early {
        lines.push(format!("Early end: {NOT_EARLY}"));
    }
    lines.extend(residual(scope.residual).map(|residual| format!("After it ends: {residual}")));
    clipped(&lines)
}

/// The requester withdrew a request.
pub fn withdrawn(request: &Request) -> String {
    format!(
        "Your request for {} is withdrawn.",
        text::code(&request.terms.scope)
    )
}

/// The requester is done.
pub fn done(request: &Request) -> String {
    if request.never_started() {
        return withdrawn(request);
    }
    format!(
        "Revoking {}. I'll message you when removal is confirmed.",
        text::code(&request.terms.scope)
    )
}

/// Ending a grant would interrupt others.
pub fn interrupts(request: &Request, interrupted: &[Interruption]) -> String {
    let mut lines = vec![format!(
        "Ending {} also closes these sessions:",
        text::code(&request.terms.scope)
    )];
    lines.extend(interrupted.iter().map(|one| {
        format!(
            "• every session of {} on {}, which you use for {}. You keep that access and can \
             reconnect.",
            text::code(&one.login),
            text::code(&one.backend),
            text::code(&one.other)
        )
    }));
    let command = text::code(format!("/jit done {} anyway", request.id));
    lines.push(format!("To end it anyway, type {command}."));
    clipped(&lines)
}

/// More time was asked for.
pub fn extension_requested(request: &Request, lack: Option<&TooFewApprovers>) -> String {
    let what = text::code(&request.terms.scope);
    let mut told = match (&request.extension, request.expires_at) {
        (Some(extension), _) => format!(
            "You requested {} more of {what}. Pending approval in {}. Nothing changes until then.",
            extension.duration,
            text::channel(&request.approval_channel)
        ),
        (None, Some(end)) => format!("{what} now ends {}.", text::time(end)),
        (None, None) => format!("{what} is {}.", request.state.name()),
    };
    if let Some(lack) = lack {
        told.push('\n');
        told.push_str(&too_few_approvers(lack));
    }
    told
}

/// The question for more time was taken back.
pub fn extension_withdrawn(request: &Request) -> String {
    format!(
        "Your request for more time for {} is withdrawn. Your access doesn't change.",
        text::code(&request.terms.scope)
    )
}

/// An approver cannot choose less time.
pub fn nothing_shorter(request: &Request) -> String {
    format!(
        "{} is the shortest time that can be approved. Use the other button to approve it.",
        request.asked_duration()
    )
}

/// No more time fits.
pub fn nothing_fits(scope: &Scope) -> String {
    format!(
        "You can't extend {} yet: it can last at most {} from now. Try again closer to its end.",
        text::code(&scope.id),
        scope.max_duration
    )
}

/// An approver or administrator took access back; `refused` says what stays, and why.
pub fn revoked(revoked: &[Request], refused: &[String]) -> String {
    let mut lines: Vec<String> = revoked
        .iter()
        .take(LISTED)
        .map(|request| {
            format!(
                "{} of {} is being revoked.",
                text::code(&request.terms.scope),
                text::person(&request.requester)
            )
        })
        .collect();
    lines.extend(refused.iter().take(LISTED).cloned());
    clipped(&lines)
}

/// There was nothing to revoke.
pub const NOTHING_HELD: &str =
    "There is no active access to revoke. `/jit incident` shows what is active.";

/// Slack did not name the command, so a second delivery could not be told from a second request.
pub const UNNAMED: &str = "Slack sent this command without its name. Nothing changed. Try again.";

/// One grant stays, and why.
pub fn stays(request: &Request, why: &str) -> String {
    format!(
        "{} of {} isn't revoked: {why}",
        text::code(&request.terms.scope),
        text::person(&request.requester)
    )
}

/// A lock was set.
pub fn locked(target: &LockTarget, locked: Locked) -> String {
    let target = capitalised(target);
    let mut told = match locked.ended {
        Some(0) => format!("{target} is locked. No active grant is affected."),
        Some(1) => format!("{target} is locked. 1 active grant is being revoked."),
        Some(several) => format!("{target} is locked. {several} active grants are being revoked."),
        None => format!(
            "{target} is locked. Keylend can't write to its database, so it revokes the active grants \
             later, when it can."
        ),
    };
    if !locked.is_person_known {
        told.push_str(
            " Slack isn't responding, so the lock covers only the identities that Keylend has on record \
             for this person. If they may have another account, lock that one too.",
        );
    }
    let lifted = match locked.until.map(text::time) {
        Some(end) => format!(" The lock ends {end}; `/jit unlock` lifts it before that."),
        None => " `/jit unlock` lifts the lock.".to_owned(),
    };
    told.push_str(&lifted);
    told
}

/// A lock was lifted, or there was none.
pub fn unlocked(target: &LockTarget, was_locked: bool) -> String {
    match was_locked {
        true => format!(
            "{} is unlocked. Access that the lock ended doesn't come back. Request it again.",
            capitalised(target)
        ),
        false => format!(
            "{} isn't locked. Nothing changed. `/jit lock` lists the locks.",
            capitalised(target)
        ),
    }
}

/// A login was released.
pub fn released(name: &Username) -> String {
    format!(
        "The login {} is released. The next person granted access under it becomes its owner. \
         Active grants don't change.",
        text::code(name)
    )
}

/// Somebody has several requests, and one is meant.
pub fn which(command: &str, requests: &[Request], now: Time) -> String {
    let head = format!("Which one? Type `/jit {command}` and the id of one of these:");
    list(&head, requests, |request| standing(request, now))
}

/// Somebody has no access, or none to the scope that they named.
pub fn no_active_access(scope: Option<&ScopeId>) -> String {
    let what = scope.map(|scope| format!(" to {}", text::code(scope)));
    format!(
        "You have no active access{}. `/jit status` shows what you have.",
        what.unwrap_or_default()
    )
}

/// Somebody has no pending request, or none for the scope that they named.
pub fn no_pending_request(scope: Option<&ScopeId>) -> String {
    let what = scope.map(|scope| format!(" for {}", text::code(scope)));
    format!(
        "You have no pending request{}. `/jit status` shows what you have.",
        what.unwrap_or_default()
    )
}

/// What a command is about was left out, or is nothing that it takes.
pub fn usage(usage: &str) -> String {
    format!("Type {}.", text::code(usage))
}

/// A name that is none.
pub fn no_such(written: &str, like: &[ScopeId]) -> String {
    let nothing = format!("Keylend can't find “{}”.", text::escape(written, 100));
    let like: Vec<String> = like.iter().map(text::code).collect();
    match like.is_empty() {
        false => format!("{nothing} Did you mean {}?", like.join(", ")),
        true if written.starts_with('@') => {
            format!("{nothing} Choose the person from the list that Slack shows while you type.")
        }
        true => format!("{nothing} Type `/jit` and search for it."),
    }
}

/// What was to be a moment, and is none.
pub fn not_a_time(written: &str) -> String {
    format!(
        "“{}” isn't a time. Write one such as 02:10, or with its day: 2026-11-21 02:10.",
        text::escape(written, 100)
    )
}

/// An address of nobody whom Keylend knows.
pub fn nobody_has(address: &Email) -> String {
    format!(
        "Keylend hasn't recorded anyone with the address {}. Type `@` and choose the person from \
         the list that Slack shows.",
        text::escape(address.as_str(), 100)
    )
}

/// The first word is no command; with the nearest one, or the help if none is near.
pub fn unknown_command(written: &str, nearest: Option<&str>, help: &str) -> String {
    let command = |word: &str| text::code(format!("/jit {word}"));
    let nothing = format!("There's no {}.", command(written));
    match nearest {
        Some(nearest) => format!("{nothing} Did you mean {}?", command(nearest)),
        None => format!("{nothing}\n{help}"),
    }
}

/// What is granted, and what is over and not proven gone yet.
fn held(requests: &[Request]) -> Vec<Request> {
    let held = requests.iter().filter(|request| request.is_held());
    held.cloned().collect()
}

/// What a request is for, and how it stands.
fn standing(request: &Request, now: Time) -> String {
    let what = text::code(&request.terms.scope);
    let state = match request.state {
        _ if request.being_revoked_since(now).is_some() => "Ending",
        State::Pending { .. } => "Pending",
        State::Approved => "Approved",
        State::Active { .. } => "Active",
        _ => request.state.name(),
    };
    format!("*{state}* · {what}{} · {}", how(request, now), id(request))
}

/// How a request stands, behind what it is for.
pub(super) fn how(request: &Request, now: Time) -> String {
    if let Some(since) = request.being_revoked_since(now) {
        return format!(", revoking since {}", text::time(since));
    }
    match (&request.state, request.expires_at) {
        (State::Pending { lapses_at }, _) => format!(
            ", waiting for approval in {} until {}{}",
            text::channel(&request.approval_channel),
            text::time(*lapses_at),
            in_stages(request)
        ),
        (State::Approved, _) if request.waits_for_start() => {
            format!(", {}", starts_and_ends(request).unwrap_or_default())
        }
        (State::Approved, Some(end)) => format!(", being granted until {}", text::time(end)),
        (State::Active { .. }, Some(end)) => {
            let more = request.extension.as_ref().map(|extension| {
                format!(
                    "; {} more pending approval in {} until {}{}",
                    extension.duration,
                    text::channel(&request.approval_channel),
                    text::time(extension.lapses_at),
                    in_stages(request)
                )
            });
            format!(" until {}{}", text::time(end), more.unwrap_or_default())
        }
        (state, _) => format!(", {}", state.name()),
    }
}

/// How far the stages of what waits are, behind a sentence; empty where there are none.
fn in_stages(request: &Request) -> String {
    let progress = stages::progress(request);
    progress.map_or_else(String::new, |progress| format!(" ({progress})"))
}

pub(super) fn id(request: &Request) -> String {
    text::code(request.id)
}

pub(super) fn capitalised(target: &LockTarget) -> String {
    match target {
        LockTarget::Everything => "Everything".to_owned(),
        LockTarget::Scope(scope) => text::code(scope),
        LockTarget::Person(person) => text::person(person),
        LockTarget::Target(target) => format!("Target {}", text::code(target)),
    }
}

/// What ends if access is revoked, and what stays.
pub fn would_end(grants: &[Request], refused: &[String], now: Time) -> String {
    let mut lines = vec![list("This ends now:", grants, |request| {
        ending(request, now)
    })];
    lines.extend(refused.iter().take(LISTED).cloned());
    clipped(&lines)
}

/// What a lock does.
pub fn would_lock(target: &LockTarget, covered: &Covered, now: Time) -> String {
    let mut lines = vec![match target {
        LockTarget::Everything => {
            "Until you unlock it, nobody can request or receive access to anything.".to_owned()
        }
        LockTarget::Scope(scope) => format!(
            "Until you unlock it, nobody can request or receive access to {}.",
            text::code(scope)
        ),
        LockTarget::Person(person) => format!(
            "Until you unlock them, {} can't request or receive any access.",
            text::person(person)
        ),
        LockTarget::Target(target) => format!(
            "Until you unlock it, nobody can request or receive access in target {}.",
            text::code(target)
        ),
    }];
    let head = match (covered.grants.len(), covered.has_more) {
        (0, _) => "No active grant is affected.".to_owned(),
        (1, false) => "This ends now:".to_owned(),
        (several, false) => format!("These {several} grants end now:"),
        (several, true) => format!("More than {several} grants end now. The oldest are:"),
    };
    lines.push(list(&head, &covered.grants, |request| ending(request, now)));
    clipped(&lines)
}

fn ending(request: &Request, now: Time) -> String {
    let who = text::person(&request.requester);
    format!(
        "{} of {who}{}",
        text::code(&request.terms.scope),
        how(request, now)
    )
}

fn list(head: &str, requests: &[Request], line: impl Fn(&Request) -> String) -> String {
    let mut lines = vec![head.to_owned()];
    lines.extend(
        requests
            .iter()
            .take(LISTED)
            .map(|request| format!("• {}", line(request))),
    );
    if requests.len() > LISTED {
        lines.push(format!("and {} more", requests.len() - LISTED));
    }
    clipped(&lines)
}

pub(super) fn clipped(lines: &[String]) -> String {
    whole_lines(&lines.join("\n"), LONGEST)
}
