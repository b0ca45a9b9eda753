//! The App Home: what waits for a person, then what they hold and until when, then what is open for review and
//! the locks in force for those who may see them, then what is past.
//!
//! A pure function of what the person may know, so it can always be made anew, compared and mended.
//! Its buttons are those of the cards, with the same values, so a click here does and is refused
//! exactly what a click there does and is. Whatever there is, a Home stays within Slack's 100 blocks
//! and 250 kB; what does not fit is counted. Nothing in it changes by itself: times are dates that
//! Slack shows in the reader's zone.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    card::{
        Button, Context, Draft, action, again, grant, outcome, question, state, stuck, value,
        waiting, what,
    },
    locks::lines_of,
    modal::callback,
    review,
    start::starting,
};
use crate::{
    broker::{Questions, ReviewsToSignOff},
    domain::{Lock, Login, Request, RequestId, State},
};

/// How many questions a Home asks; each takes four blocks.
pub const QUESTIONS: usize = 8;

/// How many reviews it shows that others have open; each takes two blocks.
pub const REVIEWS: usize = 2;

/// How many requests that are over it shows at most; each takes two blocks, and they only fill what is left of
/// the blocks that Slack takes.
pub const PAST: u32 = 10;

/// The most blocks that Slack takes.
const BLOCKS: usize = 100;

/// How many requests of their own that wait; each takes two blocks.
const WAITING: usize = 5;

/// How many grants; each takes five blocks at most.
const HELD: usize = 8;

/// How many locks; all of them take one block.
const LOCKS: usize = 4;

/// What a member's Home shows.
#[derive(Debug, Clone, Default)]
pub struct Home {
    /// What waits for their decision.
    pub questions: Questions,
    /// The logins that would receive the access, of each question.
    pub logins: BTreeMap<RequestId, Vec<Login>>,
    /// What they have open, oldest first.
    pub open: Vec<(Request, Context)>,
    /// What of theirs is over, latest first.
    pub past: Vec<Request>,
    /// The locks in force, for those who may see them.
    pub locks: Vec<Lock>,
    /// What others took by break-glass and is open for review, for those who may see it.
    pub reviews: ReviewsToSignOff,
    /// What they took by break-glass themselves, and is open for review.
    pub unreviewed: Option<Request>,
}

/// A member's Home.
pub fn home(home: &Home) -> Value {
    let mut draft = Draft::default();
    let request = Button::primary(action::REQUEST, "Request access");
    draft.buttons(callback::HOME, vec![request]);
    questions(home, &mut draft);
    let (pending, held): (Vec<_>, Vec<_>) = home
        .open
        .iter()
        .partition(|(request, _)| matches!(request.state, State::Pending { .. }));
    if !pending.is_empty() {
        draft.title("Your pending requests");
        for (request, _) in pending.iter().take(WAITING) {
            own(request, &mut draft);
        }
        rest(pending.len(), WAITING, &mut draft);
    }
    draft.title("Your access");
    if held.is_empty() {
        draft.say(HOLDS_NOTHING.to_owned());
    }
    for (request, context) in held.iter().take(HELD) {
        holds(request, context, &mut draft);
    }
    rest(held.len(), HELD, &mut draft);
    if let Some(told) = home.unreviewed.as_ref().and_then(review::own) {
        draft.say(told);
    }
    reviews(&home.reviews, &mut draft);
    if !home.locks.is_empty() {
        draft.title("Locks in force");
        draft.say(lines_of(&home.locks, LOCKS).join("\n"));
    }
    past(&home.past, &mut draft);
    view(draft)
}

/// The Home of somebody who is no full member: a sentence, nothing else.
pub fn unwelcome() -> Value {
    only(
        "Keylend is for full members of this workspace, not for guests, bots or people of other \
         companies. If you need access, ask the people who run Keylend.",
    )
}

/// The Home of somebody of whom Slack would not say who they are.
pub fn unknown() -> Value {
    only(
        ":warning: Keylend couldn't check in Slack who you are, so it shows nothing here. It keeps \
         retrying and then updates this page.",
    )
}

const HOLDS_NOTHING: &str = "You have no active access. Choose *Request access*, or type `/jit \
                             request db-prod:write 30m INC-4211 writes are failing`.";

const UNSURE: &str = ":warning: Keylend couldn't check in Slack who can decide what, so requests \
                      that wait for you may be missing here. It keeps retrying.";

fn questions(home: &Home, draft: &mut Draft) {
    let questions = &home.questions;
    draft.title("Waiting for your decision");
    for request in questions.asked.iter().take(QUESTIONS) {
        let context = Context {
            logins: home.logins.get(&request.id).cloned().unwrap_or_default(),
            ..Context::default()
        };
        question(request, &context, draft);
    }
    if questions.is_unsure {
        draft.say(UNSURE.to_owned());
    } else if questions.asked.is_empty() && questions.more == 0 {
        draft.say("No request needs your decision.".to_owned());
    }
    if questions.more > 0 {
        draft.aside(&format!(
            "and up to {} more, in their channels",
            questions.more
        ));
    }
}

fn own(request: &Request, draft: &mut Draft) {
    let mut line = format!(
        "You requested {} for *{}*{}.",
        what(request),
        request.terms.duration,
        starting(request)
    );
    if let Some(waiting) = waiting(request) {
        line.push('\n');
        line.push_str(&waiting);
    }
    draft.say(line);
    let withdraw = Button::new(action::WITHDRAW, "Withdraw");
    draft.buttons(&value(request), vec![withdraw]);
}

fn holds(request: &Request, context: &Context, draft: &mut Draft) {
    if grant(request, context, draft).is_none() {
        draft.say(format!("{} · {}", what(request), state(request)));
        if let Some(stuck) = stuck(request) {
            draft.say(stuck);
        }
        if request.waits_for_start() {
            let withdraw = Button::new(action::WITHDRAW, "Withdraw");
            draft.buttons(&value(request), vec![withdraw]);
        }
    }
}

/// What others took by break-glass and is open for review.
fn reviews(reviews: &ReviewsToSignOff, draft: &mut Draft) {
    if reviews.requests.is_empty() {
        return;
    }
    draft.title("Open for review");
    for request in reviews.requests.iter().take(REVIEWS) {
        draft.say(review::open(request));
        if reviews.is_reviewer {
            let sign_off = Button::new(action::SIGN_OFF, "Sign off");
            draft.buttons(&value(request), vec![sign_off]);
        }
    }
    if reviews.others > 0 {
        draft.aside(&format!(
            "and up to {} more; `/jit reviews` lists them",
            reviews.others
        ));
    }
}

/// What is over, latest first, as far as there is room for it.
fn past(past: &[Request], draft: &mut Draft) {
    let room = BLOCKS.saturating_sub(draft.count() + 1) / 2;
    let shown = &past[..past.len().min(PAST as usize).min(room)];
    if shown.is_empty() {
        return;
    }
    draft.title("Past requests");
    for request in shown {
        draft.say(format!("{} · {}", what(request), outcome(request)));
        again(request, draft);
    }
}

fn rest(all: usize, shown: usize, draft: &mut Draft) {
    if all > shown {
        let more = all - shown;
        draft.aside(&format!("and {more} more; `/jit status` lists them"));
    }
}

fn only(sentence: &str) -> Value {
    let mut draft = Draft::default();
    draft.say(sentence.to_owned());
    view(draft)
}

fn view(draft: Draft) -> Value {
    json!({ "type": "home", "callback_id": callback::HOME, "blocks": draft.blocks() })
}
