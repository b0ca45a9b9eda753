//! Shows what is going on: in an incident channel, of what was requested for that incident.

use super::command::{Call, Command};
use crate::slack::{actions::incident::Origin, interaction::Outcome, view::incident};

pub(super) const COMMAND: Command = Command {
    name: "incident",
    usage: "",
    help: "shows what is active, ended, stuck, pending and locked; in an incident channel, what was \
           requested there.",
    run: |call| Box::pin(run(call)),
};

async fn run(call: Call<'_>) -> Outcome {
    let interaction = call.interaction;
    let slack = &interaction.slack;
    let origin = interaction.channel.clone();
    let name = interaction.channel_name.as_deref();
    let origin = origin.and_then(|channel| Origin::of(channel, name));
    let incidents = &slack.incidents;
    let mirrors = incidents.mirrors(&slack.client, origin.as_ref(), &[]).await;
    let channel = mirrors.channels.first();
    let caller = &interaction.caller.user;
    let situation = slack.broker.situation(caller, channel).await?;
    let now = slack.clock.now();
    Ok(Some(incident::situation(&situation, channel, now)))
}
