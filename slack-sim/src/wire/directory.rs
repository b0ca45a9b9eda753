//! Who and what there is.

use serde::{Deserialize, Serialize};

use crate::{page::Page, workspace::Kind};

/// Who and what there is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Directory {
    /// The workspace itself.
    pub team: Team,
    /// The app.
    pub app: AppFacts,
    /// How the app is reached; none if there is no app yet.
    pub transport: Option<Transport>,
    /// Everybody, the app's bot included.
    pub people: Vec<PersonFacts>,
    /// The user groups.
    pub groups: Vec<GroupFacts>,
    /// The channels that are not direct messages.
    pub channels: Vec<ChannelFacts>,
    /// The slash commands of the app's manifest.
    pub commands: Vec<CommandFacts>,
    /// What the page shows beside the workspace.
    pub page: PageFacts,
}

/// A workspace's name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Team {
    /// `T…`.
    pub id: String,
    /// For people.
    pub name: String,
}

/// What people see of an app.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppFacts {
    /// `A…`.
    pub id: String,
    /// For people.
    pub name: String,
    /// Its user, `U…`.
    pub bot_user_id: String,
    /// `B…`.
    pub bot_id: String,
    /// Whether people have an App Home.
    pub home_tab: bool,
    /// Whether people see its direct messages.
    pub messages_tab: bool,
    /// Whether people can write there, rather than only read.
    pub takes_messages: bool,
}

/// How an app is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// By signed posts.
    Http,
    /// Over the connections that it opens.
    Socket,
}

/// A person, as everybody may know them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonFacts {
    /// `U…` or `W…`.
    pub id: String,
    /// The handle, without `@`.
    pub name: String,
    /// The full name.
    pub real_name: String,
    /// What they are to the workspace.
    pub kind: KindName,
    /// The workspace they belong to.
    pub team_id: String,
    /// An IANA time zone.
    pub tz: String,
}

/// What somebody is to the workspace, as [`Kind`] has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KindName {
    /// A full member.
    Member,
    /// A guest in several channels.
    Guest,
    /// A guest in one channel.
    SingleChannelGuest,
    /// A bot.
    Bot,
    /// Somebody from another company.
    Stranger,
    /// Somebody who has left.
    Deactivated,
}

impl From<&Kind> for KindName {
    fn from(kind: &Kind) -> Self {
        match kind {
            Kind::Member => Self::Member,
            Kind::Guest => Self::Guest,
            Kind::SingleChannelGuest => Self::SingleChannelGuest,
            Kind::Bot => Self::Bot,
            Kind::Stranger { .. } => Self::Stranger,
            Kind::Deactivated => Self::Deactivated,
        }
    }
}

/// A user group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupFacts {
    /// `S…`.
    pub id: String,
    /// Without `@`.
    pub handle: String,
    /// Ids of people.
    pub members: Vec<String>,
}

/// A channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChannelFacts {
    /// `C…`.
    pub id: String,
    /// Without `#`.
    pub name: String,
    /// Whether only its members know of it.
    pub is_private: bool,
    /// Whether it is closed to new messages.
    pub is_archived: bool,
    /// Whether another workspace shares it.
    pub is_ext_shared: bool,
    /// Ids of people, the bot aside.
    pub members: Vec<String>,
}

/// A slash command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandFacts {
    /// With its slash.
    pub command: String,
    /// What it does.
    pub description: String,
    /// What may follow it.
    pub usage_hint: String,
}

/// What the page shows beside the workspace.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PageFacts {
    /// As it was furnished.
    #[serde(flatten)]
    pub furniture: Page,
    /// Whether the clock may be moved.
    pub clock_moves: bool,
}
