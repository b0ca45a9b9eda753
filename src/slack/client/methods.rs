//! The Web API methods that Keylend uses.

use std::{collections::BTreeSet, sync::Arc};

use secrecy::SecretString;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;
use slack_morphism::{
    SlackMessageContent, SlackTs,
    api::{
        SlackApiAppsConnectionOpenRequest, SlackApiAppsConnectionOpenResponse,
        SlackApiChatPostEphemeralRequest, SlackApiChatPostMessageRequest,
        SlackApiChatUpdateRequest,
    },
    blocks::SlackBlock,
};
use tokio::sync::OnceCell;
use url::Url;

use super::{
    call::{Api, Done, Patience},
    error::SlackError,
    groups::UnknownGroups,
    identity::{self, Identity, SCOPES},
    shared::SharedChannels,
    wire::{Https, NoRootCertificates, Wire},
};
use crate::{
    clock::Clock,
    domain::{ChannelId, UserId},
    slack::rich_text,
};

/// As `parse` of a message: `chat.update` falls back to `client`, which makes names and links of
/// plain text.
const UNPARSED: &str = "none";

/// A client of Slack. Clones share their connections and what Slack said of its limits.
#[derive(Clone)]
pub struct Client {
    api: Arc<Api>,
    identity: Arc<OnceCell<Identity>>,
    unknown_groups: Arc<UnknownGroups>,
    shared_channels: Arc<SharedChannels>,
    reduced_channels: Arc<BTreeSet<ChannelId>>,
}

/// A message as it is sent.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Message {
    /// Everything essential: all that a screen reader and a notification have. Never empty.
    pub text: String,
    /// Empty for a message of text alone.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub blocks: Vec<SlackBlock>,
}

impl Message {
    /// A message of `mrkdwn`, with a block only where something was typed that `mrkdwn` cannot show.
    pub fn text(text: impl Into<String>) -> Self {
        let text = text.into();
        let blocks = Vec::from_iter(rich_text::block(&text));
        Self { text, blocks }
    }

    fn content(&self) -> SlackMessageContent {
        SlackMessageContent::new()
            .with_text(self.text.clone())
            .with_blocks(self.blocks.clone())
    }
}

/// Where a message stands. slack-morphism's model demands the whole message, so that one block that
/// it does not know would make a message that was posted look as if it was not.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Posted {
    /// The channel; for a message to a person, their direct message.
    pub channel: ChannelId,
    /// The message's name in it.
    pub ts: String,
}

/// A view as Slack keeps it. slack-morphism's model demands all of its blocks, as that of a message.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct OpenedView {
    /// Its name.
    pub id: String,
    /// What [`Client::update_view`] is checked against.
    pub hash: String,
}

impl Client {
    /// A client of the Web API at `api_url`, default `https://slack.com/api/`.
    ///
    /// # Errors
    ///
    /// If the machine has no root certificates.
    pub fn new(
        api_url: &Url,
        token: SecretString,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, NoRootCertificates> {
        let wire = Https::new(api_url, &token)?;
        Ok(Self::over(Arc::new(wire), api_url, clock))
    }

    /// A client of the Web API at `api_url`, to which `wire` leads.
    pub fn over(wire: Arc<dyn Wire>, api_url: &Url, clock: Arc<dyn Clock>) -> Self {
        Self {
            api: Arc::new(Api::new(wire, api_url, clock.clone())),
            identity: Arc::default(),
            unknown_groups: Arc::new(UnknownGroups::new(clock.clone())),
            shared_channels: Arc::new(SharedChannels::new(clock)),
            reduced_channels: Arc::default(),
        }
    }

    /// The client, for which people of another company may read these channels. What is posted there says
    /// less.
    #[must_use]
    pub fn with_reduced_channels(self, channels: BTreeSet<ChannelId>) -> Self {
        Self {
            reduced_channels: Arc::new(channels),
            ..self
        }
    }

    /// Whether people of another company may read the channel, so that less is to be said there.
    pub fn is_reduced(&self, channel: &ChannelId) -> bool {
        self.reduced_channels.contains(channel)
    }

    /// Whether there is any channel in which less is to be said.
    pub fn reduces(&self) -> bool {
        !self.reduced_channels.is_empty()
    }

    /// Who we are; asked once (`auth.test`, `bots.info`), since it stays as long as the token.
    ///
    /// # Errors
    ///
    /// If Slack does not answer, or does not know the token.
    pub async fn identity(&self) -> Result<Identity, SlackError> {
        let ask = || identity::ask(&self.api);
        self.identity.get_or_try_init(ask).await.cloned()
    }

    /// The scopes of [`SCOPES`] that the app lacks; none where Slack does not tell which it has.
    ///
    /// # Errors
    ///
    /// If Slack does not answer.
    pub async fn missing_scopes(&self) -> Result<BTreeSet<&'static str>, SlackError> {
        let Some(given) = self.api.scopes().await? else {
            return Ok(BTreeSet::new());
        };
        let scopes = SCOPES.into_iter();
        Ok(scopes.filter(|scope| !given.contains(*scope)).collect())
    }

