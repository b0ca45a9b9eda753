//! An entry of the log.

use std::borrow::Cow;

use serde::{Deserialize, Serialize, Serializer, de::DeserializeOwned};
use serde_json::value::RawValue;

use super::{
    RawEntry, StoreError,
    chain::VERSION,
    record::{EntryBody, time_text},
    texts,
};
use crate::domain::{Actor, Occurred, RequestId, RuleId, Time};

/// An entry of the log. What its hashes are taken over is told in [`chain`](super::chain).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Its number.
    pub seq: u64,
    /// When; RFC 3339 in UTC with milliseconds.
    #[serde(serialize_with = "as_time_text")]
    pub at: Time,
    /// Which request; null where it is about something else.
    pub request_id: Option<RequestId>,
    /// What, and its particulars: the fields `kind` and `body`.
    #[serde(flatten)]
    pub body: EntryBody,
    /// By whose word.
    pub actor: Actor,
    /// Under which rules.
    pub rules: Vec<RuleId>,
    /// The hash of the entry before, 64 hexadecimal digits; zeros for the first.
    pub prev_hash: String,
    /// The entry's own hash, 64 hexadecimal digits.
    pub hash: String,
    /// The version of the format in which it was written.
    pub version: u32,
}

impl Entry {
    /// These entries, all of them whole.
    ///
    /// # Errors
    ///
    /// If one cannot be read.
    pub fn read_all<'a>(
        raws: impl IntoIterator<Item = &'a RawEntry>,
    ) -> Result<Vec<Self>, StoreError> {
        let entries: Result<_, _> = raws.into_iter().map(Self::try_from).collect();
        entries.map_err(|source: serde_json::Error| StoreError {
            doing: "read the log",
            source: source.into(),
        })
    }

    /// The entry with the texts that are there, and the place of one that is not: its digest stands
    /// there.
    ///
    /// # Errors
    ///
    /// If a later Keylend wrote it, it is no entry, or a text is not the one that was written.
    pub fn as_far_as_there(raw: &RawEntry) -> Result<(Self, Option<String>), serde_json::Error> {
        use serde::de::Error as _;

        let whole = texts::restore(&raw.body, &raw.texts).map_err(serde_json::Error::custom)?;
        let missing = whole.missing.into_iter().next();
        let entry = match whole.body {
            Cow::Borrowed(_) => Self::with_digests(raw)?,
            Cow::Owned(body) => Self::with_digests(&RawEntry {
                body,
                ..raw.clone()
            })?,
        };
        Ok((entry, missing))
    }

    /// The entry with digests in the place of its texts. They are not looked at.
    ///
    /// # Errors
    ///
    /// If a later Keylend wrote it, or it is no entry.
    pub(super) fn with_digests(raw: &RawEntry) -> Result<Self, serde_json::Error> {
        check_version(raw)?;
        serde_json::from_str(&serde_json::to_string(raw)?)
    }

    /// The entry as it happened to its request; nothing for one about something else.
    pub fn occurred(&self) -> Option<Occurred> {
        match &self.body {
            EntryBody::Request(event) => Some(Occurred {
                at: self.at,
                actor: self.actor.clone(),
                rules: self.rules.clone(),
                event: event.clone(),
            }),
            EntryBody::Lock(_)
            | EntryBody::Name(_)
            | EntryBody::Unexplained(_)
            | EntryBody::Attempt(_)
            | EntryBody::Group(_) => None,
        }
    }
}

impl TryFrom<&RawEntry> for Entry {
    type Error = serde_json::Error;

    /// Fails for an entry that a later Keylend wrote, and for one whose texts are not those that
    /// were written or not there.
    fn try_from(raw: &RawEntry) -> Result<Self, Self::Error> {
        use serde::de::Error as _;

        match Self::as_far_as_there(raw)? {
            (entry, None) => Ok(entry),
            (_, Some(place)) => Err(serde_json::Error::custom(format!(
                "the text of {place} is missing"
            ))),
        }
    }
}

/// What an entry tells, of which `body` has the particulars with the texts in their places.
pub(super) fn particulars<T: DeserializeOwned>(
    raw: &RawEntry,
    body: &RawValue,
) -> Result<T, serde_json::Error> {
    check_version(raw)?;
    // The kind first, so that nothing has to be kept until it is known.
    let kind = serde_json::to_string(&raw.kind)?;
    serde_json::from_str(&format!("{{\"kind\":{kind},\"body\":{body}}}"))
}

fn check_version(raw: &RawEntry) -> Result<(), serde_json::Error> {
    use serde::de::Error as _;

    match raw.version {
        ..=VERSION => Ok(()),
        later => Err(serde_json::Error::custom(format!(
            "it has version {later}, which a later Keylend wrote"
        ))),
    }
}

fn as_time_text<S: Serializer>(time: &Time, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&time_text(*time))
}
