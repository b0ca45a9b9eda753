//! Where something stands in a text file, as a person looks for it.

use std::{fmt, iter, str};

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

/// The bytes of a file are not UTF-8.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct NotUtf8 {
    /// The first byte that is wrong. The line's text is left out.
    pub place: SourceSpan,
    message: String,
}

/// The text of a file.
///
/// # Errors
///
/// If it is not UTF-8.
pub fn text(bytes: &[u8]) -> Result<&str, NotUtf8> {
    str::from_utf8(bytes).map_err(|error| {
        let offset = error.valid_up_to();
        let before = str::from_utf8(&bytes[..offset]).unwrap_or_default();
        let place = SourceMap::new(before).place(offset, 1);
        NotUtf8 {
            place: SourceSpan {
                text: String::new(),
                ..place
            },
            message: match bytes {
                [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => {
                    "this file is UTF-16: save it as UTF-8".to_owned()
                }
                _ => format!("this file is not UTF-8 at byte offset {offset}: save it as UTF-8"),
            },
        }
    })
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
        assert_eq!(text(source.as_bytes()), Ok(source));
        let wrong = text(b"first\nsecond \xe9\n").unwrap_err();
        assert_eq!((wrong.place.line, wrong.place.column), (2, 8));
        assert!(wrong.to_string().contains("byte offset 13"), "{wrong}");
        let end = lines.place(999, 3);
        assert_eq!((end.line, end.column, end.width), (3, 5, 1));
    }
}
