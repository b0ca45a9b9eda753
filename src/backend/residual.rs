//! How long access may go on working after it ended.

use std::str::FromStr;

use serde::Deserialize;

use crate::domain::{InvalidSpan, Span};

/// The longest that access may go on working after its end, as the configuration gives it: `15m`.
/// Nothing by default.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Residual(pub Span);

impl TryFrom<String> for Residual {
    type Error = InvalidSpan;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Span::from_str(&text).map(Self)
    }
}
