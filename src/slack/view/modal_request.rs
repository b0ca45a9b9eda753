//! The form that asks for access.
//!
//! Its blocks keep their names whatever it shows, so that an update keeps what was typed. The
//! scope's default duration is a placeholder, not a value: it follows the scope that is chosen and
//! never stands in for something that somebody typed.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{
    modal::{TITLE, callback, cut, plain, section},
    preview::{self, Previewed},
    refusal::field,
    stages, start, text,
};
use crate::domain::{ReasonRule, Scope, Time, UserId};

/// The longest reason that the form takes, in characters.
const LONGEST_REASON: usize = 2000;

/// The longest duration and ticket that the form takes, in characters.
const LONGEST_WORD: usize = 100;

/// How many approvers are named.
const NAMED: usize = 8;

/// The longest text and value of an option.
const OPTION: usize = 75;

/// What the form shows.
#[derive(Debug, Default)]
pub struct Form<'a> {
    /// The scope that is chosen.
    pub scope: Option<&'a Scope>,
    /// Who is in its approver groups, if that is known yet.
    pub approvers: Option<BTreeSet<UserId>>,
    /// What becomes of the request, if that is known yet.
    pub preview: Option<Previewed>,
    /// A duration that was typed.
    pub duration: Option<String>,
    /// What has to be said about the duration, in plain text.
    pub duration_note: Option<String>,
    /// A start that was chosen or typed.
    pub start: Option<Time>,
    /// What has to be said about the start, in plain text.
    pub start_note: Option<String>,
    /// A ticket that was typed.
    pub ticket: Option<String>,
    /// A reason that was typed; may be empty.
    pub reason: String,
    /// What was not understood, in `mrkdwn`.
    pub notice: Option<String>,
    /// What the form carries for us, at most 3,000 characters.
    pub carried: String,
}

/// The form.
pub fn request(form: &Form<'_>) -> Value {
    let mut blocks = Vec::new();
    blocks.extend(form.notice.as_deref().map(section));
    blocks.push(scope_input(form));
    blocks.push(duration_input(form));
    blocks.push(start_input(form));
    blocks.push(ticket_input(form));
    blocks.push(reason_input(form));
    if let Some(scope) = form.scope {
        let asked = who_is_asked(scope, form.approvers.as_ref());
        let element = preview::element(scope, form.preview.as_ref(), &asked);
        blocks.push(json!({ "type": "context", "elements": [element] }));
    }
    json!({
        "type": "modal",
        "callback_id": callback::REQUEST,
        "title": plain("Request access", TITLE),
        "submit": plain("Request", TITLE),
        "close": plain("Cancel", TITLE),
        "private_metadata": form.carried,
        "blocks": blocks,
    })
}

/// A scope as something to choose.
pub fn option(scope: &Scope) -> Value {
    let label = match scope.title.trim() {
        "" => scope.id.to_string(),
        title => format!("{} · {title}", scope.id),
    };
    json!({ "text": plain(&label, OPTION), "value": scope.id.as_str() })
}

fn scope_input(form: &Form<'_>) -> Value {
    let mut element = json!({
        "type": "external_select",
        "action_id": field::SCOPE,
        "min_query_length": 0,
        "placeholder": plain("Search by name or title", 150),
    });
    if let Some(scope) = form.scope {
        element["initial_option"] = option(scope);
    }
    let mut input = input(field::SCOPE, "Scope", element, false);
    // The rest of the form follows what is chosen.
    input["dispatch_action"] = json!(true);
    if let Some(scope) = form.scope {
        let mut hint = format!("Risk: {}", scope.risk);
        if let Some(environment) = &scope.environment {
            hint = format!("{hint} · environment: {environment}");
        }
        input["hint"] = plain(&hint, 2000);
    }
    input
}

