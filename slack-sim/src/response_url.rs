//! Response URLs: five answers within thirty minutes to one action of one person.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;

use crate::{
    blocks, entities,
    state::{Draft, FORGOTTEN_AFTER, MOST_RECORDS, ResponseUrl, State},
    web_api::Args,
};

/// How often a response URL may be used.
const MOST_USES: u32 = 5;
/// How long it lives.
const LIFE: TimeDelta = TimeDelta::minutes(30);

impl State {
    /// Gives out a response URL path: `/commands/…` without a source message, else `/actions/…`.
    pub(crate) fn issue_response_url(
        &mut self,
        user: &str,
        channel: &str,
        source: Option<&str>,
        now: DateTime<Utc>,
    ) -> String {
        let kind = match source {
            Some(_) => "actions",
            None => "commands",
        };
        let team = self.workspace.team_id.clone();
        let path = format!("/{kind}/{team}/{}/{}", self.number(), self.unique(24));
        if self.response_urls.len() >= MOST_RECORDS {
            self.response_urls
                .retain(|_, url| now - url.issued_at < FORGOTTEN_AFTER);
        }
        let url = ResponseUrl {
            user: user.to_owned(),
            channel: channel.to_owned(),
            source: source.map(str::to_owned),
            issued_at: now,
            uses: 0,
        };
        self.response_urls.insert(path.clone(), url);
        path
    }

    /// Takes a post to a response URL. The answer is a status and a text, as Slack has it.
    pub(crate) fn respond(
        &mut self,
        path: &str,
        args: &Args,
        now: DateTime<Utc>,
    ) -> (u16, &'static str) {
        let Some(url) = self.response_urls.get_mut(path) else {
            return (404, "invalid_url");
        };
        if now - url.issued_at > LIFE {
            return (404, "expired_url");
        }
        if url.uses >= MOST_USES {
            return (404, "used_url");
        }
        url.uses += 1;
        let (user, channel) = (url.user.clone(), url.channel.clone());
        let source = url.source.clone();
        if args.flag("delete_original") {
            self.messages.retain(|message| {
                message.channel != channel || Some(&message.ts) != source.as_ref()
            });
            return (200, "ok");
        }
        self.say_in_answer(&user, &channel, source.as_deref(), args, now)
    }

    /// Shows what a response URL, or the direct answer to a slash command, says.
    pub(crate) fn say_in_answer(
        &mut self,
        user: &str,
        channel: &str,
        source: Option<&str>,
        args: &Args,
        now: DateTime<Utc>,
    ) -> (u16, &'static str) {
        let mut draft = match crate::web_api::content(args) {
            Ok(draft) => draft,
            Err(error) => return (400, error.name),
        };
        let edited = self.next_ts(now);
        if args.flag("replace_original") {
            blocks::complete(&mut draft.blocks, || self.unique(5));
            let original = source.and_then(|ts| self.message_mut(channel, ts));
            if let Some(original) = original {
                original.text = entities::escape_mrkdwn(&draft.text);
                original.blocks = draft.blocks;
                original.edited = original.ephemeral_to.is_none().then_some(edited);
                return (200, "ok");
            }
        }
        draft.thread_ts = args.text("thread_ts").map(str::to_owned);
        if args.text("response_type") != Some("in_channel") {
            draft.ephemeral_to = Some(user.to_owned());
        }
        self.bot_message(channel, draft, edited);
        (200, "ok")
    }

    /// What Slackbot tells one person, such as that a command failed.
    pub(crate) fn slackbot(&mut self, user: &str, channel: &str, text: String, now: DateTime<Utc>) {
        let ts = self.next_ts(now);
        let draft = Draft {
            text,
            blocks: Value::Null,
            ephemeral_to: Some(user.to_owned()),
            ..Draft::default()
        };
        self.bot_message(channel, draft, ts);
        if let Some(message) = self.messages.last_mut() {
            message.user = "USLACKBOT".to_owned();
            message.bot_id = None;
        }
    }
}
