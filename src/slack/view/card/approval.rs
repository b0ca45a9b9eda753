//! What approvers see, in the scope's channel.

use super::{
    context::{Context, action, value},
    draft::{Button, Draft},
    record,
};
use crate::{
    domain::{Approval, Extension, ExtensionOutcome, Request, SettledExtension, Span, State, Time},
    slack::{
        client::Message,
        view::{stages, start::starting, text},
    },
};

/// The question whether somebody gets access, and what came of it.
pub(super) fn request_card(request: &Request, context: &Context) -> Message {
    let terms = &request.terms;
    let mut draft = Draft::default();
    draft.title(&format!(
        "Access request: {} for {}",
        terms.scope, terms.duration
    ));
    draft.say(sentence(request));
    draft.facts(&facts(request, context));
    reason(request, &mut draft);
    record::write(request, false, &mut draft);
    if matches!(request.state, State::Pending { .. }) {
        if let Some(closes) = record::closes(&context.logins) {
            draft.say(closes);
        }
        locked(context, &mut draft);
        decide(request, &mut draft);
    }
    record::footer(request, &mut draft);
    draft.message()
}

/// The question whether somebody gets more time, and what came of it.
pub(super) fn extension_card(request: &Request, context: &Context) -> Option<Message> {
    match (&request.extension, &request.last_extension) {
        (Some(extension), _) => {
            let more = extension.duration;
            let mut draft = extension_head(request, more);
            draft.facts(&more_facts(request, extension, context));
            more_reason(request, &extension.reason, &mut draft);
            record::approvals(&extension.approvals, &mut draft);
            locked(context, &mut draft);
            decide(request, &mut draft);
            record::footer(request, &mut draft);
            Some(draft.message())
        }
        (None, Some(settled)) => {
            let mut draft = extension_head(request, settled.duration);
            draft.facts(&about(request, context));
            more_reason(request, &settled.reason, &mut draft);
            record::approvals(&settled.approvals, &mut draft);
            draft.say(outcome(settled));
            if let ExtensionOutcome::Denied { reason } = &settled.outcome {
                draft.quote("Reason for denial", reason);
            }
            record::footer(request, &mut draft);
            Some(draft.message())
        }
        (None, None) => None,
    }
}

/// What is left of a question whether somebody gets more time, once they ask for yet more.
pub(super) fn settled_extension(request: &Request) -> Message {
    let mut draft = Draft::default();
    draft.title(&format!("More time: {}", request.terms.scope));
    draft.say(":arrow_down: This request is settled. A newer one is below.".to_owned());
    record::footer(request, &mut draft);
    draft.message()
}

/// What waits for an answer, in short, with the same buttons as its card.
pub(in crate::slack::view) fn question(request: &Request, context: &Context, draft: &mut Draft) {
    let (sentence, facts) = match &request.extension {
        Some(extension) => (
            more_sentence(request, extension.duration),
            more_facts(request, extension, context),
        ),
        None => (sentence(request), facts(request, context)),
    };
    draft.say(sentence);
    let more = request.extension.as_ref().map(|more| &more.reason);
    let reason = more.filter(|reason| !reason.is_empty());
    draft.quote_in_short(reason.unwrap_or(&request.terms.reason));
    let facts: Vec<String> = facts
        .into_iter()
        .map(|(label, fact)| format!("{label}: {fact}"))
        .collect();
    draft.asides(&facts);
    decide(request, draft);
}

/// That a lock keeps everybody from approving it.
fn locked(context: &Context, draft: &mut Draft) {
    let Some(lock) = &context.lock else {
        return;
    };
    draft.say(match lock.until.map(text::time) {
        Some(end) => format!(":lock: *Locked until {end}*. Nobody can approve this before that."),
        None => ":lock: *Locked*. Nobody can approve this until the lock is lifted.".to_owned(),
    });
}

fn extension_head(request: &Request, more: Span) -> Draft {
    let mut draft = Draft::default();
    draft.title(&format!(
        "More time: {} for {more} more",
        request.terms.scope
    ));
    draft.say(more_sentence(request, more));
    draft
}

