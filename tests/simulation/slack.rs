//! Slack: it keeps what it is told, and it is slow, refuses, hangs, and loses its answers.
//!
//! One thing is taken for granted: of two updates of one message, the one that was sent later is
//! carried out later. Slack numbers neither, so nobody could put them right.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, atomic::Ordering},
    time::Duration,
};

use async_trait::async_trait;
use keylend::{
    domain::{ChannelId, RequestId},
    presentation::{Card, Place},
    slack::client::{SlackError, Wire},
};
use serde_json::{Value, json};
use tokio::time::sleep;
use url::Url;

use crate::{faults::Faults, seed::Rng, story::Story};

/// The workspace, whoever speaks to it.
pub(crate) struct Slack {
    rng: Arc<Rng>,
    faults: Arc<Faults>,
    story: Arc<Story>,
    pub(crate) inside: Mutex<Inside>,
}

/// What people see, and what is known of how it got there.
#[derive(Default)]
pub(crate) struct Inside {
    /// In the order in which they came.
    pub(crate) messages: Vec<Said>,
    /// What the Home of each person shows.
    pub(crate) homes: BTreeMap<String, Value>,
    /// Of which replicas it is not known whether they note what they say, and for how many reasons.
    doubted: BTreeMap<u64, usize>,
}

/// One message.
pub(crate) struct Said {
    pub(crate) channel: String,
    pub(crate) ts: String,
    pub(crate) text: String,
    pub(crate) blocks: Value,
    by: u64,
    /// The card that it was, once the store knew of it.
    pub(crate) noted: Option<(RequestId, Place, ChannelId)>,
    /// Whether nobody heard that it was posted, or whoever heard may have died before that was in
    /// the store: then it may be posted again.
    pub(crate) in_doubt: bool,
}

impl Said {
    /// A card has blocks; a line of a feed has none but rich text.
    pub(crate) fn is_card(&self) -> bool {
        let mut blocks = self.blocks.as_array().into_iter().flatten();
        blocks.any(|block| block["type"] != "rich_text")
    }

    /// Alerts are told beside the log's feed, and reviewers beside the notices of their own requests.
    fn is_beside_a_feed(&self) -> bool {
        let beginnings = [":rotating_light: *Alert*", ":white_check_mark: *Cleared*"];
        let is_of_alerts = beginnings.iter().any(|it| self.text.starts_with(it));
        is_of_alerts || self.text.contains("reviewers have to sign off")
    }
}

impl Slack {
    pub(crate) fn new(rng: Arc<Rng>, faults: Arc<Faults>, story: Arc<Story>) -> Arc<Self> {
        Arc::new(Self {
            rng,
            faults,
            story,
            inside: Mutex::default(),
        })
    }

    /// From now on `replica` may not note what it says, and may not have noted what it said last.
    pub(crate) fn doubt(&self, replica: u64) {
        let mut inside = self.inside.lock().unwrap();
        *inside.doubted.entry(replica).or_default() += 1;
        let mut last_lines = BTreeSet::new();
        for said in inside.messages.iter_mut().rev() {
            if said.by == replica {
                said.in_doubt |= match said.is_card() {
                    true => said.noted.is_none(),
                    // A feed is at one line at a time, and a channel has one feed.
                    false => !said.is_beside_a_feed() && last_lines.insert(said.channel.clone()),
                };
            }
        }
    }

    /// `replica` is back and has forgotten what it was at.
    pub(crate) fn trust(&self, replica: u64) {
        let mut inside = self.inside.lock().unwrap();
        if let Some(times) = inside.doubted.get_mut(&replica) {
            *times -= 1;
        }
    }

    /// The store knows now which message shows `card`.
    pub(crate) fn noted(&self, card: &Card) {
        let mut inside = self.inside.lock().unwrap();
        let message = inside.messages.iter_mut().find(|said| {
            said.channel == card.channel.as_str() && card.ts.as_ref() == Some(&said.ts)
        });
        if let Some(said) = message {
            said.noted = Some((card.request, card.place, card.asked_for.clone()));
        }
    }

