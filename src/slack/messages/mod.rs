//! The messenger: what Slack is told, and told again until it has it.
//!
//! The [`Follower`] says which cards and [`Homes`](homes::Homes) may show something old: whatever
//! they show, they are made to show what is. Feeds tell each entry of the log once, in order, behind
//! the follower. All of them read only what is committed, so nothing is announced that has not
//! happened. Each incident channel and each person has a backlog of what they are still to be told, so
//! that one that Slack holds back, or that cannot be reached, holds up no other.
//!
//! What survives a crash: which message shows which card, what each Home shows and how far the
//! follower and each feed have come are in the store, written after Slack has answered. A crash, or a
//! lost answer, between the two makes one message appear twice; none is lost. One replica at a time
//! speaks: [`run_as_leader`].

mod alerts;
mod backlogs;
mod cards;
mod channel_state;
mod channels;
mod digest;
mod feeds;
pub mod homes;
mod last_told;
mod leader;
mod notices;
mod notifications;
mod probe;
mod questions;
mod reviews;
mod run;
mod trouble;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use tokio::sync::{Mutex, Notify};

use super::client::Client;
use crate::{
    alerts::Alerts,
    clock::{Clock, Entropy},
    directory::Directory,
    domain::{ChannelId, Login, Notifications, Request, ScopeId, Span, Weekly},
    presentation::{BacklogRecords, CardRecords, DigestRecord, Follower, Retry},
    store::{Documents, Store, WorkClaims},
};
use channel_state::Channels;
pub(crate) use feeds::CURSORS;
use last_told::LastTold;
pub use leader::run_as_leader;
use trouble::Trouble;

/// First posts that are not kept apart from each other.
const STRIPES: usize = 32;

/// Whether a request comes with credentials to show.
pub type HasCredentials = Arc<dyn Fn(&Request) -> bool + Send + Sync>;

/// When the weekly digest is posted, and what it compares with.
#[derive(Debug, Clone)]
pub struct DigestSettings {
    /// When.
    pub schedule: Weekly,
    /// The longest that one approval of each scope may give.
    pub maxima: BTreeMap<ScopeId, Span>,
}

/// What a [`Messenger`] works with.
pub struct Parts {
    /// What is to be shown and told.
    pub store: Arc<dyn Store>,
    /// Which replica speaks.
    pub claims: Arc<dyn WorkClaims>,
    /// Where it is kept what Slack was told.
    pub documents: Arc<dyn Documents>,
    /// The way to Slack.
    pub client: Client,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
    /// Where the audit feed and alerts are written.
    pub audit_channel: ChannelId,
    /// Which requests come with credentials.
    pub has_credentials: HasCredentials,
    /// Which logins receive the access.
    pub logins: Logins,
    /// Whom each scope notifies of what waits for approval.
    pub notifications: Notifications,
    /// When the weekly digest is posted; nothing if none is.
    pub digest: Option<DigestSettings>,
    /// Who is in the groups that are notified.
    pub directory: Arc<Directory>,
    /// What somebody has to look at.
    pub alerts: Arc<Alerts>,
    /// Where alerts are written while the audit channel cannot be written to, the first that can.
    pub other_channels: BTreeSet<ChannelId>,
}

/// The logins that receive a request's access.
pub type Logins = Arc<dyn Fn(&Request) -> Vec<Login> + Send + Sync>;

/// Keeps what Slack's channels show in step with the store.
pub struct Messenger {
    store: Arc<dyn Store>,
    claims: Arc<dyn WorkClaims>,
    documents: Arc<dyn Documents>,
    cards: CardRecords,
    backlogs: BacklogRecords,
    follower: Follower,
    client: Client,
    retry: Retry,
    audit_channel: ChannelId,
    has_credentials: HasCredentials,
    logins: Logins,
    notifications: Notifications,
    digest: Option<DigestSettings>,
    digest_record: DigestRecord,
    directory: Arc<Directory>,
    last_told: LastTold,
    alerts: Arc<Alerts>,
    other_channels: BTreeSet<ChannelId>,
    channels: Channels,
    /// Wakes those who wait for something that is not in the log.
    woken: Notify,
    /// Wakes those who tell backlogs: something was added, or may be tried again.
    backlogged: Notify,
    /// Wakes the feeds: the follower has taken a step.
    followed: Notify,
    /// A head is posted by the cards' loop or by the feed that needs its thread, not by both.
    first_posts: [Mutex<()>; STRIPES],
}

impl Messenger {
    /// A messenger from `parts.store` to Slack.
    pub fn new(parts: Parts) -> Self {
        let Parts {
            store,
            claims,
            documents,
            client,
            clock,
            entropy,
            audit_channel,
            has_credentials,
            logins,
            notifications,
            digest,
            directory,
            alerts,
            other_channels,
        } = parts;
        let follower = Follower::new(
            store.clone(),
            documents.clone(),
            audit_channel.clone(),
            clock.clone(),
            entropy.clone(),
        );
        Self {
            store,
            claims,
            cards: CardRecords::new(documents.clone()),
            backlogs: BacklogRecords::new(documents.clone()),
            digest,
            digest_record: DigestRecord::new(documents.clone()),
            documents,
            follower,
            client,
            retry: Retry { clock, entropy },
            audit_channel,
            has_credentials,
            logins,
            notifications,
            directory,
            last_told: LastTold::default(),
            alerts,
            other_channels,
            channels: Channels::default(),
            woken: Notify::new(),
            backlogged: Notify::new(),
            followed: Notify::new(),
            first_posts: Default::default(),
        }
    }
}
