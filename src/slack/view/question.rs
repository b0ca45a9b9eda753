//! What people read of the questions that approvers ask the requester, and of the answers.

use serde_json::{Value, json};

use super::{
    modal::{TITLE, callback, plain, section},
    refusal::field,
    text,
};
use crate::{
    domain::{Event, Question, Request},
    store::{Entry, EntryBody},
};

/// How much of a question or an answer is shown.
const WORDS: usize = 1_500;

/// How much of a question its answer repeats.
const REPEATED: usize = 200;

/// What an entry tells of a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// That this one was asked.
    Asked(u32),
    /// That this one was answered.
    Answered(u32),
}

impl Told {
    /// What this entry tells; nothing if it is about no question.
    pub fn by(entry: &Entry) -> Option<Self> {
        match &entry.body {
            EntryBody::Request(Event::QuestionAsked { number, .. }) => Some(Self::Asked(*number)),
            EntryBody::Request(Event::QuestionAnswered { number, .. }) => {
                Some(Self::Answered(*number))
            }
            _ => None,
        }
    }
}

/// The line of an entry in the thread of the approval card; nothing if it is about no question. An answer
/// mentions whoever asked if it `mentions`.
pub fn in_thread(entry: &Entry, request: &Request, mentions: bool) -> Option<String> {
    let by = text::actor(&entry.actor);
    match &entry.body {
        EntryBody::Request(Event::QuestionAsked { reason, .. }) => Some(format!(
            ":speech_balloon: {by} asked the requester: {}",
            text::words(reason, WORDS)
        )),
        EntryBody::Request(Event::QuestionAnswered { number, reason }) => {
            let question = request.question(*number)?;
            let mention = match mentions {
                true => format!("{} ", text::person(&question.by)),
                false => String::new(),
            };
            Some(format!(
                "{mention}:speech_balloon: {by} answered “{}” about {}: {}",
                text::escape(&question.text, REPEATED),
                subject(request, question),
                text::words(reason, WORDS)
            ))
        }
        _ => None,
    }
}

/// What the requester is told of the question with this number; nothing if it needs no answer by now.
pub fn notice(request: &Request, number: u32) -> Option<String> {
    let (_, question) = request.open_questions().find(|(open, _)| *open == number)?;
    Some(format!(
        ":speech_balloon: {} asks a question about your request for {}. To answer, choose *Answer* in the \
         message about your request. They ask: {}",
        text::person(&question.by),
        subject(request, question),
        text::words(&question.text, WORDS)
    ))
}

/// A question that waits for the requester's answer, in the message about their request.
pub(super) fn waiting(question: &Question) -> String {
    format!(
        ":speech_balloon: {} asks: {}",
        text::person(&question.by),
        text::words(&question.text, WORDS)
    )
}

/// The form in which an approver asks a question. `carried` names the request and the revision that was on
/// show.
pub fn ask(request: &Request, carried: &str) -> Value {
    let (who, what) = (
        text::person(&request.requester),
        text::code(&request.terms.scope),
    );
    let duration = request.asked_duration();
    let about = match request.extension {
        Some(_) => format!("{who} requests {duration} more of {what}."),
        None => format!("{who} requests {what} for {duration}."),
    };
    let hint = "The requester gets it as a direct message, and everyone in the approval channel can read it. It \
                stays in the log.";
    form(
        callback::ASK_QUESTION,
        ("Ask a question", "Ask"),
        carried,
        &about,
        ("Question", hint),
    )
}

/// The form in which the requester answers a question. `carried` names the request and the question.
pub fn answer(request: &Request, question: &Question, carried: &str) -> Value {
    let about = format!(
        "{} asks about your request for {}: {}",
        text::person(&question.by),
        subject(request, question),
        text::words(&question.text, WORDS)
    );
    form(
        callback::ANSWER_QUESTION,
        ("Answer a question", "Answer"),
        carried,
        &about,
        (
            "Answer",
            "Everyone in the approval channel can read it. It stays in the log.",
        ),
    )
}

fn form(
    callback: &str,
    (title, submit): (&str, &str),
    carried: &str,
    about: &str,
    (label, hint): (&str, &str),
) -> Value {
    json!({
        "type": "modal",
        "callback_id": callback,
        "title": plain(title, TITLE),
        "submit": plain(submit, TITLE),
        "close": plain("Cancel", TITLE),
        "private_metadata": carried,
        "blocks": [
            section(about),
            {
                "type": "input",
                "block_id": field::REASON,
                "label": plain(label, 2000),
                "hint": plain(hint, 2000),
                "optional": false,
                "element": {
                    "type": "plain_text_input",
                    "action_id": field::REASON,
                    "multiline": true,
                    "max_length": Question::LONGEST,
                    "focus_on_load": true,
                },
            },
        ],
    })
}

fn subject(request: &Request, question: &Question) -> String {
    let scope = text::code(&request.terms.scope);
    match question.for_extension {
        true => format!("more time for {scope}"),
        false => scope,
    }
}
