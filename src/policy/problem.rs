//! What is wrong with a file of rules.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use crate::source_map::SourceSpan;

/// What is wrong with a file of rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The file.
    pub file: PathBuf,
    /// Where in it; nothing if it cannot be read at all.
    pub place: Option<SourceSpan>,
    /// What is wrong and what would be right, in a sentence.
    pub message: String,
}

impl Problem {
    pub(super) fn at(file: &Path, place: SourceSpan, message: String) -> Self {
        Self {
            file: file.to_owned(),
            place: Some(place),
            message,
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = self.file.display();
        match &self.place {
            Some(SourceSpan { line, column, .. }) => {
                write!(f, "{file}:{line}:{column}: {}", self.message)
            }
            None => write!(f, "{file}: {}", self.message),
        }
    }
}