    /// Whether anything that was said has `found` in it.
    pub(crate) fn says(&self, found: impl Fn(&str) -> bool) -> bool {
        let inside = self.inside.lock().unwrap();
        let messages = inside.messages.iter();
        messages
            .map(|said| format!("{} {}", said.text, said.blocks))
            .chain(inside.homes.values().map(ToString::to_string))
            .any(|text| found(&text))
    }
}

impl Inside {
    fn carry_out(
        &mut self,
        by: u64,
        method: &str,
        body: &Value,
        in_doubt: bool,
    ) -> Result<Value, SlackError> {
        let text = |key: &str| body[key].as_str().unwrap_or_default().to_owned();
        match method {
            "chat.postMessage" => {
                // A person's id opens the direct message with them.
                let channel = match text("channel").strip_prefix('U') {
                    Some(person) => format!("D{person}"),
                    None => text("channel"),
                };
                let ts = format!("1800000000.{:06}", self.messages.len() + 1);
                self.messages.push(Said {
                    channel: channel.clone(),
                    ts: ts.clone(),
                    text: text("text"),
                    blocks: body["blocks"].clone(),
                    by,
                    noted: None,
                    in_doubt: in_doubt || self.doubted.get(&by).is_some_and(|times| *times > 0),
                });
                Ok(json!({"ok": true, "channel": channel, "ts": ts}))
            }
            "chat.update" => {
                let (channel, ts) = (text("channel"), text("ts"));
                let mut messages = self.messages.iter_mut();
                let message = messages.find(|said| said.channel == channel && said.ts == ts);
                let refused = || SlackError::Refused("message_not_found".to_owned());
                let message = message.ok_or_else(refused)?;
                message.text = text("text");
                message.blocks = body["blocks"].clone();
                Ok(json!({"ok": true}))
            }
            "views.publish" => {
                self.homes.insert(text("user_id"), body["view"].clone());
                Ok(json!({"ok": true}))
            }
            _ => Err(SlackError::Refused("unknown_method".to_owned())),
        }
    }
}

/// Slack as one replica reaches it.
pub(crate) struct Reached {
    pub(crate) slack: Arc<Slack>,
    pub(crate) replica: u64,
}

impl Reached {
    fn carry_out(&self, method: &str, body: &Value, in_doubt: bool) -> Result<Value, SlackError> {
        let said = body["text"].as_str().unwrap_or_default();
        let said = said.lines().last().unwrap_or_default();
        self.slack.story.tell(format_args!(
            "   slack {method} {}{} {}: {said}",
            body["channel"].as_str().unwrap_or_default(),
            body["user_id"].as_str().unwrap_or_default(),
            body["ts"].as_str().unwrap_or_default(),
        ));
        let mut inside = self.slack.inside.lock().unwrap();
        inside.carry_out(self.replica, method, body, in_doubt)
    }
}

#[async_trait]
impl Wire for Reached {
    async fn post(&self, method: &str, body: &Value) -> Result<Value, SlackError> {
        let rng = &self.slack.rng;
        let unavailable = || Err(SlackError::Unavailable("no connection".to_owned()));
        sleep(rng.millis(1..300)).await;
        if self.slack.faults.is_fair.load(Ordering::Relaxed) {
            return self.carry_out(method, body, false);
        }
        match rng.below(60) {
            0..=2 => unavailable(),
            3 | 4 => Err(SlackError::RateLimited {
                retry_after: rng.millis(1_000..20_000),
            }),
            5..=7 => {
                self.carry_out(method, body, true)?;
                // Longer than the client waits, too.
                sleep(rng.millis(1..15_000)).await;
                unavailable()
            }
            8 => {
                sleep(Duration::from_secs(20)).await;
                unavailable()
            }
            _ => {
                let answer = self.carry_out(method, body, false);
                sleep(rng.millis(1..300)).await;
                answer
            }
        }
    }

    async fn get(&self, method: &str, _: &[(&str, Option<String>)]) -> Result<Value, SlackError> {
        if method == "conversations.info" {
            return Ok(json!({"channel": {"is_ext_shared": false}}));
        }
        Err(SlackError::Refused("unknown_method".to_owned()))
    }

    async fn respond(&self, _: &Url, _: &Value) -> Result<Value, SlackError> {
        Err(SlackError::Refused("used_url".to_owned()))
    }
}
