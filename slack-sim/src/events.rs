//! Events: the Events API as the app gets it.
//!
//! What a test sends by [`Sim::event`] is always sent. What happens in the workspace is told to the
//! app only if its manifest subscribes to it, or if there is no manifest.

use serde_json::{Value, json};

use crate::{
    delivery::{Delivery, Outgoing, Retry},
    message::Message,
    sim::Sim,
    web_api::user_object,
};

/// The workspace that channels are shared with.
const OTHER_TEAM: &str = "T0OTHER";

impl Sim {
    /// Sends an inner event such as `{"type": "app_home_opened", …}` in its envelope, whether the
    /// app subscribes to it or not.
    pub async fn event(&self, inner_event: Value) -> Delivery {
        self.send_event(inner_event, None).await
    }

    /// Sends an event as a retry, with `x-slack-retry-num` and `x-slack-retry-reason`. To retry an
    /// event that was sent before, use [`redeliver`](Self::redeliver) with these headers.
    pub async fn event_with_retry(
        &self,
        inner_event: Value,
        number: u32,
        reason: &str,
    ) -> Delivery {
        let reason = reason.to_owned();
        self.send_event(inner_event, Some(Retry { number, reason }))
            .await
    }

    /// Tells the app of an event that its manifest names so, if it does.
    pub(crate) async fn tell(&self, subscription: &str, inner_event: Value) -> Option<Delivery> {
        let is_told = self.inner.read(|state| {
            let manifest = state.workspace.manifest.as_ref();
            manifest.is_none_or(|manifest| manifest.subscribes(subscription))
        });
        match is_told {
            true => Some(self.event(inner_event).await),
            false => None,
        }
    }

    async fn send_event(&self, event: Value, retry: Option<Retry>) -> Delivery {
        let inner = &self.inner;
        let payload = inner.change(|state, now| state.event_callback(event, now));
        let outgoing = Outgoing {
            retry,
            ..Outgoing::event(payload)
        };
        inner.deliver(outgoing).await
    }

    /// Asks the app to prove its events URL; it must answer with the `challenge` of the payload.
    pub async fn url_verification(&self) -> Delivery {
        let challenge = self.inner.change(|state, _| state.unique(48));
        let payload = json!({
            "token": crate::payload::VERIFICATION_TOKEN,
            "challenge": challenge,
            "type": "url_verification",
        });
        self.inner.deliver(Outgoing::event(payload)).await
    }

    /// Tells the app of a person's facts as they are now, by `user_change`; nothing if its manifest
    /// does not subscribe to that.
    ///
    /// # Panics
    /// If the workspace has no such person.
    pub async fn send_user_change(&self, id: &str) -> Option<Delivery> {
        let user = self
            .inner
            .read(|state| state.person(id).map(|person| user_object(state, person)));
        let Some(user) = user else {
            panic!("there is no person {id}");
        };
        let event = json!({"type": "user_change", "user": user});
        self.tell("user_change", event).await
    }

    /// Tells the app whether a channel is shared with another company now, by `channel_shared` or
    /// `channel_unshared`; nothing if its manifest does not subscribe to that.
    ///
    /// # Panics
    /// If the workspace has no such channel.
    pub async fn send_channel_sharing(&self, id: &str) -> Option<Delivery> {
        let is_shared = self.inner.read(|state| {
            let channel = state.workspace.channels.get(id);
            channel.map(|channel| channel.is_ext_shared)
        });
        match is_shared {
            None => panic!("there is no channel {id}"),
            Some(true) => {
                let event = json!({
                    "type": "channel_shared",
                    "connected_team_id": OTHER_TEAM,
                    "channel": id,
                });
                self.tell("channel_shared", event).await
            }
            Some(false) => {
                let event = json!({
                    "type": "channel_unshared",
                    "previously_connected_team_id": OTHER_TEAM,
                    "channel": id,
                    "is_ext_shared": false,
                });
                self.tell("channel_unshared", event).await
            }
        }
    }

    /// Tells the app of a message, by `message` with the `channel_type`; nothing if its manifest
    /// does not subscribe to messages of such channels.
    pub async fn send_message(&self, message: &Message) -> Option<Delivery> {
        let (kind, subscription, event) = self.inner.read(|state| {
            let channel = state.workspace.channels.get(&message.channel);
            let (kind, subscription) = match channel {
                None => ("im", "message.im"),
                Some(channel) if channel.is_private => ("group", "message.groups"),
                Some(_) => ("channel", "message.channels"),
            };
            (kind, subscription, state.message_json(message))
        });
        let mut event = event;
        event["channel"] = json!(message.channel);
        event["channel_type"] = json!(kind);
        event["event_ts"] = json!(message.ts);
        self.tell(subscription, event).await
    }

    /// Tells the app who joined and who left a group, by `subteam_members_changed`; nothing if its
    /// manifest does not subscribe to that.
    pub async fn send_group_change(
        &self,
        group: &str,
        added: &[&str],
        removed: &[&str],
    ) -> Option<Delivery> {
        let team_id = self.inner.read(|state| state.workspace.team_id.clone());
        let now = (self.inner.clock)().timestamp();
        let event = json!({
            "type": "subteam_members_changed",
            "subteam_id": group,
            "team_id": team_id,
            "date_previous_update": now,
            "date_update": now,
            "added_users": added,
            "added_users_count": added.len(),
            "removed_users": removed,
            "removed_users_count": removed.len(),
        });
        self.tell("subteam_members_changed", event).await
    }
}
