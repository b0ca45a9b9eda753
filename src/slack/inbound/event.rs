//! Events, <https://docs.slack.dev/apis/events-api>. They only make facts about people and channels
//! and what App Homes show old, so a redelivered one (`x-slack-retry-num`) does no harm and needs no
//! memory.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::Value;

use super::lenient::{filled, or_empty};
use crate::domain::{ChannelId, UserId};

/// What an event tells us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Slack asks whether this address is ours: the challenge goes back as it came.
    UrlVerification {
        /// What goes back.
        challenge: String,
    },
    /// Something about a person changed.
    PersonChanged {
        /// The app that it was sent to.
        app: Option<String>,
        /// Who.
        user: UserId,
        /// Whether the event denies that they are anything but a full member. They change their
        /// status all day, and this stays.
        is_member: bool,
    },
    /// Who is in a user group changed.
    UsergroupChanged {
        /// The app that it was sent to.
        app: Option<String>,
        /// Which group.
        usergroup: String,
        /// Who joined, who left, or who is in it now; not always all of them.
        people: BTreeSet<UserId>,
    },
    /// Channels were shared with another company, or are not any more, or have new ids.
    ChannelsChanged {
        /// The app that it was sent to.
        app: Option<String>,
        /// Which, by their old and new ids.
        channels: Vec<ChannelId>,
    },
    /// Somebody opened the Home tab.
    HomeOpened {
        /// The app that it was sent to.
        app: Option<String>,
        /// Who.
        user: UserId,
    },
    /// Nothing that we act on.
    Ignored {
        /// What Slack calls it.
        kind: String,
    },
}

#[derive(Deserialize)]
struct Raw {
    #[serde(default, rename = "type", deserialize_with = "filled")]
    kind: Option<String>,
    #[serde(default, deserialize_with = "filled")]
    api_app_id: Option<String>,
    #[serde(default)]
    challenge: Option<String>,
    #[serde(default)]
    event: Option<Inner>,
}

#[derive(Deserialize)]
struct Inner {
    #[serde(default, rename = "type", deserialize_with = "filled")]
    kind: Option<String>,
    /// An object in some events, an id in others.
    #[serde(default)]
    user: Value,
    /// An object in some events, an id in others.
    #[serde(default)]
    channel: Value,
    #[serde(default, deserialize_with = "filled")]
    old_channel_id: Option<ChannelId>,
    #[serde(default, deserialize_with = "filled")]
    new_channel_id: Option<ChannelId>,
    #[serde(default, deserialize_with = "filled")]
    tab: Option<String>,
    #[serde(default, deserialize_with = "filled")]
    subteam_id: Option<String>,
    #[serde(default, deserialize_with = "or_empty")]
    added_users: Vec<UserId>,
    #[serde(default, deserialize_with = "or_empty")]
    removed_users: Vec<UserId>,
    #[serde(default, deserialize_with = "or_empty")]
    subteam: Subteam,
}

#[derive(Default, Deserialize)]
struct Subteam {
    #[serde(default, deserialize_with = "filled")]
    id: Option<String>,
    #[serde(default, deserialize_with = "or_empty")]
    users: Vec<UserId>,
}

/// What a full member is not.
const NOT_A_MEMBER: [&str; 4] = ["deleted", "is_bot", "is_restricted", "is_ultra_restricted"];

impl Event {
    /// Reads the body of an event.
    ///
    /// # Errors
    ///
    /// If it is not JSON, or a field that we read has another shape.
    pub fn parse(json: &[u8]) -> Result<Self, serde_json::Error> {
        let raw: Raw = serde_json::from_slice(json)?;
        Ok(raw.into())
    }
}

impl From<Raw> for Event {
    fn from(raw: Raw) -> Self {
        let app = raw.api_app_id;
        let (outer, inner) = (raw.kind.unwrap_or_default(), raw.event);
        match (outer.as_str(), raw.challenge, inner) {
            ("url_verification", Some(challenge), _) => Self::UrlVerification { challenge },
            ("event_callback", _, Some(inner)) => inner.tells(app),
            _ => Self::Ignored { kind: outer },
        }
    }
}

impl Inner {
    fn tells(self, app: Option<String>) -> Event {
        let kind = self.kind.unwrap_or_default();
        let user = self.user["id"].as_str().or(self.user.as_str());
        let user = user.filter(|id| !id.is_empty()).map(UserId::new);
        let usergroup = self.subteam_id.or(self.subteam.id);
        match (kind.as_str(), user, usergroup) {
            ("user_change" | "user_profile_changed" | "team_join", Some(user), _) => {
                Event::PersonChanged {
                    app,
                    user,
                    is_member: NOT_A_MEMBER.iter().all(|flag| self.user[flag] == false),
                }
            }
            ("subteam_members_changed" | "subteam_updated", _, Some(usergroup)) => {
                let people = [self.added_users, self.removed_users, self.subteam.users];
                Event::UsergroupChanged {
                    app,
                    usergroup,
                    people: people.into_iter().flatten().collect(),
                }
            }
            ("channel_shared" | "channel_unshared" | "channel_id_changed", ..) => {
                let channel = self.channel.as_str().filter(|id| !id.is_empty());
                let channel = channel.map(ChannelId::new);
                let changed = [channel, self.old_channel_id, self.new_channel_id];
                Event::ChannelsChanged {
                    app,
                    channels: changed.into_iter().flatten().collect(),
                }
            }
            // The same event tells of the Messages tab.
            ("app_home_opened", Some(user), _) if self.tab.as_deref() == Some("home") => {
                Event::HomeOpened { app, user }
            }
            _ => Event::Ignored { kind },
        }
    }
}
