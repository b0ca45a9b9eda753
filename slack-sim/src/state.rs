//! Everything the simulator remembers, and the few rules that several parts of it share.

use std::collections::{BTreeMap, HashMap, VecDeque};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::{
    app::{App, Standing},
    blocks,
    clock::ts,
    delivery::{Delivery, Waiting},
    entities,
    faults::{Fault, Faults},
    message::Message,
    rates::Rates,
    socket::hub::Hub,
    view::View,
    workspace::{Channel, Kind, Person, Workspace},
};

/// How many calls and how many deliveries are remembered; the oldest are forgotten.
pub(crate) const MOST_RECORDS: usize = 10_000;

/// When a trigger or response URL that has long expired may be forgotten.
pub(crate) const FORGOTTEN_AFTER: TimeDelta = TimeDelta::hours(1);

/// A Web API call that the app made, or a post to a response URL.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// The method, such as `chat.postMessage`; for a response URL, `response_url`.
    pub method: String,
    /// The arguments without the token; JSON-encoded ones decoded.
    pub args: Value,
    /// When, by the simulator's clock.
    pub at: DateTime<Utc>,
    /// Whether the token was right; a response URL needs none.
    pub token_ok: bool,
    /// Whether the call was carried out.
    pub ok: bool,
    /// The error's name, if it was refused or met a fault.
    pub error: Option<String>,
}

/// One right to open one view, given out with a person's action.
pub(crate) struct Trigger {
    pub(crate) user: String,
    pub(crate) issued_at: DateTime<Utc>,
    pub(crate) used: bool,
}

/// Where an answer to one action of one person goes.
pub(crate) struct ResponseUrl {
    pub(crate) user: String,
    pub(crate) channel: String,
    /// The message that was acted on; none for a slash command.
    pub(crate) source: Option<String>,
    pub(crate) issued_at: DateTime<Utc>,
    pub(crate) uses: u32,
}

pub(crate) struct State {
    pub(crate) workspace: Workspace,
    pub(crate) app: Option<App>,
    pub(crate) messages: Vec<Message>,
    pub(crate) dms: BTreeMap<String, String>,
    pub(crate) modals: BTreeMap<String, Vec<View>>,
    pub(crate) homes: BTreeMap<String, View>,
    pub(crate) offered: HashMap<String, Vec<Value>>,
    pub(crate) triggers: HashMap<String, Trigger>,
    pub(crate) response_urls: HashMap<String, ResponseUrl>,
    pub(crate) calls: VecDeque<Call>,
    pub(crate) arrivals: BTreeMap<String, usize>,
    pub(crate) deliveries: VecDeque<Delivery>,
    /// The number of the delivery that began last of those that have been made.
    pub(crate) last_made: u64,
    pub(crate) retries: Vec<Waiting>,
    pub(crate) faults: Faults,
    pub(crate) sockets: Hub,
    pub(crate) standing: Standing,
    rates: Rates,
    last_micros: i64,
    counter: u64,
}

impl State {
    pub(crate) fn new(mut workspace: Workspace) -> Self {
        let bot = Person::new(&workspace.bot_user_id, &workspace.bot_name, Kind::Bot);
        workspace.people.insert(bot.id.clone(), bot);
        let manifest = workspace.manifest.as_ref();
        let socket_mode = manifest.is_some_and(|manifest| manifest.socket_mode);
        Self {
            workspace,
            app: socket_mode.then_some(App::Socket),
            messages: Vec::new(),
            dms: BTreeMap::new(),
            modals: BTreeMap::new(),
            homes: BTreeMap::new(),
            offered: HashMap::new(),
            triggers: HashMap::new(),
            response_urls: HashMap::new(),
            calls: VecDeque::new(),
            arrivals: BTreeMap::new(),
            deliveries: VecDeque::new(),
            last_made: 0,
            retries: Vec::new(),
            faults: Faults::default(),
            sockets: Hub::default(),
            standing: Standing::default(),
            rates: Rates::default(),
            last_micros: 0,
            counter: 0,
        }
    }

    /// A message time that no message has yet, later than all before.
    pub(crate) fn next_ts(&mut self, now: DateTime<Utc>) -> String {
        self.last_micros = now.timestamp_micros().max(self.last_micros + 1);
        ts(self.last_micros)
    }

