//! Reading values as the tables have them.
//!
//! Whoever can write to the tables can put anything in a column of its type. A row that cannot be read must
//! hide no other, so texts are read as [`Text`], never as `String`, which fails for all rows that are read
//! together. Tables are `STRICT` in SQLite, so a number is a number. `tests/core/store_rows.rs` holds both.

use serde::{Deserialize, Serialize};
use sqlx::{Database, Decode, Type, error::BoxDynError};

use super::db::Kind;
use crate::domain::RequestId;

/// A text that somebody else may have written. SQLite keeps any bytes as text: what is not UTF-8 in it is
/// replaced.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Text(pub(super) String);

impl Type<Kind> for Text {
    fn type_info() -> <Kind as Database>::TypeInfo {
        <String as Type<Kind>>::type_info()
    }

    fn compatible(found: &<Kind as Database>::TypeInfo) -> bool {
        <String as Type<Kind>>::compatible(found)
    }
}

impl<'r> Decode<'r, Kind> for Text {
    fn decode(value: <Kind as Database>::ValueRef<'r>) -> Result<Self, BoxDynError> {
        let bytes = <&[u8] as Decode<'r, Kind>>::decode(value)?;
        Ok(Self(String::from_utf8_lossy(bytes).into_owned()))
    }
}

/// A request's id as the tables have it.
pub(super) fn read_id(text: &str) -> sqlx::Result<RequestId> {
    text.parse()
        .map_err(|error| sqlx::Error::Decode(Box::new(error)))
}

/// Whether a column is a request's id as Keylend writes it. SQLite does not check that for whoever switches
/// it off.
macro_rules! is_id {
    ($column:literal) => {
        concat!(
            "length(",
            $column,
            ") = 12 AND ltrim(",
            $column,
            ", '0123456789abcdefghjkmnpqrstvwxyz') = ''"
        )
    };
}
pub(super) use is_id;
