//! What the requester sees, in their direct messages.

use super::{
    context::{Context, action, question_value, value},
    draft::{Button, Draft},
    record,
};
use crate::{
    domain::{Request, State},
    slack::{
        client::{ChannelTrouble, Message},
        view::{question, stages, start::starting, text},
    },
};

/// What is asked before somebody uses break-glass.
const BREAK_GLASS: &str = "You get the access at once, without an approval. The security team is told now, two \
                           people review what you did, and your name stays in the log.";

/// What they asked for, then what they hold and until when, then how it ended: one message from the
/// request to the end.
pub(super) fn asked(request: &Request, context: &Context) -> Message {
    let mut draft = Draft::default();
    match grant(request, context, &mut draft) {
        Some(()) => {
            if let Some(aside) = record::aside(request) {
                draft.say(aside);
            }
            record::approvals(&request.approvals, &mut draft);
            if let Some(review) = &request.review {
                draft.say(record::progress(review));
            }
        }
        None => wanted(request, context, &mut draft),
    }
    questions(request, &mut draft);
    again(request, &mut draft);
    record::footer(request, &mut draft);
    draft.message()
}

/// What they asked for, and what came of it where that is no grant.
fn wanted(request: &Request, context: &Context, draft: &mut Draft) {
    let what = record::what(request);
    let duration = request.terms.duration;
    let starting = starting(request);
    draft.say(format!("You requested {what} for *{duration}*{starting}."));
    if let Some(logins) = record::logins(&context.logins) {
        draft.say(format!("Login: {logins}."));
    }
    if let Some(waiting) = waiting(request) {
        draft.say(waiting);
    }
    if let Some(unreachable) = unreachable(request, context) {
        draft.say(unreachable);
    }
    record::write(request, true, draft);
    if matches!(request.state, State::Pending { .. }) || request.waits_for_start() {
        let withdraw = Button::new(action::WITHDRAW, "Withdraw");
        let mut buttons = vec![withdraw];
        if context.break_glass {
            buttons.push(Button::dangerous(
                action::BREAK_GLASS,
                "Break glass",
                BREAK_GLASS,
            ));
        }
        draft.buttons(&value(request), buttons);
    }
}

/// What approvers ask before they decide.
fn questions(request: &Request, draft: &mut Draft) {
    for (number, asked) in request.open_questions() {
        draft.say(question::waiting(asked));
        let answer = Button::new(action::ANSWER_QUESTION, "Answer");
        draft.buttons(&question_value(request, number), vec![answer]);
    }
}

/// What opens the form once more for a request that is over; nothing before that.
pub(in crate::slack::view) fn again(request: &Request, draft: &mut Draft) {
    if !request.is_open() {
        let again = Button::new(action::REQUEST_AGAIN, "Request again");
        draft.buttons(&value(request), vec![again]);
    }
}

/// What a request waits for, and until when; nothing once it was decided.
pub(in crate::slack::view) fn waiting(request: &Request) -> Option<String> {
    let State::Pending { lapses_at } = request.state else {
        return None;
    };
    let channel = text::channel(&request.approval_channel);
    let left = usize::from(request.approvals_needed).saturating_sub(request.approvals.len());
    let approvals = match left {
        0 | 1 => "approval".to_owned(),
        several => format!("{several} approvals"),
    };
    Some(format!(
        ":hourglass_flowing_sand: Pending {approvals} in {channel} until {}.{}",
        text::time(lapses_at),
        in_stages(request)
    ))
}

/// How far the stages of what waits are, as a sentence with a space before it; empty where there are none.
fn in_stages(request: &Request) -> String {
    let progress = stages::progress(request);
    progress.map_or_else(String::new, |progress| format!(" {progress}."))
}