    /// Hex digits that were not given out before, the same in every run.
    pub(crate) fn unique(&mut self, length: usize) -> String {
        self.counter += 1;
        let digest = Sha256::digest(format!("slack-sim {}", self.counter));
        hex::encode(digest).chars().take(length).collect()
    }

    /// Counts a request; names that nobody answers to are counted up to a point.
    pub(crate) fn count(&mut self, method: &str) {
        if self.arrivals.len() < MOST_RECORDS || self.arrivals.contains_key(method) {
            *self.arrivals.entry(method.to_owned()).or_default() += 1;
        }
    }

    /// Counts a request and says what goes wrong with it: a fault that was asked for, or too many.
    pub(crate) fn arrive(
        &mut self,
        method: &str,
        channel: &str,
        now: DateTime<Utc>,
    ) -> Option<Fault> {
        self.count(method);
        if let Some(fault) = self.faults.take(method) {
            return Some(fault);
        }
        if !self.workspace.rate_limits {
            return None;
        }
        let admitted = self.rates.admit(method, channel, now);
        let limited = |retry_after_secs| Fault::RateLimited { retry_after_secs };
        admitted.err().map(limited)
    }

    pub(crate) fn record_call(&mut self, call: Call) {
        keep(&mut self.calls, call);
    }

    pub(crate) fn record_delivery(&mut self, delivery: Delivery) {
        keep(&mut self.deliveries, delivery);
    }

    pub(crate) fn number(&mut self) -> u64 {
        self.counter += 1;
        self.counter
    }

    pub(crate) fn person(&self, id: &str) -> Option<&Person> {
        self.workspace.people.get(id)
    }

    /// The person's direct message channel with the bot, opened if need be.
    pub(crate) fn open_dm(&mut self, user: &str) -> String {
        if let Some(dm) = self.dms.get(user) {
            return dm.clone();
        }
        let mut dm = format!("D{}", user.get(1..).unwrap_or_default());
        if self.dms.values().any(|other| *other == dm) {
            dm = format!("D{user}");
        }
        self.dms.insert(user.to_owned(), dm.clone());
        dm
    }

    /// The options that the app last suggested for this element.
    pub(crate) fn offered_for(&self, action_id: &str) -> Vec<Value> {
        self.offered.get(action_id).cloned().unwrap_or_default()
    }

    /// Whose direct message channel this is.
    pub(crate) fn dm_owner(&self, channel: &str) -> Option<&str> {
        let mut all = self.dms.iter();
        all.find(|(_, dm)| *dm == channel)
            .map(|(user, _)| user.as_str())
    }

    /// The channel's name as payloads have it: Slack hides the names of what is not public.
    pub(crate) fn payload_name(&self, channel: &str) -> &str {
        match self.workspace.channels.get(channel) {
            Some(Channel {
                is_private: true, ..
            }) => "privategroup",
            Some(channel) => &channel.name,
            None => "directmessage",
        }
    }

    pub(crate) fn can_see(&self, user: &str, message: &Message) -> bool {
        if let Some(only) = &message.ephemeral_to {
            return only == user;
        }
        match self.workspace.channels.get(&message.channel) {
            Some(channel) => channel.members.iter().any(|member| member == user),
            None => self.dm_owner(&message.channel) == Some(user),
        }
    }

    /// Adds a message of the app's bot.
    pub(crate) fn bot_message(&mut self, channel: &str, draft: Draft, ts: String) -> Message {
        let mut blocks = draft.blocks;
        blocks::complete(&mut blocks, || self.unique(5));
        let message = Message {
            channel: channel.to_owned(),
            ts,
            thread_ts: draft.thread_ts,
            is_broadcast: draft.is_broadcast,
            user: self.workspace.bot_user_id.clone(),
            bot_id: Some(self.workspace.bot_id.clone()),
            text: entities::escape_mrkdwn(&draft.text),
            blocks,
            metadata: draft.metadata,
            edited: None,
            ephemeral_to: draft.ephemeral_to,
        };
        self.messages.push(message.clone());
        message
    }

    pub(crate) fn message_mut(&mut self, channel: &str, ts: &str) -> Option<&mut Message> {
        self.messages
            .iter_mut()
            .find(|message| message.channel == channel && message.ts == ts)
    }

    pub(crate) fn message_json(&self, message: &Message) -> Value {
        message.to_json(&self.workspace.team_id, &self.workspace.app_id)
    }