    /// Posts a message (`chat.postMessage`), in the thread under `thread` if there is one. A
    /// person's id as the channel opens their direct message, which the answer names. Waits for
    /// the channel's turn if Slack asked to.
    ///
    /// A crash or a time-out after Slack took the message leaves it posted and unknown here.
    ///
    /// # Errors
    ///
    /// If people of another company read the channel, Slack refuses it, or does not answer.
    pub async fn post(
        &self,
        channel: &ChannelId,
        thread: Option<&str>,
        message: &Message,
    ) -> Result<Posted, SlackError> {
        let request = posting(channel, message).opt_thread_ts(thread.map(SlackTs::from));
        self.post_message(channel, &request, Patience::Waits).await
    }

    /// Posts a message like [`post`](Self::post), but does not wait for its turn.
    ///
    /// # Errors
    ///
    /// If people of another company read the channel, Slack refuses it, does not answer, or asked not to be
    /// called for this channel now.
    pub async fn try_post(
        &self,
        channel: &ChannelId,
        message: &Message,
    ) -> Result<Posted, SlackError> {
        let request = posting(channel, message);
        self.post_message(channel, &request, Patience::FailsFast)
            .await
    }

    /// Posts a message in a thread, and shows it in the channel too if it `is_loud`. Does not wait for its
    /// turn.
    ///
    /// # Errors
    ///
    /// If people of another company read the channel, Slack refuses it, does not answer, or asked not to be
    /// called for this channel now.
    pub async fn try_reply(
        &self,
        channel: &ChannelId,
        thread: &str,
        is_loud: bool,
        message: &Message,
    ) -> Result<Posted, SlackError> {
        let request = posting(channel, message)
            .with_thread_ts(thread.into())
            .opt_reply_broadcast(is_loud.then_some(true));
        self.post_message(channel, &request, Patience::FailsFast)
            .await
    }

    async fn post_message(
        &self,
        channel: &ChannelId,
        request: &SlackApiChatPostMessageRequest,
        patience: Patience,
    ) -> Result<Posted, SlackError> {
        self.refuse_shared(channel).await?;
        self.api
            .post_in(channel, "chat.postMessage", request, patience)
            .await
    }

    /// Makes a message say something else (`chat.update`).
    ///
    /// # Errors
    ///
    /// If people of another company read the channel, Slack refuses it, does not answer, or asked not to be
    /// called for this channel now.
    pub async fn update(
        &self,
        channel: &ChannelId,
        ts: &str,
        message: &Message,
    ) -> Result<(), SlackError> {
        self.refuse_shared(channel).await?;
        let id = channel.as_str().into();
        let request = SlackApiChatUpdateRequest::new(id, message.content(), ts.into())
            .with_parse(UNPARSED.to_owned())
            .with_link_names(false);
        let Done {} = self
            .api
            .post_in(channel, "chat.update", &request, Patience::FailsFast)
            .await?;
        Ok(())
    }

    /// A link to a message (`chat.getPermalink`).
    ///
    /// # Errors
    ///
    /// If there is no such message, Slack does not answer, or asked not to be called now.
    pub async fn permalink(&self, channel: &ChannelId, ts: &str) -> Result<Url, SlackError> {
        #[derive(Deserialize)]
        struct Link {
            permalink: Url,
        }
        let message = [
            ("channel", Some(channel.to_string())),
            ("message_ts", Some(ts.to_owned())),
        ];
        let link: Link = self.read("chat.getPermalink", &message).await?;
        Ok(link.permalink)
    }

