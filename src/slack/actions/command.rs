//! A typed command, by what it means.

use super::{
    done, explain, extend,
    form::{self, Typed},
    incident::Origin,
    line::{self, Draft, Line, Wanted},
    lock, release, request, revoke, status, who,
};
use crate::slack::interaction::{Interaction, Outcome};
use crate::slack::view::answer;

/// Does what was typed. Whoever typed it has to be a full member, whatever it is.
pub(super) async fn run(
    interaction: &Interaction,
    text: &str,
    channel_name: Option<&str>,
) -> Outcome {
    let broker = &interaction.slack.broker;
    let line = line::parse(text, broker.catalogue());
    if !matches!(line, Line::Request(_)) {
        // A request asks by itself: a modal has to be open within three seconds.
        broker.member(&interaction.caller.user).await?;
    }
    match line {
        Line::Request(draft) => {
            let channel = interaction.channel.clone();
            let origin = channel.and_then(|channel| Origin::of(channel, channel_name));
            request_or_form(interaction, draft, origin).await
        }
        Line::Status => status::run(interaction).await,
        Line::Done { what, anyway } => done::chosen(interaction, what, anyway).await,
        Line::Extend { what, more } => extend::chosen(interaction, what, more).await,
        Line::Who(what) => who::run(interaction, what).await,
        Line::Revoke { what, reason } => revoke::run(interaction, what, &reason).await,
        Line::Lock { what, reason } => lock::lock(interaction, what, &reason).await,
        Line::Unlock(what) => lock::unlock(interaction, what).await,
        Line::Release { name, reason } => release::run(interaction, &name, &reason).await,
        Line::Explain(what) => explain::run(interaction, what).await,
        Line::Help => Ok(Some(answer::HELP.to_owned())),
        Line::Unknown { written, like } => Ok(Some(answer::unknown_command(&written, like))),
    }
}

/// A line with everything in it is a request; one that lacks something opens the form.
async fn request_or_form(
    interaction: &Interaction,
    draft: Draft,
    origin: Option<Origin>,
) -> Outcome {
    let catalogue = interaction.slack.broker.catalogue();
    match &draft.scope {
        Wanted::Scope(id)
            if catalogue
                .get(id)
                .is_some_and(|scope| draft.is_complete_for(scope)) =>
        {
            let id = id.clone();
            request::typed(interaction, id, draft, origin).await
        }
        _ => form::open(interaction, Typed { draft, origin }).await,
    }
}
