//! What reviewers see of a grant that was taken by break-glass, in the security channel.

use super::{
    context::{action, value},
    draft::{Button, Draft},
    record,
};
use crate::{
    domain::Request,
    slack::{client::Message, view::text},
};

/// The announcement, and the progress of the review; nothing for what was approved.
pub(super) fn review(request: &Request) -> Option<Message> {
    let review = request.review.as_ref()?;
    let mut draft = Draft::default();
    let terms = &request.terms;
    draft.title(&format!(
        "Break-glass: {} for {}",
        terms.scope, terms.duration
    ));
    draft.say(format!(
        "{} used break-glass for {} and got access for *{}* without an approval.",
        text::person(&request.requester),
        record::what(request),
        terms.duration
    ));
    let mut facts = vec![("Risk", record::risk(terms.risk).to_owned())];
    facts.extend(record::ticket(request).map(|ticket| ("Ticket", ticket)));
    draft.facts(&facts);
    draft.quote("Reason", &terms.reason);
    record::write(request, false, &mut draft);
    for sign_off in &review.sign_offs {
        draft.say(format!(
            ":white_check_mark: Signed off by {} · {}",
            text::person(&sign_off.by),
            text::time(sign_off.at)
        ));
        draft.quote("Note", &sign_off.reason);
    }
    if review.is_open() {
        let sign_off = Button::new(action::SIGN_OFF, "Sign off");
        draft.buttons(&value(request), vec![sign_off]);
    }
    record::footer(request, &mut draft);
    Some(draft.message())
}
