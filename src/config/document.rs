//! A TOML document that knows where each of its keys stands, and what was found wrong with it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    ops::Range,
    path::{Path, PathBuf},
};

use serde::de::DeserializeOwned;
use toml::{
    Spanned,
    de::{DeTable, DeValue, ValueDeserializer},
};

use super::{
    Problem, Problems,
    path::{Step, name},
    syntax::{duplicate, explain},
    text::{choose, may_hold_secret, nearest},
    words::plain,
};
use crate::{secret, source_map::SourceMap};

pub(super) use super::path::at;

/// A document, and what was found wrong with it so far.
pub(super) struct Document<'a> {
    file: &'a Path,
    source: &'a str,
    lines: SourceMap<'a>,
    root: DeTable<'a>,
    problems: Vec<Problem>,
    warnings: Vec<Problem>,
}

impl<'a> Document<'a> {
    /// Reads the text of `file`.
    pub(super) fn parse(file: &'a Path, source: &'a str) -> Result<Self, Problems> {
        let (root, errors) = DeTable::parse_recoverable(source);
        let mut document = Self {
            file,
            source,
            lines: SourceMap::new(source),
            root: root.into_inner(),
            problems: Vec::new(),
            warnings: Vec::new(),
        };
        let mut seen_twice: Vec<String> = Vec::new();
        for error in errors {
            let is_twice = error.message() == "duplicate key";
            let second = error.span().filter(|_| is_twice);
            match second.and_then(|second| duplicate(source, &second)) {
                Some(twice) => {
                    // The keys of a second section are there twice because the section is.
                    let within = |outer: &String| {
                        let rest = twice.name.strip_prefix(outer.as_str());
                        rest.is_some_and(|rest| rest.starts_with('.'))
                    };
                    if !seen_twice.iter().any(within) {
                        seen_twice.push(twice.name.clone());
                        document.report(error.span(), Some(twice.name), twice.message);
                    }
                }
                None if is_twice => {
                    let message = "this key is defined twice: keep one of them".to_owned();
                    document.report(error.span(), None, message);
                }
                None => document.report(error.span(), None, explain(error.message())),
            }
        }
        document.problems.sort_by_key(line_and_column);
        match Problems::of(std::mem::take(&mut document.problems)) {
            Some(problems) => Err(problems),
            None => Ok(document),
        }
    }

    /// The folder that the file is in.
    pub(super) fn folder(&self) -> PathBuf {
        self.file.parent().unwrap_or(Path::new("")).to_owned()
    }

    /// Reports every section but `sections`.
    pub(super) fn only(&mut self, sections: &[&str]) {
        let unknown: Vec<_> = self
            .root
            .iter()
            .filter(|(key, _)| !sections.contains(&key.get_ref().as_ref()))
            .map(|(key, value)| {
                let is_section = value.get_ref().is_table() || value.get_ref().is_array();
                (key.get_ref().to_string(), key.span(), is_section)
            })
            .collect();
        for (name, span, is_section) in unknown {
            let message = match is_section {
                true => choose(format!("unknown section `{name}`"), &name, sections),
                false => format!(
                    "unknown key `{name}` at the top of the file: move it below the name of its section, \
                     such as `[server]`"
                ),
            };
            self.report(Some(span), Some(name), message);
        }
    }

    /// The keys of a section, whether or not their values are well.
    pub(super) fn keys(&self, section: &str) -> Vec<String> {
        let table = self
            .root
            .get(section)
            .and_then(|value| value.get_ref().as_table());
        table.map_or_else(Vec::new, |table| {
            table.keys().map(|key| key.get_ref().to_string()).collect()
        })
    }

    /// The environments that the scopes name.
    pub(super) fn environments(&self) -> BTreeSet<String> {
        let scopes = self
            .root
            .get("scopes")
            .and_then(|value| value.get_ref().as_table());
        scopes
            .into_iter()
            .flat_map(|scopes| scopes.values())
            .filter_map(|scope| scope.get_ref().get("environment")?.get_ref().as_str())
            .map(ToOwned::to_owned)
            .collect()
    }

    /// Reads a section that has to be there.
    pub(super) fn section<T: DeserializeOwned>(&mut self, name: &str) -> Option<T> {
        match self.root.get(name).cloned() {
            Some(value) => self.decode(value),
            None => {
                self.report(None, None, missing_section(name));
                None
            }
        }
    }

