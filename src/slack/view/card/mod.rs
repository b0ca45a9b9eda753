//! The cards: messages that show a request as it is now, and are updated until they do.
//!
//! A card is a pure function of its place and the request, so what Slack shows can always be
//! rendered anew, compared and mended. Buttons are there only while a click can do something; when
//! it no longer can, the record of what happened takes their place. Here nothing is sent.

mod approval;
mod context;
mod draft;
mod head;
mod record;
mod requester;
mod review;

pub(super) use approval::question;
pub use context::{Context, action, value};
pub(super) use draft::{Button, Draft};
pub(super) use head::{outcome, state};
pub(super) use record::{
    DANGEROUS, NOT_EARLY, departed, ending_because, ending_for_requester, given_by, left, logins,
    residual, stuck, what, words, works_until,
};
pub(super) use requester::{again, grant, waiting};

use crate::{domain::Request, presentation::Place, slack::client::Message};

/// The card of `request` for `place`; nothing where there is nothing to show: no extension asked for.
pub fn card(place: Place, request: &Request, context: &Context) -> Option<Message> {
    match place {
        Place::Approval => Some(approval::request_card(request, context)),
        Place::Extension => approval::extension_card(request, context),
        Place::Asked => Some(requester::asked(request, context)),
        Place::Audit | Place::Mirror => Some(head::head(request)),
        Place::Review => review::review(request),
    }
}

/// What the card calls people's attention to, if anything. An update notifies nobody: a card that
/// calls for something new, such as a second extension, is posted anew.
pub fn call(place: Place, request: &Request) -> Option<String> {
    match place {
        Place::Extension if request.extension.is_some() => Some(request.revision.to_string()),
        _ => None,
    }
}

/// What a card says that called for something and gives way to one that calls anew: that this went
/// on, and nothing to press.
pub fn uncalled(place: Place, request: &Request) -> Option<Message> {
    (place == Place::Extension).then(|| approval::settled_extension(request))
}
