//! Refusals and failures as people read them: what happened, and what to do. Each has its sentence,
//! in `mrkdwn` for messages and in plain text for the fields of a modal.

use chrono::NaiveTime;

use super::text;
use crate::{
    broker::Error,
    domain::{
        Actor, More, NoUsername, Question, Refusal, Request, RequestId, Ruling, Scope, ScopeId,
        Span, Stage, TicketProblem,
    },
    slack::{arguments::Unclear, caller::RejectedCaller},
};

/// The rule that refuses a request for its ticket.
const TICKET: &str = "ticket-required";

/// The rule that lets a scope's requester groups request it.
const REQUESTER: &str = "requester-group";

/// How much of a rule's reason is shown.
const REASON: usize = 500;

/// How many pending requests one refusal lists.
const PENDING: usize = 10;

/// The `block_id`s of the request form, where errors are shown.
pub mod field {
    /// What for.
    pub const SCOPE: &str = "scope";
    /// For how long.
    pub const DURATION: &str = "duration";
    /// When it starts.
    pub const START: &str = "start";
    /// Under which ticket.
    pub const TICKET: &str = "ticket";
    /// Why.
    pub const REASON: &str = "reason";
}

/// Why something was not done, in `mrkdwn`.
pub fn sentence(error: &Error) -> String {
    say(error, Voice::Mrkdwn)
}

/// Why something was not done, in plain text.
pub fn plain_sentence(error: &Error) -> String {
    say(error, Voice::Plain)
}

/// Why a line did not become a request for `scope`, in `mrkdwn`.
pub fn of_request(error: &Error, scope: &Scope) -> String {
    let said = match only_rule(error) {
        Some(TICKET) => ticket(scope, Voice::Mrkdwn),
        Some(REQUESTER) => not_a_requester(scope, Voice::Mrkdwn),
        _ => return sentence(error),
    };
    let rule = only_rule(error).map(text::code);
    format!("{said} (rule {})", rule.unwrap_or_default())
}

/// Why a request was not made, on the field that it is about, in plain text: what would be right.
pub fn on_field(error: &Error, scope: &Scope, asked: Span) -> (&'static str, String) {
    let (id, most) = (&scope.id, scope.max_duration);
    match error {
        Error::Refused(Refusal::TooShort { asked, min }) => {
            (field::DURATION, too_short(*asked, *min))
        }
        Error::Refused(Refusal::Ticket(problem)) => (field::TICKET, ticket_problem(problem)),
        Error::Refused(Refusal::TooManyTickets { .. }) => (field::TICKET, say(error, Voice::Plain)),
        Error::Refused(Refusal::StartPassed | Refusal::StartTooFar { .. }) => {
            (field::START, say(error, Voice::Plain))
        }
        Error::Refused(Refusal::ReasonMissing) => (
            field::REASON,
            format!("{id} needs a reason. Say what you are going to do."),
        ),
        Error::Refused(Refusal::Forbidden(_)) => match only_rule(error) {
            Some("max-duration") => (
                field::DURATION,
                format!("The duration can be at most {most} for {id}. You requested {asked}."),
            ),
            Some(TICKET) => (field::TICKET, ticket(scope, Voice::Plain)),
            Some(REQUESTER) => (field::SCOPE, not_a_requester(scope, Voice::Plain)),
            _ => (field::SCOPE, say(error, Voice::Plain)),
        },
        _ => (field::SCOPE, say(error, Voice::Plain)),
    }
}

/// Why a ticket does not count, in plain text that is `mrkdwn` too.
fn ticket_problem(problem: &TicketProblem) -> String {
    match problem {
        TicketProblem::Missing => "This scope needs an open ticket. Add one.".to_owned(),
        TicketProblem::Malformed => {
            "Keylend can't look this ticket up, because it isn't a key of the ticket tracker, such as \
             INC-4211."
                .to_owned()
        }
        TicketProblem::Unknown => {
            "The ticket tracker has no such ticket, or Keylend can't see it there. Nothing changed.".to_owned()
        }
        TicketProblem::Closed => {
            "The ticket is closed, and this scope needs an open one. Nothing changed.".to_owned()
        }
        TicketProblem::NotAssigned => {
            "The ticket isn't assigned to the requester's email address, and this scope requires that. \
             Nothing changed."
                .to_owned()
        }
        TicketProblem::Stale => {
            "What the ticket tracker answered is more than 60 seconds old, so Keylend can't tell whether the \
             ticket is open. Nothing changed. Try again later."
                .to_owned()
        }
        TicketProblem::Unavailable(why) => format!(
            "Keylend couldn't look the ticket up: {why}. Nothing changed. Try again later."
        ),
    }
}