    pub(crate) fn trigger(&mut self, user: &str, now: DateTime<Utc>) -> String {
        let id = format!("{}.{}.{}", self.number(), self.number(), self.unique(32));
        if self.triggers.len() >= MOST_RECORDS {
            self.triggers
                .retain(|_, trigger| now - trigger.issued_at < FORGOTTEN_AFTER);
        }
        let trigger = Trigger {
            user: user.to_owned(),
            issued_at: now,
            used: false,
        };
        self.triggers.insert(id.clone(), trigger);
        id
    }

    /// Makes the view object for `owner` from what the app sent; `before` is the version it takes
    /// the place of, and keeps its id and what was filled in.
    pub(crate) fn build_view(
        &mut self,
        owner: &str,
        sent: &Value,
        before: Option<&View>,
        parent: Option<&View>,
        now: DateTime<Utc>,
    ) -> View {
        let mut blocks = sent["blocks"].clone();
        blocks::complete(&mut blocks, || self.unique(5));
        let id = match before {
            Some(before) => before.id().to_owned(),
            None => format!("V{:08}", self.number()),
        };
        let (root, previous) = match (before, parent) {
            (Some(before), _) => (
                before.json["root_view_id"].clone(),
                before.json["previous_view_id"].clone(),
            ),
            (None, Some(parent)) => (parent.json["root_view_id"].clone(), json!(parent.id())),
            (None, None) => (json!(id), Value::Null),
        };
        let nothing = Value::Null;
        let kept = before.map_or(&nothing, View::values);
        let values = blocks::state_values(&blocks, kept);
        let team = self
            .person(owner)
            .map_or(self.workspace.team_id.as_str(), |person| {
                self.workspace.team_of(person)
            });
        let or = |key: &str, default: Value| match sent.get(key) {
            Some(Value::Null) | None => default,
            Some(given) => given.clone(),
        };
        let mut json = json!({
            "id": id,
            "team_id": team,
            "type": sent["type"],
            "blocks": blocks,
            "private_metadata": or("private_metadata", json!("")),
            "callback_id": or("callback_id", json!("")),
            "external_id": or("external_id", json!("")),
            "state": {"values": values},
            "title": or("title", json!({"type": "plain_text", "text": "View Title", "emoji": true})),
            "close": or("close", Value::Null),
            "submit": or("submit", Value::Null),
            "clear_on_close": or("clear_on_close", json!(false)),
            "notify_on_close": or("notify_on_close", json!(false)),
            "root_view_id": root,
            "previous_view_id": previous,
            "app_id": self.workspace.app_id,
            "app_installed_team_id": self.workspace.installed_in(),
            "bot_id": self.workspace.bot_id,
        });
        for part in ["title", "close", "submit"] {
            blocks::complete_texts(&mut json[part]);
        }
        json["hash"] = json!(format!("{}.{}", now.timestamp(), self.unique(8)));
        View { json }
    }

    /// Everything said, for a failed wait.
    pub(crate) fn describe(&self) -> String {
        let mut out = String::new();
        for message in &self.messages {
            let only = match &message.ephemeral_to {
                Some(user) => format!(" (only {user} sees it)"),
                None => String::new(),
            };
            let text = message.all_text().replace('\n', "\n    ");
            out += &format!("  {} {}{only}\n    {text}\n", message.channel, message.ts);
        }
        for (user, views) in &self.modals {
            for view in views {
                out += &format!("  modal of {user}: {:?}\n", view.title());
            }
        }
        if out.is_empty() {
            out.push_str("  (no messages)\n");
        }
        let refused: Vec<_> = self.calls.iter().filter(|call| !call.ok).collect();
        for call in refused {
            out += &format!("  refused: {} {:?}\n", call.method, call.error);
        }
        out
    }
}

fn keep<T>(records: &mut VecDeque<T>, record: T) {
    if records.len() >= MOST_RECORDS {
        records.pop_front();
    }
    records.push_back(record);
}

/// What the app's bot is about to say.
#[derive(Default)]
pub(crate) struct Draft {
    pub(crate) text: String,
    pub(crate) blocks: Value,
    pub(crate) metadata: Value,
    pub(crate) thread_ts: Option<String>,
    pub(crate) is_broadcast: bool,
    pub(crate) ephemeral_to: Option<String>,
}