/// That the time was shortened, as a sentence with a space before it; empty if it was not.
fn shortened(request: &Request) -> String {
    let Some(duration) = request.shortened else {
        return String::new();
    };
    let mut approvals = request.approvals.iter();
    let by = approvals.find(|approval| approval.duration == Some(duration));
    let by = by.map(|approval| format!(" by {}", text::actor(&approval.by)));
    format!(
        " Approved for {duration} instead of {}{}.",
        request.terms.duration,
        by.unwrap_or_default()
    )
}

/// That approvers cannot see the request, and why; nothing if they can.
pub(in crate::slack::view) fn unreachable(request: &Request, context: &Context) -> Option<String> {
    let channel = text::channel(&request.approval_channel);
    let why = match context.unreachable.filter(|_| request.awaits_decision())? {
        ChannelTrouble::Archived => format!("{channel} is archived"),
        ChannelTrouble::NotAMember => format!("Keylend is not a member of {channel}"),
        ChannelTrouble::Unknown => format!("Slack does not let Keylend see {channel}"),
        ChannelTrouble::Shared => format!("{channel} is shared with another company"),
        ChannelTrouble::Refused => format!("Slack rejects messages in {channel}"),
    };
    Some(format!(
        ":warning: Approvers can't see this request: {why}. Keylend keeps retrying and has alerted \
         the people who run it."
    ))
}

/// How a grant stands, with what can be done with it; nothing before there is one.
pub(in crate::slack::view) fn grant(
    request: &Request,
    context: &Context,
    draft: &mut Draft,
) -> Option<()> {
    if matches!(request.state, State::Active { .. }) {
        draft.say(format!(
            ":large_green_circle: You have {} until {}.{}{}",
            record::what(request),
            text::time(request.expires_at?),
            shortened(request),
            record::had_before(request, true)
        ));
        if let Some(logins) = record::logins(&context.logins) {
            draft.say(format!("Login: {logins}."));
        }
        if let Some(closes) = record::closes(&context.logins) {
            draft.say(closes);
        }
        let mut buttons = Vec::new();
        if context.has_credentials {
            buttons.push(Button::primary(action::CREDENTIALS, "Show credentials"));
        }
        in_use(request, buttons, draft);
        if let Some(unreachable) = unreachable(request, context) {
            draft.say(unreachable);
        }
        Some(())
    } else {
        over(request, draft)
    }
}

/// What can be done with a grant that is there.
fn in_use(request: &Request, mut buttons: Vec<Button>, draft: &mut Draft) {
    buttons.push(Button::new(action::DONE, "I'm done"));
    let more = match request.extension {
        Some(_) => "Change",
        None => "More time",
    };
    buttons.push(Button::new(action::EXTEND, more));
    if let Some(extension) = &request.extension {
        draft.say(format!(
            ":hourglass_flowing_sand: You requested *{}* more. Pending approval in {} until {}.{}",
            extension.duration,
            text::channel(&request.approval_channel),
            text::time(extension.lapses_at),
            in_stages(request)
        ));
        buttons.push(Button::new(action::WITHDRAW_EXTENSION, "Withdraw"));
    }
    draft.buttons(&value(request), buttons);
}

/// How a grant ended; nothing if there never was one.
fn over(request: &Request, draft: &mut Draft) -> Option<()> {
    let line = match &request.state {
        State::Ending {
            cause,
            by,
            was_active: true,
            since,
            ..
        } => format!(
            ":hourglass: Revoking your {} since {}: {}.{}",
            record::what(request),
            text::time(*since),
            record::ending_for_requester(cause, by),
            record::not_early(request, *since)
        ),
        State::Ended { .. } if request.never_started() => return None,
        State::Ended { cause, by, at } => format!(
            ":lock: Your {} ended {}: {}.{}{}",
            record::what(request),
            text::time(*at),
            record::ending_for_requester(cause, by),
            record::works_until(request, *at),
            record::left(request, true)
        ),
        _ => return None,
    };
    draft.say(line);
    if let Some(stuck) = record::stuck(request) {
        draft.say(stuck);
    }
    Some(())
}
