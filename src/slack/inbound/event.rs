//! Events, <https://docs.slack.dev/apis/events-api>. They only make facts about people old, so a
//! redelivered one (`x-slack-retry-num`) does no harm and needs no memory.

use serde::Deserialize;
use serde_json::Value;

use super::lenient::{Identified, filled};
use crate::domain::UserId;

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
    },
    /// Who is in a user group changed.
    UsergroupChanged {
        /// The app that it was sent to.
        app: Option<String>,
        /// Which group.
        usergroup: String,
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
    #[serde(default, deserialize_with = "filled")]
    subteam_id: Option<String>,
    #[serde(default)]
    subteam: Option<Identified<String>>,
}

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
        let user = self.user["id"].as_str().filter(|id| !id.is_empty());
        let usergroup = self.subteam_id.or(self.subteam.and_then(|group| group.id));
        match (kind.as_str(), user, usergroup) {
            ("user_change" | "user_profile_changed", Some(user), _) => Event::PersonChanged {
                app,
                user: UserId::new(user),
            },
            ("subteam_members_changed" | "subteam_updated", _, Some(usergroup)) => {
                Event::UsergroupChanged { app, usergroup }
            }
            _ => Event::Ignored { kind },
        }
    }
}
