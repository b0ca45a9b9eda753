//! What arrives from Slack: who sent it, and which command, button, form or event it is.
//!
//! Slack hears at once that it was received; the work goes on in a task of its own, one of a
//! bounded number, and its outcome is told to whoever acted, privately. A form is different: its
//! mistakes have to be shown within three seconds, so its work is waited for, for a while.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Value, json};
use tokio::sync::OwnedSemaphorePermit;
use tracing::Instrument as _;

use super::{
    Slack,
    actions::{buttons, events, form, form_outcome::FormOutcome, shortcut, submission, suggest},
    caller::{Caller, RejectedCaller},
    commands,
    inbound::{
        BlockActions, BlockSuggestion, InteractionPayload, Sender, Shortcut, SlashCommand,
        ViewSubmission,
    },
    ingress::{Answer, Delivery, Receive},
    interaction::{self, Interaction, Shown},
    view::{
        answer,
        modal::{self, callback},
        refusal::{self, field},
    },
};
use crate::{
    broker::Intent,
    domain::{Attempted, AttemptedOn, ChannelId, DeliveryKey},
};

#[async_trait]
impl Receive for Slack {
    async fn receive(self: Arc<Self>, delivery: Delivery, key: DeliveryKey) -> Answer {
        match delivery {
            Delivery::Command(command) => self.command(*command, key),
            Delivery::Interaction(interaction) => match *interaction {
                InteractionPayload::Actions(clicked) => self.clicked(clicked, key),
                InteractionPayload::Submission(submitted) => self.submitted(submitted, key).await,
                InteractionPayload::Suggestion(searched) => self.searched(&searched).await,
                InteractionPayload::Shortcut(chosen) => self.chosen(chosen, key),
                InteractionPayload::Ignored { kind } => {
                    tracing::debug!(slack.kind = kind, "ignored an interaction");
                    Answer::Received
                }
            },
            Delivery::Event(event) => events::receive(&self, event).await,
        }
    }
}

impl Slack {
    fn command(self: Arc<Self>, command: SlashCommand, key: DeliveryKey) -> Answer {
        let sender = command.sender();
        let caller = match self.installation.caller_of_command(&sender) {
            Ok(caller) => caller,
            Err(why) => {
                let word = command.text.split_whitespace().next();
                let tried = word.and_then(|word| Attempted::by_command(&word.to_lowercase()));
                let tried = tried.unwrap_or(Attempted::Other);
                return privately(self.rejected(&sender, why, tried, None));
            }
        };
        let Some(permit) = self.permit() else {
            return privately(answer::BUSY);
        };
        let interaction = Interaction {
            slack: self.clone(),
            intent: Intent::new(caller.user.clone(), key),
            caller,
            channel: command.channel_id,
            channel_name: command.channel_name,
            response_url: command.response_url,
            trigger_id: command.trigger_id,
        };
        self.spawn(permit, async move {
            let outcome = commands::run(&interaction, &command.text).await;
            interaction.reply(outcome).await;
        });
        Answer::Received
    }

    fn clicked(self: Arc<Self>, clicked: BlockActions, key: DeliveryKey) -> Answer {
        let Some(permit) = self.permit() else {
            return Answer::Busy;
        };
        let caller = match self.installation.caller_of_interaction(&clicked.sender) {
            Ok(caller) => caller,
            Err(why) => return self.reject_click(permit, clicked, key, why),
        };
        let Some(click) = clicked.clicks.into_iter().next() else {
            return Answer::Received;
        };
        let interaction = Interaction {
            slack: self.clone(),
            intent: Intent::new(caller.user.clone(), key),
            caller,
            channel: clicked.channel,
            channel_name: None,
            response_url: clicked.response_url,
            trigger_id: clicked.trigger_id,
        };
        self.spawn(permit, async move {
            let value = click.value().unwrap_or_default();
            let outcome = match (click.action_id.as_str(), clicked.view) {
                (field::SCOPE, Some(view)) if view.callback_id == callback::REQUEST => {
                    form::scope_chosen(&interaction, &view, value).await
                }
                (field::DURATION, Some(view)) if view.callback_id == callback::REQUEST => {
                    form::duration_typed(&interaction, &view).await
                }
                (action, Some(view)) if view.callback_id == callback::HOME => {
                    let outcome = buttons::press(&interaction, action, value).await;
                    if outcome.is_err() {
                        interaction.refresh_home().await;
                    }
                    outcome
                }
                (_, Some(_)) => Ok(None),
                (action, None) => buttons::press(&interaction, action, value).await,
            };
            interaction.reply(outcome).await;
        });
        Answer::Received
    }

