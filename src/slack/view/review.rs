//! What people read of break-glass and of the review that follows.

use super::{
    modal::{TITLE, callback, plain, section},
    refusal::field,
    text,
};
use crate::{
    broker::OpenReviews,
    domain::{Event, Request, Review, Time},
    store::{Entry, EntryBody},
};
use serde_json::{Value, json};

/// The longest note, in characters.
const LONGEST_NOTE: usize = 1000;

/// How much of a reason or a note one line takes.
const WORDS: usize = 400;

/// A start was given to what starts at once.
pub const NO_START: &str = "Break-glass starts at once. Leave `--at` out, or use `/jit request`.";

/// What reviewers are told of an entry; nothing of most, and of what was reviewed or reminded again meanwhile.
pub fn to_reviewers(entry: &Entry, request: &Request) -> Option<String> {
    let EntryBody::Request(event) = &entry.body else {
        return None;
    };
    match event {
        Event::GlassBroken { .. } => told(request, false),
        Event::ReviewReminded { step } => {
            let is_last = request.review.as_ref()?.reminded == *step;
            is_last.then(|| told(request, true)).flatten()
        }
        _ => None,
    }
}

/// That somebody used break-glass, or that the review of it is still open, for each reviewer.
fn told(request: &Request, is_reminder: bool) -> Option<String> {
    let review = request.review.as_ref()?;
    let (who, what) = (
        text::person(&request.requester),
        text::code(&request.terms.scope),
    );
    let channel = text::channel(&review.channel);
    let reason = text::words(&request.terms.reason, WORDS);
    if is_reminder {
        return review.is_open().then(|| {
            format!(
                ":bell: Reminder: {who} used break-glass for {what} {}, and {} of {} reviewers have signed \
                 off. Review it in {channel}. `/jit reviews` lists what is open.",
                text::time(review.opened_at),
                review.sign_offs.len(),
                Review::NEEDED
            )
        });
    }
    Some(format!(
        ":rotating_light: {who} used break-glass for {what}: {reason}. {} reviewers have to sign off in \
         {channel}.",
        Review::NEEDED
    ))
}

/// What whoever used break-glass is told.
pub fn used(request: &Request) -> String {
    format!(
        ":rotating_light: You used break-glass for {} for {}. It is {}. The reviewers and the audit channel \
         are told. {} reviewers have to sign off, and they may ask you what you did.",
        text::code(&request.terms.scope),
        request.terms.duration,
        request.state.name(),
        Review::NEEDED
    )
}

/// What a reviewer is told who has signed off.
pub fn signed_off(request: &Request) -> String {
    match &request.review {
        Some(review) if review.is_open() => format!(
            "You signed off. {} of {} reviewers have; another person has to.",
            review.sign_offs.len(),
            Review::NEEDED
        ),
        _ => "You signed off. The review is closed.".to_owned(),
    }
}

/// What is open for review.
pub fn list(reviews: &OpenReviews, now: Time) -> String {
    if reviews.requests.is_empty() {
        return "Nothing is open for review.".to_owned();
    }
    let mut lines = vec!["*Open for review*".to_owned()];
    for request in &reviews.requests {
        let Some(review) = &request.review else {
            continue;
        };
        let days = (now - review.opened_at).num_days();
        let age = match days {
            0 => "today".to_owned(),
            1 => "for 1 day".to_owned(),
            days => format!("for {days} days"),
        };
        lines.push(format!(
            "• {} · {} · request {} · open {age} · {} of {} signed off · in {}",
            text::person(&request.requester),
            text::code(&request.terms.scope),
            text::code(request.id),
            review.sign_offs.len(),
            Review::NEEDED,
            text::channel(&review.channel)
        ));
    }
    if reviews.others > 0 {
        lines.push(format!("• and {} more", reviews.others));
    }
    lines.join("\n")
}

/// What a reviewer's Home says of what somebody took by break-glass.
pub(super) fn open(request: &Request) -> String {
    let Some(review) = &request.review else {
        return String::new();
    };
    format!(
        ":rotating_light: {} used break-glass for {} {}: {}\n{} of {} reviewers have signed off. The card is in \
         {}.",
        text::person(&request.requester),
        text::code(&request.terms.scope),
        text::time(review.opened_at),
        text::words(&request.terms.reason, WORDS),
        review.sign_offs.len(),
        Review::NEEDED,
        text::channel(&review.channel)
    )
}

/// What the Home of a person says whose use of break-glass is open for review; nothing if it is not.
pub(super) fn own(request: &Request) -> Option<String> {
    let review = request.review.as_ref().filter(|review| review.is_open())?;
    Some(format!(
        ":rotating_light: Your use of break-glass for {} {} is open for review: {} of {} reviewers have signed \
         off.",
        text::code(&request.terms.scope),
        text::time(review.opened_at),
        review.sign_offs.len(),
        Review::NEEDED
    ))
}

/// The form that asks a reviewer for a note. `carried` names the request.
pub fn sign_off(request: &Request, carried: &str) -> Value {
    let question = format!(
        "{} used break-glass for {}: {}",
        text::person(&request.requester),
        text::code(&request.terms.scope),
        text::words(&request.terms.reason, WORDS)
    );
    json!({
        "type": "modal",
        "callback_id": callback::SIGN_OFF,
        "title": plain("Review break-glass", TITLE),
        "submit": plain("Sign off", TITLE),
        "close": plain("Cancel", TITLE),
        "private_metadata": carried,
        "blocks": [
            section(&question),
            {
                "type": "input",
                "block_id": field::REASON,
                "label": plain("Note", 2000),
                "hint": plain("Say what you checked. Everyone in the channel reads it, and it stays in the log.", 2000),
                "optional": false,
                "element": {
                    "type": "plain_text_input",
                    "action_id": field::REASON,
                    "multiline": true,
                    "max_length": LONGEST_NOTE,
                    "focus_on_load": true,
                },
            },
        ],
    })
}
