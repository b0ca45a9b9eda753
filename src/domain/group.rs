//! Groups as they were read: from where, and when.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{GroupName, Time, UserId};

/// Where the members of a group are listed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GroupListedIn {
    /// A Slack user group, by its id.
    SlackUsergroup(String),
    /// The configuration.
    Configuration,
    /// Schedules of PagerDuty, by their ids: the people who are on call.
    #[serde(rename = "pagerduty_schedules")]
    PagerDutySchedules(Vec<String>),
    /// A calendar, by the host that publishes it: the people who attend what takes place.
    #[serde(rename = "icalendar")]
    ICalendar(String),
}

/// A group that somebody was found in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupRead {
    /// Which group.
    pub group: GroupName,
    /// Where its members are listed.
    pub source: GroupListedIn,
    /// When they were read there.
    pub read_at: Time,
}

impl GroupRead {
    /// How many groups are recorded with one decision.
    pub const MOST: usize = 20;
}

/// Who is in a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupMembers {
    /// How many people.
    pub count: usize,
    /// Who they are, in order; nobody where there are more than [`Self::LISTED`].
    pub listed: Vec<UserId>,
    /// SHA-256 over their ids in order, each with a line feed behind it, in hexadecimal.
    pub digest: String,
}

impl GroupMembers {
    /// The most members that are listed.
    pub const LISTED: usize = 200;

    fn is_listed(&self) -> bool {
        self.listed.len() == self.count
    }
}

impl From<&BTreeSet<UserId>> for GroupMembers {
    fn from(members: &BTreeSet<UserId>) -> Self {
        let mut digest = Sha256::new();
        for member in members {
            digest.update(member.as_str());
            digest.update("\n");
        }
        Self {
            count: members.len(),
            listed: match members.len() > Self::LISTED {
                true => Vec::new(),
                false => members.iter().cloned().collect(),
            },
            digest: hex::encode(digest.finalize()),
        }
    }
}

/// People who joined or left a group.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moved {
    /// Who they are; of many, the first [`Self::NAMED`].
    pub people: Vec<UserId>,
    /// How many more there are.
    pub others: usize,
}

impl Moved {
    /// The most people that are named.
    pub const NAMED: usize = 20;

    fn from_to(from: &[UserId], to: &[UserId]) -> Self {
        let from: BTreeSet<&UserId> = from.iter().collect();
        let mut people: Vec<UserId> = to
            .iter()
            .filter(|person| !from.contains(person))
            .cloned()
            .collect();
        let others = people.len().saturating_sub(Self::NAMED);
        people.truncate(Self::NAMED);
        Self { people, others }
    }
}

/// What the log says of the members of a group that can approve.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "body", rename_all = "snake_case")]
pub enum GroupEvent {
    /// They were read for the first time.
    ApproverGroupRead {
        /// Which group, from where, and when.
        read: GroupRead,
        /// Who is in it.
        members: GroupMembers,
    },
    /// They are others than the log last said, or are listed elsewhere.
    ApproverGroupChanged {
        /// Which group, from where, and when.
        read: GroupRead,
        /// Who is in it now.
        members: GroupMembers,
        /// Who joined; nobody where the members are not listed.
        joined: Moved,
        /// Who left; nobody where the members are not listed.
        left: Moved,
        /// How many were in it before.
        before: usize,
    },
}

impl GroupEvent {
    /// What has happened to a group of which `known` is what the log last said; nothing if nothing did,
    /// or if the log knows it from a later reading.
    pub fn of(known: Option<&Self>, read: GroupRead, members: GroupMembers) -> Option<Self> {
        let Some(known) = known else {
            return Some(Self::ApproverGroupRead { read, members });
        };
        let (last, before) = known.last();
        if read.read_at <= last.read_at
            || (last.source == read.source && before.digest == members.digest)
        {
            return None;
        }
        let (joined, left) = match before.is_listed() && members.is_listed() {
            true => (
                Moved::from_to(&before.listed, &members.listed),
                Moved::from_to(&members.listed, &before.listed),
            ),
            false => (Moved::default(), Moved::default()),
        };
        Some(Self::ApproverGroupChanged {
            read,
            joined,
            left,
            before: before.count,
            members,
        })
    }

    /// Which group, and who was in it then.
    pub fn last(&self) -> (&GroupRead, &GroupMembers) {
        match self {
            Self::ApproverGroupRead { read, members }
            | Self::ApproverGroupChanged { read, members, .. } => (read, members),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Span;

    fn read(seconds: u32) -> GroupRead {
        GroupRead {
            group: GroupName::new("dba"),
            source: GroupListedIn::SlackUsergroup("S0DBA".to_owned()),
            read_at: Span::seconds(seconds).after(Time::UNIX_EPOCH),
        }
    }

    fn members(ids: impl IntoIterator<Item = usize>) -> GroupMembers {
        let ids = ids.into_iter().map(|id| UserId::new(format!("U{id:04}")));
        GroupMembers::from(&ids.collect::<BTreeSet<_>>())
    }

    #[test]
    fn a_group_changes_when_its_members_or_its_source_do() {
        let first = GroupEvent::of(None, read(1), members(1..4)).unwrap();
        assert!(matches!(first, GroupEvent::ApproverGroupRead { .. }));
        assert_eq!(GroupEvent::of(Some(&first), read(2), members(1..4)), None);
        // What was read before does not undo what the log says since.
        assert_eq!(GroupEvent::of(Some(&first), read(1), members(2..5)), None);
        let changed = GroupEvent::of(Some(&first), read(2), members(2..5)).unwrap();
        let GroupEvent::ApproverGroupChanged { joined, left, .. } = &changed else {
            panic!("{changed:?}");
        };
        assert_eq!(joined.people, [UserId::new("U0004")]);
        assert_eq!(left.people, [UserId::new("U0001")]);
        let listed = GroupRead {
            source: GroupListedIn::Configuration,
            ..read(3)
        };
        assert!(GroupEvent::of(Some(&changed), listed, members(2..5)).is_some());
    }

    #[test]
    fn of_many_people_some_are_named_and_of_a_large_group_how_many_there_are() {
        let first = GroupEvent::of(None, read(1), members(0..1)).unwrap();
        let changed = GroupEvent::of(Some(&first), read(2), members(0..31)).unwrap();
        let GroupEvent::ApproverGroupChanged { joined, .. } = &changed else {
            panic!("{changed:?}");
        };
        assert_eq!((joined.people.len(), joined.others), (20, 10));
        let large = GroupEvent::of(Some(&changed), read(3), members(0..300)).unwrap();
        let GroupEvent::ApproverGroupChanged {
            members: now,
            joined,
            before,
            ..
        } = &large
        else {
            panic!("{large:?}");
        };
        assert_eq!((now.count, now.listed.len(), *before), (300, 0, 31));
        assert_eq!(joined, &Moved::default());
        assert!(GroupEvent::of(Some(&large), read(4), members(1..301)).is_some());
        assert_eq!(GroupEvent::of(Some(&large), read(4), members(0..300)), None);
    }
}