/// What is wrong with a text that was to be a duration, in plain text.
pub fn not_a_duration(text: &str) -> String {
    format!(
        "“{}” isn't clear. Write how long, with a unit: 30m, 1h30m, half an hour or until 17:00.",
        short(text)
    )
}

/// What is to be said about something that may be meant in more ways than one, in plain text.
pub fn unclear(unclear: &Unclear) -> String {
    match unclear {
        Unclear::Duration(text) => not_a_duration(text),
        Unclear::InReason(text) => format!(
            "If “{}” is how long you need access, write it here with a unit. It's in your reason now.",
            short(text)
        ),
        Unclear::Start(text) => format!(
            "To start “{}”, choose the start here. Otherwise access starts when it is approved.",
            short(text)
        ),
        Unclear::Recipient(_, text) => format!(
            "You can request access only for yourself. If it is for {}, they have to request it.",
            short(text)
        ),
    }
}

/// A time of the day that cannot be told where somebody is, in plain text.
pub fn unknown_time(time: NaiveTime) -> String {
    let time = time.format("%H:%M");
    format!(
        "Keylend can't tell when {time} is where you are. Write how long, such as 30m or 1h30m."
    )
}

/// A time of the day that has passed, in plain text.
pub fn past_time(time: NaiveTime, zone: &str) -> String {
    let time = time.format("%H:%M");
    format!("{time} has passed where you are ({zone}). Write how long, such as 30m or 1h30m.")
}

/// More time is asked for, until a moment before the end.
pub const ENDS_LATER: &str =
    "Your access already lasts that long or longer. /jit status shows when it ends.";

fn short(text: &str) -> String {
    text.chars().take(40).collect()
}

/// Why somebody is not listened to, in `mrkdwn`.
pub fn rejected_caller(why: RejectedCaller) -> &'static str {
    match why {
        RejectedCaller::OtherApp => {
            "Slack sent this for another app, not for this Keylend. Nothing changed. Tell the people \
             who run Keylend."
        }
        RejectedCaller::OtherWorkspace => {
            "This Keylend serves another workspace. Nothing changed. Use Keylend in that workspace."
        }
        RejectedCaller::Stranger => {
            "Only members of this workspace can use Keylend, and you belong to another one. Nothing \
             changed. If you need access, ask the people who run Keylend."
        }
        RejectedCaller::Unproven => {
            "Slack didn't say which workspace you belong to. Nothing changed. Try again. If that \
             doesn't help, tell the people who run Keylend."
        }
    }
}

/// Where a sentence is read.
#[derive(Clone, Copy, PartialEq)]
enum Voice {
    Mrkdwn,
    Plain,
}

impl Voice {
    fn code(self, name: impl std::fmt::Display) -> String {
        match self {
            Self::Mrkdwn => text::code(name),
            Self::Plain => name.to_string(),
        }
    }

    fn words(self, words: &str) -> String {
        match self {
            Self::Mrkdwn => text::escape(words, REASON),
            Self::Plain => words.chars().take(REASON).collect(),
        }
    }

    fn stage(self, stage: &Stage) -> String {
        let groups: Vec<String> = stage.iter().take(8).map(|name| self.code(name)).collect();
        groups.join(" or ")
    }

    /// Plain text has no mentions.
    fn actor(self, actor: &Actor) -> String {
        match (self, actor) {
            (Self::Mrkdwn, actor) => text::actor(actor),
            (Self::Plain, Actor::Person(_)) => "somebody else".to_owned(),
            (Self::Plain, Actor::Rule(rule)) => format!("rule {rule}"),
            (Self::Plain, Actor::Keylend) => "Keylend".to_owned(),
        }
    }
}

