//! Where something stands in a text file, as a person looks for it.

use std::{fmt, iter};

/// A stretch of one line of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceSpan {
    /// The line, from 1.
    pub line: usize,
    /// The first character's column, from 1.
    pub column: usize,
    /// How many characters; at least 1.
    pub width: usize,
    /// The whole line.
    pub text: String,
}

/// A text whose lines were counted once, for many places in it.
#[derive(Debug)]
pub struct SourceMap<'a> {
    source: &'a str,
    /// Where each line begins.
    starts: Vec<usize>,
}

impl<'a> SourceMap<'a> {
    /// Counts the lines of `source`.
    pub fn new(source: &'a str) -> Self {
        let behind = source.match_indices('\n').map(|(newline, _)| newline + 1);
        let starts = iter::once(0).chain(behind).collect();
        Self { source, starts }
    }

    /// The place of `length` bytes at `offset`. What goes on behind the line's end is left out; an
    /// offset behind the end of the text is its end.
    pub fn place(&self, offset: usize, length: usize) -> SourceSpan {
        let offset = self.source.floor_char_boundary(offset);
        let line = self.starts.partition_point(|start| *start <= offset);
        let start = self.starts[line - 1];
        let after = &self.source[offset..];
        let rest = after.find(['\n', '\r']).unwrap_or(after.len());
        let stretch = &after[..after.floor_char_boundary(length.min(rest))];
        SourceSpan {
            line,
            column: self.source[start..offset].chars().count() + 1,
            width: stretch.chars().count().max(1),
            text: self.source[start..offset + rest].to_owned(),
        }
    }
}

impl fmt::Display for SourceSpan {
    /// The line and a row of carets under the stretch.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = self.line.to_string();
        let margin = " ".repeat(number.len());
        // Tabs stay tabs, so that the carets stand under what they mean.
        let indent: String = self
            .text
            .chars()
            .take(self.column - 1)
            .map(|character| if character == '\t' { '\t' } else { ' ' })
            .collect();
        writeln!(f, "{number} | {}", self.text)?;
        write!(f, "{margin} | {indent}{}", "^".repeat(self.width))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_counted_in_lines_and_characters() {
        let source = "first\nzweite Zeile: ö = wrong\r\nlast";
        let lines = SourceMap::new(source);
        let place = lines.place(source.find("wrong").unwrap(), 5);
        assert_eq!((place.line, place.column, place.width), (2, 19, 5));
        assert_eq!(
            place.to_string(),
            "2 | zweite Zeile: ö = wrong\n  |                   ^^^^^"
        );
        let end = lines.place(999, 3);
        assert_eq!((end.line, end.column, end.width), (3, 5, 1));
    }
}
