//! Asking for faults.

use serde::{Deserialize, Deserializer, Serialize, de::IntoDeserializer};

use super::time::Span;
use crate::{
    delivery::DeliveryKind,
    faults::{DeliveryFault, Fault},
};

/// What is to go wrong, `times` times or until it is healed: calls of a `method` with a `fault`, or
/// deliveries of a `kind` as `delivery` says.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Break {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) method: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) fault: Option<CallFault>,
    /// None is every kind.
    #[serde(
        deserialize_with = "named_or_every",
        skip_serializing_if = "Option::is_none"
    )]
    pub(crate) kind: Option<DeliveryKind>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) delivery: Option<DeliveryFaultName>,
    pub(crate) times: Option<usize>,
}

/// A [`Fault`].
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum CallFault {
    RateLimited(u64),
    Status(u16),
    Error(String),
    Hang,
    Slow(Span),
    Drop,
    LoseAnswer,
}

impl From<CallFault> for Fault {
    fn from(fault: CallFault) -> Self {
        match fault {
            CallFault::RateLimited(retry_after_secs) => Self::RateLimited { retry_after_secs },
            CallFault::Status(status) => Self::Status(status),
            CallFault::Error(name) => Self::Error(name),
            CallFault::Hang => Self::Hang,
            CallFault::Slow(Span(pause)) => Self::Slow(pause),
            CallFault::Drop => Self::Drop,
            CallFault::LoseAnswer => Self::LoseAnswer,
        }
    }
}

impl From<Fault> for CallFault {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::RateLimited { retry_after_secs } => Self::RateLimited(retry_after_secs),
            Fault::Status(status) => Self::Status(status),
            Fault::Error(name) => Self::Error(name),
            Fault::Hang => Self::Hang,
            Fault::Slow(pause) => Self::Slow(Span(pause)),
            Fault::Drop => Self::Drop,
            Fault::LoseAnswer => Self::LoseAnswer,
        }
    }
}

/// A [`DeliveryFault`].
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum DeliveryFaultName {
    Duplicate,
    Drop,
    Delay(Span),
    Reorder,
}

impl From<DeliveryFaultName> for DeliveryFault {
    fn from(fault: DeliveryFaultName) -> Self {
        match fault {
            DeliveryFaultName::Duplicate => Self::Duplicate,
            DeliveryFaultName::Drop => Self::Drop,
            DeliveryFaultName::Delay(Span(by)) => Self::Delay(by),
            DeliveryFaultName::Reorder => Self::Reorder,
        }
    }
}

impl From<DeliveryFault> for DeliveryFaultName {
    fn from(fault: DeliveryFault) -> Self {
        match fault {
            DeliveryFault::Duplicate => Self::Duplicate,
            DeliveryFault::Drop => Self::Drop,
            DeliveryFault::Delay(by) => Self::Delay(Span(by)),
            DeliveryFault::Reorder => Self::Reorder,
        }
    }
}

/// A kind of deliveries by its name; `*` for all of them.
fn named_or_every<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<DeliveryKind>, D::Error> {
    let name = String::deserialize(deserializer)?;
    match name.as_str() {
        "*" => Ok(None),
        name => DeliveryKind::deserialize(name.into_deserializer()).map(Some),
    }
}