    /// Opens a modal (`views.open`) for whoever made `trigger_id` within the last three seconds.
    ///
    /// # Errors
    ///
    /// If Slack refuses it, does not answer, or asked not to be called now.
    pub async fn open_view(&self, trigger_id: &str, view: Value) -> Result<OpenedView, SlackError> {
        #[derive(Serialize)]
        struct Open<'a> {
            trigger_id: &'a str,
            view: Value,
        }
        let open = Open { trigger_id, view };
        let opened: Opened = self.api.post("views.open", &open).await?;
        Ok(opened.view)
    }

    /// Replaces a modal (`views.update`), if it is still the one with `hash`.
    ///
    /// # Errors
    ///
    /// If Slack refuses it (`hash_conflict`: it changed), does not answer, or asked not to be
    /// called now.
    pub async fn update_view(
        &self,
        view_id: &str,
        hash: Option<&str>,
        view: Value,
    ) -> Result<OpenedView, SlackError> {
        #[derive(Serialize)]
        struct Update<'a> {
            view_id: &'a str,
            #[serde(skip_serializing_if = "Option::is_none")]
            hash: Option<&'a str>,
            view: Value,
        }
        let update = Update {
            view_id,
            hash,
            view,
        };
        let opened: Opened = self.api.post("views.update", &update).await?;
        Ok(opened.view)
    }

    /// Makes a person's App Home show `view` (`views.publish`), whatever it shows.
    ///
    /// # Errors
    ///
    /// If Slack refuses it, does not answer, or asked not to be called now.
    pub async fn publish_home(&self, user: &UserId, view: Value) -> Result<(), SlackError> {
        #[derive(Serialize)]
        struct Publish<'a> {
            user_id: &'a UserId,
            view: Value,
        }
        let publish = Publish {
            user_id: user,
            view,
        };
        // It does not wait for its turn: what it would say then may be another thing.
        self.api.post::<_, Done>("views.publish", &publish).await?;
        Ok(())
    }

    /// Answers whoever acted, seen by them alone, through the `response_url` of their payload
    /// (five uses in thirty minutes). The token does not go there.
    ///
    /// # Errors
    ///
    /// If the URL is not Slack's, has had its uses, or does not answer.
    pub async fn respond(&self, response_url: &str, text: &str) -> Result<(), SlackError> {
        // No model of slack-morphism has both `response_type` and `replace_original`.
        #[derive(Serialize)]
        struct Response<'a> {
            response_type: &'static str,
            // Without it, an answer to a click would take the message's place.
            replace_original: bool,
            #[serde(flatten)]
            message: &'a Message,
        }
        let message = Message::text(text);
        let response = Response {
            response_type: "ephemeral",
            replace_original: false,
            message: &message,
        };
        self.api.respond(response_url, &response).await
    }

    /// Says something in a channel that one of its members alone sees (`chat.postEphemeral`). It
    /// may not arrive.
    ///
    /// # Errors
    ///
    /// If Slack refuses it, does not answer, or asked not to be called now.
    pub async fn post_ephemeral(
        &self,
        channel: &ChannelId,
        user: &UserId,
        text: &str,
    ) -> Result<(), SlackError> {
        let (channel, user) = (channel.as_str().into(), user.as_str().into());
        let content = Message::text(text).content();
        let request = SlackApiChatPostEphemeralRequest::new(channel, user, content)
            .with_parse(UNPARSED.to_owned())
            .with_link_names(false);
        self.api
            .post::<_, Done>("chat.postEphemeral", &request)
            .await?;
        Ok(())
    }

    /// Says something to a person in their direct message.
    ///
    /// # Errors
    ///
    /// If Slack refuses it, or does not answer.
    pub async fn tell(&self, user: &UserId, text: &str) -> Result<(), SlackError> {
        let channel = ChannelId::new(user.as_str());
        self.post(&channel, None, &Message::text(text)).await?;
        Ok(())
    }

    /// Where to connect for Socket Mode (`apps.connections.open`): good once, for half a minute, and
    /// as secret as the token, which has to be the app's.
    ///
    /// # Errors
    ///
    /// If Slack refuses it, does not answer, or asked not to be called now.
    pub async fn open_connection(&self) -> Result<Url, SlackError> {
        let open = SlackApiAppsConnectionOpenRequest {};
        let opened: SlackApiAppsConnectionOpenResponse =
            self.api.post("apps.connections.open", &open).await?;
        Ok(opened.url.0)
    }

    /// The groups that Slack did not know a moment ago.
    pub(in crate::slack) fn unknown_groups(&self) -> &UnknownGroups {
        &self.unknown_groups
    }

    /// Which channels people of another company read.
    pub(in crate::slack) fn shared_channels(&self) -> &SharedChannels {
        &self.shared_channels
    }

    /// Calls a method that reads. Never waits for its turn.
    pub(in crate::slack) async fn read<RS: DeserializeOwned + Send>(
        &self,
        method: &'static str,
        params: &[(&str, Option<String>)],
    ) -> Result<RS, SlackError> {
        self.api.get(method, params).await
    }
}

/// A post of a message that lets nothing that people wrote link, unfold or ping.
fn posting(channel: &ChannelId, message: &Message) -> SlackApiChatPostMessageRequest {
    SlackApiChatPostMessageRequest::new(channel.as_str().into(), message.content())
        .with_parse(UNPARSED.to_owned())
        .with_link_names(false)
        .with_unfurl_links(false)
        .with_unfurl_media(false)
}

#[derive(Deserialize)]
struct Opened {
    view: OpenedView,
}
