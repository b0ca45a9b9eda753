//! Acting as a person over the control API.

use std::time::{Duration, Instant};

use serde::Serialize;
use serde_json::{Value, json};

use super::{
    remote::{Client, ClientError},
    sight::Sight,
};
use crate::{
    blocks,
    message::Message,
    view::View,
    wire::{Outcome, Submitted, Written},
};

/// How long a wait lasts at most, in real time.
const CEILING: Duration = Duration::from_secs(20);

/// A person at the keyboard of a page. From [`Client::person`].
#[derive(Debug, Clone)]
pub struct RemoteActor {
    client: Client,
    id: String,
}

/// Something with elements in it: a [`Message`] or a [`View`].
pub trait Surface: sealed::Surface {}

impl Surface for Message {}
impl Surface for View {}

mod sealed {
    use serde_json::{Value, json};

    use crate::{message::Message, view::View};

    pub trait Surface {
        fn place(&self) -> Value;
        fn blocks(&self) -> &Value;
    }

    impl Surface for Message {
        fn place(&self) -> Value {
            json!({"channel": self.channel, "ts": self.ts})
        }
        fn blocks(&self) -> &Value {
            &self.blocks
        }
    }

    impl Surface for View {
        fn place(&self) -> Value {
            json!({"view_id": self.id()})
        }
        fn blocks(&self) -> &Value {
            View::blocks(self)
        }
    }
}

impl Client {
    /// The person with this id, to act as.
    pub fn person(&self, id: impl Into<String>) -> RemoteActor {
        RemoteActor {
            client: self.clone(),
            id: id.into(),
        }
    }
}

impl RemoteActor {
    /// Their id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What they see now.
    ///
    /// # Errors
    /// If there is no such person.
    pub async fn sees(&self) -> Result<Sight, ClientError> {
        let sees = self.client.get(&self.path("sees")).await?;
        Ok(Sight::new(&self.id, sees))
    }

    /// Waits until `look` finds something in what they see. It is asked at once, and again after
    /// every change of the workspace, for at most 20 s of real time.
    ///
    /// # Errors
    /// If that does not come true in time, with what they saw last.
    pub async fn wait_until<T>(
        &self,
        mut look: impl FnMut(&Sight) -> Option<T>,
    ) -> Result<T, ClientError> {
        let began = Instant::now();
        loop {
            let sight = self.sees().await?;
            if let Some(found) = look(&sight) {
                return Ok(found);
            }
            let left = CEILING.saturating_sub(began.elapsed());
            let changed = self.client.changed_since(sight.version);
            match tokio::time::timeout(left, changed).await {
                Ok(changed) => drop(changed?),
                Err(_) => {
                    return Err(ClientError::WaitedInVain {
                        waited: CEILING,
                        person: self.id.clone(),
                        seen: sight.describe(),
                    });
                }
            }
        }
    }

    /// Sends a slash command from a channel: `/jit status`. That a command is unknown, or that the
    /// app failed, is an outcome, and Slackbot tells them.
    ///
    /// # Errors
    /// If they cannot write there, or are from another workspace.
    pub async fn command(&self, channel: &str, line: &str) -> Result<Outcome, ClientError> {
        self.act("command", &json!({"channel": channel, "text": line}))
            .await
    }

    /// Writes a message, and answers its `ts`.
    ///
    /// # Errors
    /// If they cannot write there.
    pub async fn say(&self, channel: &str, text: &str) -> Result<String, ClientError> {
        let written = json!({"channel": channel, "text": text});
        let Written { ts } = self.act("messages", &written).await?;
        Ok(ts)
    }

    /// Writes in the thread of a message, and answers the `ts`.
    ///
    /// # Errors
    /// If they cannot write there.
    pub async fn reply(&self, to: &Message, text: &str) -> Result<String, ClientError> {
        let thread_ts = to.thread_ts.as_ref().unwrap_or(&to.ts);
        let written = json!({"channel": to.channel, "text": text, "thread_ts": thread_ts});
        let Written { ts } = self.act("messages", &written).await?;
        Ok(ts)
    }

    /// Presses a button.
    ///
    /// # Errors
    /// If there is no such button any more.
    pub async fn click(
        &self,
        surface: &impl Surface,
        action_id: &str,
    ) -> Result<Outcome, ClientError> {
        let action = used(surface, action_id)?;
        self.act("actions", &action).await
    }

    /// Chooses or writes in an element that tells the app at once. `value` is as for
    /// [`submit`](Self::submit).
    ///
    /// # Errors
    /// If there is no such element any more, or it has no such choice.
    pub async fn choose(
        &self,
        surface: &impl Surface,
        action_id: &str,
        value: impl Into<Value>,
    ) -> Result<Outcome, ClientError> {
        let mut action = used(surface, action_id)?;
        action["value"] = value.into();
        self.act("actions", &action).await
    }

    /// Searches in an `external_select`; the options that come back, as text and value, groups
    /// flattened.
    ///
    /// # Errors
    /// If there is nothing to search in, or the app fails.
    pub async fn suggest(
        &self,
        surface: &impl Surface,
        action_id: &str,
        typed: &str,
    ) -> Result<Vec<(String, String)>, ClientError> {
        let mut search = used(surface, action_id)?;
        search["typed"] = json!(typed);
        let answer: Value = self.act("suggestions", &search).await?;
        if answer.get("ok").is_some() {
            return Err(ClientError::AppFailed(serde_json::from_value(answer)?));
        }
        let options = blocks::options(&answer);
        let pairs = options.iter().map(|option| {
            let text = blocks::text(&option["text"], "text");
            (text.to_owned(), blocks::text(option, "value").to_owned())
        });
        Ok(pairs.collect())
    }

    /// Fills in the modal on top and submits it. `values` is what is entered, by `block_id` and
    /// `action_id`: a string is text, a date, an id, or the value of an option; an array is
    /// several; null is nothing.
    ///
    /// # Errors
    /// If it is not on top any more, or does not take such values.
    pub async fn submit(&self, modal: &View, values: Value) -> Result<Submitted, ClientError> {
        let filled = json!({"view_id": modal.id(), "values": values});
        self.act("submissions", &filled).await
    }

    /// Closes a modal and whatever lies on it.
    ///
    /// # Errors
    /// If it is not open any more.
    pub async fn close(&self, modal: &View) -> Result<Outcome, ClientError> {
        self.act("closings", &json!({"view_id": modal.id()})).await
    }

    /// Opens the app on its Home tab.
    ///
    /// # Errors
    /// If the simulator cannot be asked.
    pub async fn open_home(&self) -> Result<Outcome, ClientError> {
        self.act("home", &json!({"tab": "home"})).await
    }

    async fn act<T: serde::de::DeserializeOwned>(
        &self,
        call: &str,
        body: &impl Serialize,
    ) -> Result<T, ClientError> {
        self.client.post(&self.path(call), body).await
    }

    fn path(&self, call: &str) -> String {
        format!("people/{}/{call}", self.id)
    }
}

/// The element of a surface, as the control API names it.
fn used(surface: &impl Surface, action_id: &str) -> Result<Value, ClientError> {
    let blocks = surface.blocks();
    let found = blocks::find(blocks, action_id, None).ok_or_else(|| ClientError::NotThere {
        action_id: action_id.to_owned(),
        there: blocks::action_ids(blocks),
    })?;
    Ok(json!({
        "in": surface.place(),
        "block_id": found.block_id(),
        "action_id": action_id,
    }))
}
