//! What is wrong with a configuration, as a person reads it.

use std::{fmt, path::PathBuf};

use crate::{policy, source_map::SourceSpan};

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The file: the configuration, or one of its policies.
    pub file: PathBuf,
    /// Where in it; nothing if it cannot be read at all. The line's text is left out where it may
    /// hold a secret.
    pub place: Option<SourceSpan>,
    /// The key, such as `scopes."db-prod:write".layers[0].role`; nothing in a policy.
    pub key: Option<String>,
    /// What is wrong and what would be right.
    pub message: String,
}

impl From<policy::Problem> for Problem {
    fn from(problem: policy::Problem) -> Self {
        Self {
            file: problem.file,
            place: problem.place,
            key: None,
            message: problem.message,
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.file.display())?;
        if let Some(SourceSpan { line, column, .. }) = &self.place {
            write!(f, "{line}:{column}:")?;
        }
        if let Some(key) = &self.key {
            write!(f, " {key}:")?;
        }
        write!(f, " {}", self.message)?;
        match &self.place {
            Some(place) if !place.text.is_empty() => write!(f, "\n{place}"),
            _ => Ok(()),
        }
    }
}

/// Everything that is wrong; never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// Nothing if there are none.
    pub(super) fn of(problems: Vec<Problem>) -> Option<Self> {
        (!problems.is_empty()).then_some(Self(problems))
    }

    /// Each of them, in the order of the file.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Problem> {
        self.0.iter()
    }
}

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Self {
        Self(vec![problem])
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n\n")?;
            }
            problem.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}