fn duration_input(form: &Form<'_>) -> Value {
    let (placeholder, hint) = match form.scope {
        Some(scope) => (
            scope.default_duration.to_string(),
            format!(
                "At most {}. Leave it empty for {}.",
                scope.max_duration, scope.default_duration
            ),
        ),
        None => (
            "30m".to_owned(),
            "Such as 30m or 1h30m. Leave it empty for the scope's default.".to_owned(),
        ),
    };
    let mut element = text_input(field::DURATION, LONGEST_WORD, form.duration.as_deref());
    element["placeholder"] = plain(&placeholder, 150);
    element["dispatch_action_config"] = json!({ "trigger_actions_on": ["on_character_entered"] });
    let hint = match &form.duration_note {
        Some(note) => format!("{note} {hint}"),
        None => hint,
    };
    let mut input = input(field::DURATION, "Duration", element, true);
    // Rules may depend on it.
    input["dispatch_action"] = json!(true);
    with_hint(input, &hint)
}

fn start_input(form: &Form<'_>) -> Value {
    let mut element = json!({ "type": "datetimepicker", "action_id": field::START });
    if let Some(start) = form.start {
        element["initial_date_time"] = json!(start.timestamp());
    }
    let hint = match &form.start_note {
        Some(note) => format!("{note} {}", start::HINT),
        None => start::HINT.to_owned(),
    };
    with_hint(input(field::START, "Start", element, true), &hint)
}

fn ticket_input(form: &Form<'_>) -> Value {
    let rule = form.scope.and_then(|scope| scope.ticket.as_ref());
    let is_required = rule.is_some_and(|rule| rule.required);
    let element = text_input(field::TICKET, LONGEST_WORD, form.ticket.as_deref());
    let input = input(field::TICKET, "Ticket", element, !is_required);
    match rule.and_then(|rule| rule.example.as_deref()) {
        Some(example) => with_hint(input, &format!("For example {example}, or a link to it.")),
        None => input,
    }
}

fn reason_input(form: &Form<'_>) -> Value {
    let is_required = form
        .scope
        .is_some_and(|scope| scope.reason == ReasonRule::Required);
    let reason = Some(form.reason.as_str()).filter(|reason| !reason.is_empty());
    let mut element = text_input(field::REASON, LONGEST_REASON, reason);
    element["multiline"] = json!(true);
    with_hint(
        input(field::REASON, "Reason", element, !is_required),
        "Approvers see it, and it stays in the log.",
    )
}

/// Whom the request will reach: the scope's groups, with names if they are known.
fn who_is_asked(scope: &Scope, approvers: Option<&BTreeSet<UserId>>) -> String {
    let groups: Vec<String> = scope.approvers.iter().take(NAMED).map(text::code).collect();
    let names = approvers.map(|approvers| {
        let mut names: Vec<String> = approvers.iter().take(NAMED).map(text::person).collect();
        if approvers.len() > NAMED {
            names.push(format!("{} more", approvers.len() - NAMED));
        }
        match names.is_empty() {
            true => " (no members right now)".to_owned(),
            false => format!(" ({})", names.join(", ")),
        }
    });
    let needed = match scope.approvals.get() {
        1 => "1 approval".to_owned(),
        several => format!("{several} approvals"),
    };
    format!(
        "Needs {needed} by {}{} in {}.",
        match scope.stages.as_slice() {
            [] => groups.join(", "),
            stages => format!("one person each from {}", stages::list(stages)),
        },
        names.unwrap_or_default(),
        text::channel(&scope.approval_channel)
    )
}

fn input(name: &str, label: &str, element: Value, optional: bool) -> Value {
    json!({
        "type": "input",
        "block_id": name,
        "label": plain(label, 2000),
        "element": element,
        "optional": optional,
    })
}

fn with_hint(mut input: Value, hint: &str) -> Value {
    input["hint"] = plain(hint, 2000);
    input
}

fn text_input(name: &str, longest: usize, initial: Option<&str>) -> Value {
    let mut element = json!({
        "type": "plain_text_input",
        "action_id": name,
        "max_length": longest,
    });
    if let Some(initial) = initial {
        element["initial_value"] = json!(cut(initial, longest));
    }
    element
}
