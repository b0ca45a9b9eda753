//! Events: the Events API as the app gets it.

use serde_json::{Value, json};

use crate::{
    delivery::{Delivery, Outgoing, Retry},
    sim::Sim,
    web_api::user_object,
};

impl Sim {
    /// Sends an inner event such as `{"type": "app_home_opened", …}` in its envelope.
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

    /// Tells the app of a person's facts as they are now, by `user_change`.
    ///
    /// # Panics
    /// If the workspace has no such person.
    pub async fn send_user_change(&self, id: &str) -> Delivery {
        let user = self
            .inner
            .read(|state| state.person(id).map(|person| user_object(state, person)));
        let Some(user) = user else {
            panic!("there is no person {id}");
        };
        let event = json!({"type": "user_change", "user": user});
        self.event(event).await
    }

    /// Tells the app who joined and who left a group, by `subteam_members_changed`.
    pub async fn send_group_change(
        &self,
        group: &str,
        added: &[&str],
        removed: &[&str],
    ) -> Delivery {
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
        self.event(event).await
    }
}
