//! Incident channels: a request that is made in one, or mentions one, is mirrored there.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use chrono::TimeDelta;
use glob::Pattern;
use serde::{Deserialize, Serialize};

use crate::{
    clock::Clock,
    domain::{ChannelId, Time},
    slack::client::{Client, SlackError},
};

/// How long a channel's name is believed: channels are renamed when an incident begins.
const FRESH: TimeDelta = TimeDelta::minutes(1);

/// How many names are kept; beyond it, they are asked for anew.
const KEPT: usize = 1000;

/// How many channels one request is mirrored in.
const MIRRORS: usize = 5;

/// How long Slack may take to name a channel, and to say whether it is shared.
const NAMING: std::time::Duration = std::time::Duration::from_secs(1);

/// Where a command was typed, and the channel's name if Slack told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::slack) struct Origin {
    channel: ChannelId,
    name: Option<String>,
}

impl Origin {
    /// Where a command was typed; nothing for direct messages. A private channel's name is not in
    /// the command.
    pub(in crate::slack) fn of(channel: ChannelId, name: Option<&str>) -> Option<Self> {
        match name {
            Some("directmessage") => None,
            Some("privategroup") | None => Some(Self {
                channel,
                name: None,
            }),
            Some(name) => Some(Self {
                channel,
                name: Some(name.to_owned()),
            }),
        }
    }
}

/// Where a request is mirrored.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::slack) struct Mirrors {
    pub(in crate::slack) channels: Vec<ChannelId>,
    /// Which channels would not say whether they are for incidents.
    pub(super) unnamed: Vec<ChannelId>,
    /// Which are for incidents, and people of another company read them.
    pub(super) shared: Vec<ChannelId>,
}

/// A channel's name and when it was learnt; no name where Slack does not tell.
type Learnt = (Time, Option<String>);

/// The names of incident channels.
pub(in crate::slack) struct Incidents {
    patterns: Vec<Pattern>,
    clock: Arc<dyn Clock>,
    names: Mutex<HashMap<ChannelId, Learnt>>,
}

impl Incidents {
    pub(in crate::slack) fn new(patterns: Vec<Pattern>, clock: Arc<dyn Clock>) -> Self {
        Self {
            patterns,
            clock,
            names: Mutex::default(),
        }
    }

    /// The incident channels among where a request was made and what it mentions.
    pub(in crate::slack) async fn mirrors(
        &self,
        client: &Client,
        origin: Option<&Origin>,
        mentioned: &[ChannelId],
    ) -> Mirrors {
        let mut mirrors = Mirrors::default();
        if self.patterns.is_empty() {
            return mirrors;
        }
        let told = origin.map(|origin| (&origin.channel, origin.name.clone()));
        let mentioned = mentioned.iter().map(|channel| (channel, None));
        for (channel, name) in told.into_iter().chain(mentioned).take(MIRRORS) {
            let name = match name {
                Some(name) => Some(name),
                None => self.name(client, channel).await,
            };
            let place = match name {
                Some(name) if !self.is_incident(&name) => continue,
                Some(_) if is_shared(client, channel).await => &mut mirrors.shared,
                Some(_) => &mut mirrors.channels,
                None => &mut mirrors.unnamed,
            };
            if !place.contains(channel) {
                place.push(channel.clone());
            }
        }
        mirrors
    }

    fn is_incident(&self, name: &str) -> bool {
        self.patterns.iter().any(|pattern| pattern.matches(name))
    }

    async fn name(&self, client: &Client, channel: &ChannelId) -> Option<String> {
        let now = self.clock.now();
        if let Some((learnt, name)) = self.names().get(channel)
            && now - *learnt < FRESH
        {
            return name.clone();
        }
        let name = match tokio::time::timeout(NAMING, client.channel_name(channel)).await {
            Ok(Ok(name)) => name,
            Ok(Err(error)) => {
                tracing::warn!(%error, slack.channel = %channel, "failed to read the name of a channel");
                return None;
            }
            Err(_) => return None,
        };
        let mut names = self.names();
        if names.len() >= KEPT {
            names.clear();
        }
        names.insert(channel.clone(), (now, name.clone()));
        name
    }

    fn names(&self) -> std::sync::MutexGuard<'_, HashMap<ChannelId, Learnt>> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether people of another company read a channel. Where Slack does not say in time, that is asked
/// again before anything is posted.
async fn is_shared(client: &Client, channel: &ChannelId) -> bool {
    let asked = tokio::time::timeout(NAMING, client.refuse_shared(channel)).await;
    asked == Ok(Err(SlackError::SharedChannel))
}