fn say(error: &Error, voice: Voice) -> String {
    match error {
        Error::Refused(refusal) => refused(refusal, voice),
        Error::Store(_) => {
            "Keylend can't write to its database, so it may not have done this. Try again in a moment."
                .to_owned()
        }
        Error::TooManyConflicts => {
            "Other people changed the same thing at the same time. Nothing changed. Try again in a \
             moment."
                .to_owned()
        }
        Error::AlreadyDone => {
            "Slack delivered this twice. Keylend did it the first time and doesn't repeat it."
                .to_owned()
        }
        Error::Facts(_) => {
            "Keylend couldn't check in Slack who you are and which groups you are in. Nothing \
             changed. Try again in a moment."
                .to_owned()
        }
        Error::EarlierApprover { approver, .. } => format!(
            "Keylend couldn't confirm in Slack that {} may still approve, so it can't count their \
             approval. Nothing changed. Try again in a moment.",
            voice.actor(&Actor::Person(approver.clone()))
        ),
        Error::Uncertain(_) => format!(
            "Keylend's log is damaged, so Keylend can't tell for certain who is who and what access \
             they have. Nothing changed. Ask the people who run Keylend to run {}.",
            voice.code("keylend audit verify")
        ),
        Error::WrongKey(_) => {
            "Keylend can't open the credentials of this access: the key in its configuration isn't \
             the one that sealed them. Nothing changed. Ask the people who run Keylend to restore \
             the key, or end this access and request it again."
                .to_owned()
        }
        Error::Contradicted(_) => format!(
            "This request doesn't match Keylend's log, so somebody may have changed the database. \
             Nothing changed. Ask the people who run Keylend to run {}.",
            voice.code("keylend audit verify")
        ),
    }
}