    /// A shortcut only opens a form, and whoever submits that has to prove again who they are.
    fn chosen(self: Arc<Self>, chosen: Shortcut, key: DeliveryKey) -> Answer {
        let Some(permit) = self.permit() else {
            return Answer::Busy;
        };
        let caller = match self.installation.caller_of_shortcut(&chosen.sender) {
            Ok(caller) => caller,
            Err(why) => {
                let told = self.rejected(&chosen.sender, why, Attempted::Request, None);
                let (channel, url) = (None, chosen.response_url);
                return self.tell_rejected(permit, chosen.sender, channel, url, key, told);
            }
        };
        let message = chosen.message;
        let interaction = Interaction {
            slack: self.clone(),
            intent: Intent::new(caller.user.clone(), key),
            caller,
            channel: message.as_ref().map(|message| message.channel.clone()),
            channel_name: None,
            response_url: chosen.response_url,
            trigger_id: chosen.trigger_id,
        };
        self.spawn(permit, async move {
            let callback_id = &chosen.callback_id;
            let outcome = shortcut::run(&interaction, callback_id, message.as_ref()).await;
            interaction.reply(outcome).await;
        });
        Answer::Received
    }

    async fn submitted(self: Arc<Self>, submitted: ViewSubmission, key: DeliveryKey) -> Answer {
        let caller = match self.installation.caller_of_interaction(&submitted.sender) {
            Ok(caller) => caller,
            Err(why) => {
                let (tried, on) = submission::attempted(&submitted.view);
                let told = self.rejected(&submitted.sender, why, tried, on);
                let notice = modal::notice("Not done", told);
                return Answer::Show(json!({ "response_action": "update", "view": notice }));
            }
        };
        let Some(permit) = self.permit() else {
            // Both forms ask for a reason; what was typed stays.
            return FormOutcome::invalid(field::REASON, answer::BUSY).answer;
        };
        let intent = Intent::new(caller.user.clone(), key);
        submission::receive(self, permit, caller, intent, submitted.view).await
    }

    /// Only names of the catalogue are shown, so nothing but the sender has to be verified.
    async fn searched(&self, searched: &BlockSuggestion) -> Answer {
        let options = match self.installation.caller_of_interaction(&searched.sender) {
            Ok(caller) if searched.action_id == field::SCOPE => {
                let Some(_permit) = self.permit() else {
                    return Answer::Busy;
                };
                suggest::options(self, &caller.user, &searched.query).await
            }
            Ok(_) => Vec::new(),
            // Whoever only looks has tried nothing.
            Err(why) => {
                rejected(why);
                Vec::new()
            }
        };
        Answer::Show(json!({ "options": options }))
    }

    fn reject_click(
        self: Arc<Self>,
        permit: OwnedSemaphorePermit,
        clicked: BlockActions,
        key: DeliveryKey,
        why: RejectedCaller,
    ) -> Answer {
        let click = clicked.clicks.first();
        let tried = click.map_or(Attempted::Other, |click| {
            buttons::attempted(&click.action_id)
        });
        let on = click.and_then(|click| Shown::read(click.value()?));
        let on = on.map(buttons::attempted_on);
        let told = self.rejected(&clicked.sender, why, tried, on);
        let (channel, url) = (clicked.channel, clicked.response_url);
        self.tell_rejected(permit, clicked.sender, channel, url, key, told)
    }

    /// Tells a rejected caller why, where they are.
    fn tell_rejected(
        self: Arc<Self>,
        permit: OwnedSemaphorePermit,
        sender: Sender,
        channel: Option<ChannelId>,
        response_url: Option<String>,
        key: DeliveryKey,
        told: &'static str,
    ) -> Answer {
        let (Some(user), Some(team)) = (sender.user, sender.team) else {
            return Answer::Received;
        };
        let interaction = Interaction {
            slack: self.clone(),
            intent: Intent::new(user.clone(), key),
            caller: Caller { user, team },
            channel,
            channel_name: None,
            response_url,
            trigger_id: None,
        };
        self.spawn(permit, async move {
            if !interaction.tell_here(told).await {
                tracing::info!("failed to tell a rejected caller why");
            }
        });
        Answer::Received
    }

    /// What a rejected caller is told. What somebody of another workspace tried is noted.
    fn rejected(
        &self,
        sender: &Sender,
        why: RejectedCaller,
        tried: Attempted,
        on: Option<AttemptedOn>,
    ) -> &'static str {
        let told = rejected(why);
        let is_outsider = matches!(
            why,
            RejectedCaller::Stranger | RejectedCaller::OtherWorkspace
        );
        let team = sender.user_team.as_ref().or(sender.team.as_ref());
        if let (true, Some(user), Some(team)) = (is_outsider, &sender.user, team) {
            let broker = &self.broker;
            broker.note_outsider(user.clone(), team.clone(), tried, on);
        }
        told
    }

    fn permit(&self) -> Option<OwnedSemaphorePermit> {
        let permit = self.room.clone().try_acquire_owned().ok();
        if permit.is_none() {
            tracing::warn!("too many interactions at once; asked somebody to try again");
        }
        permit
    }

    fn spawn(&self, permit: OwnedSemaphorePermit, work: impl Future<Output = ()> + Send + 'static) {
        let work = async move {
            work.await;
            drop(permit);
        };
        self.tasks.spawn(work.instrument(interaction::span()));
    }
}

fn rejected(why: RejectedCaller) -> &'static str {
    tracing::warn!(error = %why, "rejected a caller");
    refusal::rejected_caller(why)
}

fn privately(text: &str) -> Answer {
    let shown: Value = json!({ "response_type": "ephemeral", "text": text });
    Answer::Show(shown)
}
