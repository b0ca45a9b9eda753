//! The payloads that Slack sends to an app, with its oddities about people of other workspaces.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use crate::{
    blocks::{self, Found},
    mentions,
    message::Message,
    state::State,
    view::View,
    workspace::Person,
};

/// The deprecated verification token; an app must not rely on it.
pub(crate) const VERIFICATION_TOKEN: &str = "local-verification-token";

/// A slash command as somebody typed it.
pub(crate) struct Typed<'a> {
    pub(crate) user: &'a str,
    pub(crate) channel: &'a str,
    pub(crate) command: &'a str,
    pub(crate) text: &'a str,
}

impl State {
    pub(crate) fn user_name(&self, id: &str) -> String {
        self.person(id)
            .map(|person| person.name.clone())
            .unwrap_or_default()
    }

    fn user_json(&self, id: &str) -> Value {
        let name = self.user_name(id);
        let team = self.person(id).map(|person| self.workspace.team_of(person));
        json!({"id": id, "username": name, "name": name, "team_id": team})
    }

    /// Our workspace as interactions name it: not at all where the app is installed for a whole
    /// organisation.
    fn our_team(&self) -> Value {
        if self.workspace.installed_org().is_some() {
            return Value::Null;
        }
        let mut team = json!({"id": self.workspace.team_id, "domain": self.workspace.domain});
        if let Some(enterprise) = &self.workspace.enterprise {
            team["enterprise_id"] = json!(enterprise.id);
            team["enterprise_name"] = json!(enterprise.name);
        }
        team
    }

    /// The organisation as interactions name it.
    fn our_enterprise(&self) -> Value {
        let enterprise = self.workspace.enterprise.as_ref();
        enterprise.map_or(Value::Null, |one| json!({"id": one.id, "name": one.name}))
    }

    /// The team of the person who acts.
    fn their_team(&self, user: &str) -> Value {
        match self.person(user).filter(|person| person.is_stranger()) {
            Some(person) => {
                let team = self.workspace.team_of(person);
                json!({"id": team, "domain": team.to_lowercase()})
            }
            None => self.our_team(),
        }
    }

    fn interaction(&self, kind: &str, user: &str, team: Value) -> Value {
        json!({
            "type": kind,
            "user": self.user_json(user),
            "api_app_id": self.workspace.app_id,
            "token": VERIFICATION_TOKEN,
            "team": team,
            "enterprise": self.our_enterprise(),
            "is_enterprise_install": self.workspace.installed_org().is_some(),
        })
    }

    /// The fields of a slash command, of which an organisation's are there only if there is one.
    /// Every one of them is text, also what is a boolean elsewhere.
    pub(crate) fn command_fields(
        &mut self,
        base: &str,
        typed: &Typed<'_>,
        now: DateTime<Utc>,
    ) -> Vec<(&'static str, String)> {
        let text = match self.workspace.escapes(typed.command) {
            true => mentions::escape(&self.workspace, typed.text),
            false => typed.text.to_owned(),
        };
        let path = self.issue_response_url(typed.user, typed.channel, None, now);
        let trigger_id = self.trigger(typed.user, now);
        let workspace = &self.workspace;
        let mut fields = vec![
            ("token", VERIFICATION_TOKEN.to_owned()),
            ("team_id", workspace.team_id.clone()),
            ("team_domain", workspace.domain.clone()),
            ("channel_id", typed.channel.to_owned()),
            ("channel_name", self.payload_name(typed.channel).to_owned()),
            ("user_id", typed.user.to_owned()),
            ("user_name", self.user_name(typed.user)),
            ("command", typed.command.to_owned()),
            ("text", text),
            ("api_app_id", workspace.app_id.clone()),
            (
                "is_enterprise_install",
                workspace.installed_org().is_some().to_string(),
            ),
            ("response_url", format!("{base}{path}")),
            ("trigger_id", trigger_id),
        ];
        if let Some(enterprise) = &workspace.enterprise {
            fields.push(("enterprise_id", enterprise.id.clone()));
            fields.push(("enterprise_name", enterprise.name.clone()));
        }
        fields
    }