fn refused(refusal: &Refusal, voice: Voice) -> String {
    match refusal {
        Refusal::NoSuchRequest(id) => format!(
            "There is no request {}. {} lists yours.",
            voice.code(id),
            voice.code("/jit status")
        ),
        Refusal::NoSuchScope(id) => format!(
            "There is no scope {}. Type {} and search for it.",
            voice.code(id),
            voice.code("/jit")
        ),
        Refusal::OwnRequest => {
            "You can't approve or deny your own request. Another approver has to decide. You can \
             withdraw it."
                .to_owned()
        }
        Refusal::Outdated { shown, current } => format!(
            "The request has changed: that message shows version {shown}, and the current version is \
             {current}. Nothing changed. Use the newest message."
        ),
        Refusal::Settled { state, by } => {
            let by = by.as_ref().map(|by| voice.actor(by));
            let by = by.map(|by| format!(" (last decision by {by})"));
            format!(
                "This request {}{}. Nothing changed. Look at its newest message.",
                has_state(state, " already"),
                by.unwrap_or_default()
            )
        }
        Refusal::TooManyQuestions => format!(
            "{} questions were asked about this request, and there can be no more. Nothing changed. Decide on \
             what you know, or ask the requester yourself.",
            Question::MOST
        ),
        Refusal::TooManyOpenQuestions => format!(
            "{} questions about this request still wait for an answer. Nothing changed. Ask again when the \
             requester has answered one.",
            Question::MOST_OPEN
        ),
        Refusal::NoOpenQuestion => {
            "This question was already answered, or the request was decided. Nothing changed. Look at the \
             newest message."
                .to_owned()
        }
        Refusal::TextLength => format!("Write 1 to {} characters.", Question::LONGEST),
        Refusal::ApprovedBefore => {
            "You have already approved this. Another person has to approve it too.".to_owned()
        }
        Refusal::NoOpenStage { open } => format!(
            "The stages that you can approve for are already approved. Still open: {}. Ask somebody in one \
             of these groups.",
            open.iter().take(8).map(|it| voice.stage(it)).collect::<Vec<_>>().join("; ")
        ),
        Refusal::LongerThanAsked { chosen, asked } => {
            format!("You can only shorten this, and {chosen} is longer than requested. Choose at most {asked}.")
        }
        Refusal::Ticket(problem) => ticket_problem(problem),
        Refusal::NotTheRequester => format!(
            "Only the requester can do this. Nothing changed. To request access of your own, type {}.",
            voice.code("/jit")
        ),
        Refusal::NotActive { state } => format!(
            "This request {}, so you can't do this now. {} shows what you have.",
            has_state(state, ""),
            voice.code("/jit status")
        ),
        Refusal::NoExtension => format!(
            "You have no pending request for more time. Nothing changed. {} shows what you have.",
            voice.code("/jit status")
        ),
        Refusal::ExtensionWaits => format!(
            "You already requested this. It is pending approval. To withdraw it, type {}.",
            voice.code("/jit withdraw")
        ),
        Refusal::TooManyWithdrawn => format!(
            "You have withdrawn or changed your request for more time {} times, so you can't request \
             more for this access. Ask an approver to decide on the one that is pending, or request the \
             access again.",
            Request::MOST_EXTENSIONS_WITHDRAWN
        ),
        Refusal::ShownTooOften => format!(
            "You have seen these credentials {} times, so Keylend doesn't show them again. Request the \
             access again.",
            Request::MOST_CREDENTIALS_SHOWN
        ),
        Refusal::NotDue => {
            "The request has changed, so this no longer applies. Nothing changed. Look at the newest \
             message."
                .to_owned()
        }
        Refusal::Forbidden(rulings) => forbidden(rulings, voice),
        Refusal::RuleError(_) => {
            "Keylend couldn't evaluate a rule, so it refused this. Nothing changed. Tell the people \
             who run Keylend; its log says which rule."
                .to_owned()
        }
        Refusal::NoUsername(why) => no_username(why, voice),
        Refusal::NoEmail => {
            "Keylend needs an email address of yours that it can trust. Confirm your address in \
             Slack and try again. If that doesn't help, ask the people who run Keylend to check \
             [identity] in its configuration."
                .to_owned()
        }
        Refusal::EmailsUnreadable => format!(
            "Keylend can't read anybody's email address in Slack, because its app lacks the scope {}. \
             Nothing changed. Ask the people who run Keylend to add it; an alert tells them how.",
            voice.code("users:read.email")
        ),
        Refusal::NoDeciderEmail => {
            "Keylend needs an email address of yours that it can trust, so your decision doesn't \
             count. Confirm your address in Slack and try again. If that doesn't help, ask the \
             people who run Keylend to check [identity] in its configuration."
                .to_owned()
        }
        Refusal::NameBound(name) => format!(
            "The login {} belongs to another person, so the requester can't get access under it. \
             Ask the people who run Keylend to give the requester a login under [people], or ask an \
             administrator to release it with {}.",
            voice.code(name),
            voice.code(format!("/jit release {name} [reason]"))
        ),
        Refusal::NameContested(name) => format!(
            "More than one person has used the login {}, so nobody can get access under it. Ask an \
             administrator to find out whose it is, then release it with {}.",
            voice.code(name),
            voice.code(format!("/jit release {name} [reason]"))
        ),
        Refusal::NameFree(name) => {
            format!(
                "The login {} belongs to nobody. Nothing changed. If you meant another login, check its spelling.",
                voice.code(name)
            )
        }
        Refusal::GroupsUnavailable(groups) => {
            let names: Vec<String> = groups.iter().take(8).map(|name| voice.code(name)).collect();
            let (which, whose) = match groups.len() {
                1 => ("the group", "its"),
                _ => ("the groups", "their"),
            };
            format!(
                "This depends on {which} {}, and Keylend couldn't read {whose} members. \
                 Nothing changed. Try again later. Keylend has alerted the people who run it.",
                names.join(", ")
            )
        }
        Refusal::TooShort { asked, min } => {
            too_short(*asked, *min)
        }
        Refusal::ExtensionTooLong {
            asked,
            fits: Some(fits),
        } => {
            format!("You can extend this by at most {fits} now. You requested {asked}.")
        }
        Refusal::ExtensionTooLong { fits: None, .. } => format!(
            "This access already lasts as long as its scope allows, so you can't extend it now. {} \
             shows the limits. When it ends, request it again.",
            voice.code("/jit explain")
        ),
        Refusal::PendingAlready { id, scope, left } => format!(
            "You already have a pending request for {}: {}, which lapses in {left}. To change it, \
             withdraw it with {} and request it again.",
            voice.code(scope),
            voice.code(id),
            voice.code(format!("/jit withdraw {id}"))
        ),
        Refusal::GrantedAlready {
            id,
            scope,
            left,
            more,
        } => {
            let extend = |more: &str| voice.code(format!("/jit extend {id}{more}"));
            let more = match more {
                More::Fits(fits) => format!(
                    "Extend it by up to {fits} with {}.",
                    extend(&format!(" {fits}"))
                ),
                More::IsPending => "Your request for more time is pending.".to_owned(),
                More::Later => format!(
                    "You can't extend it yet. Closer to its end, type {}.",
                    extend("")
                ),
            };
            format!(
                "You already have {}: {}, which ends in {left}. {more}",
                voice.code(scope),
                voice.code(id)
            )
        }
        Refusal::TooManyPending { of, pending } => too_many_pending(of.as_ref(), pending, voice),
        Refusal::TooManyRequests { most, wait } => format!(
            "You have made {most} requests within an hour, and you can't make more. Try again in {wait}."
        ),
        Refusal::ReasonMissing => "A reason is required. Say what you are going to do.".to_owned(),
        Refusal::TextsMissing => format!(
            "Keylend's log has lost a part of this request: an address, the reason or the ticket. \
             Nobody can approve, extend or use it any more; it can only end. Request the access again, \
             and ask the people who run Keylend to run {}.",
            voice.code("keylend audit verify")
        ),
        Refusal::NoCredential => {
            "This access has no credentials to show. Use your own login.".to_owned()
        }
        Refusal::NoBreakGlass(scope) => format!(
            "You can't use break-glass for {}. Nothing changed. Request it with {}; approvers decide.",
            voice.code(scope),
            voice.code(format!("/jit request {scope}"))
        ),
        Refusal::ReviewOverdue { id, .. } => format!(
            "You can't use break-glass now: your break-glass {} has been open for review for too long. Nothing \
             changed. Ask two reviewers to sign it off, or request the access with {}.",
            voice.code(id),
            voice.code("/jit request")
        ),
        Refusal::NoReview => {
            "This was not granted by break-glass, so there is nothing to review.".to_owned()
        }
        Refusal::OwnReview => {
            "You can't review your own use of break-glass. Two other people have to sign off.".to_owned()
        }
        Refusal::NotAReviewer => {
            "Only members of the reviewer groups can do this. Nothing changed.".to_owned()
        }
        Refusal::SignedOffBefore => {
            "You have already signed this off. Another person has to sign off too.".to_owned()
        }
        Refusal::ReviewClosed => {
            "Two people have already signed this off, so the review is closed. Nothing changed."
                .to_owned()
        }
        Refusal::TooManyTickets { most, wait } => format!(
            "{most} of your tickets were refused within an hour, and Keylend doesn't look up more. Try again in \
             {wait}."
        ),
        Refusal::NoteMissing => "A note is required. Say what you checked.".to_owned(),
        Refusal::NameTaken => {
            "Somebody else's request already has this id. Nothing changed. Try again.".to_owned()
        }
        Refusal::StartPassed => "The start has passed. Choose a later one.".to_owned(),
        Refusal::StartTooFar { most } => {
            let days = most.as_seconds() / (24 * 60 * 60);
            format!("Access can start at most {days} days from now.")
        }
        Refusal::ScheduledAlready { id, scope, left } => format!(
            "You already have {} from the same start on: {}, which starts in {left}. To change it, \
             withdraw it with {} and request it again.",
            voice.code(scope),
            voice.code(id),
            voice.code(format!("/jit withdraw {id}"))
        ),
    }
}

