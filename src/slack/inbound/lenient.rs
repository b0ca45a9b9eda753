//! Reading fields that Slack leaves out, sends as null, or sends blank.

use serde::{Deserialize, Deserializer, de::DeserializeOwned};
use serde_json::Value;

/// A field that may be absent, null or blank, which is all the same; use with `default`.
pub(super) fn filled<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: DeserializeOwned,
{
    match Option::deserialize(deserializer)? {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if text.trim().is_empty() => Ok(None),
        Some(value) => T::deserialize(value)
            .map(Some)
            .map_err(serde::de::Error::custom),
    }
}

/// A field that may be null where its kind has an empty value; use with `default`.
pub(super) fn or_empty<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// `true`, or `"true"` as slash commands have it; everything else is not; use with `default`.
pub(super) fn truth<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    Ok(match Option::deserialize(deserializer)? {
        Some(Value::Bool(truth)) => truth,
        Some(Value::String(text)) => text == "true",
        _ => false,
    })
}

/// An object of which only the id matters.
#[derive(Deserialize)]
#[serde(bound = "T: DeserializeOwned")]
pub(super) struct Identified<T> {
    #[serde(default, deserialize_with = "filled")]
    pub(super) id: Option<T>,
}
