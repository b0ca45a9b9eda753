//! What is known of a person when something is decided.

use std::collections::{BTreeMap, BTreeSet};

use super::{Email, GroupName, GroupRead, Human, UserId, Username};

/// A person as the directory knew them at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Who they are in Slack.
    pub id: UserId,
    /// What others call them; hostile text until escaped.
    pub name: String,
    /// What they are to this workspace.
    pub standing: Standing,
    /// Their address, if Slack gave one that counts.
    pub email: Option<Email>,
    /// Every id and address that is known to be theirs.
    pub human: Human,
    /// Their name in the targets, or why they have none.
    pub username: Result<Username, NoUsername>,
    /// The groups they are in.
    pub groups: BTreeSet<GroupName>,
    /// How each of these groups was read.
    pub groups_read: Vec<GroupRead>,
    /// The groups that they may or may not be in, each with why nobody knows.
    pub unknown_groups: BTreeMap<GroupName, String>,
}

/// Why somebody has no name in the targets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoUsername {
    /// They have no address that counts, and no entry in `[people]`.
    #[error("no address counts")]
    NoAddress,
    /// Their address is of this domain, which `identity.email_domains` does not list.
    #[error("`{0}` is not in `identity.email_domains`")]
    OtherDomain(String),
    /// Their address has characters that are not safe in a name.
    #[error("the address has characters that a login cannot have")]
    UnexpectedCharacters,
    /// The name that their address gives is listed in `[people]` for somebody else.
    #[error("the name is another person's in `[people]`")]
    Listed,
}

/// What a person is to this workspace. Only a member ever decides or receives anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// A full member.
    Member,
    /// A single-channel or multi-channel guest.
    Guest,
    /// Somebody of another organisation, met in a shared channel.
    Stranger,
    /// A program.
    Bot,
    /// Somebody who has left.
    Deactivated,
}

impl Standing {
    /// Every standing.
    pub const ALL: [Self; 5] = [
        Self::Member,
        Self::Guest,
        Self::Stranger,
        Self::Bot,
        Self::Deactivated,
    ];

    /// Its name in rules.
    pub fn name(self) -> &'static str {
        match self {
            Self::Member => "member",
            Self::Guest => "guest",
            Self::Stranger => "stranger",
            Self::Bot => "bot",
            Self::Deactivated => "deactivated",
        }
    }
}
