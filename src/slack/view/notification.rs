//! What approvers are told of requests that wait for their decision, beside the card.

use url::Url;

use super::{start::starting, text};
use crate::domain::{Request, UserId};

/// How many requests one message names.
pub const NAMED: usize = 10;

/// Whom a message calls.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mention {
    /// A user group of Slack, by its id.
    Group(String),
    /// One person.
    Person(UserId),
}

/// A request, or more time for a grant, that waits for a decision.
#[derive(Debug, Clone)]
pub struct Waiting {
    /// The request.
    pub request: Request,
    /// Whether its approvers were told before.
    pub is_reminder: bool,
    /// Where its card is; nothing if that is not known.
    pub link: Option<Url>,
}

/// A message in the approval channel: of one request in its card's thread, of several in the channel.
/// It names no requester, since that would mention them.
pub fn in_channel(mentions: &[Mention], waiting: &[Waiting]) -> String {
    let mentions: String = mentions
        .iter()
        .map(|it| format!("{} ", mention(it)))
        .collect();
    let said = match waiting {
        [one] if one.is_reminder => format!(
            ":bell: Reminder: {} is still waiting for approval{}.",
            subject(&one.request),
            until(&one.request)
        ),
        [one] => format!(
            "{} is waiting for your approval{}.",
            subject(&one.request),
            until(&one.request)
        ),
        several => list(several, "approval", |one| subject(&one.request)),
    };
    format!("{mentions}{said}")
}

/// A direct message to an approver.
pub fn in_person(waiting: &[Waiting]) -> String {
    let named = |one: &Waiting| {
        let who = text::person(&one.request.requester);
        format!("{who} · {}", subject(&one.request))
    };
    match waiting {
        [one] => {
            let begin = match one.is_reminder {
                true => "Reminder: a request is still waiting",
                false => "A request is waiting",
            };
            format!(
                ":bell: {begin} for your approval{}: {}{}",
                until(&one.request),
                named(one),
                link(one)
            )
        }
        several => list(several, "your approval", named),
    }
}

fn list(waiting: &[Waiting], what: &str, named: impl Fn(&Waiting) -> String) -> String {
    let mut said = format!(":bell: {} requests are waiting for {what}:", waiting.len());
    for one in waiting.iter().take(NAMED) {
        let (named, until) = (named(one), until(&one.request));
        said.push_str(&format!("\n• {named}{until}{}", link(one)));
    }
    if let Some(others @ 1..) = waiting.len().checked_sub(NAMED) {
        said.push_str(&format!("\n• and {others} more"));
    }
    said
}

fn mention(mention: &Mention) -> String {
    match mention {
        Mention::Group(id) => format!("<!subteam^{}>", text::escape(id, 64)),
        Mention::Person(id) => text::person(id),
    }
}

fn subject(request: &Request) -> String {
    let scope = text::code(&request.terms.scope);
    match &request.extension {
        Some(extension) => format!("{} more of {scope}", extension.duration),
        None => format!(
            "{scope} for {}{}",
            request.terms.duration,
            starting(request)
        ),
    }
}

fn until(request: &Request) -> String {
    let until = request.waits_until().map(text::time);
    until.map_or_else(String::new, |until| format!(" until {until}"))
}

fn link(waiting: &Waiting) -> String {
    let link = waiting.link.as_ref().map(|link| {
        let link = link.as_str().replace('&', "&amp;").replace('|', "%7C");
        format!(" · <{link}|Open>")
    });
    link.unwrap_or_default()
}
