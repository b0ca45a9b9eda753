//! How access ends in a target, and what a target recognises it by.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How access ends in its target.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RevocationMode {
    /// When Keylend revokes it. It does not end while Keylend is down.
    #[default]
    Call,
    /// When Keylend revokes it, or at its time limit at the latest, even while Keylend is down.
    CallAndTimeLimit,
    /// At its time limit alone, such as a certificate. Nobody can end it earlier. Approvers see that, and
    /// rules know it as `!resource.ends_early`.
    TimeLimit,
}

/// What a target recognises access by, whatever it is called meanwhile: the id of an object, a lease
/// or an assignment. Not secret: it is in the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Receipt(String);

/// The text is not a receipt.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a receipt has 1 to {LONGEST} printable ASCII characters")]
pub struct InvalidReceipt;

/// The most characters of a receipt.
const LONGEST: usize = 1024;

impl Receipt {
    /// The text, as the target gave it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Receipt {
    type Error = InvalidReceipt;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let is_printable = text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
        match is_printable && (1..=LONGEST).contains(&text.len()) {
            true => Ok(Self(text)),
            false => Err(InvalidReceipt),
        }
    }
}

impl From<Receipt> for String {
    fn from(receipt: Receipt) -> Self {
        receipt.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receipt_is_short_and_printable() {
        for text in ["i-0a1b", r#"{"role":16384}"#, &"x".repeat(1024)] {
            assert!(Receipt::try_from(text.to_owned()).is_ok(), "{text}");
        }
        for text in ["", "a\nb", "é", "\u{202e}", &"x".repeat(1025)] {
            assert!(Receipt::try_from(text.to_owned()).is_err(), "{text}");
        }
    }
}