    /// Reads a section that may be left out.
    pub(super) fn optional<T: DeserializeOwned + Default>(&mut self, name: &str) -> Option<T> {
        match self.root.get(name).cloned() {
            Some(value) => self.decode(value),
            None => Some(T::default()),
        }
    }

    /// Reads each entry of a section that may be left out; those that are wrong are reported and
    /// left out.
    pub(super) fn entries<T: DeserializeOwned>(&mut self, section: &str) -> BTreeMap<String, T> {
        self.entries_unless(section, |_, _| None)
    }

    /// The same for entries of which `misfit` says first what is wrong with their shape, if it is.
    pub(super) fn entries_unless<T: DeserializeOwned>(
        &mut self,
        section: &str,
        misfit: impl Fn(&str, &DeValue<'_>) -> Option<String>,
    ) -> BTreeMap<String, T> {
        let Some(value) = self.root.get(section) else {
            return BTreeMap::new();
        };
        let DeValue::Table(table) = value.get_ref() else {
            let span = value.span();
            self.report(
                Some(span),
                Some(section.to_owned()),
                format!("this must be a section: write `[{section}]` and its entries below it"),
            );
            return BTreeMap::new();
        };
        let entries: Vec<_> = table
            .iter()
            .map(|(key, value)| (key.get_ref().to_string(), value.clone()))
            .collect();
        entries
            .into_iter()
            .filter_map(|(key, value)| {
                if let Some(problem) = misfit(&key, value.get_ref()) {
                    self.problem(at![section, &*key], problem);
                    return None;
                }
                Some((key, self.decode(value)?))
            })
            .collect()
    }

    /// The first key of the table at `path`: of a target, its kind.
    pub(super) fn first_key(&self, path: &[Step<'_>]) -> Option<String> {
        let mut table = &self.root;
        for step in path {
            let Step::Key(key) = step else { return None };
            table = table.get(*key)?.get_ref().as_table()?;
        }
        table.keys().next().map(|key| key.get_ref().to_string())
    }

    /// The line of the value at `path`; where there is none, of what it should be in.
    pub(super) fn line(&self, path: &[Step<'_>]) -> usize {
        self.lines.place(self.span_of(path).start, 0).line
    }

    /// Reports what is wrong with the value at `path`; where there is none, with what it should be
    /// in.
    pub(super) fn problem(&mut self, path: &[Step<'_>], message: impl Into<String>) {
        let span = self.span_of(path);
        self.report(Some(span), Some(name(path)), message.into());
    }

    /// Reports that there is no `wanted` among `known`, named at `path`.
    pub(super) fn unknown<'k>(
        &mut self,
        path: &[Step<'_>],
        message: impl Into<String>,
        wanted: &str,
        known: impl IntoIterator<Item = &'k str>,
    ) {
        let mut message = message.into();
        if let Some(near) = nearest(wanted, known) {
            let _ = write!(message, "; did you mean `{near}`?");
        }
        self.problem(path, message);
    }

    /// Says what is allowed and probably not meant.
    pub(super) fn warning(&mut self, path: &[Step<'_>], message: impl Into<String>) {
        let span = self.span_of(path);
        let warning = self.describe(Some(span), Some(name(path)), message.into());
        self.warnings.push(warning);
    }

    /// Reports what serde says of the value at `path`.
    pub(super) fn wrong(&mut self, path: &[Step<'_>], said: &str) {
        let span = self.span_of(path);
        let key = name(path);
        let message = plain(said, &key, self.written(&span));
        self.report(Some(span), Some(key), message);
    }

    /// Takes over warnings about the policies.
    pub(super) fn warn(&mut self, warnings: impl IntoIterator<Item = Problem>) {
        self.warnings.extend(warnings);
    }

    /// Takes over what is wrong with the policies.
    pub(super) fn extend(&mut self, problems: impl IntoIterator<Item = Problem>) {
        self.problems.extend(problems);
    }

    /// What was read, with its warnings, or what is wrong with it.
    pub(super) fn finish<T>(mut self, read: Option<T>) -> Result<(T, Vec<Problem>), Problems> {
        let own = self.file;
        for found in [&mut self.problems, &mut self.warnings] {
            found.sort_by_key(|problem| {
                (
                    problem.file != own,
                    problem.file.clone(),
                    line_and_column(problem),
                )
            });
        }
        match Problems::of(self.problems) {
            Some(problems) => Err(problems),
            None => {
                let read = read.expect("what could not be read was reported");
                Ok((read, self.warnings))
            }
        }
    }

    fn decode<T: DeserializeOwned>(&mut self, value: Spanned<DeValue<'a>>) -> Option<T> {
        let whole = value.span();
        match T::deserialize(ValueDeserializer::from(value)) {
            Ok(read) => Some(read),
            Err(error) => {
                let span = error.span().unwrap_or(whole);
                let key = self.name_at(span.start);
                let named = key.as_deref().unwrap_or_default();
                let message = plain(error.message(), named, self.written(&span));
                self.report(Some(span), key, message);
                None
            }
        }
    }

    /// The text of the file there; nothing if it may be a secret, or spans lines.
    fn written(&self, span: &Range<usize>) -> Option<&str> {
        let line = self.lines.place(span.start, span.len()).text;
        let text = self.source.get(span.clone())?;
        (!text.contains('\n') && !may_hold_secret(&line)).then_some(text)
    }

    fn report(&mut self, span: Option<Range<usize>>, key: Option<String>, message: String) {
        let problem = self.describe(span, key, message);
        self.problems.push(problem);
    }

    fn describe(
        &self,
        span: Option<Range<usize>>,
        key: Option<String>,
        message: String,
    ) -> Problem {
        let place = span.map(|span| {
            let mut place = self.lines.place(span.start, span.len());
            if message.ends_with(secret::ADVICE) || may_hold_secret(&place.text) {
                place.text.clear();
            }
            place
        });
        Problem {
            file: self.file.to_owned(),
            place,
            key,
            message,
        }
    }

    /// Where the value at `path` stands; of a table its key, and of what is not there the last key
    /// on the way.
    fn span_of(&self, path: &[Step<'_>]) -> Range<usize> {
        let mut table = Some(&self.root);
        let mut array = None;
        let mut span = 0..0;
        for step in path {
            let value = match step {
                Step::Key(key) => {
                    let Some((key, value)) = table.and_then(|table| table.get_key_value(*key))
                    else {
                        break;
                    };
                    span = key.span();
                    value
                }
                Step::Index(index) => {
                    let Some(value) =
                        array.and_then(|array: &toml::de::DeArray<'a>| array.get(*index))
                    else {
                        break;
                    };
                    span = value.span();
                    value
                }
            };
            table = value.get_ref().as_table();
            array = value.get_ref().as_array();
            if table.is_none() {
                span = value.span();
            }
        }
        span
    }

    /// The name of the deepest key whose name or value stands at `offset`.
    fn name_at(&self, offset: usize) -> Option<String> {
        fn find<'t>(value: &'t DeValue<'_>, offset: usize, path: &mut Vec<Step<'t>>) -> bool {
            match value {
                DeValue::Table(table) => table.iter().any(|(key, value)| {
                    path.push(Step::Key(key.get_ref()));
                    // The entries of a table may stand far from its header.
                    let found = find(value.get_ref(), offset, path)
                        || key.span().contains(&offset)
                        || value.span().contains(&offset);
                    found || path.pop().is_none()
                }),
                DeValue::Array(array) => array.iter().enumerate().any(|(index, value)| {
                    path.push(Step::Index(index));
                    let found =
                        find(value.get_ref(), offset, path) || value.span().contains(&offset);
                    found || path.pop().is_none()
                }),
                _ => false,
            }
        }
        let mut path = Vec::new();
        self.root.iter().find_map(|(key, value)| {
            path.clear();
            path.push(Step::Key(key.get_ref()));
            let found = find(value.get_ref(), offset, &mut path)
                || key.span().contains(&offset)
                || value.span().contains(&offset);
            found.then(|| name(&path))
        })
    }
}

fn missing_section(name: &str) -> String {
    let keys = match name {
        "store" => ": add `[store]` with `url = \"sqlite:///var/lib/keylend/keylend.db\"`",
        "slack" => ": add `[slack]` with `bot_token`, `signing_secret` and `audit_channel`",
        "secrets" => ": add `[secrets]` with `key = { env = \"KEYLEND_SECRETS_KEY\" }`",
        _ => "",
    };
    format!("the section [{name}] is missing{keys}")
}

fn line_and_column(problem: &Problem) -> Option<(usize, usize)> {
    problem.place.as_ref().map(|at| (at.line, at.column))
}