/// That a request is in a state: "is approved", but "has ended".
fn has_state(state: &str, already: &str) -> String {
    let verb = match state {
        "ended" | "failed" | "lapsed" => "has",
        _ => "is",
    };
    format!("{verb}{already} {state}")
}

/// What is pending, and how to withdraw it.
fn too_many_pending(
    of: Option<&ScopeId>,
    pending: &[(RequestId, ScopeId)],
    voice: Voice,
) -> String {
    let count = pending.len();
    let of = of.map(|of| format!(" for {}", voice.code(of)));
    let many = match count {
        1 => "1 pending request".to_owned(),
        _ => format!("{count} pending requests"),
    };
    let mut said = format!(
        "You have {many}{}, and you can't have more. Wait for a decision, or withdraw one:",
        of.unwrap_or_default()
    );
    for (id, scope) in pending.iter().take(PENDING) {
        let command = voice.code(format!("/jit withdraw {id}"));
        said.push_str(&match voice {
            Voice::Mrkdwn => format!("\n• {}: {command}", voice.code(scope)),
            Voice::Plain => format!(" {scope}: {command};"),
        });
    }
    if count > PENDING {
        said.push_str(&format!("\nand {} more", count - PENDING));
    }
    said
}

/// Why a person has no login. An entry of their own always helps.
fn no_username(why: &NoUsername, voice: Voice) -> String {
    let why = match why {
        NoUsername::NoAddress => "it has no email address of yours that it can trust".to_owned(),
        NoUsername::OtherDomain(domain) => format!(
            "the domain of your email address, {}, isn't in email_domains",
            voice.words(domain)
        ),
        NoUsername::UnexpectedCharacters => {
            "your email address has characters, such as +, that aren't safe in a login".to_owned()
        }
        NoUsername::Listed => {
            "[people] gives the login from your email address to another person".to_owned()
        }
    };
    format!(
        "Keylend can't determine your login: {why}. Nothing changed. Ask the people who run Keylend to \
         add you under [people] in its configuration."
    )
}