fn sentence(request: &Request) -> String {
    let duration = request.terms.duration;
    format!(
        "{} requests {} for *{duration}*{}.",
        text::person(&request.requester),
        record::what(request),
        starting(request),
    )
}

fn more_sentence(request: &Request, more: Span) -> String {
    format!(
        "{} requests *{more}* more of {}.",
        text::person(&request.requester),
        record::what(request),
    )
}

fn outcome(settled: &SettledExtension) -> String {
    let at = text::time(settled.at);
    match &settled.outcome {
        ExtensionOutcome::Extended { expires_at } => {
            format!(
                ":large_green_circle: Extended until {}.",
                text::time(*expires_at)
            )
        }
        ExtensionOutcome::Denied { .. } => {
            format!(":no_entry: Denied by {} · {at}", text::actor(&settled.by))
        }
        ExtensionOutcome::Withdrawn => format!(":leftwards_arrow_with_hook: Withdrawn {at}."),
        ExtensionOutcome::Lapsed => format!(":hourglass: Lapsed {at}: nobody decided in time."),
        ExtensionOutcome::Overtaken => {
            format!(":lock: The grant ended {at}, before anybody decided.")
        }
    }
}

/// What it is about, and, while it waits for its first decision, by when that has to come.
fn facts(request: &Request, context: &Context) -> Vec<(&'static str, String)> {
    let mut facts = about(request, context);
    if let State::Pending { lapses_at } = request.state {
        facts.extend(awaited(request, &request.approvals, lapses_at));
    }
    facts
}

/// What it is about, what more time would do, and by when that has to be decided.
fn more_facts(
    request: &Request,
    extension: &Extension,
    context: &Context,
) -> Vec<(&'static str, String)> {
    let mut facts = about(request, context);
    if let Some(end) = request.expires_at {
        facts.push(("Current end", text::time(end)));
        facts.push(("New end", text::time(extension.duration.after(end))));
    }
    facts.extend(awaited(request, &extension.approvals, extension.lapses_at));
    facts
}

fn awaited(request: &Request, given: &[Approval], lapses_at: Time) -> [(&'static str, String); 2] {
    let approvals = match stages::progress(request) {
        Some(progress) => ("Stages", progress),
        None => (
            "Approvals",
            format!("{} of {}", given.len(), request.approvals_needed),
        ),
    };
    [approvals, ("Decide by", text::time(lapses_at))]
}

fn about(request: &Request, context: &Context) -> Vec<(&'static str, String)> {
    let terms = &request.terms;
    let mut facts = vec![("Risk", record::risk(terms.risk).to_owned())];
    if terms.dangerous {
        facts.push(("Dangerous", format!(":warning: {}", record::DANGEROUS)));
    }
    if let Some(environment) = &terms.environment {
        facts.push(("Environment", text::escape(environment.as_str(), 100)));
    }
    if let Some(ticket) = record::ticket(request) {
        facts.push(("Ticket", ticket));
    }
    facts.extend(record::logins(&context.logins).map(|logins| ("Login", logins)));
    if !terms.ends_early {
        facts.push(("Early end", record::NOT_EARLY.to_owned()));
    }
    facts.extend(record::residual(terms.residual).map(|residual| ("After it ends", residual)));
    facts
}

fn reason(request: &Request, draft: &mut Draft) {
    match request.terms.reason.trim() {
        "" => draft.say("No reason given.".to_owned()),
        reason => draft.quote("Reason", reason),
    }
}

/// Why more time is asked for; why it was asked for at first, if they did not say.
fn more_reason(request: &Request, more: &str, draft: &mut Draft) {
    match more.trim() {
        "" => reason(request, draft),
        more => draft.quote("Reason", more),
    }
}

/// What is approved is exactly what is shown: the value names the revision.
fn decide(request: &Request, draft: &mut Draft) {
    let approve = match &request.extension {
        Some(extension) => format!("Approve {} more", extension.duration),
        None => format!("Approve {}", request.terms.duration),
    };
    let buttons = vec![
        Button::primary(action::APPROVE, approve),
        Button::new(action::APPROVE_SHORTER, "Approve shorter…"),
        Button::new(action::DENY, "Deny"),
        Button::new(action::ASK_QUESTION, "Ask a question"),
    ];
    draft.buttons(&value(request), buttons);
}