    /// `block_actions` on a message: `team` is always ours, `user.team_id` is theirs.
    pub(crate) fn message_action(
        &mut self,
        base: &str,
        user: &str,
        message: &Message,
        action: Value,
        now: DateTime<Utc>,
    ) -> Value {
        let mut payload = self.interaction("block_actions", user, self.our_team());
        let is_ephemeral = message.ephemeral_to.is_some();
        payload["container"] = container(message);
        payload["trigger_id"] = json!(self.trigger(user, now));
        payload["channel"] = self.channel_json(&message.channel);
        if !is_ephemeral {
            payload["message"] = self.message_json(message);
        }
        let mut values = blocks::state_values(&message.blocks, &Value::Null);
        record_choice(&mut values, &action);
        payload["state"] = json!({"values": values});
        let path = self.issue_response_url(user, &message.channel, Some(&message.ts), now);
        payload["response_url"] = json!(format!("{base}{path}"));
        payload["actions"] = json!([action]);
        payload
    }

    /// What every shortcut has. Slack names no app in it.
    fn chosen(&mut self, kind: &str, user: &str, callback_id: &str, now: DateTime<Utc>) -> Value {
        let mut payload = self.interaction(kind, user, self.our_team());
        if let Some(fields) = payload.as_object_mut() {
            fields.remove("api_app_id");
        }
        payload["action_ts"] = json!(self.next_ts(now));
        payload["callback_id"] = json!(callback_id);
        payload["trigger_id"] = json!(self.trigger(user, now));
        payload
    }

    /// `shortcut`: a global one.
    pub(crate) fn global_shortcut(
        &mut self,
        user: &str,
        callback_id: &str,
        now: DateTime<Utc>,
    ) -> Value {
        let mut payload = self.chosen("shortcut", user, callback_id, now);
        if let Some(fields) = payload["user"].as_object_mut() {
            fields.remove("name");
        }
        payload
    }

    /// `message_action`: the shortcut of a message. It does not say where its author belongs.
    pub(crate) fn message_shortcut(
        &mut self,
        base: &str,
        user: &str,
        message: &Message,
        callback_id: &str,
        now: DateTime<Utc>,
    ) -> Value {
        let mut payload = self.chosen("message_action", user, callback_id, now);
        payload["user"] = json!({"id": user, "name": self.user_name(user)});
        payload["channel"] = self.channel_json(&message.channel);
        payload["message_ts"] = json!(message.ts);
        payload["message"] = self.message_json(message);
        let path = self.issue_response_url(user, &message.channel, Some(&message.ts), now);
        payload["response_url"] = json!(format!("{base}{path}"));
        payload
    }

    /// `block_actions` in a modal or an App Home.
    pub(crate) fn view_action(
        &mut self,
        user: &str,
        view: &View,
        action: Value,
        now: DateTime<Utc>,
    ) -> Value {
        let mut payload = self.interaction("block_actions", user, self.our_team());
        payload["container"] = json!({"type": "view", "view_id": view.id()});
        payload["trigger_id"] = json!(self.trigger(user, now));
        payload["view"] = view.json.clone();
        payload["actions"] = json!([action]);
        payload
    }

    /// An interaction that concerns a whole view: for strangers `team`, `user.team_id` and
    /// `view.team_id` are all theirs, and nothing of our organisation is told.
    fn with_view(&self, kind: &str, user: &str, view: &View) -> Value {
        let mut payload = self.interaction(kind, user, self.their_team(user));
        if self.person(user).is_some_and(Person::is_stranger) {
            payload["enterprise"] = Value::Null;
            payload["is_enterprise_install"] = json!(false);
        }
        payload["view"] = view.json.clone();
        payload
    }

    /// `view_submission`.
    pub(crate) fn submission(&mut self, user: &str, view: &View, now: DateTime<Utc>) -> Value {
        let mut payload = self.with_view("view_submission", user, view);
        payload["trigger_id"] = json!(self.trigger(user, now));
        payload["response_urls"] = json!([]);
        payload
    }

    /// `view_closed`.
    pub(crate) fn closed(&self, user: &str, view: &View, is_cleared: bool) -> Value {
        let mut payload = self.with_view("view_closed", user, view);
        payload["is_cleared"] = json!(is_cleared);
        payload
    }

    /// `block_suggestion` in a view.
    pub(crate) fn suggestion(
        &self,
        user: &str,
        view: &View,
        found: &Found<'_>,
        typed: &str,
    ) -> Value {
        let mut payload = self.searched(user, found, typed);
        payload["container"] = json!({"type": "view", "view_id": view.id()});
        payload["view"] = view.json.clone();
        payload
    }

