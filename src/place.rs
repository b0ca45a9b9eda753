//! Where something stands in a text file, as a person looks for it.

use std::fmt;

/// A stretch of one line of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The line, from 1.
    pub line: usize,
    /// The first character's column, from 1.
    pub column: usize,
    /// How many characters; at least 1.
    pub width: usize,
    /// The whole line.
    pub text: String,
}

impl Place {
    /// The place of `length` bytes at `offset` of `source`. What goes on behind the line's end is
    /// left out; an offset behind the end of `source` is its end.
    pub fn of(source: &str, offset: usize, length: usize) -> Self {
        let offset = source.floor_char_boundary(offset);
        let (before, after) = source.split_at(offset);
        let start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let rest = after.find(['\n', '\r']).unwrap_or(after.len());
        let stretch = &after[..after.floor_char_boundary(length.min(rest))];
        Self {
            line: before.matches('\n').count() + 1,
            column: before[start..].chars().count() + 1,
            width: stretch.chars().count().max(1),
            text: source[start..offset + rest].to_owned(),
        }
    }
}

impl fmt::Display for Place {
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
        let place = Place::of(source, source.find("wrong").unwrap(), 5);
        assert_eq!((place.line, place.column, place.width), (2, 19, 5));
        assert_eq!(
            place.to_string(),
            "2 | zweite Zeile: ö = wrong\n  |                   ^^^^^"
        );
        let end = Place::of(source, 999, 3);
        assert_eq!((end.line, end.column, end.width), (3, 5, 1));
    }
}