/// The rules' own reasons, each with its rule. Without a rule, nothing permitted it.
fn forbidden(rulings: &[Ruling], voice: Voice) -> String {
    if rulings.is_empty() {
        return "No rule allows this. Nothing changed. If you need it, ask the people who run Keylend."
            .to_owned();
    }
    let reasons: Vec<String> = rulings
        .iter()
        .take(8)
        .map(|ruling| {
            let reason = match ruling.reason.trim() {
                "" => "A rule forbids this. Ask the people who run Keylend why.".to_owned(),
                reason => voice.words(reason),
            };
            format!("{reason} (rule {})", voice.code(&ruling.rule))
        })
        .collect();
    reasons.join(match voice {
        Voice::Mrkdwn => "\n",
        Voice::Plain => " ",
    })
}

/// The rule that refuses, if it is one alone.
fn only_rule(error: &Error) -> Option<&str> {
    match error {
        Error::Refused(Refusal::Forbidden(rulings)) => match rulings.as_slice() {
            [only] => Some(only.rule.as_str()),
            _ => None,
        },
        _ => None,
    }
}

fn too_short(asked: Span, min: Span) -> String {
    format!("The duration has to be at least {min}. You requested {asked}.")
}

fn not_a_requester(scope: &Scope, voice: Voice) -> String {
    format!(
        "You're not in a group that can request {}. {} lists the groups.",
        voice.code(&scope.id),
        voice.code(format!("/jit explain {}", scope.id))
    )
}

