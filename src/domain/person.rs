//! What is known of a person when something is decided.

use std::collections::{BTreeMap, BTreeSet};

use super::{Email, GroupName, UserId, Username};

/// A person as the directory knew them at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Who they are in Slack.
    pub id: UserId,
    /// What others call them; hostile text until escaped.
    pub name: String,
    /// What they are to this workspace.
    pub standing: Standing,
    /// Their verified address, if Slack gave one.
    pub email: Option<Email>,
    /// Their name in the targets, if they have one.
    pub username: Option<Username>,
    /// The groups they are in.
    pub groups: BTreeSet<GroupName>,
    /// The groups that they may or may not be in, each with why nobody knows.
    pub unknown_groups: BTreeMap<GroupName, String>,
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