    /// `block_suggestion` in a message.
    pub(crate) fn message_suggestion(
        &self,
        user: &str,
        message: &Message,
        found: &Found<'_>,
        typed: &str,
    ) -> Value {
        let mut payload = self.searched(user, found, typed);
        payload["container"] = container(message);
        payload["channel"] = self.channel_json(&message.channel);
        if message.ephemeral_to.is_none() {
            payload["message"] = self.message_json(message);
        }
        payload
    }

    fn channel_json(&self, channel: &str) -> Value {
        json!({"id": channel, "name": self.payload_name(channel)})
    }

    fn searched(&self, user: &str, found: &Found<'_>, typed: &str) -> Value {
        let mut payload = self.interaction("block_suggestion", user, self.our_team());
        payload["action_id"] = json!(found.action_id());
        payload["block_id"] = json!(found.block_id());
        payload["value"] = json!(typed);
        payload
    }

    /// The entry of `actions` for a pressed button (`value` forged if given) or a choice
    /// (`chosen`, a state value).
    pub(crate) fn action(
        &mut self,
        found: &Found<'_>,
        value: Option<&str>,
        chosen: Option<&Value>,
        now: DateTime<Utc>,
    ) -> Value {
        let mut action = json!({
            "type": found.kind(),
            "action_id": found.action_id(),
            "block_id": found.block_id(),
            "action_ts": self.next_ts(now),
        });
        for key in ["text", "value", "style", "placeholder", "url"] {
            if let Some(given) = found.element.get(key) {
                action[key] = given.clone();
            }
        }
        if let Some(value) = value {
            action["value"] = json!(value);
        }
        if let Some(Value::Object(chosen)) = chosen {
            for (key, value) in chosen {
                action[key] = value.clone();
            }
        }
        action
    }

    /// Whether an event happened where people of another company are.
    fn is_in_shared_channel(&self, event: &Value) -> bool {
        let channel = self.workspace.channels.get(blocks::text(event, "channel"));
        channel.is_some_and(|channel| channel.is_ext_shared)
    }

    /// The envelope around an event.
    pub(crate) fn event_callback(&mut self, mut event: Value, now: DateTime<Utc>) -> Value {
        if event.get("event_ts").is_none() {
            event["event_ts"] = json!(self.next_ts(now));
        }
        let event_id = format!("Ev{}", self.unique(9).to_uppercase());
        let context = self.unique(32);
        let workspace = &self.workspace;
        let enterprise = workspace.enterprise.as_ref().map(|one| &one.id);
        let is_org_wide = workspace.installed_org().is_some();
        let mut authorization = json!({
            "enterprise_id": enterprise,
            "user_id": workspace.bot_user_id,
            "is_bot": true,
            "is_enterprise_install": is_org_wide,
        });
        if !is_org_wide {
            authorization["team_id"] = json!(workspace.team_id);
        }
        let mut callback = json!({
            "token": VERIFICATION_TOKEN,
            "team_id": workspace.team_id,
            "api_app_id": workspace.app_id,
            "type": "event_callback",
            "event_id": event_id,
            "event_time": now.timestamp(),
            "authorizations": [authorization],
            "is_ext_shared_channel": self.is_in_shared_channel(&event),
            "event": event,
            "event_context": format!("4-{context}"),
        });
        if let Some(enterprise) = enterprise {
            callback["enterprise_id"] = json!(enterprise);
        }
        callback
    }
}

/// Which message was acted on.
fn container(message: &Message) -> Value {
    let mut container = json!({
        "type": "message",
        "message_ts": message.ts,
        "channel_id": message.channel,
        "is_ephemeral": message.ephemeral_to.is_some(),
    });
    if let Some(thread_ts) = &message.thread_ts {
        container["thread_ts"] = json!(thread_ts);
    }
    container
}

/// Puts what was just chosen into `state.values`.
fn record_choice(values: &mut Value, action: &Value) {
    let Some((field, _)) = blocks::value_fields(blocks::text(action, "type")) else {
        return;
    };
    let block_id = blocks::text(action, "block_id");
    let action_id = blocks::text(action, "action_id");
    values[block_id][action_id][field] = action[field].clone();
}
