//! The rules that recur: lengths, counts, texts, and the properties that there may be.

use serde_json::Value;

use crate::blocks::text;

/// Where blocks are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Surface {
    Message,
    Modal,
    Home,
}

/// Collects what is wrong.
#[derive(Default)]
pub(super) struct Check {
    pub(super) messages: Vec<String>,
    /// Characters of Markdown so far: all the Markdown blocks of a message share one limit.
    pub(super) markdown: usize,
    /// Elements that ask for the focus: one may.
    pub(super) focused: usize,
}

impl Check {
    pub(super) fn wrong(&mut self, at: &str, what: &str) {
        self.messages.push(format!("{what} [json-pointer:{at}]"));
    }

    pub(super) fn missing(&mut self, at: &str, key: &str) {
        self.wrong(at, &format!("missing required field: {key}"));
    }

    /// Whether `key` is there, which it has to be.
    pub(super) fn needs(&mut self, at: &str, object: &Value, key: &str) -> bool {
        let there = object.get(key).is_some_and(|value| !value.is_null());
        if !there {
            self.missing(at, key);
        }
        there
    }

    pub(super) fn length(&mut self, at: &str, text: &str, most: usize) {
        if text.chars().count() > most {
            self.wrong(at, &format!("must be less than {} characters", most + 1));
        }
    }

    /// A string that may be absent.
    pub(super) fn string(&mut self, at: &str, object: &Value, key: &str, most: usize) {
        let at = format!("{at}/{key}");
        match object.get(key) {
            None | Some(Value::Null) => {}
            Some(Value::String(text)) => self.length(&at, text, most),
            Some(_) => self.wrong(&at, "must provide a string"),
        }
    }

    /// A string that must be there and not be empty.
    pub(super) fn required_string(&mut self, at: &str, object: &Value, key: &str, most: usize) {
        if self.needs(at, object, key) {
            self.string(at, object, key, most);
            if object[key] == "" {
                self.wrong(&format!("{at}/{key}"), "must be more than 0 characters");
            }
        }
    }

    /// One of a few words, or absent.
    pub(super) fn word(&mut self, at: &str, object: &Value, key: &str, words: &[&str]) {
        match object.get(key) {
            None | Some(Value::Null) => {}
            Some(Value::String(word)) if words.contains(&word.as_str()) => {}
            Some(_) => {
                let allowed = words.join(", ");
                let what = format!("value must be one of: {allowed}");
                self.wrong(&format!("{at}/{key}"), &what);
            }
        }
    }

    /// A boolean that may be absent.
    pub(super) fn flag(&mut self, at: &str, object: &Value, key: &str) {
        if !matches!(object.get(key), None | Some(Value::Null | Value::Bool(_))) {
            self.wrong(&format!("{at}/{key}"), "must provide a boolean");
        }
    }

    /// A whole number from `least` to `most`, or absent.
    pub(super) fn number(&mut self, at: &str, object: &Value, key: &str, least: i64, most: i64) {
        let at = format!("{at}/{key}");
        match object.get(key).map(|value| (value, value.as_i64())) {
            None | Some((Value::Null, _)) => {}
            Some((_, Some(number))) if number < least => {
                self.wrong(&at, &format!("must be greater than or equal to {least}"));
            }
            Some((_, Some(number))) if number > most => {
                self.wrong(&at, &format!("must be less than or equal to {most}"));
            }
            Some((_, Some(_))) => {}
            Some((_, None)) => self.wrong(&at, "must provide a number"),
        }
    }

    /// From one to `most` items of an array that must be there; the items.
    pub(super) fn items<'a>(
        &mut self,
        at: &str,
        holder: &'a Value,
        key: &str,
        most: usize,
    ) -> &'a [Value] {
        if !self.needs(at, holder, key) {
            return &[];
        }
        let at = format!("{at}/{key}");
        let Some(all) = holder[key].as_array() else {
            self.wrong(&at, "must be an array");
            return &[];
        };
        if all.is_empty() {
            self.wrong(&at, "no fewer than 1 items allowed");
        }
        if all.len() > most {
            self.wrong(&at, &format!("no more than {most} items allowed"));
        }
        all
    }

    /// A plain text object.
    pub(super) fn plain(&mut self, at: &str, object: &Value, most: usize) {
        self.text_object(at, object, most, true);
    }

    /// A text object of either kind.
    pub(super) fn text(&mut self, at: &str, object: &Value, most: usize) {
        self.text_object(at, object, most, false);
    }

    fn text_object(&mut self, at: &str, object: &Value, most: usize, plain: bool) {
        if !object.is_object() {
            return self.wrong(at, "must provide an object");
        }
        let own: &[&str] = match text(object, "type") {
            "plain_text" => &["emoji"],
            "mrkdwn" if !plain => &["verbatim"],
            "" => return self.missing(at, "type"),
            other => {
                return self.wrong(&format!("{at}/type"), &format!("unsupported type: {other}"));
            }
        };
        self.known(at, object, &["type", "text"], own);
        for flag in own {
            self.flag(at, object, flag);
        }
        self.required_string(at, object, "text", most);
    }

    /// No properties but these.
    pub(super) fn known(&mut self, at: &str, object: &Value, common: &[&str], own: &[&str]) {
        for key in object.as_object().into_iter().flatten().map(|(key, _)| key) {
            if !common.contains(&key.as_str()) && !own.contains(&key.as_str()) {
                self.wrong(at, &format!("invalid additional property: {key}"));
            }
        }
    }
}
