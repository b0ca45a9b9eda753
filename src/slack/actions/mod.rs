//! What people do in Slack, done: one file for each thing.
//!
//! Slack hears at once that it was received; the work goes on in a task of its own, one of a
//! bounded number, and its outcome is told to whoever acted, privately. A form is different: its
//! mistakes have to be shown within three seconds, so its work is waited for, for a while.

mod approve;
mod command;
mod credentials;
mod deny;
mod done;
mod explain;
mod extend;
mod form;
mod happening;
pub(super) mod incident;
pub mod line;
mod lock;
mod release;
mod request;
mod revoke;
mod status;
mod submission;
mod suggest;
mod visit;
mod which;
mod who;
mod withdraw;

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Value, json};
use tokio::sync::OwnedSemaphorePermit;

use super::{
    Slack,
    caller::{Caller, Unwelcome},
    inbound::{BlockActions, BlockSuggestion, Interaction, SlashCommand, ViewSubmission},
    ingress::{Answer, Delivery, Receive},
    view::{
        answer,
        card::action,
        modal::{self, callback},
        refusal::{self, field},
    },
};
use crate::domain::Refusal;
use form::Typed;
use visit::Visit;

/// What came of something that somebody did: what they are told, if anything, or the refusal.
type Outcome = Result<Option<String>, Refusal>;

#[async_trait]
impl Receive for Slack {
    async fn receive(self: Arc<Self>, delivery: Delivery) -> Answer {
        match delivery {
            Delivery::Command(command) => self.command(*command),
            Delivery::Interaction(interaction) => match *interaction {
                Interaction::Actions(clicked) => self.clicked(clicked),
                Interaction::Submission(submitted) => self.submitted(submitted).await,
                Interaction::Suggestion(searched) => self.searched(&searched),
                Interaction::Ignored { kind } => {
                    tracing::debug!(slack.kind = kind, "ignored an interaction");
                    Answer::Received
                }
            },
            Delivery::Event(event) => self.happened(event).await,
        }
    }
}

impl Slack {
    fn command(self: Arc<Self>, command: SlashCommand) -> Answer {
        let caller = match self.ours.caller_of_command(&command.sender()) {
            Ok(caller) => caller,
            Err(why) => return privately(turned_away(why)),
        };
        let Some(permit) = self.permit() else {
            return privately(answer::BUSY);
        };
        let visit = Visit {
            slack: self.clone(),
            caller,
            channel: command.channel_id,
            response_url: command.response_url,
            trigger_id: command.trigger_id,
        };
        let (text, channel_name) = (command.text, command.channel_name);
        self.spawn(permit, async move {
            let outcome = command::run(&visit, &text, channel_name.as_deref()).await;
            visit.conclude(outcome).await;
        });
        Answer::Received
    }

    fn clicked(self: Arc<Self>, clicked: BlockActions) -> Answer {
        let Some(permit) = self.permit() else {
            return Answer::Busy;
        };
        let caller = match self.ours.caller_of_interaction(&clicked.sender) {
            Ok(caller) => caller,
            Err(why) => return self.turn_away_click(permit, clicked, why),
        };
        let Some(click) = clicked.clicks.into_iter().next() else {
            return Answer::Received;
        };
        let visit = Visit {
            slack: self.clone(),
            caller,
            channel: clicked.channel,
            response_url: clicked.response_url,
            trigger_id: clicked.trigger_id,
        };
        self.spawn(permit, async move {
            let value = click.value().unwrap_or_default();
            let outcome = match (click.action_id.as_str(), clicked.view) {
                (field::SCOPE, Some(view)) if view.callback_id == callback::REQUEST => {
                    form::scope_chosen(&visit, &view, value).await
                }
                (action, Some(view)) if view.callback_id == callback::HOME => {
                    let outcome = pressed(&visit, action, value).await;
                    if outcome.is_err() {
                        visit.mend_home().await;
                    }
                    outcome
                }
                (_, Some(_)) => Ok(None),
                (action, None) => pressed(&visit, action, value).await,
            };
            visit.conclude(outcome).await;
        });
        Answer::Received
    }

    async fn submitted(self: Arc<Self>, submitted: ViewSubmission) -> Answer {
        let caller = match self.ours.caller_of_interaction(&submitted.sender) {
            Ok(caller) => caller,
            Err(why) => {
                let notice = modal::notice("Not done", turned_away(why));
                return Answer::Show(json!({ "response_action": "update", "view": notice }));
            }
        };
        let Some(permit) = self.permit() else {
            // Both forms ask for a reason; what was typed stays.
            return submission::wrong(field::REASON, answer::BUSY).answer;
        };
        submission::receive(self, permit, caller, submitted.view).await
    }

    /// Only names of the catalogue are shown, so nothing but the sender is asked for.
    fn searched(&self, searched: &BlockSuggestion) -> Answer {
        let options = match self.ours.caller_of_interaction(&searched.sender) {
            Ok(_) if searched.action_id == field::SCOPE => {
                suggest::options(&searched.query, self.broker.catalogue())
            }
            Ok(_) => Vec::new(),
            Err(why) => {
                turned_away(why);
                Vec::new()
            }
        };
        Answer::Show(json!({ "options": options }))
    }

    fn turn_away_click(
        self: Arc<Self>,
        permit: OwnedSemaphorePermit,
        clicked: BlockActions,
        why: Unwelcome,
    ) -> Answer {
        let told = turned_away(why);
        let (Some(user), Some(team)) = (clicked.sender.user, clicked.sender.team) else {
            return Answer::Received;
        };
        let visit = Visit {
            slack: self.clone(),
            caller: Caller { user, team },
            channel: clicked.channel,
            response_url: clicked.response_url,
            trigger_id: None,
        };
        self.spawn(permit, async move {
            if !visit.tell_here(told).await {
                tracing::info!("who was turned away could not be told");
            }
        });
        Answer::Received
    }

    fn permit(&self) -> Option<OwnedSemaphorePermit> {
        let permit = self.room.clone().try_acquire_owned().ok();
        if permit.is_none() {
            tracing::warn!("too much is going on: somebody was told to come back");
        }
        permit
    }

    fn spawn(&self, permit: OwnedSemaphorePermit, work: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(async move {
            work.await;
            drop(permit);
        });
    }
}

/// A button of a card or a Home was pressed.
async fn pressed(visit: &Visit, pressed: &str, value: &str) -> Outcome {
    if pressed == action::REQUEST {
        // It asks who they are by itself: a modal has to be open within three seconds.
        return form::open(visit, Typed::default()).await;
    }
    visit.slack.broker.member(&visit.caller.user).await?;
    let shown = visit::Shown::read(value);
    match (pressed, shown) {
        (action::APPROVE, Some(shown)) => approve::run(visit, shown).await,
        (action::DENY, Some(shown)) => deny::ask_why(visit, shown).await,
        (action::WITHDRAW, Some(shown)) => withdraw::run(visit, shown.id).await,
        (action::DONE, Some(shown)) => done::run(visit, shown.id).await,
        (action::EXTEND, Some(shown)) => extend::run(visit, shown.id, None).await,
        (action::CREDENTIALS, Some(shown)) => credentials::show(visit, shown.id).await,
        _ => Ok(Some(answer::UNKNOWN_BUTTON.to_owned())),
    }
}

fn turned_away(why: Unwelcome) -> &'static str {
    tracing::warn!(error = %why, "turned somebody away");
    refusal::unwelcome(why)
}

fn privately(text: &str) -> Answer {
    let shown: Value = json!({ "response_type": "ephemeral", "text": text });
    Answer::Show(shown)
}
