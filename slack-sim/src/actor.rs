//! Acting as a person outside of views: commands, clicks on messages, shortcuts, and what they see.

use std::fmt;

use serde_json::{Value, json};

use crate::{
    blocks,
    delivery::{Delivery, Outgoing},
    entities,
    message::Message,
    mistake::Mistake,
    payload::Typed,
    sim::Sim,
    web_api::Args,
};

/// A person at their keyboard. From [`Sim::person`].
///
/// Nothing here asks whether the person could really reach what they click: that is for the app to
/// refuse, and for tests to try.
#[derive(Clone)]
pub struct Actor {
    pub(crate) sim: Sim,
    pub(crate) id: String,
}

impl fmt::Debug for Actor {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Actor({})", self.id)
    }
}

impl Sim {
    /// The person with this id, to act as.
    ///
    /// # Panics
    /// If the workspace has no such person.
    pub fn person(&self, id: &str) -> Actor {
        let known: Vec<String> = self
            .inner
            .read(|state| state.workspace.people.keys().cloned().collect());
        let is_known = known.iter().any(|other| other == id);
        assert!(is_known, "there is no person {id}; there are {known:?}");
        Actor::new(self.clone(), id)
    }
}

impl Actor {
    pub(crate) fn new(sim: Sim, id: &str) -> Self {
        let id = id.to_owned();
        Self { sim, id }
    }

    /// Their id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Sends a slash command from a channel. What the app answers directly is shown to them as in
    /// Slack; so is a failure, by Slackbot.
    ///
    /// # Panics
    /// If they are from another workspace, whom Slack lets send no commands.
    pub async fn command(&self, channel: &str, command: &str, text: &str) -> Delivery {
        let sent = self.try_command(channel, command, text).await;
        sent.unwrap_or_else(|mistake| panic!("{mistake}"))
    }

    pub(crate) async fn try_command(
        &self,
        channel: &str,
        command: &str,
        text: &str,
    ) -> Result<Delivery, Mistake> {
        let inner = &self.sim.inner;
        let fields = inner.change(|state, now| {
            if state.person(&self.id).is_some_and(|one| one.is_stranger()) {
                let message = format!("{} is from elsewhere: no slash commands", self.id);
                return Err(Mistake::Impossible(message));
            }
            let typed = Typed {
                user: &self.id,
                channel,
                command,
                text,
            };
            Ok(state.command_fields(&inner.base, &typed, now))
        })?;
        let outgoing = Outgoing::command(&fields);
        let delivery = inner.deliver(outgoing).await;
        self.show_answer(channel, command, &delivery);
        Ok(delivery)
    }

    fn show_answer(&self, channel: &str, command: &str, delivery: &Delivery) {
        self.sim.inner.change(|state, now| {
            if let Some(error) = delivery.failure() {
                let text = format!("{command} failed with the error \"{error}\"");
                return state.slackbot(&self.id, channel, text, now);
            }
            let body = delivery.body.trim();
            let args = match delivery.is_json() {
                true => Args::parse("", "application/json", body.as_bytes()).ok(),
                false => Some(Args::of_text(body)),
            };
            let Some(args) = args.filter(|_| !body.is_empty()) else {
                return;
            };
            // What cannot be shown is not shown, as in Slack.
            state.say_in_answer(&self.id, channel, None, &args, now);
        });
    }

    /// Presses a button of a message as it was when `message` was read: an old copy clicks as the
    /// old message did.
    ///
    /// # Panics
    /// If the message has no such button.
    pub async fn click(&self, message: &Message, action_id: &str) -> Delivery {
        let payload = self.click_payload(message, action_id, None, None);
        self.interact(payload).await
    }

    /// Presses the button that has both this `action_id` and this `value`.
    ///
    /// # Panics
    /// If the message has no such button.
    pub async fn click_choice(&self, message: &Message, action_id: &str, value: &str) -> Delivery {
        let payload = self.click_payload(message, action_id, Some(value), None);
        self.interact(payload).await
    }

    /// Presses a button with another `value` than it has: a forgery.
    ///
    /// # Panics
    /// If the message has no such button.
    pub async fn click_with_value(
        &self,
        message: &Message,
        action_id: &str,
        value: &str,
    ) -> Delivery {
        let payload = self.click_payload(message, action_id, None, Some(value));
        self.interact(payload).await
    }

    /// Presses a button, with the payload altered before it is signed: any forgery.
    ///
    /// # Panics
    /// If the message has no such button.
    pub async fn click_altered(
        &self,
        message: &Message,
        action_id: &str,
        alter: impl FnOnce(&mut Value),
    ) -> Delivery {
        let mut payload = self.click_payload(message, action_id, None, None);
        alter(&mut payload);
        self.interact(payload).await
    }

    /// Chooses a global shortcut of the app.
    ///
    /// # Panics
    /// If they are from another workspace, whom Slack offers no shortcuts, or the manifest has no such one.
    pub async fn shortcut(&self, callback_id: &str) -> Delivery {
        self.offers_shortcut(callback_id, false);
        let inner = &self.sim.inner;
        let payload = inner.change(|state, now| state.global_shortcut(&self.id, callback_id, now));
        self.interact(payload).await
    }

