//! What approvers see, in the scope's channel.

use super::{
    action,
    draft::{Button, Draft},
    record, value,
};
use crate::{
    domain::{ExtensionOutcome, Request, SettledExtension, State},
    slack::{client::Message, view::text},
};

/// The question whether somebody gets access, and what came of it.
pub(super) fn request_card(request: &Request) -> Message {
    let terms = &request.terms;
    let mut draft = Draft::default();
    draft.title(&format!(
        "Access request: {} for {}",
        terms.scope, terms.duration
    ));
    draft.say(format!(
        "{} asks for {} for *{}*.",
        text::person(&request.requester),
        record::what(request),
        terms.duration
    ));
    let mut facts = about(request);
    if let State::Pending { lapses_at } = request.state {
        let given = request.approvals.len();
        facts.push(("Approvals", of(given, request.approvals_needed)));
        facts.push(("Answer by", text::time(lapses_at)));
    }
    draft.facts(&facts);
    reason(request, &mut draft);
    record::write(request, &mut draft);
    if matches!(request.state, State::Pending { .. }) {
        decide(request, format!("Approve {}", terms.duration), &mut draft);
    }
    record::footer(request, &mut draft);
    draft.message()
}

/// The question whether somebody gets more time, and what came of it.
pub(super) fn extension_card(request: &Request) -> Option<Message> {
    match (&request.extension, &request.last_extension) {
        (Some(extension), _) => {
            let more = extension.duration;
            let mut draft = extension_head(request, &more.to_string());
            let mut facts = about(request);
            if let Some(end) = request.expires_at {
                facts.push(("Ends now", text::time(end)));
                facts.push(("Would end", text::time(more.after(end))));
            }
            let given = extension.approvals.len();
            facts.push(("Approvals", of(given, request.approvals_needed)));
            facts.push(("Answer by", text::time(extension.lapses_at)));
            draft.facts(&facts);
            reason(request, &mut draft);
            record::approvals(&extension.approvals, &mut draft);
            decide(request, format!("Approve {more} more"), &mut draft);
            record::footer(request, &mut draft);
            Some(draft.message())
        }
        (None, Some(settled)) => {
            let mut draft = extension_head(request, &settled.duration.to_string());
            draft.facts(&about(request));
            reason(request, &mut draft);
            record::approvals(&settled.approvals, &mut draft);
            draft.say(outcome(settled));
            if let ExtensionOutcome::Denied { reason } = &settled.outcome {
                draft.quote("Why", reason);
            }
            record::footer(request, &mut draft);
            Some(draft.message())
        }
        (None, None) => None,
    }
}

fn extension_head(request: &Request, more: &str) -> Draft {
    let mut draft = Draft::default();
    draft.title(&format!(
        "More time: {} for {more} more",
        request.terms.scope
    ));
    draft.say(format!(
        "{} asks for *{more}* more of {}.",
        text::person(&request.requester),
        record::what(request),
    ));
    draft
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
        ExtensionOutcome::Lapsed => format!(":hourglass: Lapsed {at}: nobody answered in time."),
        ExtensionOutcome::Overtaken => {
            format!(":lock: The grant ended {at}, before this was decided.")
        }
    }
}

fn about(request: &Request) -> Vec<(&'static str, String)> {
    let terms = &request.terms;
    let mut facts = vec![("Risk", record::risk(terms.risk).to_owned())];
    if let Some(environment) = &terms.environment {
        facts.push(("Environment", text::escape(environment.as_str(), 100)));
    }
    if let Some(ticket) = record::ticket(request) {
        facts.push(("Ticket", ticket));
    }
    facts
}

fn reason(request: &Request, draft: &mut Draft) {
    match request.terms.reason.trim() {
        "" => draft.say("No reason was given.".to_owned()),
        reason => draft.quote("Reason", reason),
    }
}

/// What is approved is exactly what is shown: the value names the revision.
fn decide(request: &Request, approve: String, draft: &mut Draft) {
    let buttons = vec![
        Button::primary(action::APPROVE, approve),
        Button::new(action::DENY, "Deny"),
    ];
    draft.buttons(&value(request), buttons);
}

fn of(given: usize, needed: u8) -> String {
    format!("{given} of {needed}")
}