fn ticket(scope: &Scope, voice: Voice) -> String {
    let id = voice.code(&scope.id);
    let rule = scope.ticket.as_ref();
    match rule.and_then(|rule| rule.example.as_ref()) {
        Some(example) => format!(
            "{id} takes a ticket such as {}, or a link to it.",
            voice.code(example)
        ),
        None => format!(
            "{id} doesn't take this as a ticket. Ask the people who run Keylend what one looks like."
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        directory::FactsUnavailable,
        domain::{GroupName, RuleId, UserId, Username},
        store::{Broken, StoreError, Uncertain, Why},
    };

    fn ruling(rule: &str, reason: &str) -> Ruling {
        Ruling {
            rule: RuleId::new(rule),
            reason: reason.to_owned(),
        }
    }

    fn pending(scope: &str, number: u32) -> (RequestId, ScopeId) {
        let id = RequestId::new(crate::domain::Time::UNIX_EPOCH, number);
        (id, scope.parse().unwrap())
    }

    /// Examples of each kind, in this order. It does not compile if a kind is missing.
    macro_rules! of_every_kind {
        ($of:ident: $($kind:ident => $examples:expr,)+) => {{
            let _every_kind = |one: &$of| match one {
                $($of::$kind { .. } => (),)+
            };
            let mut all: Vec<$of> = Vec::new();
            $(
                for example in $examples {
                    assert!(matches!(example, $of::$kind { .. }), "{example:?}");
                    all.push(example);
                }
            )+
            all
        }};
    }

    fn without_a_username() -> Vec<NoUsername> {
        of_every_kind! { NoUsername:
            NoAddress => [NoUsername::NoAddress],
            OtherDomain => [NoUsername::OtherDomain("<!channel>.example".to_owned())],
            UnexpectedCharacters => [NoUsername::UnexpectedCharacters],
            Listed => [NoUsername::Listed],
        }
    }

    fn refusals() -> Vec<Refusal> {
        of_every_kind! { Refusal:
            NoSuchRequest => [
                Refusal::NoSuchRequest(RequestId::new(crate::domain::Time::UNIX_EPOCH, 1)),
            ],
            NoSuchScope => [Refusal::NoSuchScope("db-prod:wirte".parse().unwrap())],
            OwnRequest => [Refusal::OwnRequest],
            Outdated => [Refusal::Outdated { shown: 1, current: 2 }],
            Settled => [
                Refusal::Settled { state: "lapsed", by: None },
                Refusal::Settled {
                    state: "approved",
                    by: Some(Actor::Person(UserId::new("U0BOB"))),
                },
            ],
            ApprovedBefore => [Refusal::ApprovedBefore],
            NoOpenStage => [Refusal::NoOpenStage {
                open: vec![
                    [GroupName::new("security"), GroupName::new("leads")].into(),
                ],
            }],
            LongerThanAsked => [Refusal::LongerThanAsked {
                chosen: Span::minutes(60),
                asked: Span::minutes(30),
            }],
            Ticket => [
                Refusal::Ticket(TicketProblem::Missing),
                Refusal::Ticket(TicketProblem::Malformed),
                Refusal::Ticket(TicketProblem::Unknown),
                Refusal::Ticket(TicketProblem::Closed),
                Refusal::Ticket(TicketProblem::NotAssigned),
                Refusal::Ticket(TicketProblem::Stale),
                Refusal::Ticket(TicketProblem::Unavailable("Jira cannot be reached".to_owned())),
            ],
            NotTheRequester => [Refusal::NotTheRequester],
            NotActive => [Refusal::NotActive { state: "ended" }],
            ExtensionWaits => [Refusal::ExtensionWaits],
            TooManyWithdrawn => [Refusal::TooManyWithdrawn],
            ShownTooOften => [Refusal::ShownTooOften],
            NoExtension => [Refusal::NoExtension],
            NotDue => [Refusal::NotDue],
            Forbidden => [
                Refusal::Forbidden(vec![
                    ruling("locked", "This is locked."),
                    ruling("no-fridays", "Not on a <!channel> *Friday*."),
                    ruling("silent", ""),
                ]),
                Refusal::Forbidden(Vec::new()),
            ],
            RuleError => [Refusal::RuleError("secret detail".to_owned())],
            NoUsername => without_a_username().into_iter().map(Refusal::NoUsername),
            NoEmail => [Refusal::NoEmail],
            EmailsUnreadable => [Refusal::EmailsUnreadable],
            NoDeciderEmail => [Refusal::NoDeciderEmail],
            NameBound => [Refusal::NameBound(Username::new("bob"))],
            NameContested => [Refusal::NameContested(Username::new("app"))],
            NameFree => [Refusal::NameFree(Username::new("app"))],
            NoBreakGlass => [Refusal::NoBreakGlass("db-prod:write".parse().unwrap())],
            ReviewOverdue => [Refusal::ReviewOverdue {
                id: RequestId::new(crate::domain::Time::UNIX_EPOCH, 1),
                since: crate::domain::Time::UNIX_EPOCH,
            }],
            NoReview => [Refusal::NoReview],
            OwnReview => [Refusal::OwnReview],
            NotAReviewer => [Refusal::NotAReviewer],
            SignedOffBefore => [Refusal::SignedOffBefore],
            ReviewClosed => [Refusal::ReviewClosed],
            NoteMissing => [Refusal::NoteMissing],
            TooManyTickets => [Refusal::TooManyTickets {
                most: 30,
                wait: Span::minutes(12),
            }],
            GroupsUnavailable => [
                Refusal::GroupsUnavailable([GroupName::new("dba")].into()),
                Refusal::GroupsUnavailable([GroupName::new("dba"), GroupName::new("ops")].into()),
            ],
            TooShort => [Refusal::TooShort {
                asked: Span::seconds(10),
                min: Span::minutes(1),
            }],
            ExtensionTooLong => [
                Refusal::ExtensionTooLong {
                    asked: Span::minutes(30),
                    fits: Some(Span::minutes(12)),
                },
                Refusal::ExtensionTooLong { asked: Span::minutes(30), fits: None },
            ],
            PendingAlready => [Refusal::PendingAlready {
                id: RequestId::new(crate::domain::Time::UNIX_EPOCH, 1),
                scope: "db-prod:write".parse().unwrap(),
                left: Span::minutes(42),
            }],
            GrantedAlready => [
                More::Fits(Span::minutes(90)),
                More::IsPending,
                More::Later,
            ]
            .map(|more| Refusal::GrantedAlready {
                id: RequestId::new(crate::domain::Time::UNIX_EPOCH, 1),
                scope: "db-prod:write".parse().unwrap(),
                left: Span::seconds(750),
                more,
            }),
            TooManyPending => [
                Refusal::TooManyPending {
                    of: None,
                    pending: vec![pending("db-prod:read", 1), pending("lab:use", 2)],
                },
                Refusal::TooManyPending {
                    of: Some("lab:use".parse().unwrap()),
                    pending: vec![pending("lab:use", 3)],
                },
            ],
            TooManyRequests => [Refusal::TooManyRequests {
                most: 30,
                wait: Span::minutes(12),
            }],
            ReasonMissing => [Refusal::ReasonMissing],
            TextsMissing => [Refusal::TextsMissing],
            NoCredential => [Refusal::NoCredential],
            NameTaken => [Refusal::NameTaken],
            StartPassed => [Refusal::StartPassed],
            StartTooFar => [Refusal::StartTooFar { most: Request::MOST_AHEAD }],
            ScheduledAlready => [Refusal::ScheduledAlready {
                id: RequestId::new(crate::domain::Time::UNIX_EPOCH, 1),
                scope: "db-prod:write".parse().unwrap(),
                left: Span::minutes(90),
            }],
            TooManyQuestions => [Refusal::TooManyQuestions],
            TooManyOpenQuestions => [Refusal::TooManyOpenQuestions],
            NoOpenQuestion => [Refusal::NoOpenQuestion],
            TextLength => [Refusal::TextLength],
        }
    }

    fn errors() -> Vec<Error> {
        of_every_kind! { Error:
            Refused => refusals().into_iter().map(Error::Refused),
            Store => [Error::Store(StoreError {
                doing: "secret detail",
                source: "secret detail".into(),
            })],
            TooManyConflicts => [Error::TooManyConflicts],
            AlreadyDone => [Error::AlreadyDone],
            Facts => [Error::Facts(FactsUnavailable("secret detail".to_owned()))],
            EarlierApprover => [Error::EarlierApprover {
                approver: UserId::new("U0BOB"),
                source: FactsUnavailable("secret detail".to_owned()),
            }],
            Uncertain => [Error::Uncertain(Uncertain::Broken(Broken {
                seq: 7,
                why: Why::Unlinked,
            }))],
            WrongKey => [Error::WrongKey(RequestId::new(crate::domain::Time::UNIX_EPOCH, 3))],
            Contradicted => [
                Error::Contradicted(RequestId::new(crate::domain::Time::UNIX_EPOCH, 3)),
            ],
        }
    }

    #[test]
    fn every_refusal_says_what_happened_and_what_to_do() {
        let said = |voice| {
            let said: Vec<String> = errors().iter().map(|error| say(error, voice)).collect();
            said.join("\n---\n")
        };
        insta::assert_snapshot!("in_messages", said(Voice::Mrkdwn));
        insta::assert_snapshot!("in_fields", said(Voice::Plain));
    }

    #[test]
    fn what_went_wrong_inside_is_for_the_log_alone() {
        for error in errors() {
            for voice in [Voice::Mrkdwn, Voice::Plain] {
                assert!(!say(&error, voice).contains("secret detail"));
            }
        }
    }
}