    /// Chooses a shortcut of the app in the menu of a message.
    ///
    /// # Panics
    /// If they are from another workspace, whom Slack offers no shortcuts, or the manifest has no such one.
    pub async fn message_shortcut(&self, message: &Message, callback_id: &str) -> Delivery {
        self.offers_shortcut(callback_id, true);
        let inner = &self.sim.inner;
        let payload = inner.change(|state, now| {
            state.message_shortcut(&inner.base, &self.id, message, callback_id, now)
        });
        self.interact(payload).await
    }

    fn offers_shortcut(&self, callback_id: &str, is_for_messages: bool) {
        let (is_stranger, is_known) = self.sim.inner.read(|state| {
            let is_stranger = state.person(&self.id).is_some_and(|one| one.is_stranger());
            let workspace = &state.workspace;
            (
                is_stranger,
                workspace.has_shortcut(callback_id, is_for_messages),
            )
        });
        assert!(!is_stranger, "{} is from elsewhere: no shortcuts", self.id);
        assert!(is_known, "the manifest has no shortcut {callback_id:?}");
    }

    /// Chooses in a select or overflow menu of a message, by the option's value.
    ///
    /// # Panics
    /// If the message has no such menu or the menu no such option.
    pub async fn choose(&self, message: &Message, action_id: &str, option: &str) -> Delivery {
        let payload = self.sim.inner.change(|state, now| {
            let found = blocks::find(&message.blocks, action_id, None);
            let Some(found) = found else {
                panic!("no {action_id:?}; there are {:?}", message.buttons());
            };
            let chosen = blocks::entered(found.element, &json!(option), &[]);
            let chosen = chosen.unwrap_or_else(|error| panic!("{action_id:?}: {error}"));
            let action = state.action(&found, None, Some(&chosen), now);
            state.message_action(&self.sim.inner.base, &self.id, message, action, now)
        });
        self.interact(payload).await
    }

    fn click_payload(
        &self,
        message: &Message,
        action_id: &str,
        having: Option<&str>,
        forged: Option<&str>,
    ) -> Value {
        let Some(found) = blocks::find(&message.blocks, action_id, having) else {
            let buttons = message.buttons();
            panic!(
                "no button {action_id:?} {having:?} in this message; it has {buttons:?}:\n{}",
                message.all_text()
            );
        };
        let inner = &self.sim.inner;
        inner.change(|state, now| {
            let action = state.action(&found, forged, None, now);
            state.message_action(&inner.base, &self.id, message, action, now)
        })
    }

    pub(crate) async fn interact(&self, payload: Value) -> Delivery {
        let outgoing = Outgoing::interaction(payload);
        self.sim.inner.deliver(outgoing).await
    }

    /// Writes a message. The app gets no event of it: see [`Sim::event`].
    pub fn say(&self, channel: &str, text: &str) -> Message {
        self.say_in(channel, None, text)
    }

    /// Writes a message, in the thread of another if one is given.
    pub(crate) fn say_in(&self, channel: &str, thread_ts: Option<&str>, text: &str) -> Message {
        self.sim.inner.change(|state, now| {
            let message = Message {
                channel: channel.to_owned(),
                ts: state.next_ts(now),
                thread_ts: thread_ts.map(str::to_owned),
                user: self.id.clone(),
                text: entities::escape_mrkdwn(text),
                blocks: json!([]),
                ..Message::default()
            };
            state.messages.push(message.clone());
            message
        })
    }

    /// Opens their direct message with the bot, which also tells the app by `app_home_opened`; not
    /// if its manifest does not subscribe to that. The event holds the view they have, or none the
    /// first time.
    pub async fn open_home(&self) -> Option<Delivery> {
        self.open_app("home").await
    }

    /// Opens the app on one of its tabs, `home` or `messages`.
    pub(crate) async fn open_app(&self, tab: &str) -> Option<Delivery> {
        let event = self.sim.inner.change(|state, _| {
            let channel = state.open_dm(&self.id);
            let mut event = json!({
                "type": "app_home_opened",
                "user": self.id,
                "channel": channel,
                "tab": tab,
            });
            let view = state.homes.get(&self.id).filter(|_| tab == "home");
            if let Some(view) = view {
                event["view"] = view.json.clone();
            }
            event
        });
        self.sim.tell("app_home_opened", event).await
    }

    /// The messages that only they see, in any channel.
    pub fn ephemerals(&self) -> Vec<Message> {
        self.sim
            .matching(|message| message.ephemeral_to.as_deref() == Some(&self.id))
    }

    /// The messages they see in a channel they are in, or in their direct message with the bot.
    pub fn sees(&self, channel: &str) -> Vec<Message> {
        let mut messages = self.sim.messages(channel);
        self.sim
            .inner
            .read(|state| messages.retain(|message| state.can_see(&self.id, message)));
        messages
    }

    /// The channel of their conversation with the bot, opened if need be.
    pub fn dm_channel(&self) -> String {
        self.sim.inner.change(|state, _| state.open_dm(&self.id))
    }

    /// Their conversation with the bot.
    pub fn dm(&self) -> Vec<Message> {
        self.sim.dm(&self.id)
    }
}
