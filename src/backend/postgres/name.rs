//! Names and texts inside SQL. Statements about roles take no parameters, so what stands in them
//! is quoted here, and nowhere else.

use std::fmt;

use schemars::JsonSchema;
use serde::Deserialize;

/// The name of a role, exactly as PostgreSQL keeps it.
///
/// PostgreSQL cuts a longer name to 63 bytes and goes on with whatever role that is, so a longer
/// one is refused here.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
pub(super) struct RoleName(String);

/// The text cannot be the name of a role.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum InvalidRoleName {
    #[error("a role's name cannot be empty")]
    Empty,
    #[error("`{0}` is longer than the 63 bytes that a role's name may have")]
    TooLong(String),
    #[error("a role's name cannot hold the character NUL")]
    Nul,
}

/// `NAMEDATALEN - 1`.
const LONGEST: usize = 63;

impl TryFrom<String> for RoleName {
    type Error = InvalidRoleName;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        if text.is_empty() {
            Err(InvalidRoleName::Empty)
        } else if text.contains('\0') {
            Err(InvalidRoleName::Nul)
        } else if text.len() > LONGEST {
            Err(InvalidRoleName::TooLong(text))
        } else {
            Ok(Self(text))
        }
    }
}

impl RoleName {
    /// The name, for a parameter.
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// The name, for the text of a statement.
    pub(super) fn quoted(&self) -> Quoted<'_> {
        Quoted(&self.0)
    }
}

impl fmt::Display for RoleName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An identifier between double quotes, those inside it doubled.
pub(super) struct Quoted<'a>(&'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0.replace('"', "\"\""))
    }
}

/// A text between single quotes. Control characters, which no text of ours has a use for, become
/// spaces; backslashes are doubled under `E''`, so that it does not matter how the server is set.
pub(super) struct Literal<'a>(pub(super) &'a str);

impl fmt::Display for Literal<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self
            .0
            .replace(char::is_control, " ")
            .replace('\\', "\\\\")
            .replace('\'', "''");
        write!(f, "E'{text}'")
    }
}

/// A text between single quotes exactly as it stands, for what others have named.
pub(super) struct Exact<'a>(pub(super) &'a str);

impl fmt::Display for Exact<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0.replace('\\', "\\\\").replace('\'', "''");
        write!(f, "E'{text}'")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Result<RoleName, InvalidRoleName> {
        RoleName::try_from(text.to_owned())
    }

    #[test]
    fn a_hostile_name_stays_one_identifier() {
        for (text, quoted) in [
            ("app_writer", r#""app_writer""#),
            (
                r#"alice"; DROP ROLE x; --"#,
                r#""alice""; DROP ROLE x; --""#,
            ),
            ("O'Brien", r#""O'Brien""#),
            (r"back\slash", r#""back\slash""#),
            ("löwe 🦁", r#""löwe 🦁""#),
        ] {
            assert_eq!(name(text).unwrap().quoted().to_string(), quoted);
        }
    }

    #[test]
    fn a_name_that_postgresql_would_cut_is_refused() {
        assert!(name(&"é".repeat(31)).is_ok());
        assert!(matches!(
            name(&"é".repeat(32)),
            Err(InvalidRoleName::TooLong(_))
        ));
        assert_eq!(name(""), Err(InvalidRoleName::Empty));
        assert_eq!(name("a\0b"), Err(InvalidRoleName::Nul));
    }

    #[test]
    fn a_hostile_text_stays_one_literal() {
        assert_eq!(
            Literal("it's \\' OR 1=1\0\n--").to_string(),
            r"E'it''s \\'' OR 1=1  --'"
        );
    }
}
