//! Where a value of a TOML document is.

use std::fmt::Write as _;

/// One step down to a value.
#[derive(Debug, Clone, Copy)]
pub(super) enum Step<'a> {
    Key(&'a str),
    Index(usize),
}

impl<'a> From<&'a str> for Step<'a> {
    fn from(key: &'a str) -> Self {
        Self::Key(key)
    }
}

impl From<usize> for Step<'_> {
    fn from(index: usize) -> Self {
        Self::Index(index)
    }
}

/// The way down to a value: `at!["scopes", id, "layers", 0]`.
macro_rules! at {
    ($($step:expr),+ $(,)?) => {
        &[$($crate::config::path::Step::from($step)),+]
    };
}
pub(super) use at;

/// A path as TOML writes it: `scopes."db-prod:write".layers[0]`.
pub(super) fn name(path: &[Step<'_>]) -> String {
    let mut name = String::new();
    for step in path {
        match step {
            Step::Index(index) => {
                let _ = write!(name, "[{index}]");
            }
            Step::Key(key) => {
                let bare = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
                if !name.is_empty() {
                    name.push('.');
                }
                if !key.is_empty() && key.bytes().all(bare) {
                    name.push_str(key);
                } else {
                    let _ = write!(name, "{key:?}");
                }
            }
        }
    }
    name
}
