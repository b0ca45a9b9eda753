//! What is said of a file that is not TOML, and of a key that is there twice.

use std::ops::Range;

use toml::de::{DeTable, DeValue};

use super::path::{Step, name};
use crate::source_map::SourceMap;

/// What the parser says, in the words of a configuration.
pub(super) fn explain(said: &str) -> String {
    let (what, expected) = match said.split_once(", expected ") {
        Some((what, expected)) if expected != "nothing" => (what, Some(expected)),
        Some((what, _)) => (what, None),
        None => (said, None),
    };
    let plain = match what {
        "string values must be quoted"
        | "invalid float"
        | "invalid integer number"
        | "invalid date-time"
        | "unexpected leading zero" => {
            "this is not a number: write text in quotes, such as `\"text\"`"
        }
        "invalid boolean" => "write `true` or `false`, or text in quotes",
        "unclosed table" => "the name of the section is not closed: write `[section]`",
        "unclosed array table" => "the name of the section is not closed: write `[[section]]`",
        "unclosed array" => "the list is not closed: add `]`",
        "unclosed inline table" => "the table is not closed: add `}`",
        "missing comma between array elements" => {
            "a comma is missing between two values of the list"
        }
        "missing comma between key-value pairs" => {
            "a comma is missing between two keys of the table"
        }
        "extra comma in array" | "extra comma in inline table" => "there is a comma too many",
        "key with no value" | "missing value for key" | "missing value" => {
            "there is no value here: write `key = value`"
        }
        "invalid basic string" | "invalid string"
            if expected.is_some_and(|it| it.contains('"')) =>
        {
            "the text is not closed: add `\"`"
        }
        _ => {
            let expected = expected.map(|expected| format!(", expected {expected}"));
            return format!("this is not TOML: {what}{}", expected.unwrap_or_default());
        }
    };
    plain.to_owned()
}

/// A key that is there twice.
pub(super) struct Duplicate {
    /// Its name, such as `scopes."db-prod:write"`.
    pub name: String,
    /// What is wrong, with the line of the first.
    pub message: String,
}

/// Finds the first of a key whose second is at `second`; nothing if the parser means something else. The
/// parser knows of the first and does not tell, so a copy of the file is read in which the second has a
/// name of its own.
pub(super) fn duplicate(source: &str, second: &Range<usize>) -> Option<Duplicate> {
    let alone = format!("{} = 0", source.get(second.clone())?);
    let alone = DeTable::parse(&alone).ok()?;
    let key = alone.get_ref().keys().next()?.get_ref();
    let mut own = "second".to_owned();
    while source.contains(&own) {
        own.push('_');
    }
    let copy = format!("{}{own}{}", &source[..second.start], &source[second.end..]);
    let (root, _) = DeTable::parse_recoverable(&copy);
    let mut path = Vec::new();
    let table = table_with(root.get_ref(), &own, &mut path)?;
    let (first, _) = table.get_key_value(&**key)?;
    let first = first.span().start;
    if first >= second.start {
        return None;
    }
    path.push(Step::Key(key));
    let line = SourceMap::new(source).place(first, 0).line;
    let name = name(&path);
    let what = match path.as_slice() {
        [Step::Key(section)] => format!("the section [{section}]"),
        [Step::Key("scopes"), Step::Key(id)] => format!("the scope `{id}`"),
        [Step::Key("groups"), Step::Key(group)] => format!("the group `{group}`"),
        [Step::Key("backends"), Step::Key(backend), ..] if path.len() < 4 => {
            format!("the backend `{backend}`")
        }
        _ => format!("the key `{key}`"),
    };
    Some(Duplicate {
        name,
        message: format!(
            "{what} is defined twice; it is first defined in line {line}. Keep one of them"
        ),
    })
}

fn table_with<'t, 'i>(
    table: &'t DeTable<'i>,
    key: &str,
    path: &mut Vec<Step<'t>>,
) -> Option<&'t DeTable<'i>> {
    if table.get(key).is_some() {
        return Some(table);
    }
    table.iter().find_map(|(name, value)| {
        path.push(Step::Key(name.get_ref()));
        let found = within(value.get_ref(), key, path);
        if found.is_none() {
            path.pop();
        }
        found
    })
}

fn within<'t, 'i>(
    value: &'t DeValue<'i>,
    key: &str,
    path: &mut Vec<Step<'t>>,
) -> Option<&'t DeTable<'i>> {
    match value {
        DeValue::Table(table) => table_with(table, key, path),
        DeValue::Array(array) => array.iter().enumerate().find_map(|(index, value)| {
            path.push(Step::Index(index));
            let found = within(value.get_ref(), key, path);
            if found.is_none() {
                path.pop();
            }
            found
        }),
        _ => None,
    }
}
