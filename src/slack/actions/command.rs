//! A typed command, by what it means.

use super::{
    Outcome, done, explain, extend,
    form::{self, Typed},
    incident::Origin,
    line::{self, Draft, Line, Wanted},
    lock, release, request, revoke, status,
    visit::Visit,
    who,
};
use crate::slack::view::answer;

/// Does what was typed. Whoever typed it has to be a full member, whatever it is.
pub(super) async fn run(visit: &Visit, text: &str, channel_name: Option<&str>) -> Outcome {
    let broker = &visit.slack.broker;
    let line = line::parse(text, broker.catalogue());
    if !matches!(line, Line::Request(_)) {
        // A request asks by itself: a modal has to be open within three seconds.
        broker.member(&visit.caller.user).await?;
    }
    match line {
        Line::Request(draft) => {
            let channel = visit.channel.clone();
            let origin = channel.and_then(|channel| Origin::of(channel, channel_name));
            request_or_form(visit, draft, origin).await
        }
        Line::Status => status::run(visit).await,
        Line::Done { what, anyway } => done::chosen(visit, what, anyway).await,
        Line::Extend { what, more } => extend::chosen(visit, what, more).await,
        Line::Who(what) => who::run(visit, what).await,
        Line::Revoke { what, reason } => revoke::run(visit, what, &reason).await,
        Line::Lock { what, reason } => lock::lock(visit, what, &reason).await,
        Line::Unlock(what) => lock::unlock(visit, what).await,
        Line::Release { name, reason } => release::run(visit, &name, &reason).await,
        Line::Explain(what) => explain::run(visit, what).await,
        Line::Help => Ok(Some(answer::HELP.to_owned())),
        Line::Unknown { written, like } => Ok(Some(answer::unknown_command(&written, like))),
    }
}

/// A line with everything in it is a request; one that lacks something opens the form.
async fn request_or_form(visit: &Visit, draft: Draft, origin: Option<Origin>) -> Outcome {
    let catalogue = visit.slack.broker.catalogue();
    match &draft.scope {
        Wanted::Scope(id)
            if catalogue
                .get(id)
                .is_some_and(|scope| draft.is_complete_for(scope)) =>
        {
            let id = id.clone();
            request::typed(visit, id, draft, origin).await
        }
        _ => form::open(visit, Typed { draft, origin }).await,
    }
}
